"""The conformance kit on Gemini, at the Gemini API and at Vertex AI."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import genkit_gemini
from genkit.errors import (
    InvalidRequestError,
    QuotaExhaustedError,
    ServerError,
)
from genkit.provider import Context, ErrorKind, Outcome, ProviderSettings, ResolvedSize
from genkit.request import GenerationRequest
from genkit.testing.conformance import (
    AbsenceSample,
    ErrorSample,
    GoldenRequest,
    ProviderConformance,
    RefusalSample,
    Success,
    WireAnswer,
)
from genkit.testing.plain_pictures import plain_picture

MODEL = "gemini-nano-banana-2.1"
BASE = "https://generativelanguage.googleapis.com/v1beta"
VERTEX = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"
RPC = "type.googleapis.com/google.rpc."

PNG = plain_picture("image/png", 6, 4)
JPEG = plain_picture("image/jpeg", 16, 8)
SIGNATURE = base64.b64encode(b"a signature of the service" * 8).decode()
OTHER_SIGNATURE = base64.b64encode(b"another one of its signatures" * 200).decode()

SAFETY = [
    {"category": f"HARM_CATEGORY_{name}", "threshold": "BLOCK_MEDIUM_AND_ABOVE"}
    for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
]


def text_of(data: bytes) -> str:
    """Base64, as the wire has it."""
    return base64.b64encode(data).decode()


def inline(data: bytes, media_type: str, **beside: Any) -> dict[str, Any]:
    """A part that is a picture."""
    return {"inlineData": {"mimeType": media_type, "data": text_of(data)}, **beside}


def answer(*parts: Any, reason: str | None = "STOP", **fields: Any) -> WireAnswer:
    """An answer of one candidate."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    usage = {"promptTokenCount": 9, "totalTokenCount": 1129, "candidatesTokenCount": 1120}
    return WireAnswer(
        body={"candidates": [{**candidate, **fields}], "usageMetadata": usage, "responseId": "r-1"}
    )


def blocked(**body: Any) -> WireAnswer:
    """An answer without candidates."""
    return WireAnswer(body={**body, "usageMetadata": {"promptTokenCount": 9}})


def error(code: int, status: str | None, *details: dict[str, Any]) -> WireAnswer:
    """An error of the service."""
    said = {"code": code, "message": "words for people", "details": list(details)}
    return WireAnswer(
        status=code, body={"error": said if status is None else {**said, "status": status}}
    )


def quota(name: str, value: str = "10") -> dict[str, Any]:
    """The detail that names a quota."""
    return {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": name, "quotaValue": value}]}


def body(parts: list[dict[str, Any]], **config: Any) -> dict[str, Any]:
    """The JSON of a request."""
    return {
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], **config},
        "safetySettings": SAFETY,
    }


class TestConformance(ProviderConformance):
    """Gemini keeps to the contract."""

    plugin = genkit_gemini
    settings = ProviderSettings(name="gemini")
    golden: tuple[GoldenRequest, ...] = (
        GoldenRequest(
            name="prompt alone",
            request=GenerationRequest("a banana"),
            url=f"{BASE}/models/{MODEL}:generateContent",
            auth=("x-goog-api-key", ""),
            json=body([{"text": "a banana"}]),
        ),
        GoldenRequest(
            name="everything",
            request=GenerationRequest(
                "a banana", references=[PNG, JPEG], provider_options={"gemini": {"top_k": 3}}
            ),
            context=Context(
                model="gemini-3-pro-image",
                size=ResolvedSize(aspect_ratio="16:9", tier="2K"),
                seed=-7,
            ),
            url=f"{BASE}/models/gemini-3-pro-image:generateContent",
            auth=("x-goog-api-key", ""),
            json=body(
                [{"text": "a banana"}, inline(PNG, "image/png"), inline(JPEG, "image/jpeg")],
                imageConfig={"aspectRatio": "16:9", "imageSize": "2K"},
                seed=-7,
                topK=3,
            ),
        ),
    )
    successes = (
        Success(name="a picture", answers=answer(inline(PNG, "image/png")), media_type="image/png"),
        Success(
            name="words and a picture, signed",
            answers=answer(
                {"text": "a plan", "thought": True},
                inline(PNG, "image/png", thought=True),
                {"text": "Here it is.", "thoughtSignature": SIGNATURE},
                inline(JPEG, "image/png", thoughtSignature=OTHER_SIGNATURE),
            ),
            drafts=1,
            media_type="image/jpeg",
            text="Here it is.",
        ),
        Success(
            name="a picture of a part that is not known",
            answers=answer(
                {"newKind": {"x": "a text that is long"}, "thoughtSignature": SIGNATURE},
                inline(PNG, "image/png", thoughtSignature=OTHER_SIGNATURE),
            ),
        ),
    )
    refusals = (
        RefusalSample(
            name="prompt",
            answers=blocked(promptFeedback={"blockReason": "PROHIBITED_CONTENT"}),
            stage="prompt",
            reason="PROHIBITED_CONTENT",
        ),
        RefusalSample(
            name="output",
            answers=answer(
                reason="IMAGE_SAFETY",
                safetyRatings=[{"category": "HARM_CATEGORY_HATE_SPEECH", "blocked": True}],
            ),
            stage="output",
            reason="IMAGE_SAFETY",
            categories=("HARM_CATEGORY_HATE_SPEECH",),
        ),
        RefusalSample(
            name="recitation",
            answers=WireAnswer(body={"candidates": [{"finishReason": "IMAGE_RECITATION"}]}),
            stage="output",
            reason="IMAGE_RECITATION",
        ),
    )
    absences = (
        AbsenceSample(name="words", answers=answer({"text": "Which one?"}), cause="text"),
        AbsenceSample(name="nothing", answers=answer(), cause="empty"),
        AbsenceSample(
            name="no image", answers=answer(reason="NO_IMAGE"), cause="other", reason="NO_IMAGE"
        ),
        AbsenceSample(
            name="limit", answers=answer(reason="MAX_TOKENS"), cause="limit", reason="MAX_TOKENS"
        ),
    )
    errors = (
        ErrorSample(
            name="wrong key",
            answer=error(
                400,
                "INVALID_ARGUMENT",
                {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID"},
            ),
            kind="authentication",
            code="INVALID_ARGUMENT",
        ),
        ErrorSample(
            name="wrong field",
            answer=error(
                400,
                "INVALID_ARGUMENT",
                {"@type": f"{RPC}BadRequest", "fieldViolations": [{"field": "seed"}]},
            ),
            kind="invalid-request",
            field="seed",
        ),
        ErrorSample(
            name="permission", answer=error(403, "PERMISSION_DENIED"), kind="permission-denied"
        ),
        ErrorSample(name="no model", answer=error(404, "NOT_FOUND"), kind="model-not-found"),
        ErrorSample(
            name="rate with a wait",
            answer=error(
                429,
                "RESOURCE_EXHAUSTED",
                quota("GenerateRequestsPerMinute"),
                {"@type": f"{RPC}RetryInfo", "retryDelay": "34.074824224s"},
            ),
            kind="rate-limited",
            retry_after=34.074824224,
        ),
        ErrorSample(
            name="rate without a wait",
            answer=error(429, "RESOURCE_EXHAUSTED"),
            kind="rate-limited",
        ),
        ErrorSample(
            name="quota of the day",
            answer=error(
                429,
                "RESOURCE_EXHAUSTED",
                quota("GenerateRequestsPerDay"),
                {"@type": f"{RPC}RetryInfo", "retryDelay": "9s"},
            ),
            kind="quota-exhausted",
            error=QuotaExhaustedError,
        ),
        ErrorSample(name="internal", answer=error(500, "INTERNAL"), kind="server-error"),
        ErrorSample(name="overloaded", answer=error(503, "UNAVAILABLE"), kind="overloaded"),
        ErrorSample(name="deadline", answer=error(504, "DEADLINE_EXCEEDED"), kind="deadline"),
        ErrorSample(
            name="a gateway",
            answer=WireAnswer(
                status=502, headers={"content-type": "text/html"}, body=b"<html>Bad Gateway</html>"
            ),
            kind=None,
            error=ServerError,
            retry="ambiguous",
        ),
        ErrorSample(
            name="words alone",
            answer=WireAnswer(status=400, body={"error": "unknown"}),
            kind=None,
            error=InvalidRequestError,
            retry="never",
        ),
        ErrorSample(
            name="an error in a 200",
            answer=WireAnswer(body={"error": {"code": 503, "status": "UNAVAILABLE"}}),
            kind="overloaded",
        ),
    )
    options: Mapping[str, Any] = {
        "response_modalities": ["IMAGE"],
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 40,
        "max_output_tokens": 4096,
        "thinking_level": "high",
        "thinking_budget": 128,
        "include_thoughts": True,
        "media_resolution": "low",
        "safety_settings": "BLOCK_NONE",
        "system_instruction": "Draw in ink.",
        "google_search": True,
        "service_tier": "flex",
    }
    # The service has no code of its own for these.
    indistinct: Mapping[ErrorKind, ErrorKind] = {
        "unsupported-option": "invalid-request",
        "session-state": "invalid-request",
    }

    def test_usage_of_a_sample(self) -> None:
        """A test of one's own stands beside the standard ones."""
        outcome, _ = self.assembled(self.successes[0])
        assert isinstance(outcome, Outcome)
        assert outcome.usage is not None
        assert outcome.usage.total_tokens == 1129


class TestVertex(TestConformance):
    """So does Vertex AI, the same wire behind another address and another credential."""

    settings = ProviderSettings(name="gemini", base_url=VERTEX)
    golden = (
        GoldenRequest(
            name="prompt alone",
            request=GenerationRequest("a banana"),
            url=f"{VERTEX}/models/{MODEL}:generateContent",
            auth=("authorization", "Bearer "),
            json=body([{"text": "a banana"}]),
        ),
    )
    options: Mapping[str, Any] = {**TestConformance.options, "person_generation": "ALLOW_NONE"}
