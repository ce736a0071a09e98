"""The errors of the emulated service: our words in the service's forms.

Statuses, codes, details and the shapes of refusals after recorded answers and
``google.rpc`` (error_details.proto).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from genkit.emulation import Answer
from genkit.provider import Absence, ErrorFacts
from genkit_gemini.models import DEFAULT_MODEL

__all__ = ["render"]

SERVICE = "generativelanguage.googleapis.com"

_STATUS: Mapping[str, tuple[int, str, str]] = MappingProxyType(
    {
        "invalid-request": (400, "INVALID_ARGUMENT", "The request holds an invalid argument."),
        "unsupported-option": (400, "INVALID_ARGUMENT", "The model does not support this option."),
        "session-state": (400, "INVALID_ARGUMENT", "The conversation cannot be continued."),
        "authentication": (400, "INVALID_ARGUMENT", "The API key is not valid."),
        "permission-denied": (403, "PERMISSION_DENIED", "The caller may not do this."),
        "model-not-found": (404, "NOT_FOUND", "The model is not found."),
        "conflict": (409, "ABORTED", "The request conflicts with another one."),
        "rate-limited": (429, "RESOURCE_EXHAUSTED", "The rate limit of this model is reached."),
        "quota-exhausted": (429, "RESOURCE_EXHAUSTED", "The quota of this day is used up."),
        "server-error": (500, "INTERNAL", "An internal error has occurred."),
        "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Try again later."),
        "deadline": (504, "DEADLINE_EXCEEDED", "The deadline passed before the work was done."),
    }
)
_CATEGORIES = (
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
)
_PROMPT_TOKENS = 14
_THOUGHT_TOKENS = 96


def render(facts: ErrorFacts | Absence) -> Answer:
    """The answer that says this."""
    if isinstance(facts, Absence):
        return _without_picture(facts)
    if facts.kind == "content-policy":
        return _refusal(facts)
    if facts.kind == "malformed":
        return Answer(headers={"content-type": "text/html"}, body=b"<!doctype html><p>?</p>")
    code, status, message = _STATUS[facts.kind or "server-error"]
    error: dict[str, Any] = {
        "code": code,
        "message": facts.message or message,
        "status": facts.code or status,
    }
    if details := [
        {"@type": f"type.googleapis.com/google.rpc.{kind}", **detail}
        for kind, detail in _details(facts)
    ]:
        error["details"] = details
    return Answer(status=code, body={"error": error})


def _details(facts: ErrorFacts) -> list[tuple[str, dict[str, Any]]]:
    """The details by name of their type."""
    details: list[tuple[str, dict[str, Any]]] = []
    if facts.kind == "authentication":
        metadata = {"service": SERVICE}
        details = [
            (
                "ErrorInfo",
                {"reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": metadata},
            ),
            ("LocalizedMessage", {"locale": "en-US", "message": "The API key is not valid."}),
        ]
    elif facts.kind in ("rate-limited", "quota-exhausted"):
        link = {
            "description": "Rate limits of the Gemini API",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }
        details = [("Help", {"links": [link]}), ("QuotaFailure", {"violations": [_quota(facts)]})]
    elif facts.kind == "invalid-request" and facts.field is not None:
        violation = {"field": facts.field, "description": facts.message or "Invalid value."}
        details = [("BadRequest", {"fieldViolations": [violation]})]
    if facts.retry_after is not None:
        details.append(("RetryInfo", {"retryDelay": _duration(facts.retry_after)}))
    return details


def _quota(facts: ErrorFacts) -> dict[str, Any]:
    period = "Minute" if facts.kind == "rate-limited" else "Day"
    return {
        "quotaMetric": f"{SERVICE}/generate_content_paid_tier_requests",
        "quotaId": f"GenerateRequestsPerModelPer{period}PaidTier",
        "quotaDimensions": {
            "model": str(facts.details.get("model", DEFAULT_MODEL)),
            "location": "global",
        },
        "quotaValue": "10" if facts.kind == "rate-limited" else "1000",
    }


def _duration(seconds: float) -> str:
    """Seconds as the JSON form of ``google.protobuf.Duration``, such as ``"34.4s"``."""
    text = f"{seconds:.9f}".rstrip("0").rstrip(".")
    return f"{text}s"


# -- answers of status 200 --------------------------------------------------------------------


def _refusal(facts: ErrorFacts) -> Answer:
    """A refusal: of the prompt before anything was made, or of the picture that was made."""
    blocked = facts.categories or ("HARM_CATEGORY_DANGEROUS_CONTENT",)
    if facts.stage != "output":
        feedback: dict[str, Any] = {"blockReason": facts.code or "PROHIBITED_CONTENT"}
        if facts.categories:
            feedback["safetyRatings"] = _ratings(blocked)
        return _unpaid({"promptFeedback": feedback}, facts)
    candidate = {
        "content": {},
        "finishReason": facts.code or "IMAGE_SAFETY",
        "finishMessage": facts.message or "The picture was made and then held back by policy.",
        "index": 0,
        "safetyRatings": _ratings(blocked),
    }
    return _paid(candidate, facts)


def _without_picture(absence: Absence) -> Answer:
    """An answer that has no picture, and is no refusal."""
    candidate: dict[str, Any] = {"content": {"role": "model"}, "index": 0}
    if absence.cause == "text":
        text = absence.message or "Which banana do you mean?"
        candidate["content"]["parts"] = [{"text": text}]
        candidate["finishReason"] = absence.reason or "STOP"
    else:
        usual = {"limit": "MAX_TOKENS", "empty": "STOP", "other": "NO_IMAGE"}[absence.cause]
        candidate["finishReason"] = absence.reason or usual
        if absence.message:
            candidate["finishMessage"] = absence.message
    return _paid(candidate, None)


def _ratings(blocked: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"category": category, "probability": "HIGH", "blocked": True}
        if category in blocked
        else {"category": category, "probability": "NEGLIGIBLE"}
        for category in dict.fromkeys((*_CATEGORIES, *blocked))
    ]


def _paid(candidate: dict[str, Any], facts: ErrorFacts | None) -> Answer:
    usage = _usage(thoughts=_THOUGHT_TOKENS)
    return Answer(
        body={"candidates": [candidate], "usageMetadata": usage, **_envelope(facts)}, charged=True
    )


def _unpaid(body: dict[str, Any], facts: ErrorFacts) -> Answer:
    return Answer(body={**body, "usageMetadata": _usage(thoughts=0), **_envelope(facts)})


def _usage(*, thoughts: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "promptTokenCount": _PROMPT_TOKENS,
        "totalTokenCount": _PROMPT_TOKENS + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": _PROMPT_TOKENS}],
    }
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return usage


def _envelope(facts: ErrorFacts | None) -> dict[str, Any]:
    model = facts.details.get("model") if facts else None
    return {"modelVersion": model, "responseId": "emulated-refusal"} if model else {}
