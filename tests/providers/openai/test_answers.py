"""What answers hold: pictures, what is kept of the rest, usage, and why there is no picture."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from genkit.assemble import read_outcome
from genkit.conversation import OpaquePart
from genkit.errors import ContentPolicyError, NoImageError
from genkit.pricing import cost_of
from genkit.provider import Absence, ErrorFacts, Outcome, Refusal, WireImage
from genkit.response import Usage
from genkit_openai.models import MODELS
from tests.providers.openai.support import MODEL, answer, outcome, picture, provider, request

PNG = "iVBORw0KGgo="

USAGE: dict[str, Any] = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 200,
    "output_tokens_details": {"text_tokens": 4, "image_tokens": 196},
    "total_tokens": 250,
}


def pictures(body: Any) -> list[WireImage]:
    """The pictures of an answer."""
    return [part for part in outcome(body).parts if isinstance(part, WireImage)]


def test_a_whole_answer() -> None:
    """Pictures in order with the type that was named, the echo, usage, and ids."""
    found = outcome(
        {
            "created": 1_787_000_000,
            "background": "opaque",
            "data": [{"b64_json": PNG}, {"b64_json": "/9j/"}],
            "output_format": "webp",
            "quality": "low",
            "size": "1536x864",
            "usage": USAGE,
        },
        {
            "x-request-id": "req_1",
            "openai-processing-ms": "18875",
            "x-ratelimit-reset-tokens": "6m",
        },
    )
    assert found.parts == (
        WireImage(data=PNG, declared_media_type="image/webp"),
        WireImage(data="/9j/", declared_media_type="image/webp"),
    )
    assert (found.refusal, found.absence, found.request_id) == (None, None, "req_1")
    assert found.metadata == {
        "created": 1_787_000_000,
        "background": "opaque",
        "output_format": "webp",
        "quality": "low",
        "size": "1536x864",
        "processing_ms": "18875",
        "rate_limits": {"tokens": {"reset": 360.0}},
    }
    assert found.usage == Usage(
        input_text_tokens=10,
        input_image_tokens=40,
        output_text_tokens=4,
        output_image_tokens=196,
        total_tokens=250,
        images=2,
        raw=USAGE,
    )


def test_several_pictures_are_answers_beside_each_other() -> None:
    """Each picture of an `n` stands in a turn of its own."""
    data = [{"b64_json": b64encode(picture(n, n).data).decode()} for n in (3, 4)]
    response = answer({"data": data})
    decoded = provider().decode(response, request(n=2), None)
    assert isinstance(decoded, Outcome)
    read = read_outcome(decoded, response, alternatives=True)
    assert [image.width for image in read.images] == [3, 4]
    assert [len(turn.parts) for turn in read.turns] == [1, 1]


def test_an_old_answer() -> None:
    """Without echo and usage there is nothing to tell of them."""
    found = outcome({"created": 1, "data": [{"b64_json": PNG}]})
    assert found.usage is None
    assert found.metadata == {"created": 1}
    assert found.parts == (WireImage(data=PNG),)


def test_revised_prompts() -> None:
    """The prompt as the service changed it is told for each picture."""
    found = outcome({"data": [{"b64_json": PNG, "revised_prompt": "better"}, {"b64_json": PNG}]})
    assert found.metadata["revised_prompts"] == ["better", None]


def test_a_long_picture_is_lifted_and_not_copied() -> None:
    """A picture stays the lifted string that it arrived as."""
    response = answer({"data": [{"b64_json": "A" * 8000}]})
    decoded = provider().decode(response, request(), None)
    assert isinstance(decoded, Outcome)
    (part,) = decoded.parts
    assert isinstance(part, WireImage)
    assert part.data is response.document["data"][0]["b64_json"]


@pytest.mark.parametrize("long", [False, True])
def test_an_address_that_holds_the_picture_itself(long: bool) -> None:
    """A data URL is read and not fetched."""
    url = "data:image/png;base64," + PNG * (1000 if long else 1)
    (found,) = pictures({"data": [{"url": url}]})
    assert found.data == url


def test_what_is_not_known_is_kept() -> None:
    """An entry without a picture stays in its place, as it came."""
    data = [{"b64_json": PNG}, {"file_id": "f"}, "odd", {"url": "ftp://x/y"}, {"b64_json": None}]
    found = outcome({"data": data})
    kept = [part.state.data for part in found.parts if isinstance(part, OpaquePart)]
    assert kept == data[1:]


def test_more_or_fewer_pictures_than_were_asked_for() -> None:
    """What came is given; counting is the core's."""
    assert len(pictures({"data": [{"b64_json": PNG}] * 3})) == 3


# -- no picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [[], None, {}, [{}], [{"revised_prompt": "x"}]])
def test_an_answer_without_pictures_is_empty(data: Any) -> None:
    """A success without a picture is none, and no error of the wire either."""
    found = outcome({"created": 1, "data": data})
    assert found.absence == Absence(cause="empty")
    with pytest.raises(NoImageError):
        read_outcome(found, answer({}), alternatives=False)


@pytest.mark.parametrize(
    ("item", "reason", "categories"),
    [
        ({"respect_moderation": False}, "respect_moderation", ()),
        (
            {
                "content_filter_results": {
                    "hate": {"filtered": False, "severity": "safe"},
                    "violence": {"filtered": True, "severity": "high"},
                }
            },
            "content_filter",
            ("violence",),
        ),
    ],
)
def test_pictures_that_were_held_back(
    item: dict[str, Any], reason: str, categories: tuple[str, ...]
) -> None:
    """Where every picture is held back by policy it is a refusal of what was made."""
    found = outcome({"data": [item, item]})
    assert found.refusal == Refusal(stage="output", reason=reason, categories=categories)
    with pytest.raises(ContentPolicyError):
        read_outcome(found, answer({}), alternatives=False)
    mixed = outcome({"data": [item, {"b64_json": PNG}]})
    assert (mixed.refusal, mixed.absence) == (None, None)
    assert [type(part) for part in mixed.parts] == [OpaquePart, WireImage]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"{}", b'{"id": "job"}'])
def test_what_is_no_answer_of_this_service(body: bytes) -> None:
    """A success of another shape is malformed, and kept by the core."""
    decoded = provider().decode(answer(body), request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "moderation_blocked", "type": "image_generation_user_error"}, "content-policy"),
        ({"type": "invalid_request_error"}, "invalid-request"),
        ({"code": "429"}, "rate-limited"),
        ({"message": "?"}, "server-error"),
        ("broken", "server-error"),
    ],
)
def test_an_error_inside_of_a_success(error: Any, kind: str) -> None:
    """Some hosts put an error into a 200; it is that error."""
    decoded = provider().decode(answer({"error": error}), request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == kind


# -- usage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "edit", "tokens"),
    [
        # Input text, input image, output text, output image.
        (USAGE, True, (10, 40, 4, 196)),
        ({"input_tokens": 10, "output_tokens": 196}, False, (10, None, None, 196)),
        # Of an edit's input, the kinds cannot be told without details.
        ({"input_tokens": 10, "output_tokens": 196}, True, (None, None, None, 196)),
        (
            {"input_tokens": 10, "input_tokens_details": {"image_tokens": 4}},
            True,
            (6, 4, None, None),
        ),
        (
            {"output_tokens": 10, "output_tokens_details": {"text_tokens": 4}},
            False,
            (None, None, 4, 6),
        ),
        ({"input_tokens": -1, "output_tokens": 2**40}, False, (None, None, None, None)),
        ({"input_tokens": "10", "output_tokens": True}, False, (None, None, None, None)),
    ],
)
def test_usage(usage: dict[str, Any], edit: bool, tokens: tuple[int | None, ...]) -> None:
    """Tokens are told apart by kind as far as the service says."""
    asked = request(references=[picture()] if edit else [])
    found = outcome({"data": [{"b64_json": PNG}], "usage": usage}, asked=asked).usage
    assert found is not None
    assert (
        found.input_text_tokens,
        found.input_image_tokens,
        found.output_text_tokens,
        found.output_image_tokens,
    ) == tokens


@pytest.mark.parametrize("usage", [None, {}, [], "x", 3])
def test_no_usage(usage: Any) -> None:
    """Where the service does not say, nothing is made up."""
    assert outcome({"data": [{"b64_json": PNG}], "usage": usage}).usage is None


def test_cost_follows_usage() -> None:
    """Tokens by kind times their prices; what has no price makes the cost unknown."""
    found = outcome({"data": [{"b64_json": PNG}], "usage": USAGE}).usage
    prices = MODELS["gpt-image-1.5"].capabilities.prices
    expected = (10 * 5 + 40 * 8 + 4 * 10 + 196 * 32) / 1e6
    assert cost_of(found, prices) == pytest.approx(expected)
    assert cost_of(found, MODELS[MODEL].capabilities.prices) is None
    plain = {**USAGE, "output_tokens": 196, "total_tokens": 246}
    plain["output_tokens_details"] = {"text_tokens": 0, "image_tokens": 196}
    found = outcome({"data": [{"b64_json": PNG}], "usage": plain}).usage
    expected = (10 * 5 + 40 * 8 + 196 * 30) / 1e6
    assert cost_of(found, MODELS[MODEL].capabilities.prices) == pytest.approx(expected)


def test_cost_is_not_known_where_the_kinds_are_not() -> None:
    """An edit's input without details could be either kind, at different prices."""
    usage = {"input_tokens": 50, "output_tokens": 196, "total_tokens": 246}
    asked = request(references=[picture()])
    found = outcome({"data": [{"b64_json": PNG}], "usage": usage}, asked=asked).usage
    assert cost_of(found, MODELS[MODEL].capabilities.prices) is None
