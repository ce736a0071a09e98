"""genkit's conformance kit on this provider."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import genkit_bfl
from genkit.errors import (
    InvalidRequestError,
    OverloadedError,
    QuotaExhaustedError,
    RateLimitError,
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

BASE = "https://api.bfl.ai/v1"
PNG = plain_picture("image/png", 6, 4)
JPEG = plain_picture("image/jpeg", 16, 8)
AUTH = ("x-key", "")
HEADERS = {"accept": "application/json"}


def base64_of(data: bytes) -> str:
    """Base64, as the wire has it."""
    return base64.b64encode(data).decode()


def task(status: str, **fields: Any) -> WireAnswer:
    """Answer to a poll."""
    return WireAnswer(body={"id": "7", "status": status, "result": None, **fields})


SUBMITTED = WireAnswer(
    body={"id": "7", "polling_url": f"{BASE}/get_result?id=7", "cost": 4.0, "input_mp": 0.0}
)
PENDING = task("Pending", progress=0.5)
SAMPLE = "https://delivery-us1.bfl.ai/results/7.png?sig=abc%2B%3D"
READY = task("Ready", result={"sample": SAMPLE, "seed": 42, "prompt": "a kite"})


def has_facts(outcome: Outcome) -> None:
    """Check what is told of a task beside its picture."""
    assert dict(outcome.metadata) == {"id": "7", "cost": 4.0, "seed": 42}
    assert outcome.request_id == "7"


class TestConformance(ProviderConformance):
    """Black Forest Labs keeps to the contract."""

    plugin = genkit_bfl
    settings = ProviderSettings(name="bfl")
    golden = (
        GoldenRequest(
            name="prompt alone",
            request=GenerationRequest("a banana"),
            url=f"{BASE}/flux-kontext-pro",
            headers=HEADERS,
            auth=AUTH,
            json={"prompt": "a banana"},
        ),
        GoldenRequest(
            name="edit",
            request=GenerationRequest(
                "a banana",
                references=[PNG, JPEG],
                output_format="jpeg",
                provider_options={"bfl": {"prompt_upsampling": True}},
            ),
            context=Context(
                model="flux-kontext-max", size=ResolvedSize(aspect_ratio="16:9"), seed=-7
            ),
            url=f"{BASE}/flux-kontext-max",
            headers=HEADERS,
            auth=AUTH,
            json={
                "prompt": "a banana",
                "input_image": base64_of(PNG),
                "input_image_2": base64_of(JPEG),
                "aspect_ratio": "16:9",
                "seed": -7,
                "output_format": "jpeg",
                "prompt_upsampling": True,
            },
        ),
        GoldenRequest(
            name="edges",
            request=GenerationRequest("a banana"),
            context=Context(model="flux-pro-1.1", size=ResolvedSize(width=1024, height=768)),
            url=f"{BASE}/flux-pro-1.1",
            headers=HEADERS,
            auth=AUTH,
            json={"prompt": "a banana", "width": 1024, "height": 768},
        ),
    )
    successes = (
        Success(
            name="polled and downloaded",
            answers=(
                SUBMITTED,
                PENDING,
                task("Queued"),
                READY,
                WireAnswer(headers={"content-type": "image/png"}, body=PNG),
            ),
            media_type="image/png",
            check=has_facts,
        ),
        Success(
            name="ready at once",
            answers=(
                SUBMITTED,
                READY,
                WireAnswer(headers={"content-type": "binary/octet-stream"}, body=JPEG),
            ),
            media_type="image/jpeg",
        ),
    )
    refusals = (
        RefusalSample(
            name="request",
            answers=(
                SUBMITTED,
                task(
                    "Request Moderated",
                    details={"Moderation Reasons": ["Derivative Works Filter"]},
                ),
            ),
            stage="prompt",
            reason="Request Moderated",
            categories=("Derivative Works Filter",),
        ),
        RefusalSample(
            name="content",
            answers=(SUBMITTED, PENDING, task("Content Moderated")),
            stage="output",
            reason="Content Moderated",
        ),
    )
    absences = (AbsenceSample(name="nothing", answers=(SUBMITTED, task("Ready")), cause="empty"),)
    errors = (
        ErrorSample(
            name="wrong key",
            answer=WireAnswer(status=403, body={"detail": "Not authenticated"}),
            kind="authentication",
        ),
        ErrorSample(
            name="wrong size",
            answer=WireAnswer(
                status=422,
                body={"detail": [{"loc": ["body", "width"], "msg": "no", "type": "multiple_of"}]},
            ),
            kind="invalid-request",
            code="multiple_of",
            field="width",
        ),
        ErrorSample(
            name="no credits",
            answer=WireAnswer(status=402, body={"detail": "Insufficient credits"}),
            kind=None,
            error=QuotaExhaustedError,
        ),
        ErrorSample(
            name="too many tasks",
            answer=WireAnswer(status=429, body={"detail": "Too many active tasks"}),
            kind=None,
            error=RateLimitError,
            retry="yes",
        ),
        ErrorSample(
            name="unknown model",
            answer=WireAnswer(status=404, body={"detail": "Not Found"}),
            kind="model-not-found",
        ),
        ErrorSample(
            name="lost task",
            answer=WireAnswer(status=404, body={"id": "7", "status": "Task not found"}),
            kind="server-error",
            code="Task not found",
        ),
        ErrorSample(name="failed task", answer=task("Error"), kind="server-error", code="Error"),
        ErrorSample(
            name="failure",
            answer=WireAnswer(status=500, body={"detail": "Internal Server Error"}),
            kind=None,
            error=ServerError,
            retry="yes",
        ),
        ErrorSample(
            name="busy",
            answer=WireAnswer(status=503, body=b"busy"),
            kind=None,
            error=OverloadedError,
            retry="yes",
        ),
        ErrorSample(
            name="bad request",
            answer=WireAnswer(status=400, body={"detail": "No"}),
            kind=None,
            error=InvalidRequestError,
            retry="never",
        ),
        ErrorSample(name="no JSON", answer=WireAnswer(body=b"<html>"), kind="malformed"),
    )
    options = MappingProxyType({"prompt_upsampling": True, "safety_tolerance": 4})
    indistinct: Mapping[ErrorKind, ErrorKind] = MappingProxyType(
        {
            "unsupported-option": "invalid-request",
            "session-state": "invalid-request",
            "permission-denied": "authentication",
        }
    )
