"""The conformance kit on OpenAI's provider, at OpenAI and at Azure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import genkit_openai
from genkit.errors import InvalidRequestError, ServerError
from genkit.images import Mask
from genkit.provider import Context, ErrorKind, ProviderSettings, ResolvedSize
from genkit.request import GenerationRequest
from genkit.testing.conformance import (
    AbsenceSample,
    ErrorSample,
    FilePart,
    GoldenRequest,
    OptionSample,
    ProviderConformance,
    RefusalSample,
    Success,
    WireAnswer,
)
from genkit.testing.conformance.pictures import mask
from genkit.testing.plain_pictures import plain_picture

MODEL = "gpt-image-2.5-flare"
BASE = "https://api.openai.com/v1"
AZURE = "https://mine.openai.azure.com/openai/deployments/pictures"
BEARER = ("authorization", "Bearer ")

PNG = plain_picture("image/png", 64, 64)
JPEG = plain_picture("image/jpeg", 64, 64)
WEBP = plain_picture("image/webp", 64, 64)
MASK: Mask = mask(16)

USAGE = {
    "input_tokens": 50,
    "input_tokens_details": {"image_tokens": 40, "text_tokens": 10},
    "output_tokens": 196,
    "total_tokens": 246,
}


def text_of(data: bytes) -> str:
    """Base64, as the wire has it."""
    return base64.b64encode(data).decode()


def answer(*items: dict[str, Any], **fields: Any) -> WireAnswer:
    """An answer of the Images API."""
    body = {"created": 1_767_225_600, "data": list(items), "usage": USAGE, **fields}
    return WireAnswer(headers={"x-request-id": "req_1"}, body=body)


def inline(data: bytes) -> dict[str, Any]:
    """A picture in the answer."""
    return {"b64_json": text_of(data)}


def address(name: str) -> dict[str, Any]:
    """A picture that the answer points to, by an address that is signed."""
    return {"url": f"https://pictures.example/{name}.png?sv=1&sig=made%2Bup%3D"}


def download(data: bytes) -> WireAnswer:
    """What a picture's address gives."""
    return WireAnswer(headers={"content-type": "image/png"}, body=data)


def error(status: int, code: str | None, type_: str | None, **beside: Any) -> WireAnswer:
    """An error of the service."""
    said = {"message": "words for people", "type": type_, "param": None, "code": code, **beside}
    return WireAnswer(status=status, body={"error": said})


def moderated(stage: str) -> WireAnswer:
    """A refusal of the service."""
    details = {"moderation_stage": stage, "categories": ["violence"]}
    return error(
        400, "moderation_blocked", "image_generation_user_error", moderation_details=details
    )


class TestConformance(ProviderConformance):
    """OpenAI keeps to the contract."""

    plugin = genkit_openai
    settings = ProviderSettings(name="openai")
    golden: tuple[GoldenRequest, ...] = (
        GoldenRequest(
            name="prompt alone",
            request=GenerationRequest("a banana"),
            url=f"{BASE}/images/generations",
            auth=BEARER,
            json={"model": MODEL, "prompt": "a banana", "n": 1},
        ),
        GoldenRequest(
            name="everything",
            request=GenerationRequest(
                "a banana",
                quality="high",
                background="opaque",
                output_format="jpeg",
                provider_options={"openai": {"output_compression": 70, "moderation": "low"}},
            ),
            context=Context(
                model="gpt-image-2", size=ResolvedSize(width=1536, height=1024), count=2
            ),
            url=f"{BASE}/images/generations",
            auth=BEARER,
            json={
                "model": "gpt-image-2",
                "prompt": "a banana",
                "n": 2,
                "size": "1536x1024",
                "quality": "high",
                "background": "opaque",
                "output_format": "jpeg",
                "output_compression": 70,
                "moderation": "low",
            },
        ),
        GoldenRequest(
            name="edit as a form",
            request=GenerationRequest("a banana", references=[PNG, JPEG], mask=MASK),
            url=f"{BASE}/images/edits",
            auth=BEARER,
            multipart=(
                FilePart(name="model", data=MODEL.encode()),
                FilePart(name="prompt", data=b"a banana"),
                FilePart(name="n", data=b"1"),
                FilePart(
                    name="image[]", data=PNG, filename="image-1.png", content_type="image/png"
                ),
                FilePart(
                    name="image[]", data=JPEG, filename="image-2.jpg", content_type="image/jpeg"
                ),
                FilePart(
                    name="mask",
                    data=MASK.image.data,
                    filename="mask.png",
                    content_type="image/png",
                ),
            ),
        ),
        GoldenRequest(
            name="edit as JSON",
            request=GenerationRequest(
                "a banana", references=[PNG], provider_options={"openai": {"edit_body": "json"}}
            ),
            url=f"{BASE}/images/edits",
            auth=BEARER,
            json={
                "model": MODEL,
                "prompt": "a banana",
                "n": 1,
                "images": [{"image_url": f"data:image/png;base64,{text_of(PNG)}"}],
            },
        ),
    )
    successes = (
        Success(name="a picture", answers=answer(inline(PNG)), media_type="image/png"),
        Success(
            name="two pictures",
            answers=answer(inline(PNG), inline(WEBP), output_format="webp"),
            request=GenerationRequest("a banana", n=2),
            images=2,
        ),
        Success(
            name="a picture at an address",
            answers=(answer(address("one")), download(PNG)),
            media_type="image/png",
        ),
        Success(
            name="two pictures at addresses",
            answers=(answer(address("one"), address("two")), download(PNG), download(JPEG)),
            request=GenerationRequest("a banana", n=2),
            images=2,
        ),
        Success(
            name="a picture in the answer, and one at an address",
            answers=(answer(inline(PNG * 60), address("two")), download(JPEG)),
            request=GenerationRequest("a banana", n=2),
            images=2,
        ),
    )
    refusals = (
        RefusalSample(
            name="prompt",
            answers=moderated("input"),
            stage="prompt",
            reason="moderation_blocked",
            categories=("violence",),
        ),
        RefusalSample(
            name="output",
            answers=moderated("output"),
            stage="output",
            reason="moderation_blocked",
            categories=("violence",),
        ),
        RefusalSample(
            name="old code",
            answers=error(400, "content_policy_violation", "invalid_request_error"),
            stage="prompt",
            reason="content_policy_violation",
        ),
    )
    absences = (AbsenceSample(name="nothing", answers=answer(), cause="empty"),)
    errors = (
        ErrorSample(
            name="wrong key",
            answer=error(401, "invalid_api_key", "invalid_request_error"),
            kind="authentication",
            code="invalid_api_key",
        ),
        ErrorSample(
            name="wrong value",
            answer=error(400, "invalid_value", "invalid_request_error", param="size"),
            kind="invalid-request",
            field="size",
        ),
        ErrorSample(
            name="no model",
            answer=error(404, "model_not_found", "invalid_request_error"),
            kind="model-not-found",
        ),
        ErrorSample(
            name="permission",
            answer=error(403, "unsupported_country_region_territory", "request_forbidden"),
            kind="permission-denied",
        ),
        ErrorSample(
            name="rate",
            answer=error(429, "rate_limit_exceeded", "images"),
            kind="rate-limited",
        ),
        ErrorSample(
            name="rate with a wait",
            answer=WireAnswer(
                status=429,
                headers={"retry-after-ms": "1500"},
                body={"error": {"code": "rate_limit_exceeded", "type": "tokens"}},
            ),
            kind="rate-limited",
            retry_after=1.5,
        ),
        ErrorSample(
            name="quota",
            answer=error(429, "insufficient_quota", "insufficient_quota"),
            kind="quota-exhausted",
        ),
        ErrorSample(
            name="a newer code of quota",
            answer=error(429, "no_such_code_yet", "insufficient_quota"),
            kind="quota-exhausted",
        ),
        ErrorSample(
            name="failure", answer=error(500, "server_error", "server_error"), kind="server-error"
        ),
        ErrorSample(
            name="load",
            answer=error(503, "slow_down", "service_unavailable_error"),
            kind="overloaded",
        ),
        ErrorSample(
            name="never again",
            answer=WireAnswer(
                status=500,
                headers={"x-should-retry": "false"},
                body={"error": {"code": "server_error", "type": "server_error"}},
            ),
            kind="server-error",
            retry="never",
        ),
        ErrorSample(
            name="a gateway",
            answer=WireAnswer(status=502, body=b"<html>Bad Gateway</html>"),
            kind=None,
            error=ServerError,
            retry="ambiguous",
        ),
        ErrorSample(
            name="no words",
            answer=WireAnswer(status=400, body={}),
            kind=None,
            error=InvalidRequestError,
            retry="never",
        ),
    )
    options: Mapping[str, Any] = {
        "edit_body": OptionSample(value="json", fields={"references": [PNG]}),
        "moderation": "low",
        "output_compression": OptionSample(value=60, fields={"output_format": "jpeg"}),
        "input_fidelity": OptionSample(value="high", fields={"references": [PNG]}),
        "complexity": "low",
        "safety_identifier": "a-hash",
        "user": "somebody",
    }
    # The service has no code of its own for these.
    indistinct: Mapping[ErrorKind, ErrorKind] = {
        "unsupported-option": "invalid-request",
        "session-state": "invalid-request",
        "deadline": "server-error",
    }


class TestAzure(TestConformance):
    """So does Azure, the same wire behind another address, header and query."""

    settings = ProviderSettings(
        name="openai", base_url=AZURE, query={"api-version": "2025-04-01-preview"}
    )
    golden: tuple[GoldenRequest, ...] = (
        GoldenRequest(
            name="prompt alone",
            request=GenerationRequest("a banana"),
            url=f"{AZURE}/images/generations?api-version=2025-04-01-preview",
            auth=("api-key", ""),
            json={"model": MODEL, "prompt": "a banana", "n": 1},
        ),
    )
