"""One deadline for a whole call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Deadline"]

_NOTHING = 1e-3
"""Seconds that count as none: an event loop may end a timer a little early."""


class Deadline:
    """A time from now by which a call must have ended, on a monotonic clock.

    `seconds` from now; `clock` gives seconds, and is the running event loop's by default.
    """

    __slots__ = ("_clock", "_ends_at", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] | None = None) -> None:
        self.seconds = seconds
        self._clock = clock or asyncio.get_running_loop().time
        self._ends_at = self._clock() + seconds

    def remaining(self) -> float:
        """Seconds that are left; 0 when it has passed."""
        left = self._ends_at - self._clock()
        return left if left > _NOTHING else 0.0

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return self.remaining() == 0.0

    def __repr__(self) -> str:
        return f"Deadline({self.seconds:g} s)"
