"""Three providers behind one emulator, and the configuration that says which one draws."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import pytest

from genkit.emulator import Emulator
from tests.providers.bfl.installed import install

NAMES = ("gemini", "openai", "bfl")

Configure: TypeAlias = Callable[[str], Path]
"""Writes a configuration with that word as its default, and gives its path."""


def needs(name: str) -> str:
    """Skip the test where the provider of that name is not installed."""
    if name != "bfl" and find_spec(f"genkit_{name}") is None:
        pytest.skip(f"the provider {name} is not installed here")
    return name


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each provider in turn."""
    return needs(request.param)


@pytest.fixture
async def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """Run the emulations of all that is installed, the example too."""
    install(tmp_path / "site", monkeypatch)
    monkeypatch.setattr("genkit_bfl.codec.FIRST_WAIT", 0.001)
    monkeypatch.setenv("SWAP_KEY", "made-up-key")
    async with Emulator() as running:
        yield running


@pytest.fixture
def configure(emulator: Emulator, tmp_path: Path) -> Configure:
    """Write configurations that differ in one word."""

    def write(default: str) -> Path:
        tables = [
            f'[providers.{name}]\nbase_url = "{emulator.base_url(name)}"\n'
            'api_key = "env:SWAP_KEY"\n'
            for name in NAMES
            if name in emulator.providers
        ]
        path = tmp_path / "genkit.toml"
        path.write_text("\n".join([f'default = "{default}"\n', *tables]), encoding="utf-8")
        return path

    return write
