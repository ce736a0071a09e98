from __future__ import annotations

import hashlib
import json

import aiohttp

from genkit.emulator import Emulator, Entry
from tests.emulator.toy import ToyEmulation, ask


async def test_the_ledger_says_what_happened(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """An entry holds the request's facts, its body's digest, and what was answered."""
    body = b'{"prompt": "a secret banana"}'
    url = emulator.base_url("toy") + "/paint?page=2"
    async with session.post(url, data=body, headers={"Cookie": "c", "User-Agent": "test"}) as sent:
        size = len(await sent.read())
    (entry,) = emulator.ledger
    assert (entry.number, entry.method, entry.path) == (1, "POST", "/toy/v7/paint")
    assert (entry.provider, entry.model) == ("toy", "toy-1")
    assert (entry.sha256, entry.size) == (hashlib.sha256(body).hexdigest(), len(body))
    assert entry.facts == {"model": "toy-1", "count": 1}
    assert entry.document == {"prompt": "a secret banana"}
    assert entry.headers["user-agent"] == "test"
    assert entry.headers["x-api-key"] == entry.headers["cookie"] == "***"
    answer = entry.answer
    assert answer is not None
    assert (answer.status, answer.size, answer.images) == (200, size, 1)
    assert (answer.charged, answer.delivered, answer.fault) == (True, True, None)


async def test_the_ledger_shows_no_prompts(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """Neither the lines that are written to files nor a repr hold prompts or keys."""
    await ask(session, emulator.base_url("toy") + "/paint", {"prompt": "a secret banana"})
    lines = emulator.ledger.to_json_lines().decode()
    assert "banana" not in lines + repr(emulator.ledger.requests)
    assert "made-up" not in lines + repr(emulator.ledger.requests)
    (line,) = lines.splitlines()
    assert json.loads(line)["answer"]["status"] == 200
    assert json.loads(line)["model"] == "toy-1"


async def test_documents_can_be_left_out(session: aiohttp.ClientSession) -> None:
    """An emulator told so keeps no documents in memory."""
    async with Emulator([ToyEmulation()], keep_documents=False) as emulator:
        await ask(session, emulator.base_url("toy") + "/paint")
    assert emulator.ledger.requests[0].document is None


async def test_refused_requests_are_not_charged(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """An answer that the service does not charge for stands apart from those it does."""
    await ask(session, emulator.base_url("toy") + "/paint", {"no": "prompt"})
    assert [entry.answer and entry.answer.status for entry in emulator.ledger] == [400]
    assert emulator.ledger.charged == emulator.ledger.delivered == ()


async def test_clearing_the_ledger(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """A cleared ledger is empty, and numbers go on."""
    url = emulator.base_url("toy") + "/paint"
    await ask(session, url)
    emulator.ledger.clear()
    assert len(emulator.ledger) == 0
    await ask(session, url)
    assert [entry.number for entry in emulator.ledger] == [2]


async def test_answers_are_told_to_an_observer(session: aiohttp.ClientSession) -> None:
    """Whoever asks for it is given each entry once, when it is answered."""
    seen: list[Entry] = []
    async with Emulator([ToyEmulation()], on_answer=seen.append) as emulator:
        await ask(session, emulator.base_url("toy") + "/paint")
        await ask(session, emulator.url + "/nowhere")
    assert [entry.answer and entry.answer.status for entry in seen] == [200, 404]
