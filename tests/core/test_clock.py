from __future__ import annotations

import asyncio
import gc
import threading
import time

import pytest

from genkit.testing.clock import VirtualDeadlockError, VirtualLoop, run_virtual


async def now() -> float:
    """Tell the time of the loop."""
    return asyncio.get_running_loop().time()


def test_sleep_moves_the_clock_exactly_and_takes_no_time() -> None:
    """A day's sleep ends at once, at exactly the time that it should."""

    async def body() -> list[float]:
        times = [await now()]
        for seconds in (0.1, 86_400 * 3, 7):
            await asyncio.sleep(seconds)
            times.append(await now())
        return times

    began = time.monotonic()
    times = run_virtual(body())
    assert times == pytest.approx([0, 0.1, 259_200.1, 259_207.1], abs=1e-6)
    assert time.monotonic() - began < 5


def test_timers_fire_in_order() -> None:
    """Tasks that sleep side by side wake in the order of their times, not of their starts."""

    async def body() -> list[int]:
        woken: list[int] = []

        async def sleeper(seconds: int) -> None:
            await asyncio.sleep(seconds)
            woken.append(seconds)

        await asyncio.gather(*(sleeper(seconds) for seconds in (30, 10, 20)))
        return woken

    assert run_virtual(body()) == [10, 20, 30]


def test_timeout_fires_at_its_time() -> None:
    """`asyncio.timeout` ends a longer wait at its time."""

    async def body() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(10)
        return await now()

    assert run_virtual(body()) == 5


def test_time_stands_still_while_anything_is_ready() -> None:
    """Work that is ready goes before any timer."""

    async def body() -> float:
        timer = asyncio.create_task(asyncio.sleep(1))
        for _ in range(1000):
            await asyncio.sleep(0)
        seen = await now()
        await timer
        return seen

    assert run_virtual(body()) == 0


def test_waiting_for_nothing_is_an_error() -> None:
    """A wait that nobody ends is an error at once, and the loop still closes."""

    async def body() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(VirtualDeadlockError, match="waits for what never happens"):
        run_virtual(body())


def test_threads_are_waited_for_in_real_time() -> None:
    """A thread's result is waited for, and no timer overtakes it."""
    release = threading.Event()

    async def body() -> tuple[bool, bool, float]:
        timer = asyncio.create_task(asyncio.sleep(1000))
        threading.Timer(0.05, release.set).start()
        ended = await asyncio.to_thread(release.wait, 10)
        overtaken = timer.done()
        await timer
        return ended, overtaken, await now()

    assert run_virtual(body()) == (True, False, 1000)


def test_cancelling_and_closing_leave_nothing_behind() -> None:
    """Tasks that are left are cancelled at the end, and nothing warns of open resources."""
    cancelled: list[bool] = []

    async def forgotten() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            cancelled.append(True)

    async def body() -> asyncio.Task[None]:
        task = asyncio.create_task(forgotten())
        await asyncio.sleep(1)
        return task

    assert run_virtual(body()).cancelled()
    gc.collect()
    assert cancelled == [True]


def test_loops_do_not_share_a_clock() -> None:
    """Each loop begins at 0."""
    run_virtual(asyncio.sleep(5))
    loop = VirtualLoop()
    try:
        assert loop.time() == 0
    finally:
        loop.close()
