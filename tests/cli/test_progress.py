from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from genkit.cli import progress as room
from genkit.cli.interruption import Interrupted
from genkit.cli.progress import Progress, showing
from genkit.cli.screen import Screen
from genkit.errors import Charge
from genkit.events import (
    AttemptEnd,
    AttemptStart,
    CallStart,
    GiveUp,
    RetryScheduled,
)
from genkit.response import Attempt
from genkit.testing.clock import run_virtual


@attrs.define
class Watched:
    """A progress whose lines are kept and whose clock is turned by hand."""

    lines: list[str] = attrs.field(factory=list)
    now: float = 100.0

    def progress(self, **options: Any) -> Progress:
        """Return one that speaks to here."""
        return Progress(say=self.lines.append, clock=lambda: self.now, **options)


CALL: Any = {"generation_id": "g", "provider": "p", "model": "m"}


def attempt(number: int = 1, slot: int = 0, **facts: Any) -> AttemptEnd:
    """The end of an attempt."""
    made = Attempt(number=number, provider="p", model="m", slot=slot, **facts)
    return AttemptEnd(attempt=made, slot=slot, **CALL)


def test_a_retry_is_told_in_plain_words() -> None:
    """Attempts, the reason of a retry, its wait and the answer are said, one line each."""
    watched = Watched()
    progress = watched.progress()
    progress(CallStart(**CALL))
    progress(AttemptStart(number=1, limit=3, **CALL))
    progress(attempt(outcome="RateLimitError", status=429, code="RESOURCE_EXHAUSTED", latency=0.2))
    progress(
        RetryScheduled(number=2, limit=3, delay=2.1, reason="RateLimitError", hinted=True, **CALL)
    )
    progress(AttemptStart(number=2, limit=3, **CALL))
    progress(attempt(2, status=200, latency=6.25))
    assert watched.lines == [
        "attempt 1 of 3",
        "rate limited (429 RESOURCE_EXHAUSTED), as the service asks:"
        " waiting 2.1 s before attempt 2 of 3",
        "attempt 2 of 3",
        "answered after 6.2 s",
    ]


def test_the_line_of_the_moment() -> None:
    """The changing line shows the attempt, the wait that is left, why, and the time elapsed."""
    watched = Watched()
    progress = watched.progress(brief=True)
    assert progress.line() == "preparing"
    progress(CallStart(**CALL))
    progress(AttemptStart(number=1, limit=3, **CALL))
    watched.now += 12.34
    assert progress.line() == "attempt 1 of 3 · 12.3 s"
    progress(attempt(outcome="OverloadedError", status=503, code="UNAVAILABLE"))
    progress(RetryScheduled(number=2, limit=3, delay=4, reason="OverloadedError", **CALL))
    watched.now += 1
    assert progress.line() == (
        "the service is overloaded (503 UNAVAILABLE): attempt 2 of 3 in 3.0 s · 13.3 s"
    )
    watched.now += 100
    assert progress.line().endswith("attempt 2 of 3 in 0.0 s · 1 min 53 s")
    progress(GiveUp(reason="OverloadedError", **CALL))
    assert progress.line().startswith("finishing")
    assert watched.lines == [
        "the service is overloaded (503 UNAVAILABLE): waiting 4.0 s before attempt 2 of 3"
    ]


def test_several_pictures_are_told_apart() -> None:
    """Of several pictures each line says which it is about, and the moment's line counts them."""
    watched = Watched()
    progress = watched.progress()
    progress(CallStart(images=3, **CALL))
    for slot in range(3):
        progress(AttemptStart(number=1, limit=3, slot=slot, **CALL))
    progress(attempt(slot=0, status=200))
    progress(attempt(slot=1, outcome="ServerError", status=500))
    progress(RetryScheduled(number=2, limit=3, delay=1, reason="ServerError", slot=1, **CALL))
    assert watched.lines[2] == "picture 3: attempt 1 of 3"
    assert watched.lines[-1].startswith("picture 2: the service failed (500): waiting 1.0 s")
    assert progress.line() == ("1 of 3 pictures ended, 1 under way, 1 waiting to try again · 0.0 s")


@pytest.mark.parametrize(
    ("events", "charge", "words"),
    [
        ([], "no", "nothing was sent"),
        ([AttemptStart(number=1, limit=3, **CALL)], "maybe", "may have been charged"),
        (
            [AttemptStart(number=1, limit=3, **CALL), attempt(outcome="RateLimitError")],
            "no",
            "nothing was charged",
        ),
        (
            [AttemptStart(number=1, limit=3, **CALL), attempt(charge="maybe", outcome="x")],
            "maybe",
            "may have been charged",
        ),
        (
            [
                AttemptStart(number=1, limit=3, **CALL),
                attempt(charge="yes"),
                AttemptStart(number=1, limit=3, slot=1, **CALL),
            ],
            "yes",
            "was charged",
        ),
    ],
)
def test_what_an_interruption_may_have_cost(events: list[Any], charge: Charge, words: str) -> None:
    """The charge of an interrupted call is judged by how far its requests had got."""
    progress = Watched().progress()
    for event in events:
        progress(event)
    interrupted = Interrupted.after(progress)
    assert interrupted.charge == charge
    assert words in str(interrupted)


def test_a_long_wait_shows_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where lines cannot change, one comes every 15 s, and none after the call has ended."""
    lines: list[str] = []

    async def call() -> None:
        clock = asyncio.get_running_loop().time
        progress = Progress(say=lines.append, clock=clock)
        with showing(progress, Screen()):
            progress(CallStart(**CALL))
            progress(AttemptStart(number=1, limit=3, **CALL))
            await asyncio.sleep(32)
        await asyncio.sleep(60)

    monkeypatch.setattr(Screen, "is_live", False)
    run_virtual(call())
    assert lines[1:] == [
        "still waiting: attempt 1 of 3 · 15.0 s",
        "still waiting: attempt 1 of 3 · 30.0 s",
    ]
    assert room.HEARTBEAT_SECONDS == 15


def test_nothing_is_said_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """With `quiet`, a long wait shows nothing."""

    async def call() -> None:
        screen = Screen(quiet=True)
        progress = Progress(say=screen.say)
        with showing(progress, screen):
            progress(CallStart(**CALL))
            progress(AttemptStart(number=1, limit=3, **CALL))
            await asyncio.sleep(100)

    run_virtual(call())
    assert capsys.readouterr() == ("", "")
