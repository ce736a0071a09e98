"""A conversation that changes its provider on the way, there and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import genkit
from genkit.conversation import Conversation, ProviderState
from genkit.emulator import Emulator
from tests.swap.conftest import Configure, needs


@pytest.fixture(params=["openai", "bfl"])
def other(request: pytest.FixtureRequest) -> str:
    """A provider that goes on with what Gemini began."""
    return needs(request.param)


def states(conversation: Conversation) -> Iterator[ProviderState]:
    """Give every opaque state of a conversation."""
    for turn in conversation.turns:
        found = [turn.state, *(part.state for part in turn.parts)]
        yield from (state for state in found if state is not None)


def sent(emulator: Emulator, provider: str) -> list[str]:
    """Give every body that was sent to a provider, as text."""
    return [
        json.dumps(entry.document)
        for entry in emulator.ledger
        if entry.provider == provider and entry.method == "POST"
    ]


def signatures(conversation: Conversation) -> set[str]:
    """Give the signatures that stand in a conversation, as they stand on the wire."""
    found = set()
    for state in states(conversation):
        data: Any = state.data
        if isinstance(data, dict) and "thoughtSignature" in data:
            value = data["thoughtSignature"]
            found.add(value if isinstance(value, str) else value.text)
    return found


async def test_there_and_back(other: str, configure: Configure, emulator: Emulator) -> None:
    """Begun on Gemini, gone on with elsewhere and back: nothing foreign is sent, all is said."""
    config = configure("gemini")
    async with genkit.Client(config=config) as gemini, genkit.Client(other, config=config) as away:
        begun = await gemini.generate("A fox in the snow", seed=7)
        gone = await away.refine(begun, "Let it be night")
        back = await gemini.refine(gone, "Add a lantern")

    assert [response.provider for response in (begun, gone, back)] == ["gemini", other, "gemini"]
    assert len({response.images[0].sha256 for response in (begun, gone, back)}) == 3

    # Away: Gemini's signatures are in the conversation, and on no wire but its own.
    own = signatures(begun.conversation)
    assert own
    (body,) = sent(emulator, other)
    assert not [signature for signature in own if signature in body]
    assert "thoughtSignature" not in body
    assert "conversation-flattened" in [notice.code for notice in gone.notices]

    # Back: what was said elsewhere is there, as the user's own words and pictures.
    _first, last = sent(emulator, "gemini")
    assert "A fox in the snow" in last
    assert "Let it be night" in last
    assert "Add a lantern" in last
    assert "history-resent-as-user" in [notice.code for notice in back.notices]
    assert {state.provider for state in states(back.conversation)} == {"gemini"}


async def test_what_was_signed_goes_back_signed(
    other: str, configure: Configure, emulator: Emulator
) -> None:
    """The first provider is given its own signatures again after a while elsewhere."""
    config = configure("gemini")
    async with genkit.Client(config=config) as gemini, genkit.Client(other, config=config) as away:
        begun = await gemini.generate("A fox in the snow")
        gone = await away.refine(begun, "Let it be night")
        await gemini.refine(gone, "Add a lantern")
    last = sent(emulator, "gemini")[-1]
    for signature in signatures(begun.conversation):
        assert signature in last


async def test_begun_elsewhere(other: str, configure: Configure, emulator: Emulator) -> None:
    """What another provider made goes on on Gemini, saved and loaded in between."""
    config = configure(other)
    async with (
        genkit.Client(config=config) as away,
        genkit.Client("gemini", config=config) as gemini,
    ):
        begun = await away.generate("A fox in the snow")
        kept = Conversation.from_bytes(begun.conversation.to_body().to_bytes())
        gone = await gemini.generate("Let it be night", conversation=kept)
    assert "history-resent-as-user" in [notice.code for notice in gone.notices]
    (body,) = sent(emulator, "gemini")
    assert "A fox in the snow" in body
    assert gone.conversation.turns[:2] == kept.turns
