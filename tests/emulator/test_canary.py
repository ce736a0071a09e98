"""A canary key and a canary prompt go through success and every failure, and show up nowhere."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import logging
import pickle
import traceback
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genkit
from genkit.emulator import FAULTS, Emulator
from genkit.events import Event

KEY = "canary-Kq7Zr2Wv9TgXb4Lm-key"
PROMPT = "canaryprompt of a purple heron"


def spellings(secret: str) -> Iterator[str]:
    """The ways in which something may leak: as it is, in its first part, encoded."""
    yield secret
    yield secret[:15]
    yield urllib.parse.quote_plus(secret)
    for shift in range(3):
        # Base64 of a text within another one depends on where it begins; the ends vary.
        encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        yield encoded[4:-4]


class Traces:
    """Everything that a call leaves behind where people look, as one text."""

    def __init__(self) -> None:
        self.written = io.StringIO()
        self.events: list[Event] = []
        self.texts: list[str] = []
        self.frames: list[str] = []
        """Of tracebacks, our own and the libraries' frames with their variables."""

    def see(self, event: Event) -> None:
        """Observe a call."""
        self.events.append(event)

    def add(self, *values: object) -> None:
        """Keep what values print as."""
        self.texts += [f"{value!r} {value}" for value in values]

    def add_error(self, error: BaseException) -> None:
        """Keep an error with its chain, its frames' variables, and its pickle."""
        for one in chain(error):
            story = traceback.TracebackException.from_exception(one, capture_locals=True)
            # This module's own frames hold the canary on purpose.
            for frame in story.stack:
                if frame.filename != __file__:
                    self.frames.append(f"{frame.filename} {frame.name} {frame.locals}")
            self.add(one, one.args, getattr(one, "details", None), getattr(one, "attempts", None))
            if isinstance(one, genkit.GenkitError):
                self.texts.append(repr(pickle.loads(pickle.dumps(one)).__dict__))
                self.texts.append(pickle.dumps(one).decode("latin-1"))

    def everything(self) -> str:
        """All of it."""
        self.add(*self.events)
        return "\n".join([self.written.getvalue(), *self.texts])


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, its causes and contexts."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


@pytest.fixture
def traces() -> Iterator[Traces]:
    """What a test leaves behind, the logs of every library at their lowest level included."""
    kept = Traces()
    handler = logging.StreamHandler(kept.written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield kept
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def check(traces: Traces) -> None:
    """The key is nowhere; the prompt only in variables of frames, which are the caller's too."""
    text = traces.everything()
    assert "gemini" in text, "nothing was looked at"
    for where, secret in ((text, PROMPT), (text, KEY), ("\n".join(traces.frames), KEY)):
        for spelling in spellings(secret):
            assert spelling not in where, where[max(0, where.find(spelling) - 300) :][:600]


def client_of(emulator: Emulator, traces: Traces, **options: Any) -> genkit.Client:
    """A client over real HTTP."""
    return genkit.Client(
        "gemini",
        api_key=KEY,
        base_url=emulator.base_url("gemini"),
        observers=[traces.see],
        retry=genkit_policy(**options),
    )


def genkit_policy(**options: Any) -> Any:
    """A policy that fails quickly."""
    from genkit.retry import RetryPolicy

    return RetryPolicy(**{"attempts": 2, "wait": (0.0,), "timeout": 0.5, **options})


async def test_success_leaves_no_trace(traces: Traces, tmp_path: Path) -> None:
    """Generating, refining and saving show the key nowhere, and the prompt where it belongs."""
    asyncio.get_running_loop().set_debug(True)
    async with Emulator() as emulator, client_of(emulator, traces, timeout=30) as client:
        first = await client.generate(PROMPT, n=2)
        second = await client.refine(first, "bigger")
        plan = client.plan(PROMPT)
        traces.add(client, vars(client), first, second, plan, first.attempts, first.failures)
        traces.add([entry.headers for entry in emulator.ledger.requests])
        saved = second.conversation.save(tmp_path / "x.genkit-conversation")
        pickled = pickle.dumps((first, second))
        traces.texts.append(str(emulator.ledger.to_json_lines()))
        assert len(emulator.ledger.requests) == 3
    check(traces)
    # The prompt is the caller's own in what the caller keeps; the key is in neither.
    for kept in (saved.read_bytes(), pickled):
        assert PROMPT.encode() in kept
        assert not any(spelling.encode() in kept for spelling in spellings(KEY))


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_no_failure_leaves_a_trace(traces: Traces, fault: Any) -> None:
    """Every scripted fault ends in an error that shows neither key nor prompt."""
    asyncio.get_running_loop().set_debug(True)
    async with Emulator() as emulator, client_of(emulator, traces) as client:
        emulator.fail(fault, times=2)
        with pytest.raises(genkit.GenerationError) as caught:
            await client.generate(PROMPT)
        traces.add_error(caught.value)
    check(traces)


async def test_a_refused_connection_leaves_no_trace(traces: Traces) -> None:
    """Where nobody listens the error says so and nothing else."""
    async with Emulator() as emulator:
        client = client_of(emulator, traces)
    async with client:
        with pytest.raises(genkit.ConnectionFailedError) as caught:
            await client.generate(PROMPT)
    traces.add_error(caught.value)
    check(traces)


async def test_a_cancelled_call_leaves_no_trace(traces: Traces) -> None:
    """A cancellation carries no frame of the HTTP library, which holds the headers."""
    async with Emulator() as emulator, client_of(emulator, traces, timeout=30) as client:
        emulator.fail("hang")
        task = asyncio.ensure_future(client.generate(PROMPT))
        while not emulator.ledger.requests:  # noqa: ASYNC110 - the ledger has no event to wait for
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        traces.add_error(caught.value)
    check(traces)


def test_a_client_that_is_not_closed_leaves_no_trace(
    traces: Traces, recwarn: pytest.WarningsRecorder
) -> None:
    """What the interpreter says of a forgotten client holds no key."""

    async def call() -> None:
        async with Emulator() as emulator:
            await client_of(emulator, traces, timeout=30).generate(PROMPT)

    asyncio.run(call())
    gc.collect()
    traces.add(*[warning.message for warning in recwarn])
    check(traces)
