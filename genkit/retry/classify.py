"""What an answer or a failure means: which error, whether to try again, whether it was paid for.

The one table of that. Rows are found by the kind that the provider read from the service's own
codes, which goes before the status; never by the words of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from genkit.errors import (
    AmbiguousError,
    AttemptTimeoutError,
    AuthenticationError,
    Charge,
    ConflictError,
    ConnectionFailedError,
    ContentPolicyError,
    DecodeKind,
    ErrorContext,
    GenerationError,
    InvalidRequestError,
    ModelNotFoundError,
    NoImageError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    SessionStateError,
    UnsupportedOptionError,
    printable,
)
from genkit.provider import ErrorFacts
from genkit.retry.hints import read_hints
from genkit.transport.interface import request_id
from genkit.wire import WireResponse

__all__ = [
    "BY_STATUS",
    "RAISED",
    "ROWS",
    "Base",
    "Raised",
    "Retry",
    "Row",
    "Verdict",
    "classify",
    "judge",
]

Retry: TypeAlias = Literal["never", "yes", "ambiguous", "once"]
"""``ambiguous``: it may have been paid for, so within the policy's limit for that; ``once``: it was
paid for, and one more time is worth it."""
Base: TypeAlias = Literal["transient", "throttle"]
"""Which base of the policy the wait grows from."""

WORDS_BYTES = 1024
"""Bytes of the service's own words in a message; the rest of it must fit beside them."""


@attrs.frozen
class Row:
    """What is done about one kind of error answer."""

    error: type[GenerationError]
    retry: Retry
    charge: Charge
    said: str
    """What happened, after the provider's name."""
    advice: str
    """What to do next."""
    base: Base = "transient"


@attrs.frozen
class Raised:
    """What is done about an error that was raised on the way or while the answer was read."""

    error: type[GenerationError]
    retry: Retry
    charge: Charge
    fact: str | None = None
    """An attribute of the error, or a name in its `details`; the row is for its `values`."""
    values: tuple[object, ...] = ()


@attrs.frozen(kw_only=True)
class Verdict:
    """What one failed attempt means."""

    error: GenerationError
    retry: Retry
    charge: Charge
    base: Base = "transient"
    hint: float | None = None
    """Seconds that the service asks to wait."""
    is_timeout: bool = False
    """Whether time ran out, so that it is the call's deadline if that has passed."""


ROWS: Mapping[str, Row] = MappingProxyType(
    {
        "invalid-request": Row(
            InvalidRequestError,
            "never",
            "no",
            "refused the request as invalid",
            "Correct the request; the same one is refused again",
        ),
        "unsupported-option": Row(
            UnsupportedOptionError,
            "never",
            "no",
            "does not support an option of the request",
            "Leave the option out, or choose another model",
        ),
        "model-not-found": Row(
            ModelNotFoundError,
            "never",
            "no",
            "does not have the model",
            "Choose another model; `genkit models` lists them",
        ),
        "session-state": Row(
            SessionStateError,
            "never",
            "no",
            "cannot go on with the conversation",
            "Begin a new conversation with the last picture as a reference",
        ),
        "authentication": Row(
            AuthenticationError,
            "never",
            "no",
            "does not accept the API key",
            "Check the key and where it is set; `genkit doctor` shows which one is used",
        ),
        "permission-denied": Row(
            PermissionDeniedError,
            "never",
            "no",
            "does not let this key do that",
            "Check what the key, its project and its region may use",
        ),
        "conflict": Row(
            ConflictError,
            "never",
            "no",
            "says that the request conflicts with its state",
            "Look at what the service says and send it anew",
        ),
        "content-policy": Row(
            ContentPolicyError,
            "never",
            "no",
            "refused by its content policy",
            "Change the prompt or the references; the same ones are refused again",
        ),
        "rate-limited": Row(
            RateLimitError,
            "yes",
            "no",
            "limits the rate of requests",
            "Wait, and send fewer at a time",
            "throttle",
        ),
        "quota-exhausted": Row(
            QuotaExhaustedError,
            "never",
            "no",
            "says that the quota or the credit is used up",
            "Raise the quota, add credit, or use another account",
        ),
        "server-error": Row(ServerError, "yes", "no", "failed", "Try again later"),
        "gateway": Row(
            ServerError,
            "ambiguous",
            "maybe",
            "failed behind its gateway, and may have done the work",
            "Try again later",
        ),
        "overloaded": Row(
            OverloadedError,
            "yes",
            "no",
            "has no capacity at the moment",
            "Try again later, or use another model",
            "throttle",
        ),
        "deadline": Row(
            ServerError,
            "ambiguous",
            "maybe",
            "did not finish within its own time",
            "Try again, or ask for less",
        ),
        "malformed": Row(
            ResponseDecodeError,
            "ambiguous",
            "maybe",
            "answered with what cannot be read",
            "Check the base URL and any proxy on the way",
        ),
        "redirect": Row(
            ResponseDecodeError,
            "never",
            "no",
            "points elsewhere, and redirects are not followed",
            "Check the base URL",
        ),
        "proxy": Row(
            ConnectionFailedError,
            "never",
            "no",
            "was not reached: the proxy asks for credentials",
            "Check the proxy's credentials",
        ),
        "protocol": Row(
            ResponseDecodeError,
            "ambiguous",
            "maybe",
            "answered with a status that is none",
            "Check the base URL and any proxy on the way",
        ),
    }
)
"""By the provider's `ErrorKind`, and by some names that only a status has."""

BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication",
        402: "quota-exhausted",
        403: "permission-denied",
        407: "proxy",
        408: "server-error",
        409: "conflict",
        425: "server-error",
        429: "rate-limited",
        500: "server-error",
        501: "server-error",
        503: "overloaded",
        529: "overloaded",
    }
)
"""Names of rows for a status where the provider knows no more. Others go by their hundred; of those
from 500 up a gateway may have sent them, which does not know what the service did."""

RAISED: tuple[Raised, ...] = (
    # Checked again, a certificate that is wrong is wrong again.
    Raised(ConnectionFailedError, "never", "no", "phase", ("tls",)),
    Raised(ConnectionFailedError, "never", "no", "proxy_status", (401, 403, 407)),
    Raised(ConnectionFailedError, "yes", "no"),
    Raised(AmbiguousError, "ambiguous", "maybe"),
    Raised(ResponseDecodeError, "ambiguous", "yes", "kind", ("bad-image",)),
    # The next answer would hardly be smaller, and is paid for too.
    Raised(ResponseDecodeError, "never", "maybe", "kind", ("too-large",)),
    Raised(ResponseDecodeError, "never", "no", "kind", ("redirect",)),
    Raised(ResponseDecodeError, "ambiguous", "maybe"),
    Raised(NoImageError, "once", "yes", "cause", ("empty", "other")),
    Raised(NoImageError, "never", "yes"),
    Raised(ContentPolicyError, "never", "no", "stage", ("prompt",)),
    Raised(ContentPolicyError, "never", "maybe"),
    Raised(GenerationError, "never", "maybe"),
)
"""For errors that were raised, the first row that fits."""


def classify(response: WireResponse, facts: ErrorFacts, *, provider: str) -> Verdict:
    """What an answer means that is no picture: its status and headers, and what its body says."""
    name = _row_name(response.status, facts)
    row = ROWS[name]
    hints = read_hints(response.headers, facts.retry_after)
    retry = row.retry
    if hints.should_retry is not None and row.error is not ContentPolicyError:
        # A service that says yes does not know what an attempt costs: the limit for that stays.
        again: Retry = "ambiguous" if row.charge == "maybe" else "yes"
        retry = again if hints.should_retry else "never"
    is_output = facts.stage == "output" and response.status < 300
    charge = _charge("maybe" if is_output else row.charge, has_usage=facts.usage is not None)
    context = ErrorContext(
        status=response.status,
        code=facts.code,
        request_id=facts.request_id or request_id(response.headers),
        usage=facts.usage,
    )
    error = _error(row, name, facts, _message(row, facts, response.status, provider), hints.wait)
    error.context = context
    return Verdict(
        error=error,
        retry=retry,
        charge=charge,
        base=row.base,
        hint=hints.wait,
        is_timeout=name == "deadline",
    )


def judge(error: GenerationError) -> Verdict:
    """What an error means that was raised by the transport, or while the answer was read."""
    row = next(row for row in RAISED if isinstance(error, row.error) and _fits(row, error))
    charge = _charge(row.charge, has_usage=error.usage is not None)
    is_timeout = isinstance(error, AttemptTimeoutError | ConnectionFailedError)
    return Verdict(error=error, retry=row.retry, charge=charge, is_timeout=is_timeout)


def _row_name(status: int, facts: ErrorFacts) -> str:
    if 300 <= status < 400:
        return "redirect"
    by_status = BY_STATUS.get(status) or (
        "protocol"
        if status < 200
        else "malformed"
        if status < 300
        else "invalid-request"
        if status < 500
        else "gateway"
    )
    if facts.kind == "server-error" and by_status == "gateway":
        return by_status  # it says no more than the status does
    if facts.kind is None or facts.kind not in ROWS:  # a newer provider may know more kinds
        return by_status
    return facts.kind


def _fits(row: Raised, error: GenerationError) -> bool:
    if row.fact is None:
        return True
    return getattr(error, row.fact, error.details.get(row.fact)) in row.values


def _charge(charge: Charge, *, has_usage: bool) -> Charge:
    """The row's charge, made certain where the service says what it counted."""
    return "yes" if charge == "maybe" and has_usage else charge


def _message(row: Row, facts: ErrorFacts, status: int, provider: str) -> str:
    number = f"HTTP {status}"
    code = f"{number}, {printable(facts.code, 64)}" if facts.code else number
    words = f": {printable(facts.message, WORDS_BYTES)}" if facts.message else ""
    return f"{provider} {row.said} ({code}){words.rstrip('. ')}. {row.advice}"


def _error(
    row: Row, name: str, facts: ErrorFacts, message: str, wait: float | None
) -> GenerationError:
    details: dict[str, Any] = dict(facts.details)
    if wait is not None:
        details["retry_after"] = wait
    if row.error is RateLimitError:
        return RateLimitError(message, details, retry_after=wait)
    if row.error is ContentPolicyError:
        return ContentPolicyError(
            message,
            details,
            reason=facts.code,
            stage=facts.stage or "prompt",
            categories=facts.categories,
        )
    if row.error is ResponseDecodeError:
        kinds: Mapping[str, DecodeKind] = {"redirect": "redirect", "protocol": "protocol"}
        return ResponseDecodeError(message, details, kind=kinds.get(name, "malformed"))
    if row.error is ConnectionFailedError:
        return ConnectionFailedError(message, details, phase="proxy")
    if issubclass(row.error, InvalidRequestError) and row.error is not SessionStateError:
        return row.error(message, details, field=facts.field)
    return row.error(message, details)
