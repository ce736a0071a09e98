"""The cassette of one test, as the fixture ``genkit_cassette`` gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import attrs

from genkit.plugins import Plugins
from genkit.provider import ProviderSettings
from genkit.testing.cassettes import Recorded, cassette
from genkit.testing.cassettes.files import EMULATOR
from genkit.testing.cassettes.tape import Mode
from genkit.testing.clock import run_virtual
from genkit.testing.running import running_emulator

__all__ = ["TestCassette"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class TestCassette:
    """Plays or records the cassette at `path`."""

    __test__: ClassVar[bool] = False  # it is no class of tests

    path: Path
    mode: Mode = "none"

    @property
    def is_recording(self) -> bool:
        """Whether requests go out, and are recorded."""
        return self.mode == "all" or (self.mode == "once" and not self.path.exists())

    @contextmanager
    def use(
        self,
        *,
        recorded: Recorded | None = None,
        rewrite: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
    ) -> Iterator[Any]:
        """Play the cassette while the block runs, or record it; see `cassette`.

        To record, say where it is made: ``recorded=Recorded(where="live service")``.
        """
        with cassette(
            self.path,
            record=self.is_recording,
            recorded=recorded,
            rewrite=rewrite,
            secrets=secrets,
        ) as running:
            yield running

    @contextmanager
    def on_emulator(self, provider: str, *, note: str = "") -> Iterator[str]:
        """Play what was recorded on the provider's emulation; gives the base URL for the client.

        Played, that is the service's own address and nothing goes out. Recorded, an emulator runs
        while the block does, and the cassette says that it comes from there; `note` stands in it.

        Raises:
            ValueError: recording, and the provider brings no emulation.
        """
        own = Plugins().provider(provider, ProviderSettings(name=provider)).base_url
        if not self.is_recording:
            with self.use():
                yield own
            return
        with running_emulator() as running:
            base_url = running.base_url(provider)
            recorded = Recorded(where=EMULATOR, note=note)
            with self.use(recorded=recorded, rewrite={base_url: own}):
                yield base_url

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end: in virtual time when played, in real time when recorded."""
        return asyncio.run(coroutine) if self.is_recording else run_virtual(coroutine)
