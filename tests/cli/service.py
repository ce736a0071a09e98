"""An emulated service in a thread, and a configuration that points to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from genkit.emulator import Emulator, Ledger
from genkit.emulator.faults import FaultName

KEY = "canary-4f1d-AbC9"
"""The key that goes to the service, and may be seen nowhere."""


@attrs.frozen
class Service:
    """A service that answers over real HTTP."""

    emulator: Emulator
    config: Path
    """Points `gemini` to it."""

    @property
    def ledger(self) -> Ledger:
        """What was asked and answered."""
        return self.emulator.ledger

    def fail(self, name: FaultName, *, times: int = 1, retry_after: float | None = None) -> None:
        """Let the next paid requests fail."""
        self.emulator.fail(name, times=times, retry_after=retry_after)


@contextmanager
def running_service(folder: Path) -> Iterator[Service]:
    """Run one in a thread; its configuration stands in `folder`."""
    ready = threading.Event()
    started: list[tuple[Emulator, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        ending = asyncio.Event()
        async with Emulator() as emulator:
            started.append((emulator, asyncio.get_running_loop(), ending))
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    emulator, loop, ending = started[0]
    config = folder / "service.toml"
    config.write_text(
        f"""
        [providers.gemini]
        base_url = "{emulator.base_url("gemini")}"
        api_key = "env:CANARY_KEY"
        """
    )
    try:
        yield Service(emulator, config)
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
