"""Answers of the service, by example: their parts, states and facts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genkit.conversation import OpaquePart, ProviderState, TextPart, Turn
from genkit.lifted import Lifted
from genkit.provider import (
    ErrorFacts,
    Outcome,
    ProviderSettings,
    WireImage,
)
from genkit_gemini import GeminiProvider
from tests.providers.gemini.support import (
    MODEL,
    answer,
    candidate,
    continued,
    inline,
    outcome,
    provider,
    request,
    state,
)


def test_parts_in_order() -> None:
    """Text, drafts, pictures and unknown kinds come in order, each with its state."""
    decoded = outcome(
        candidate(
            {"text": "plan", "thought": True},
            inline("QUFB", "image/jpeg", thought=True),
            {"text": "here", "thoughtSignature": "c2ln"},
            inline("QkJC", "image/png", thoughtSignature="c2lnMg=="),
            {"executableCode": {"code": "1"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}},
            {"fileData": {"fileUri": "gs://x"}, "futureField": [1]},
        )
    )
    assert decoded.parts == (
        TextPart("plan", None, thought=True),
        WireImage(data="QUFB", declared_media_type="image/jpeg", thought=True),
        TextPart("here", state({"thoughtSignature": "c2ln"})),
        WireImage(
            data="QkJC",
            declared_media_type="image/png",
            state=state({"thoughtSignature": "c2lnMg==", "inlineData": {"mimeType": "image/png"}}),
        ),
        OpaquePart(state({"executableCode": {"code": "1"}})),
        OpaquePart(state({"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}})),
        OpaquePart(state({"fileData": {"fileUri": "gs://x"}, "futureField": [1]})),
    )
    assert decoded.refusal is None
    assert decoded.absence is None
    assert decoded.notices == ()


def test_long_strings_stay_lifted() -> None:
    """Pictures and signatures are handed on without being copied out."""
    decoded = outcome(candidate(inline("A" * 8000, thoughtSignature="B" * 8000)))
    (image,) = decoded.parts
    assert isinstance(image, WireImage)
    assert image.data == Lifted("A" * 8000)
    assert image.state is not None
    assert image.state.data["thoughtSignature"] == Lifted("B" * 8000)


def test_snake_case_is_read_and_echoed() -> None:
    """Proxies that spell names their own way give the same outcome as the service."""
    camel = outcome(candidate(inline("QUFB", thoughtSignature="c2ln", displayName="x")))
    snake = outcome(
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {
                                "inline_data": {"mime_type": "image/png", "data": "QUFB"},
                                "thought_signature": "c2ln",
                                "display_name": "x",
                            }
                        ],
                    },
                    "finish_reason": "STOP",
                }
            ],
            "response_id": "r",
            "usage_metadata": {"total_token_count": 3},
        }
    )
    assert snake.parts == camel.parts
    assert snake.request_id == "r"
    assert snake.usage is not None
    assert snake.usage.total_tokens == 3


@pytest.mark.parametrize(
    ("part", "data", "declared"),
    [
        ({"inlineData": {"mimeType": "image/png"}}, "", "image/png"),
        ({"inlineData": {"mimeType": "image/png", "data": None}}, "", "image/png"),
        ({"inlineData": {"data": "QQ=="}}, "QQ==", None),
        ({"inlineData": {"data": "QQ==", "mimeType": 5}}, "QQ==", None),
        ({"inlineData": {"data": "QQ==", "mimeType": "IMAGE/PNG"}}, "QQ==", "IMAGE/PNG"),
        (
            {"inlineData": {"data": "QQ==", "mimeType": "application/octet-stream"}},
            "QQ==",
            "application/octet-stream",
        ),
    ],
)
def test_odd_pictures(part: Any, data: str, declared: str | None) -> None:
    """What may be a picture is one; whether it is, the core sees from the bytes."""
    assert outcome(candidate(part)).parts == (WireImage(data=data, declared_media_type=declared),)


@pytest.mark.parametrize(
    "part", [None, "text", 5, [], {}, {"text": 5}, {"inlineData": 5}, {"inlineData": {"data": 5}}]
)
def test_odd_parts_are_kept(part: Any) -> None:
    """A part that is nothing we know is kept as it is, and never sent as something else."""
    decoded = outcome(candidate(part))
    assert decoded.parts == (OpaquePart(state(part)),)
    (opaque,) = decoded.parts
    assert isinstance(opaque, OpaquePart)
    sent = continued(Turn("user", (opaque,)))
    assert sent == ([{"role": "user", "parts": [part]}] if isinstance(part, dict) and part else [])


def test_a_part_nested_too_deeply_loses_its_state() -> None:
    """What could not be written again is not carried along."""
    nest: Any = []
    for _ in range(120):
        nest = [nest]
    decoded = outcome(candidate({"text": "x", "odd": nest}))
    assert decoded.parts == (TextPart("x", state({})),)


def test_several_candidates() -> None:
    """All parts of all candidates are there, in order."""
    one, two = candidate(inline("QUFB")), candidate({"text": "t"}, inline("QkJC"))
    decoded = outcome({"candidates": one["candidates"] + [{}, None] + two["candidates"]})
    kinds = [type(part).__name__ for part in decoded.parts]
    assert kinds == ["WireImage", "TextPart", "WireImage"]
    assert decoded.absence is None


def test_facts_of_an_answer() -> None:
    """Ids and what only this service says are there; long strings are not."""
    body = candidate(
        inline(),
        finishMessage="fine",
        safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
        groundingMetadata={
            "webSearchQueries": ["q"],
            "searchEntryPoint": {"renderedContent": "<div>" + "x" * 5000},
        },
    )
    body |= {"responseId": "r-1", "modelVersion": "gemini-x-001"}
    decoded = outcome(body, {"X-Gemini-Service-Tier": "priority"})
    assert decoded.request_id == "r-1"
    assert decoded.model_version == "gemini-x-001"
    assert decoded.metadata == {
        "finishReason": "STOP",
        "finishMessage": "fine",
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
        "groundingMetadata": {"webSearchQueries": ["q"], "searchEntryPoint": {}},
        "modelVersion": "gemini-x-001",
        "serviceTier": "priority",
    }
    json.dumps(decoded.metadata)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b'{"candidates": [{"content',
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"17",
        b'{"predictions": []}',
        b'{"candidates": "none"}',
        b'{"candidates": 0}',
        b'{"candidates": [1, null]}',
    ],
)
def test_malformed(body: bytes) -> None:
    """A 2xx that is not the service's answer is malformed, so that the core keeps its bytes."""
    decoded = provider().decode(answer(body), request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}, "overloaded"),
        ({"error": {"code": 429}}, "rate-limited"),
        ({"error": {"message": "odd"}}, "server-error"),
        ({"error": "odd"}, "server-error"),
        ([{"error": {"status": "INTERNAL"}}], "server-error"),
    ],
)
def test_an_error_inside_a_success(body: Any, kind: str) -> None:
    """An error that came with 200 is that error, and always of some kind."""
    decoded = provider().decode(answer(body), request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == kind


def test_an_answer_in_a_list() -> None:
    """One answer in a list is that answer."""
    decoded = outcome([candidate(inline("QUFB"))])
    assert len(decoded.parts) == 1


def test_state_is_tagged_with_name_and_model() -> None:
    """States are the provider's and the model's, so that another account may go on with them."""
    made = GeminiProvider(ProviderSettings(name="home"))
    body = answer(candidate({"text": "x", "thoughtSignature": "c2ln"}))
    for model, tagged in (("gemini-3-pro-image", "gemini-3-pro-image"), (None, MODEL)):
        decoded = made.decode(body, request(model=model), None)
        assert isinstance(decoded, Outcome)
        (part,) = decoded.parts
        assert isinstance(part, TextPart)
        assert part.state == ProviderState("gemini", tagged, {"thoughtSignature": "c2ln"})
