from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint

import pytest

import genkit
from genkit.emulator import Emulator
from genkit.plugins import Plugins
from genkit.retry import RetryPolicy
from genkit_bfl import codec
from genkit_bfl.emulation import BlackForestLabsEmulation

KEY = "made-up-key"


@pytest.fixture
def polls() -> int:
    """Say at which poll a task is ready."""
    return 2


@pytest.fixture
async def emulator(polls: int) -> AsyncIterator[Emulator]:
    """Run the emulated service."""
    async with Emulator([BlackForestLabsEmulation(polls=polls)]) as running:
        yield running


@pytest.fixture
async def client(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[genkit.Client]:
    """Give a client that waits next to nothing."""
    monkeypatch.setattr(codec, "FIRST_WAIT", 0.001)
    # Installed, it would be found without these.
    plugins = Plugins(entry_points=[EntryPoint("bfl", "genkit_bfl", "genkit.providers")])
    async with genkit.Client(
        "bfl",
        api_key=KEY,
        base_url=emulator.base_url("bfl"),
        plugins=plugins,
        retry=RetryPolicy(wait=(0.001,), deadline=30),
    ) as running:
        yield running
