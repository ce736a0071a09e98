"""What an error of the service says.

The body is ``{"error": {code, message, status, details}}``, now and then in a list; `details` are
``google.rpc`` messages (google/rpc/error_details.proto). Kinds are taken from the canonical code
(google/rpc/code.proto), the details and the number; never from the words of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from genkit.durations import parse_duration
from genkit.provider import ErrorFacts, ErrorKind
from genkit.wire import WireResponse
from genkit_gemini.reading import items, member, read, short_text, unwrap, word

__all__ = ["decode_error", "error_facts", "malformed"]

KINDS: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "INVALID_ARGUMENT": "invalid-request",
        "OUT_OF_RANGE": "invalid-request",
        "UNIMPLEMENTED": "invalid-request",
        # The documented cause is the project, not the request: a region without the free tier, or
        # no billing account. Another request does not help, another key or project does.
        "FAILED_PRECONDITION": "permission-denied",
        "UNAUTHENTICATED": "authentication",
        "PERMISSION_DENIED": "permission-denied",
        "NOT_FOUND": "model-not-found",
        "ALREADY_EXISTS": "conflict",
        "ABORTED": "conflict",
        "RESOURCE_EXHAUSTED": "rate-limited",
        "UNAVAILABLE": "overloaded",
        "DEADLINE_EXCEEDED": "deadline",
        "INTERNAL": "server-error",
        "UNKNOWN": "server-error",
        "DATA_LOSS": "server-error",
        "CANCELLED": "server-error",
    }
)
"""By canonical code, the ``status`` of an error."""

KINDS_OF_NUMBERS: Mapping[int, ErrorKind] = MappingProxyType(
    {
        400: "invalid-request",
        401: "authentication",
        403: "permission-denied",
        404: "model-not-found",
        409: "conflict",
        429: "rate-limited",
        503: "overloaded",
        504: "deadline",
    }
)
"""By the ``code`` of an error, for those without a canonical code."""

AUTHENTICATION_REASONS = frozenset(
    {
        "API_KEY_INVALID",
        "API_KEY_EXPIRED",
        "API_KEY_NOT_FOUND",
        "CREDENTIALS_MISSING",
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    }
)
"""``ErrorInfo.reason`` (google/api/error_reason.proto) that speak of the credential, whatever the
canonical code is: a wrong key is answered with 400 INVALID_ARGUMENT."""

_API_KEY = re.compile(r"AIza[0-9A-Za-z_-]{16,}")


def malformed(message: str) -> ErrorFacts:
    """A 2xx answer that is not what the service answers."""
    return ErrorFacts(kind="malformed", message=message)


def decode_error(response: WireResponse) -> ErrorFacts:
    """What an answer that is not 2xx says; no kind where the body says nothing of its own."""
    return error_facts(unwrap(response.document), response.status)


def error_facts(document: object, status: int) -> ErrorFacts:
    """What the error in `document` says, which came with HTTP `status`."""
    error = read(document, "error")
    if not isinstance(error, Mapping):
        # A gateway's own words: the status is all there is to go by.
        kind: ErrorKind | None = "server-error" if error is not None and status < 400 else None
        return ErrorFacts(kind=kind, message=_message(error or read(document, "message")))
    details = list(items(error, "details"))
    canonical = word(read(error, "status"))
    number = read(error, "code")
    reason = next(filter(None, (word(read(detail, "reason")) for detail in details)), None)
    kind = _kind(canonical, number if isinstance(number, int) else status, reason)
    if kind is None and status < 400:
        kind = "server-error"
    retry_after = _retry_after(details)
    quota, is_exhausted = _quota(details)
    if kind == "rate-limited" and is_exhausted:
        # The short delay that stands beside it is of no use.
        kind, retry_after = "quota-exhausted", None
    facts = {"reason": reason, **quota}
    return ErrorFacts(
        kind=kind,
        code=canonical or reason or word(number),
        message=_message(read(error, "message")),
        retry_after=retry_after,
        field=_field(details),
        details={name: value for name, value in facts.items() if value is not None},
    )


def _kind(canonical: str | None, number: int, reason: str | None) -> ErrorKind | None:
    if reason in AUTHENTICATION_REASONS:
        return "authentication"
    return KINDS.get(canonical or "") or KINDS_OF_NUMBERS.get(number)


def _message(value: object) -> str | None:
    text = short_text(value)
    # "Consumer 'api_key:...' has been suspended" names the key in full.
    return _API_KEY.sub("[key]", text) if text else None


def _retry_after(details: Iterable[Mapping[str, Any]]) -> float | None:
    """Seconds of ``RetryInfo``."""
    for detail in details:
        if (seconds := parse_duration(read(detail, "retryDelay"))) is not None:
            return seconds
    return None


def _quota(details: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Which quota was hit, and whether waiting a little cannot help: it is a day's, or is zero."""
    found: dict[str, Any] = {}
    for detail in details:
        violations = [
            {
                "quota_id": word(read(violation, "quotaId")),
                "quota_metric": word(read(violation, "quotaMetric")),
                "quota_value": word(read(violation, "quotaValue")),
            }
            for violation in items(detail, "violations")
        ]
        # The same in the `ErrorInfo` of older services.
        metadata = member(detail, "metadata")
        if word(metadata.get("quota_limit")):
            violations.append(
                {
                    "quota_id": word(metadata.get("quota_limit")),
                    "quota_metric": word(metadata.get("quota_metric")),
                    "quota_value": word(metadata.get("quota_limit_value")),
                }
            )
        for violation in filter(_says_something, violations):
            if "PerDay" in (violation["quota_id"] or "") or violation["quota_value"] == "0":
                return violation, True
            found = found or violation
    return found, False


def _says_something(violation: Mapping[str, Any]) -> bool:
    return any(violation.values())


def _field(details: Iterable[Mapping[str, Any]]) -> str | None:
    """The first field that ``BadRequest`` names."""
    for detail in details:
        for violation in items(detail, "fieldViolations"):
            if name := word(read(violation, "field")):
                return name
    return None
