"""What is seen while waiting: elapsed time, the attempt, and the wait before a retry and why."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import attrs

from genkit.cli.words import reason_words, seconds
from genkit.events import (
    AttemptEnd,
    AttemptStart,
    CallEnd,
    CallStart,
    Event,
    GiveUp,
    RetryScheduled,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from genkit.cli.screen import Screen
    from genkit.errors import Charge
    from genkit.response import Attempt

__all__ = ["Progress", "showing"]

HEARTBEAT_SECONDS = 15.0
"""Seconds between lines that say only that it goes on, where lines cannot change."""


@attrs.define
class _Slot:
    """One picture on its way."""

    state: Literal["sending", "waiting", "ended"] = "sending"
    number: int = 1
    limit: int = 1
    why: str = ""
    until: float = 0.0


@attrs.define
class Progress:
    """Follows a call by its events; an observer for `genkit.Client`."""

    say: Callable[[str], None]
    """Takes a line for each thing that happened."""
    brief: bool = False
    """Whether only waits are said, because everything else is seen anyway."""
    clock: Callable[[], float] = time.monotonic
    started: float | None = attrs.field(default=None, init=False)
    images: int = attrs.field(default=1, init=False)
    attempts: list[Attempt] = attrs.field(factory=list, init=False)
    slots: dict[int, _Slot] = attrs.field(factory=dict, init=False)

    def __call__(self, event: Event) -> None:
        """Take note of `event`, and say what a person should know of it."""
        if isinstance(event, CallStart):
            self.started, self.images = self.clock(), event.images
        elif isinstance(event, AttemptStart):
            slot = _Slot("sending", event.number, event.limit)
            self.slots[event.slot] = slot
            what = "attempt" if event.step == "submit" else "fetching, attempt"
            self._tell(event, f"{what} {event.number} of {event.limit}")
        elif isinstance(event, AttemptEnd):
            self.attempts.append(event.attempt)
            slot = self.slots.setdefault(event.slot, _Slot())
            slot.state, slot.why = "ended", _why(event.attempt)
            if event.attempt.outcome == "ok":
                self._tell(event, f"answered after {seconds(event.attempt.latency)}")
        elif isinstance(event, RetryScheduled):
            slot = self.slots.setdefault(event.slot, _Slot())
            asked = ", as the service asks" if event.hinted else ""
            slot.why = (slot.why or reason_words(event.reason)) + asked
            slot.state, slot.until = "waiting", self.clock() + event.delay
            slot.number, slot.limit = event.number, event.limit
            self._tell(
                event,
                f"{slot.why}: waiting {seconds(event.delay)} before attempt"
                f" {event.number} of {event.limit}",
                notable=True,
            )
        elif isinstance(event, GiveUp | CallEnd) and (ended := self.slots.get(event.slot)):
            ended.state = "ended"

    def _tell(self, event: Event, text: str, *, notable: bool = False) -> None:
        if notable or not self.brief:
            self.say(f"picture {event.slot + 1}: {text}" if self.images > 1 else text)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began; 0 before it."""
        return 0.0 if self.started is None else self.clock() - self.started

    @property
    def charge(self) -> Charge:
        """Whether what happened so far may have cost money."""
        charges = {attempt.charge for attempt in self.attempts}
        if "yes" in charges:
            return "yes"
        under_way = any(slot.state == "sending" for slot in self.slots.values())
        return "maybe" if under_way or "maybe" in charges else "no"

    def line(self) -> str:
        """What is going on at this moment, on one line."""
        slots = list(self.slots.values())
        if len(slots) == 1:
            return f"{self._state(slots[0])} · {seconds(self.elapsed)}"
        if not slots:
            return "preparing"
        states = [slot.state for slot in slots]
        parts = [f"{states.count('ended')} of {self.images} pictures ended"]
        parts += [
            f"{states.count(state)} {word}"
            for state, word in (("sending", "under way"), ("waiting", "waiting to try again"))
            if state in states
        ]
        return f"{', '.join(parts)} · {seconds(self.elapsed)}"

    def _state(self, slot: _Slot) -> str:
        if slot.state == "waiting":
            left = max(0.0, slot.until - self.clock())
            return f"{slot.why}: attempt {slot.number} of {slot.limit} in {seconds(left)}"
        if slot.state == "sending":
            return f"attempt {slot.number} of {slot.limit}"
        return "finishing"


def _why(attempt: Attempt) -> str:
    """Why an attempt failed: ``"rate limited (429 RESOURCE_EXHAUSTED)"``."""
    if attempt.outcome == "ok":
        return ""
    facts = " ".join(str(fact) for fact in (attempt.status, attempt.code) if fact is not None)
    return f"{reason_words(attempt.outcome)} ({facts})" if facts else reason_words(attempt.outcome)


@contextlib.contextmanager
def showing(progress: Progress, screen: Screen) -> Iterator[None]:
    """Show `progress` on standard error while the block runs, in a running event loop."""
    if screen.is_live:
        with _live(progress, screen):
            yield
        return
    ticking = None if screen.quiet else asyncio.ensure_future(_heartbeat(progress))
    try:
        yield
    finally:
        if ticking is not None:
            ticking.cancel()


async def _heartbeat(progress: Progress) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        progress.say(f"still waiting: {progress.line()}")


@contextlib.contextmanager
def _live(progress: Progress, screen: Screen) -> Iterator[None]:
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    spinner = Spinner("dots", style="cyan")

    class Line:
        """Drawn anew at each refresh, in a thread of rich's."""

        def __rich__(self) -> RenderableType:
            spinner.update(text=Text(progress.line(), style="cyan", overflow="ellipsis"))
            return spinner

    # Transient: what stays on the screen are the lines that were said.
    with Live(Line(), console=screen.console, transient=True, refresh_per_second=10):
        yield
