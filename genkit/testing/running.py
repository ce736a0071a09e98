"""The emulator in a thread of its own, for tests that are no coroutines, or that are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from genkit.emulation import Emulation
from genkit.emulator import Emulator, Fault, Ledger
from genkit.emulator.faults import FaultName

__all__ = ["KEY", "RunningEmulator", "running_emulator"]

KEY = "made-up-key"
"""A credential that the emulator takes and that looks like no real one."""

START_SECONDS = 30.0


@attrs.frozen(kw_only=True)
class RunningEmulator:
    """An emulator that answers over HTTP on 127.0.0.1."""

    emulator: Emulator

    @property
    def url(self) -> str:
        """Where it is."""
        return self.emulator.url

    @property
    def ledger(self) -> Ledger:
        """Every request, answer and charge so far."""
        return self.emulator.ledger

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the emulated services."""
        return self.emulator.providers

    def base_url(self, provider: str) -> str:
        """What the provider's base URL has to be set to; see `Emulator.base_url`."""
        return self.emulator.base_url(provider)

    def fail(
        self,
        fault: Fault | FaultName,
        *,
        provider: str | None = None,
        times: int = 1,
        retry_after: float | None = None,
    ) -> None:
        """Let a fault fall on the next paid requests; see `Emulator.fail`."""
        self.emulator.fail(fault, provider=provider, times=times, retry_after=retry_after)

    def configuration(self, key_variable: str) -> str:
        """A ``genkit.toml`` that points every emulated provider here.

        The key is read from the environment variable of that name.
        """
        tables = [
            f'[providers."{name}"]\n'
            f'base_url = "{self.base_url(name)}"\n'
            f'api_key = "env:{key_variable}"\n'
            for name in self.providers
        ]
        return "\n".join(tables)

    def write_configuration(self, path: Path, key_variable: str) -> Path:
        """Write `configuration` to a file."""
        path.write_text(self.configuration(key_variable), encoding="utf-8")
        return path


@contextmanager
def running_emulator(emulations: Iterable[Emulation] | None = None) -> Iterator[RunningEmulator]:
    """Run an emulator beside the caller; `None` for the emulations of all installed providers.

    Raises:
        RuntimeError: it did not start.
    """
    started = threading.Event()
    running: list[tuple[Emulator, asyncio.AbstractEventLoop, asyncio.Event]] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        ending = asyncio.Event()
        async with Emulator(emulations) as emulator:
            running.append((emulator, asyncio.get_running_loop(), ending))
            started.set()
            await ending.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - it is raised where it can be seen
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="genkit-emulator", daemon=True)
    thread.start()
    if not started.wait(START_SECONDS) or not running:
        raise RuntimeError("the emulator did not start") from next(iter(failures), None)
    emulator, loop, ending = running[0]
    try:
        yield RunningEmulator(emulator=emulator)
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
