from __future__ import annotations

import asyncio
import gc
from typing import Any

import aiohttp
import attrs
import pytest

from genkit.emulation import Answer, Draw, EmulatedRequest, Store
from genkit.emulator import Emulator, Fault
from tests.emulator.toy import ToyEmulation, ask


async def test_faults_fall_in_order(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """Faults fall on the next paid requests in the order asked for, each as often as asked."""
    emulator.fail("rate-limited", retry_after=7, times=2)
    emulator.fail(Fault("overloaded"))
    url = emulator.base_url("toy") + "/paint"
    async with session.post(url, json={"prompt": "x"}) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
        assert (await response.json())["model"] == "toy-1"
    statuses = [(await ask(session, url))[0] for _ in range(3)]
    assert statuses == [429, 503, 200]
    assert emulator.faults == ()
    assert [entry.answer and entry.answer.fault for entry in emulator.ledger] == [
        "rate-limited",
        "rate-limited",
        "overloaded",
        None,
    ]
    assert len(emulator.ledger.charged) == 1


async def test_only_paid_requests_use_faults_up(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """A request that costs nothing leaves the faults for the next that does."""
    emulator.fail("server-error")
    url = emulator.base_url("toy") + "/paint"
    assert (await ask(session, url, {"no": "prompt"}))[0] == 400
    assert len(emulator.faults) == 1
    assert (await ask(session, url))[0] == 500


async def test_faults_of_one_path(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """A fault for a path waits for a request to there, and falls on one that costs nothing too."""
    emulator.fail("overloaded", path="/list")
    url = emulator.base_url("toy")
    assert (await ask(session, f"{url}/paint"))[0] == 200
    assert (await ask(session, f"{url}/list", {"no": "prompt"}))[0] == 503
    assert emulator.faults == ()


async def test_faults_of_one_provider(session: aiohttp.ClientSession) -> None:
    """A fault for one provider leaves the others alone."""
    async with Emulator([ToyEmulation(), ToyEmulation(name="other")]) as emulator:
        emulator.fail("authentication", provider="other")
        assert (await ask(session, emulator.base_url("toy") + "/paint"))[0] == 200
        assert (await ask(session, emulator.base_url("other") + "/paint"))[0] == 401
        with pytest.raises(ValueError, match="'cat' is not emulated"):
            emulator.fail("hang", provider="cat")


@pytest.mark.parametrize(
    ("name", "said", "charged"),
    [
        ("block", {"kind": "content-policy", "stage": "prompt"}, False),
        ("block-output", {"kind": "content-policy", "stage": "output"}, True),
        ("block-one", {"kind": "content-policy", "stage": "output"}, True),
        ("no-image", {"absence": "other"}, True),
    ],
)
async def test_refusals_and_absences(
    emulator: Emulator,
    session: aiohttp.ClientSession,
    name: Any,
    said: dict[str, Any],
    charged: bool,
) -> None:
    """A block or an empty answer is said in the service's words, and charged where it would be."""
    emulator.fail(name)
    status, answer = await ask(session, emulator.base_url("toy") + "/paint")
    assert status == 200
    assert said.items() <= answer.items()
    assert bool(emulator.ledger.charged) == charged
    assert emulator.ledger.delivered == ()


class SeveralEmulation(ToyEmulation):
    """Answers with two pictures, of which it can hold one back."""

    def answer(self, request: EmulatedRequest, store: Store, draw: Draw) -> tuple[Answer, Store]:
        """As the other, with two."""
        answer, store = super().answer(request, store, draw)
        return attrs.evolve(answer, images=2), store

    def hold_back(self, answer: Answer) -> Answer:
        """Say that one was held back."""
        return attrs.evolve(answer, images=1, body={**answer.body, "held": 1})


async def test_one_of_several_is_held_back(session: aiohttp.ClientSession) -> None:
    """Of an answer with several pictures the others are given, and what was made is charged."""
    async with Emulator([SeveralEmulation()]) as emulator:
        emulator.fail("block-one")
        status, answer = await ask(session, emulator.base_url("toy") + "/paint")
        assert (status, answer["held"]) == (200, 1)
        (entry,) = emulator.ledger.charged
        assert entry.answer is not None
        assert (entry.answer.images, entry.answer.fault) == (1, "block-one")


async def test_cut(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """A cut body ends in its middle with the connection, is charged and not delivered."""
    emulator.fail("cut")
    async with session.post(emulator.base_url("toy") + "/p", json={"prompt": "x"}) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    (entry,) = emulator.ledger.charged
    assert entry.answer is not None
    assert (entry.answer.fault, entry.answer.delivered) == ("cut", False)


async def test_hang(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """A request that hangs gets nothing while the emulator lives, is charged and not delivered."""
    emulator.fail("hang")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await ask(session, emulator.base_url("toy") + "/paint")
    (entry,) = emulator.ledger.charged
    assert entry.answer is not None
    assert (entry.answer.status, entry.answer.fault) == (None, "hang")
    assert emulator.ledger.delivered == ()
    assert (await ask(session, emulator.base_url("toy") + "/paint"))[0] == 200


async def test_ending_while_a_request_hangs(session: aiohttp.ClientSession) -> None:
    """The end of the emulator ends what hangs, at once and without a warning."""
    reached = asyncio.Event()
    async with Emulator([ToyEmulation()], on_answer=lambda _entry: reached.set()) as emulator:
        emulator.fail("hang")
        hanging = asyncio.create_task(ask(session, emulator.base_url("toy") + "/paint"))
        await reached.wait()
        before = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - before < 1
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await hanging
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
