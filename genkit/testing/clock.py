"""Virtual time: an event loop whose clock jumps to the next timer when nothing is left to do.

A test of waits and deadlines runs in an instant, and the times in it are exact.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

__all__ = ["VirtualClock", "VirtualDeadlockError", "VirtualLoop", "run_virtual"]

T = TypeVar("T")


class VirtualDeadlockError(RuntimeError):
    """Nothing is ready, no timer is set and no thread is at work: the test would wait for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0.

    Its `time` stands still while anything is ready, and moves only to the next timer. Threads that
    `run_in_executor` (so `asyncio.to_thread` too) started are waited for in real time; virtual time
    stands still meanwhile. Sockets are not waited for: use a real loop for those.
    """

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._clock.now

    def run_in_executor(  # type: ignore[override]  # the stub wants a TypeVarTuple of its own
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """As of any loop; the clock stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._clock.threads += 1
        future.add_done_callback(self._clock.thread_ended)
        return future

    async def shutdown_default_executor(self, *arguments: Any) -> None:
        """As of any loop; it waits for a thread."""
        self._clock.threads += 1
        try:
            await super().shutdown_default_executor(*arguments)
        finally:
            self._clock.threads -= 1


class _Clock(selectors.BaseSelector):
    """A selector that moves the time forward instead of waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.threads = 0
        self._real = selectors.DefaultSelector()

    def thread_ended(self, _future: object) -> None:
        self.threads -= 1

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads:
            # The end of a thread wakes the loop through its own pipe.
            return self._real.select(timeout if timeout is not None and timeout <= 0 else None)
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise VirtualDeadlockError(
                "nothing is ready and no timer is set: a task waits for what never happens"
            )
        self.now += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


def run_virtual(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time, as `asyncio.run` does in real time.

    Raises:
        VirtualDeadlockError: it waits for what never happens.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


class VirtualClock:
    """Runs coroutines in virtual time, each from 0, and says how long they took."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        """Virtual seconds that the last one took."""

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; see `run_virtual`."""

        async def timed() -> T:
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                return await coroutine
            finally:
                self.elapsed = loop.time() - began

        return run_virtual(timed())
