"""What an error of the service says.

The body is ``{"error": {message, type, param, code}}``; the last two may be null. Azure has the
same shape with codes of its own, numbers among them, and an ``innererror`` beside. Kinds are taken
from the code, then from the type, then from the status; never from the words of the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from genkit.provider import ErrorFacts, ErrorKind
from genkit.reading import items, member, prune, read, short_text, word
from genkit.wire import WireResponse
from genkit_openai.filters import blocked_categories, stated_categories
from genkit_openai.limits import is_full, rate_limits

__all__ = ["decode_error", "error_facts", "malformed"]


def _all(kind: ErrorKind, *names: str) -> dict[str, ErrorKind]:
    return dict.fromkeys(names, kind)


KINDS_OF_CODES: Mapping[str, ErrorKind] = MappingProxyType(
    {
        **_all(
            "content-policy",
            "moderation_blocked",
            "content_policy_violation",
            "image_content_policy_violation",
            "bio_policy",
            # Azure's.
            "content_filter",
            "contentFilter",
            "ResponsibleAIPolicyViolation",
        ),
        **_all(
            "quota-exhausted",
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "billing_hard_limit_reached",
            "billing_not_active",
        ),
        **_all("rate-limited", "rate_limit_exceeded", "RateLimitReached", "too_many_requests"),
        **_all("overloaded", "slow_down", "server_is_overloaded", "engine_overloaded"),
        **_all("model-not-found", "model_not_found", "DeploymentNotFound", "unknown_model"),
        **_all("authentication", "invalid_api_key", "incorrect_api_key", "account_deactivated"),
        **_all(
            "permission-denied",
            "unsupported_country_region_territory",
            "organization_must_be_verified",
            "PermissionDenied",
        ),
        **_all("server-error", "server_error", "internal_error", "InternalServerError"),
        **_all(
            "invalid-request",
            "unknown_parameter",
            "unsupported_parameter",
            "missing_required_parameter",
            "invalid_value",
            "invalid_type",
            "invalid_prompt",
            "string_above_max_length",
            "unsupported_file_mimetype",
            "invalid_image_file",
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "invalid_image_mode",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
    }
)

KINDS_OF_TYPES: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "insufficient_quota": "quota-exhausted",
        "image_generation_user_error": "invalid-request",
        "rate_limit_error": "rate-limited",
        "service_unavailable_error": "overloaded",
        "overloaded_error": "overloaded",
        "server_error": "server-error",
        "authentication_error": "authentication",
        "permission_error": "permission-denied",
    }
)
"""For codes that say nothing. ``invalid_request_error`` is not here: wrong keys and lacking
permissions have that type too, and the status tells them apart."""

KINDS_OF_NUMBERS: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "400": "invalid-request",
        "401": "authentication",
        "403": "permission-denied",
        "429": "rate-limited",
        "503": "overloaded",
    }
)
"""Statuses that Azure writes as codes, for errors inside of a 200."""

STAGES: Mapping[str, Literal["prompt", "output"]] = MappingProxyType(
    {"input": "prompt", "prompt": "prompt", "output": "output"}
)

_API_KEY = re.compile(r"\b(?:sk|sess)-[0-9A-Za-z_*-]{4,}")


def malformed(message: str) -> ErrorFacts:
    """A 2xx answer that is not what the service answers."""
    return ErrorFacts(kind="malformed", message=message)


def decode_error(response: WireResponse) -> ErrorFacts:
    """What an answer that is not 2xx says; no kind where the body says nothing of its own."""
    return error_facts(response)


def error_facts(response: WireResponse) -> ErrorFacts:
    """What the error in an answer says, whatever the status."""
    document, status = response.document, response.status
    error = read(document, "error")
    limits = rate_limits(response.headers)
    if not isinstance(error, Mapping):
        # A gateway's own words: the status is all there is to go by.
        kind: ErrorKind | None = "server-error" if error is not None and status < 400 else None
        code = word(read(document, "code"))
        said = error or read(document, "message")
        return ErrorFacts(
            kind=KINDS_OF_CODES.get(code or "", kind),
            code=code,
            message=_message(said, code),
            details=_details({"rate_limits": limits}),
        )
    code, type_ = word(read(error, "code")), word(read(error, "type"))
    inner = member(error, "innererror") or member(error, "inner_error")
    kind = _kind(code, type_, word(read(inner, "code")), status)
    details: dict[str, Any] = {"type": type_, "rate_limits": limits}
    if kind == "rate-limited" and type_ is not None and is_full(limits, type_):
        # Refused for a limit of which all is there: this request alone is over it, for ever.
        kind = "invalid-request"
        details["over_limit"] = type_
    if kind != "content-policy":
        return ErrorFacts(
            kind=kind,
            code=code or type_,
            message=_message(read(error, "message"), code),
            field=word(read(error, "param")),
            details=_details(details),
        )
    moderation = member(error, "moderation_details") or member(document, "moderation_details")
    details["inner_code"] = word(read(inner, "code"))
    details["moderation_details"] = prune(moderation, 3) if _is_small(moderation) else None
    return ErrorFacts(
        kind=kind,
        code=code or type_,
        message=_message(read(error, "message"), code),
        stage=STAGES.get(word(read(moderation, "moderation_stage")) or ""),
        categories=stated_categories(moderation)
        or blocked_categories(inner)
        or blocked_categories(error),
        details=_details(details),
    )


def _kind(
    code: str | None, type_: str | None, inner_code: str | None, status: int
) -> ErrorKind | None:
    if type_ == "insufficient_quota":
        # New codes of this type come up; all mean the same.
        return KINDS_OF_TYPES[type_]
    kind = (
        KINDS_OF_CODES.get(inner_code or "")
        or KINDS_OF_CODES.get(code or "")
        or KINDS_OF_TYPES.get(type_ or "")
    )
    if kind is not None or status >= 400:
        return kind
    if type_ == "invalid_request_error":
        return "invalid-request"
    return KINDS_OF_NUMBERS.get(code or "", "server-error")


def _message(value: object, code: str | None) -> str | None:
    if code == "invalid_api_key":
        # The service quotes what it was given, and the code says it all.
        return None
    text = short_text(value)
    return _API_KEY.sub("[key]", text) if text else None


def _details(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value}


def _is_small(moderation: Mapping[str, Any]) -> bool:
    return len(moderation) <= 8 and len(items(moderation, "categories")) <= 32
