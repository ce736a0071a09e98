"""What happens during a call, as values handed to observers.

An observer is any callable that takes one event. It is called plainly, in the thread of the event
loop: it must be quick, is never awaited and cannot break a call. No event holds a key; only
`CallEnd`, through its response, holds pictures and the prompt, and its repr shows neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import attrs

from genkit.errors import GenerationError
from genkit.response import Attempt, GenerationResponse

__all__ = [
    "AttemptEnd",
    "AttemptStart",
    "CallEnd",
    "CallStart",
    "Event",
    "GiveUp",
    "Observer",
    "RetryScheduled",
]


@attrs.frozen(kw_only=True)
class Event:
    """Base of the events of one call; `name` is noun then verb."""

    name: ClassVar[str] = "event"
    generation_id: str
    """Our id of the call."""
    provider: str
    model: str
    slot: int = 0
    """Which picture of an `n` > 1 it is about, from 0."""


@attrs.frozen(kw_only=True)
class CallStart(Event):
    """A call begins."""

    name: ClassVar[str] = "call-start"
    images: int = 1
    """How many pictures were asked for."""


@attrs.frozen(kw_only=True)
class AttemptStart(Event):
    """A request is about to be sent."""

    name: ClassVar[str] = "attempt-start"
    number: int
    """Counted from 1."""
    limit: int
    """The most attempts that the call may take."""
    step: str = "submit"
    """``submit`` for the paid request, ``follow-up`` for polling and downloads."""


@attrs.frozen(kw_only=True)
class AttemptEnd(Event):
    """An attempt ended, well or not: see `attempt`."""

    name: ClassVar[str] = "attempt-end"
    attempt: Attempt


@attrs.frozen(kw_only=True)
class RetryScheduled(Event):
    """The next attempt follows in `delay` seconds, because of `reason`."""

    name: ClassVar[str] = "retry-schedule"
    number: int
    """Of the attempt to come."""
    limit: int
    delay: float
    """Seconds."""
    reason: str
    """Class name of the error, such as ``"RateLimitError"``."""
    hinted: bool = False
    """Whether the service named the delay."""


@attrs.frozen(kw_only=True)
class GiveUp(Event):
    """No further attempt is made."""

    name: ClassVar[str] = "call-give-up"
    reason: str
    """Class name of the error."""


@attrs.frozen(kw_only=True)
class CallEnd(Event):
    """A call ended with a response or an error, exactly one of which is set."""

    name: ClassVar[str] = "call-end"
    response: GenerationResponse | None = attrs.field(default=None, repr=False)
    error: GenerationError | None = None


Observer: TypeAlias = Callable[[Event], object]
