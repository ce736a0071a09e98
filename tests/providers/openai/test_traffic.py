"""Answers that the live service really gave, through the codec, and requests made to it, by us.

The recordings stand outside of the project and none of them is copied into it; where they are not
at hand, these tests are skipped.
"""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from genkit.assemble import read_outcome
from genkit.errors import InvalidRequestError
from genkit.images import Image
from genkit.pricing import cost_of
from genkit.provider import Context, ErrorFacts, FollowUp, Outcome, ResolvedSize
from genkit.request import GenerationRequest
from genkit.retry.classify import classify
from genkit.wire import WireRequest, WireResponse
from genkit_openai.models import MODELS
from tests.providers.openai.recordings import Recording, one, replay
from tests.providers.openai.support import (
    document,
    files,
    form,
    parse_form,
    picture,
    provider,
    request,
)

ELSEWHERE = {
    "pydantic__pydantic-ai/openai_responses_gpt-5.4_image_tool.yaml": "the Responses API",
    "pydantic__pydantic-ai/openai_responses_two_turns_image_call_by_id.yaml": "the Responses API",
    "vercel__ai/openai_responses_image_tool_stream_partial.chunks.jsonl": "a stream",
    "vercel__ai/openai_stream_insufficient_quota_after_200.chunks.jsonl": "a stream",
}
"""Recordings of the service that are not this wire, and what they are."""


def test_every_recording_is_accounted_for(traffic: Path) -> None:
    """A recording that is added is either replayed here or named as another wire."""
    index = (traffic / "INDEX.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^### (\S*(?:openai_|azure)\S*)$", index, re.MULTILINE))
    assert listed == set(Recording) | set(ELSEWHERE)


# -- pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model", "tokens", "cost"),
    [
        # Input text, input image, output text, output image.
        (Recording.GENERATE, "gpt-image-1", (10, 0, 0, 4160), 10 * 5 + 4160 * 40),
        (
            Recording.EDIT_JSON,
            "gpt-image-1.5",
            (43, 388, 308, 1056),
            43 * 5 + 388 * 8 + 308 * 10 + 1056 * 32,
        ),
        (Recording.EDIT_FORM, "gpt-image-1", (43, 388, 0, 1056), 43 * 5 + 388 * 10 + 1056 * 40),
    ],
)
def test_pictures(
    traffic: Path, name: Recording, model: str, tokens: tuple[int, ...], cost: float
) -> None:
    """The picture is there, with the type and size that its bytes have, and what it cost."""
    exchange, decoded = one(traffic, name)
    assert isinstance(decoded, Outcome)
    assert (decoded.refusal, decoded.absence, decoded.notices) == (None, None, ())
    read = read_outcome(decoded, exchange.response(), alternatives=False)
    (image,) = read.images
    assert (image.media_type, image.declared_media_type) == ("image/png", "image/png")
    assert f"{image.width}x{image.height}" == "1024x1024" == decoded.metadata["size"]
    assert read.notices == ()
    for field in ("created", "background", "output_format", "quality"):
        assert decoded.metadata[field] == exchange.answered[field]
    assert decoded.request_id == exchange.headers["x-request-id"]
    usage = decoded.usage
    assert usage is not None
    assert (
        usage.input_text_tokens,
        usage.input_image_tokens,
        usage.output_text_tokens,
        usage.output_image_tokens,
    ) == tokens
    assert usage.total_tokens == sum(tokens)
    prices = MODELS[model].capabilities.prices
    assert cost_of(usage, prices) == pytest.approx(cost / 1e6)
    assert prices is not None
    assert prices.image_tokens[f"{decoded.metadata['quality']}:1024x1024"] == tokens[-1]


@pytest.mark.parametrize("name", [Recording.URL, Recording.URL_AND_PARAMETER])
def test_addresses(traffic: Path, name: Recording) -> None:
    """An address is followed as it stands in the file, without the key, and becomes the picture."""
    pointing = [(found, step) for found, step in replay(traffic, name) if found.status == 200]
    assert pointing
    for exchange, step in pointing:
        (item,) = exchange.answered["data"]
        assert isinstance(step, FollowUp)
        assert step.request == WireRequest(method="GET", url=item["url"], download=True)
        image = picture()
        fetched = WireResponse(status=200, body=image.data)
        decoded = provider().decode(fetched, request(), step)
        assert isinstance(decoded, Outcome)
        assert read_outcome(decoded, fetched, alternatives=False).images[0].data == image.data
        assert decoded.metadata["created"] == exchange.answered["created"]
        assert decoded.request_id == exchange.headers["x-request-id"]
        revised = item.get("revised_prompt")
        assert decoded.metadata.get("revised_prompts") == ([revised] if revised else None)
        assert revised is not None or name is Recording.URL_AND_PARAMETER


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "kind", "code", "field"),
    [
        (Recording.BAD_TYPE, 400, "invalid-request", "unsupported_file_mimetype", "image[0]"),
        (Recording.BAD_FILE, 400, "invalid-request", "invalid_image_file", "images[0].image_url"),
        (Recording.PARAMETER, 400, "invalid-request", "unknown_parameter", "response_format"),
        (Recording.QUOTA, 429, "quota-exhausted", "insufficient_quota", None),
        (Recording.TOO_LARGE, 429, "invalid-request", "rate_limit_exceeded", None),
        (Recording.BAD_KEY, 401, "authentication", "invalid_api_key", None),
    ],
)
def test_errors(
    traffic: Path, name: Recording, status: int, kind: str, code: str, field: str | None
) -> None:
    """Each error is known by its code, and none of them is tried again."""
    exchange, decoded = one(traffic, name)
    assert exchange.status == status
    assert isinstance(decoded, ErrorFacts)
    assert (decoded.kind, decoded.code, decoded.field) == (kind, code, field)
    assert classify(exchange.response(), decoded, provider="openai").retry == "never"


def test_a_request_that_is_too_large(traffic: Path) -> None:
    """All of the limit is there, and still it is refused for it: the headers show it."""
    _exchange, decoded = one(traffic, Recording.TOO_LARGE)
    assert decoded.details["over_limit"] == "tokens"
    assert decoded.details["rate_limits"]["tokens"] == {
        "limit": 2_000_000,
        "remaining": 1_999_998,
        "reset": 0.0,
    }


def test_an_unknown_parameter_among_good_answers(traffic: Path) -> None:
    """The same request that was good in one year is refused in another."""
    statuses = [found.status for found, _decoded in replay(traffic, Recording.URL_AND_PARAMETER)]
    assert statuses == [200, 400, 400, 200, 200]
    for _found, decoded in replay(traffic, Recording.URL_AND_PARAMETER)[1:3]:
        assert isinstance(decoded, ErrorFacts)
        assert (decoded.code, decoded.field) == ("unknown_parameter", "quality")


def test_a_failure_of_the_service(traffic: Path) -> None:
    """A failure is tried again; what followed it on another API is no picture."""
    (exchange, decoded), _other_api = replay(traffic, Recording.FAILED)
    assert isinstance(decoded, ErrorFacts)
    assert (exchange.status, decoded.kind, decoded.code) == (500, "server-error", "server_error")
    assert classify(exchange.response(), decoded, provider="openai").retry == "yes"


# -- requests ---------------------------------------------------------------------------------


def sent(fields: dict[str, Any], **more: Any) -> WireRequest:
    """Our request for what a recording asked."""
    size = None
    if "size" in fields:
        width, height = fields["size"].split("x")
        size = ResolvedSize(width=int(width), height=int(height))
    asked = GenerationRequest(fields["prompt"], model=fields["model"], **more)
    count = int(fields.get("n", 1))
    return provider().encode(asked, Context(model=fields["model"], size=size, count=count))


def test_a_generation_is_reproduced(traffic: Path) -> None:
    """A plain request is the recorded one, to the byte."""
    exchange, _decoded = one(traffic, Recording.GENERATE)
    wire = sent(exchange.document)
    assert wire.url == exchange.url
    assert wire.body is not None
    assert wire.body.to_bytes() == exchange.asked


@pytest.mark.parametrize("name", [Recording.URL, Recording.URL_AND_PARAMETER])
def test_requests_to_older_models_are_reproduced(traffic: Path, name: Recording) -> None:
    """They are the recorded ones, but for the picture that we want instead of an address."""
    for exchange, decoded in replay(traffic, name):
        if isinstance(decoded, ErrorFacts):
            continue
        # Refused by now, as the same recording shows.
        expected = {key: value for key, value in exchange.document.items() if key != "quality"}
        found = document(sent(expected))
        assert found == {"n": 1, **expected, "response_format": "b64_json"}


def test_an_edit_as_json_is_reproduced(traffic: Path) -> None:
    """Two pictures as data URLs are the recorded request, to the byte."""
    exchange, _decoded = one(traffic, Recording.EDIT_JSON)
    asked = exchange.document
    images = [
        Image.from_bytes(b64decode(reference["image_url"].partition(",")[2]))
        for reference in asked["images"]
    ]
    options = {"openai": {"edit_body": "json"}}
    wire = sent(asked, references=images, provider_options=options)
    assert wire.url == exchange.url
    assert document(wire) == asked
    assert wire.body is not None
    assert wire.body.to_bytes() == exchange.asked


def test_an_edit_as_a_form_is_reproduced(traffic: Path) -> None:
    """Two pictures in a form have the recorded names and types, beside the same fields."""
    exchange, _decoded = one(traffic, Recording.EDIT_FORM)
    theirs = parse_form(exchange.asked_type, exchange.asked)
    fields = {part.name: part.content.decode() for part in theirs if part.filename is None}
    images = [Image.from_bytes(part.content) for part in theirs if part.filename is not None]
    assert len(images) == 2
    ours = form(sent(fields, references=images))
    # Their file names are their own, and the order of fields of different names says nothing.
    assert sorted((part.name, part.content, part.media_type or "") for part in ours) == sorted(
        (part.name, part.content, part.media_type or "") for part in theirs
    )
    assert [part.content for part in files(ours)] == [image.data for image in images]


def test_a_picture_of_an_unsupported_type_is_refused_before(traffic: Path) -> None:
    """What the recorded service refused after the upload is no picture here at all."""
    exchange, _decoded = one(traffic, Recording.BAD_TYPE)
    (svg,) = [
        part.content
        for part in parse_form(exchange.asked_type, exchange.asked)
        if part.filename is not None
    ]
    with pytest.raises(InvalidRequestError, match="not a picture of a known type"):
        Image.from_bytes(svg)


def test_the_words_of_an_error(traffic: Path) -> None:
    """What the service says for people is passed on."""
    exchange, decoded = one(traffic, Recording.BAD_FILE)
    assert decoded.message == exchange.answered["error"]["message"]
