"""The errors of the emulated service: our words in the service's forms.

Statuses, types and codes after recorded answers, and after the service's guide to errors where none
was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from genkit.emulation import Answer
from genkit.provider import Absence, ErrorFacts

__all__ = ["HEADERS", "envelope", "render"]

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "openai-version": "2020-10-01",
        "openai-processing-ms": "1",
        "x-request-id": "req_emulated",
    }
)
"""What every answer has; the request's id is replaced where there is a better one."""

_INVALID = "invalid_request_error"
_STATUS: Mapping[str, tuple[int, str, str | None, str]] = MappingProxyType(
    {
        "invalid-request": (400, _INVALID, "invalid_value", "The request is not valid."),
        "unsupported-option": (
            400,
            _INVALID,
            "unsupported_parameter",
            "The model does not support this parameter.",
        ),
        "model-not-found": (404, _INVALID, "model_not_found", "The model does not exist."),
        "session-state": (
            400,
            _INVALID,
            "previous_response_not_found",
            "The previous response is not found.",
        ),
        "authentication": (401, _INVALID, "invalid_api_key", "The API key is not correct."),
        "permission-denied": (403, _INVALID, None, "The project may not do this."),
        "conflict": (409, _INVALID, "resource_conflict", "Another request is changing this."),
        "content-policy": (
            400,
            "image_generation_user_error",
            "moderation_blocked",
            "The safety system rejected the request.",
        ),
        "rate-limited": (429, "requests", "rate_limit_exceeded", "The rate limit is reached."),
        "quota-exhausted": (
            429,
            "insufficient_quota",
            "insufficient_quota",
            "The quota is used up.",
        ),
        "server-error": (500, "server_error", None, "The server had an error."),
        "overloaded": (
            503,
            "service_unavailable_error",
            "server_is_overloaded",
            "The servers are overloaded.",
        ),
        "deadline": (504, "server_error", "timeout", "The work was not done in time."),
    }
)
_PARAM = {"model-not-found": "model", "session-state": "previous_response_id"}
_PROMPT_TOKENS = 14


def envelope(
    message: str, kind: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """The document of an error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def render(facts: ErrorFacts | Absence) -> Answer:
    """The answer that says this. An answer of 4xx or 5xx is not charged.

    ``facts.details["type"]`` replaces the usual type of the error.
    """
    if isinstance(facts, Absence):
        return _without_picture()
    if facts.kind == "malformed":
        return Answer(headers={**HEADERS, "content-type": "text/html"}, body=b"<!doctype html>?")
    kind = facts.kind or "server-error"
    status, usual_type, code, message = _STATUS[kind]
    body = envelope(
        facts.message or message,
        str(facts.details.get("type", usual_type)),
        facts.field or _PARAM.get(kind),
        facts.code or code,
    )
    if kind == "content-policy":
        body["error"]["moderation_details"] = {
            "moderation_stage": "output" if facts.stage == "output" else "input",
            "categories": list(facts.categories or ("violence",)),
        }
    headers = dict(HEADERS)
    if facts.request_id is not None:
        headers["x-request-id"] = facts.request_id
    if kind == "authentication":
        headers["www-authenticate"] = 'Bearer realm="OpenAI API"'
    if facts.retry_after is not None:
        headers["retry-after"] = f"{facts.retry_after:g}"
    return Answer(status=status, headers=headers, body=body)


def _without_picture() -> Answer:
    """An answer that has no picture and is no refusal."""
    usage = {
        "input_tokens": _PROMPT_TOKENS,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": _PROMPT_TOKENS},
        "output_tokens": 0,
        "total_tokens": _PROMPT_TOKENS,
    }
    body = {"created": 1_767_225_600, "data": [], "usage": usage}
    return Answer(headers=HEADERS, body=body, charged=True)
