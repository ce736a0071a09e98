"""Answers that the live services really gave, through the codec.

The recordings stand outside of the project and none of them is copied into it; where they are not
at hand, these tests are skipped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from genkit.assemble import read_outcome
from genkit.conversation import Conversation, OpaquePart, TextPart
from genkit.lifted import text_of
from genkit.provider import Absence, Context, ErrorFacts, Outcome, Refusal
from tests.providers.gemini.recordings import Exchange, Recording, one, replay, turn_of
from tests.providers.gemini.support import document, provider, request

ELSEWHERE = {
    "pydantic__pydantic-ai/gemini_stream_sse_thought_signature.yaml": "a stream",
    "simonw__llm-gemini/gemini-3_stream_tool_thought_signatures.yaml": "a stream",
    "crmne__ruby_llm/imagen-4_predict_one.yml": "`:predict`, a wire that is shut down",
    "crmne__ruby_llm/imagen-4_predict_two.yml": "`:predict`, a wire that is shut down",
    "vercel__ai/gemini_interactions_multi-turn-stateful-turn1.json": "the Interactions API",
}
"""Recordings of Google's services that are not this wire, and what they are. Of `Recording.MIXED`
too, what is a stream, embeddings or Interactions is left out."""


def raw_parts(exchange: Exchange) -> list[dict[str, Any]]:
    """The parts of an answer as they stand in the file."""
    parts: list[dict[str, Any]] = exchange.answered["candidates"][0]["content"]["parts"]
    return parts


# -- every recording has its place ------------------------------------------------------------


def test_every_recording_is_accounted_for(traffic: Path) -> None:
    """A recording of Google's that is added is either replayed here or named as another wire."""
    index = (traffic / "INDEX.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^### (\S*(?:gemini|vertex|imagen)\S*)$", index, re.MULTILINE))
    assert listed == set(Recording) | set(ELSEWHERE)


# -- pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "media_type", "size", "has_text"),
    [
        (Recording.LITE, "image/jpeg", (1408, 768), False),
        (Recording.STORY, "image/jpeg", (1408, 768), True),
        (Recording.SEARCH, "image/jpeg", (1408, 768), False),
        (Recording.TWO_ASKED, "image/png", (1024, 1024), True),
    ],
)
def test_pictures(
    traffic: Path, name: Recording, media_type: str, size: tuple[int, int], has_text: bool
) -> None:
    """The picture is there, with the type and size that its bytes have."""
    exchange, decoded = one(traffic, name)
    assert isinstance(decoded, Outcome)
    assert decoded.refusal is None
    assert decoded.absence is None
    assert decoded.notices == ()
    read = read_outcome(decoded, exchange.response(), alternatives=False)
    (image,) = read.images
    assert (image.media_type, image.declared_media_type) == (media_type, media_type)
    assert (image.width, image.height) == size
    assert (read.text is not None) is has_text
    assert decoded.model_version == exchange.model
    assert decoded.request_id == exchange.answered["responseId"]
    assert decoded.metadata["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("name", "signed"),
    [(Recording.LITE, 1), (Recording.STORY, 2), (Recording.SEARCH, 1), (Recording.TWO_ASKED, 0)],
)
def test_signatures_to_the_character(traffic: Path, name: Recording, signed: int) -> None:
    """Each part keeps its own signature, exactly as it stands in the file."""
    exchange, decoded = one(traffic, name)
    expected = [part.get("thoughtSignature") for part in raw_parts(exchange)]
    found = [
        text_of(part.state.data["thoughtSignature"]) if part.state is not None else None
        for part in decoded.parts
    ]
    assert found == expected
    assert sum(signature is not None for signature in found) == signed
    if signed:
        # These are the ones that grow to megabytes.
        assert min(map(len, filter(None, found))) > 1_000_000


@pytest.mark.parametrize(
    "name",
    [
        Recording.LITE,
        Recording.STORY,
        Recording.SEARCH,
        Recording.TWO_ASKED,
        Recording.TOOLS,
        Recording.TOOL_IMAGE,
        Recording.VERTEX,
        Recording.MIXED,
    ],
)
def test_answers_go_back_as_they_came(traffic: Path, name: Recording) -> None:
    """An answer that is continued stands in the next request as it stands in the file."""
    for exchange, decoded in replay(traffic, name):
        if isinstance(decoded, ErrorFacts):
            continue
        turn = turn_of(exchange, decoded)
        wire = provider().encode(
            request("go on"),
            Context(model=exchange.model, conversation=Conversation((turn,))),
        )
        contents = document(wire)["contents"]
        assert contents[0] == exchange.answered["candidates"][0]["content"]
        assert wire.notices == ()


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        # Input text, output text, output image, total.
        (Recording.LITE, (5, 398, 1120, 1523)),
        (Recording.STORY, (14, 337, 1120, 1471)),
        (Recording.SEARCH, (33, 1189, 1120, 2342)),
        (Recording.TWO_ASKED, (10, 13, 1290, 1313)),
    ],
)
def test_usage(traffic: Path, name: Recording, tokens: tuple[int, ...]) -> None:
    """Tokens are told apart by kind although the details do not add up; nothing is lost."""
    _exchange, decoded = one(traffic, name)
    usage = decoded.usage
    assert usage is not None
    assert (
        usage.input_text_tokens,
        usage.output_text_tokens,
        usage.output_image_tokens,
        usage.total_tokens,
    ) == tokens
    assert sum(tokens[:3]) == tokens[3]
    assert usage.images == 1


def test_service_tier(traffic: Path) -> None:
    """The tier stands in the usage and in a header."""
    _exchange, decoded = one(traffic, Recording.LITE)
    assert decoded.metadata["serviceTier"] == "standard"


def test_grounding(traffic: Path) -> None:
    """What a search found is in the metadata, without its long markup."""
    exchange, decoded = one(traffic, Recording.SEARCH)
    grounding = decoded.metadata["groundingMetadata"]
    raw = exchange.answered["candidates"][0]["groundingMetadata"]
    assert grounding["webSearchQueries"] == raw["webSearchQueries"]
    assert grounding["groundingChunks"] == raw["groundingChunks"]
    assert len(json.dumps(dict(decoded.metadata))) < 4096


# -- answers without pictures -----------------------------------------------------------------


def test_block_with_empty_content(traffic: Path) -> None:
    """A candidate that was held back is a refusal of the output, with the category."""
    _exchange, decoded = one(traffic, Recording.SAFETY)
    assert decoded.refusal == Refusal(
        stage="output", reason="SAFETY", categories=("HARM_CATEGORY_HATE_SPEECH",)
    )
    assert decoded.usage.input_text_tokens == 14


def test_token_limit_without_parts(traffic: Path) -> None:
    """An answer that hit its limit has no picture because of the limit."""
    _exchange, decoded = one(traffic, Recording.LIMIT)
    assert decoded.parts == ()
    assert decoded.absence == Absence(cause="limit", reason="MAX_TOKENS")
    assert decoded.usage.output_text_tokens == 2


def test_tool_calls_are_kept_as_they_are(traffic: Path) -> None:
    """Calls of tools, which we have no word for, are kept whole; a finish message is no error."""
    for name, calls, last in (
        (Recording.TOOLS, 3, 1),
        (Recording.TOOL_IMAGE, 1, 1),
        (Recording.VERTEX, 2, 0),
    ):
        decoded = [
            found for _exchange, found in replay(traffic, name) if isinstance(found, Outcome)
        ]
        assert [type(found.parts[0]) for found in decoded] == [OpaquePart] * calls + [
            TextPart
        ] * last
        assert all(found.refusal is None for found in decoded)
        for found in decoded[:calls]:
            assert found.absence is not None
            assert found.absence.cause == "empty"


def test_chat_answers_of_a_mixed_recording(traffic: Path) -> None:
    """Short answers of a chat model: words or calls, no picture, the limit where it was hit."""
    found = [decoded for _exchange, decoded in replay(traffic, Recording.MIXED)]
    assert len(found) == 7
    causes = [decoded.absence.cause for decoded in found if isinstance(decoded, Outcome)]  # type: ignore[union-attr]
    assert causes == ["limit"] * 5 + ["empty"] * 2


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [Recording.BAD_KEY, Recording.BAD_KEY_STREAM])
def test_wrong_key(traffic: Path, name: Recording) -> None:
    """A wrong key is 400, under whatever content type, and known by its reason."""
    exchange, decoded = one(traffic, name)
    assert exchange.status == 400
    assert (decoded.kind, decoded.code) == ("authentication", "INVALID_ARGUMENT")
    assert decoded.details == {"reason": "API_KEY_INVALID"}


def test_unknown_model(traffic: Path) -> None:
    """An unknown model is one, by the canonical code."""
    _exchange, decoded = one(traffic, Recording.NOT_FOUND)
    assert (decoded.kind, decoded.code) == ("model-not-found", "NOT_FOUND")


def test_rate_limit(traffic: Path) -> None:
    """The delay and the quota stand in the body; no header speaks of them."""
    exchange, decoded = one(traffic, Recording.QUOTA)
    assert "retry-after" not in {name.lower() for name in exchange.headers}
    assert (decoded.kind, decoded.retry_after) == ("rate-limited", 48.0)
    assert decoded.details["quota_id"] == "GenerateContentPaidTierInputTokensPerModelPerMinute"
    assert decoded.details["quota_value"] == "1000000"


def test_rate_limit_with_a_fraction(traffic: Path) -> None:
    """A delay may have a fraction."""
    _exchange, decoded = one(traffic, Recording.QUOTA_TRIMMED)
    assert (decoded.kind, decoded.retry_after) == ("rate-limited", 34.4)
    assert decoded.details == {"quota_id": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}


def test_wrong_request_on_vertex(traffic: Path) -> None:
    """Vertex refuses a file that it cannot fetch as a wrong request."""
    *_, (exchange, decoded) = replay(traffic, Recording.VERTEX)
    assert exchange.status == 400
    assert isinstance(decoded, ErrorFacts)
    assert (decoded.kind, decoded.code) == ("invalid-request", "INVALID_ARGUMENT")
