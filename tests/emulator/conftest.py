from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from genkit.emulator import Emulator
from tests.emulator.toy import ToyEmulation

KEY = {"x-api-key": "made-up"}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Run an emulator with one small service."""
    async with Emulator([ToyEmulation()]) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client."""
    async with aiohttp.ClientSession(headers=KEY) as client:
        yield client
