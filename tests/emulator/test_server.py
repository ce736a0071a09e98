from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from genkit.emulator import Emulator
from genkit.emulator import exchange as exchange_module
from tests.emulator.toy import ToyEmulation, ask

# -- where it is ------------------------------------------------------------------------------


async def test_services_stand_under_their_name_and_at_the_root(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """A service answers below its own name, and at the root by its paths."""
    assert emulator.base_url("toy") == f"{emulator.url}/toy/v7"
    assert await ask(session, emulator.base_url("toy") + "/paint") == (
        200,
        {"count": 1, "path": "/v7/paint", "padding": ""},
    )
    status, answer = await ask(session, emulator.url + "/v7/paint")
    assert (status, answer["count"]) == (200, 2)


async def test_two_services_keep_apart(session: aiohttp.ClientSession) -> None:
    """Each service remembers its own past, and the first that knows a path has it at the root."""
    first, second = ToyEmulation(), ToyEmulation(name="other")
    async with Emulator([first, second]) as emulator:
        assert emulator.providers == ("toy", "other")
        await ask(session, emulator.base_url("toy") + "/paint")
        _, answer = await ask(session, emulator.base_url("other") + "/paint")
        assert answer["count"] == 1
        _, answer = await ask(session, emulator.url + "/v7/paint")
        assert answer["count"] == 2
    assert [entry.provider for entry in emulator.ledger.requests] == ["toy", "other", "toy"]


async def test_unknown_paths(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """A path of no service is answered with 404 and noted."""
    status, answer = await ask(session, emulator.url + "/v1/images")
    assert (status, answer["error"]["code"]) == (404, 404)
    assert emulator.ledger.requests[-1].refused == "unknown-path"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no loopback address")
async def test_only_loopback(emulator: Emulator) -> None:
    """The server listens on 127.0.0.1 and on nothing else."""
    assert emulator.url == f"http://127.0.0.1:{emulator.port}"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", emulator.port)


async def test_a_chosen_port(emulator: Emulator) -> None:
    """A port that is taken is said, and leaves nothing behind."""
    taken = Emulator([ToyEmulation()], port=emulator.port)
    with pytest.raises(OSError, match="address already in use"):
        await taken.__aenter__()


def test_two_services_of_one_name() -> None:
    """Two services of one name are refused."""
    with pytest.raises(ValueError, match="'toy'"):
        Emulator([ToyEmulation(), ToyEmulation()])


async def test_base_url_of_an_unknown_service(emulator: Emulator) -> None:
    """A service that is not emulated is refused by name, with those that are."""
    with pytest.raises(ValueError, match="'cat' is not emulated; there are: toy"):
        emulator.base_url("cat")


async def test_an_emulator_runs_once(emulator: Emulator) -> None:
    """Entering a second time is refused."""
    with pytest.raises(RuntimeError, match="make another one"):
        await emulator.__aenter__()


# -- who may ask ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Host": "evil.example"}, "host"),
        ({"Host": "127.0.0.1:1"}, "host"),
        ({"Origin": "https://evil.example"}, "origin"),
        ({"Origin": "null"}, "origin"),
    ],
)
async def test_strangers_are_refused(
    emulator: Emulator, session: aiohttp.ClientSession, headers: dict[str, str], reason: str
) -> None:
    """Another site's name or page is refused, and its body is not read."""
    status, _ = await ask(session, emulator.base_url("toy") + "/paint", headers=headers)
    entry = emulator.ledger.requests[-1]
    assert (status, entry.refused, entry.size) == (403, reason, 0)
    assert emulator.ledger.charged == ()


async def test_localhost_is_known(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """The name localhost and a page of the emulator itself are let in."""
    url = f"http://localhost:{emulator.port}/toy/v7/paint"
    origin = {"Origin": f"http://localhost:{emulator.port}"}
    assert (await ask(session, url, headers=origin))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-goog-api-key": "AIza" + "B" * 35},
        {"authorization": "Bearer sk-proj-" + "c" * 40},
        {"authorization": "Bearer ya29." + "d" * 60},
    ],
)
async def test_real_looking_keys_are_refused(
    emulator: Emulator, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """A key that looks real is refused in the service's words, and is kept nowhere."""
    url = emulator.base_url("toy") + "/paint"
    async with session.post(url, json={"prompt": "x"}, headers=headers) as response:
        text = await response.text()
        assert response.status == 403
    entry = emulator.ledger.requests[-1]
    assert json.loads(text)["kind"] == "permission-denied"
    assert "does not belong here" in text
    (key,) = headers.values()
    secret = key.split()[-1]
    assert secret not in text + repr(entry) + repr(dict(entry.headers))
    assert secret.encode() not in emulator.ledger.to_json_lines()
    assert (entry.refused, emulator.ledger.charged) == ("real-key", ())


async def test_real_looking_keys_in_the_query(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """A real-looking key in the query is refused too, whatever the path."""
    key = "AIza" + "B" * 35
    status, answer = await ask(session, f"{emulator.url}/nowhere?key={key}")
    assert (status, key in str(answer)) == (403, False)
    assert key not in repr(emulator.ledger.requests)


async def test_bodies_over_the_cap(
    emulator: Emulator, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body over the cap is refused with 413, whether its length is announced or not."""
    monkeypatch.setattr(exchange_module, "MAX_BODY_BYTES", 100)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 101

    url = emulator.base_url("toy") + "/paint"
    for data in (b"x" * 101, chunks()):
        async with session.post(url, data=data) as response:
            assert response.status == 413
        assert emulator.ledger.requests[-1].refused == "too-large"


async def test_bodies_that_stop(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not come within its time is answered with 408."""
    monkeypatch.setattr(exchange_module, "BODY_SECONDS", 0.02)
    reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
    writer.write(
        f"POST /toy/v7/paint HTTP/1.1\r\nHost: 127.0.0.1:{emulator.port}\r\n"
        "Content-Length: 10\r\n\r\nabc".encode()
    )
    assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert emulator.ledger.requests[-1].refused == "incomplete"


# -- what it answers --------------------------------------------------------------------------


@pytest.mark.parametrize("document", ["raise", "stream"])
async def test_broken_emulations(
    emulator: Emulator,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    document: str,
) -> None:
    """An emulation that raises gives 500 without a traceback, and no prompt comes into the log."""
    asyncio.get_running_loop().set_debug(True)
    with caplog.at_level(logging.DEBUG):
        status, answer = await ask(session, emulator.base_url("toy") + "/paint", document)
    assert status == 500
    assert "Traceback" not in str(answer)
    assert "secret" not in str(answer) + caplog.text
    assert [record.name for record in caplog.records if record.levelno >= logging.ERROR] == [
        "genkit.emulator"
    ]


async def test_large_answers_come_whole(session: aiohttp.ClientSession) -> None:
    """An answer of several megabytes arrives whole, and the ledger knows before the client does."""
    async with Emulator([ToyEmulation(size=3_000_000)]) as emulator:
        _, answer = await ask(session, emulator.base_url("toy") + "/paint")
        (entry,) = emulator.ledger.delivered
    assert len(answer["padding"]) == 3_000_000
    assert entry.answer is not None
    assert entry.answer.size > 3_000_000


async def test_concurrent_requests_are_counted_one_by_one(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    """Requests at the same time each get an answer of their own."""
    url = emulator.base_url("toy") + "/paint"
    answers = await asyncio.gather(*(ask(session, url) for _ in range(20)))
    assert sorted(answer["count"] for _, answer in answers) == list(range(1, 21))
    assert len(emulator.ledger.charged) == 20


async def test_the_painter_is_handed_in(session: aiohttp.ClientSession) -> None:
    """What an emulation draws is painted."""
    async with (
        Emulator([ToyEmulation(draws=True)]) as emulator,
        session.post(emulator.base_url("toy") + "/paint", json={"prompt": "x"}) as response,
    ):
        assert int(response.headers["X-Toy"]) > 50
