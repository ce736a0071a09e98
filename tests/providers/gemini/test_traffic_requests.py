"""Requests that others really made to the live services, made by us.

They come from other clients, many of chat models, so they hold things that our contract has no word
for: each test says which. Where the recordings are not at hand, the tests are skipped.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from genkit.conversation import Conversation, OpaquePart, ProviderState, TextPart, Turn
from genkit.provider import Context, Outcome
from genkit_gemini.reading import camel
from tests.providers.gemini.recordings import Exchange, Recording, exchanges, one, replay, turn_of
from tests.providers.gemini.support import document, provider, request

CHAT_ONLY = {"toolConfig"}
"""Parts of recorded requests that our contract has no word for."""


def sent(exchange: Exchange, conversation: Conversation, prompt: str, **options: Any) -> Any:
    """Our request for what a recording asked; it names no safety settings, as they did not."""
    asked = request(prompt, provider_options={"gemini": {"safety_settings": [], **options}})
    base_url = exchange.url.rpartition("/models/")[0]
    wire = provider(base_url=base_url).encode(
        asked, Context(model=exchange.model, conversation=conversation)
    )
    assert wire.url == exchange.url
    return document(wire)


@pytest.mark.parametrize("name", [Recording.LITE, Recording.STORY])
def test_picture_requests_are_reproduced(traffic: Path, name: Recording) -> None:
    """A plain request for a picture is the recorded one, whole."""
    exchange, _decoded = one(traffic, name)
    prompt = exchange.asked["contents"][0]["parts"][0]["text"]
    assert sent(exchange, Conversation(), prompt) == exchange.asked


def test_a_request_with_search_is_reproduced(traffic: Path) -> None:
    """With the search tool it is the recorded one, but for how calls of tools are to be made."""
    exchange, _decoded = one(traffic, Recording.SEARCH)
    prompt = exchange.asked["contents"][0]["parts"][0]["text"]
    expected = {key: value for key, value in exchange.asked.items() if key not in CHAT_ONLY}
    assert set(exchange.asked) - set(expected) == {"toolConfig"}
    assert sent(exchange, Conversation(), prompt, google_search=True) == expected


@pytest.mark.parametrize(
    ("name", "options"),
    [
        # What is asked for besides text and a picture, ours is always: recorded without modalities.
        (Recording.TWO_ASKED, {}),
        (Recording.BAD_KEY, {}),
        (Recording.NOT_FOUND, {}),
        (
            Recording.SAFETY,
            {
                "safety_settings": [
                    {"category": "hate_speech", "threshold": "BLOCK_LOW_AND_ABOVE"}
                ],
                "system_instruction": "You hate the world!",
            },
        ),
        (
            Recording.LIMIT,
            {"max_output_tokens": 5, "system_instruction": "You are a helpful chatbot."},
        ),
    ],
)
def test_requests_for_text_are_reproduced_but_for_modalities(
    traffic: Path, name: Recording, options: dict[str, Any]
) -> None:
    """A request for text alone cannot be made here; all else of it is the recorded one."""
    exchange, _decoded = one(traffic, name)
    expected = json.loads(json.dumps(exchange.asked))
    expected["generationConfig"]["responseModalities"] = ["TEXT", "IMAGE"]
    # One SDK gives the instruction a role; it has no meaning there.
    expected.get("systemInstruction", {}).pop("role", None)
    prompt = expected["contents"][0]["parts"][0]["text"]
    assert sent(exchange, Conversation(), prompt, **options) == expected


def test_a_chat_is_reproduced(traffic: Path) -> None:
    """Turns of plain text stand in the request as a chat's do, with the recorded settings."""
    exchange = replay(traffic, Recording.MIXED)[2][0]
    *before, last = exchange.asked["contents"]
    conversation = Conversation(
        tuple(Turn(turn["role"], (TextPart(turn["parts"][0]["text"]),)) for turn in before)
    )
    config = exchange.asked["generationConfig"]
    made = sent(
        exchange,
        conversation,
        last["parts"][0]["text"],
        temperature=config["temperature"],
        max_output_tokens=config["maxOutputTokens"],
    )
    assert made["contents"] == exchange.asked["contents"]
    assert config.items() <= made["generationConfig"].items()


@pytest.mark.parametrize("name", [Recording.TOOLS, Recording.TOOL_IMAGE, Recording.VERTEX])
def test_chats_with_tools_echo_their_signatures(traffic: Path, name: Recording) -> None:
    """What the recorded clients echoed of an answer is in what we echo, signature included.

    Declared functions, their answers, and the ids that clients gave to calls cannot be expressed.
    One client writes the signatures in the URL-safe alphabet, which stands for the same bytes.
    """
    steps = replay(traffic, name)
    for (exchange, decoded), (following, _next) in itertools.pairwise(steps):
        assert isinstance(decoded, Outcome)
        turn = turn_of(exchange, decoded)
        contents = sent(exchange, Conversation((turn,)), "x")["contents"]
        (ours,) = contents[0]["parts"]
        (theirs,) = following.asked["contents"][-2]["parts"]
        theirs = {camel(key): value for key, value in theirs.items()}
        signature = theirs["thoughtSignature"].replace("-", "+").replace("_", "/")
        assert ours["thoughtSignature"] == signature
        call = {key: value for key, value in theirs["functionCall"].items() if key != "id"}
        assert {key: ours["functionCall"][key] for key in call} == call


def test_recorded_turns_are_written_as_they_were_read(traffic: Path) -> None:
    """Even turns of parts that we have no word for come through a conversation unchanged."""
    *_, exchange = exchanges(traffic / Recording.TOOLS)
    state = ProviderState("gemini", exchange.model, None)
    turns = tuple(
        Turn(
            content["role"],
            tuple(
                OpaquePart(ProviderState(state.provider, state.model, part))
                for part in content["parts"]
            ),
        )
        for content in exchange.asked["contents"]
    )
    assert sent(exchange, Conversation(turns), "x")["contents"][:-1] == exchange.asked["contents"]
