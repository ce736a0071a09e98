"""Fixtures for the tests of programs, providers and plugins. pytest finds them by itself.

They are there wherever genkit is installed, and load nothing until a test asks for one. The
fixtures need the extra ``testing``, the emulator Pillow too (``genkit-core[testing,imaging]``).
None needs an asyncio plugin; `genkit_emulator` and `genkit_cassette` serve coroutine tests as well.

`genkit_emulator`
    An emulator of all installed providers, and an environment that points clients to it.
`genkit_cassette`
    Plays the test's own cassette, or records it: ``pytest --genkit-record=all``.
`genkit_clock`
    Runs a coroutine in virtual time, in which waits take no time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from genkit.testing.clock import VirtualClock
    from genkit.testing.recording import TestCassette
    from genkit.testing.running import RunningEmulator

__all__ = ["genkit_cassette", "genkit_clock", "genkit_emulator"]

RECORD_MODES = ("none", "once", "all")
RECORD_VARIABLE = "GENKIT_RECORD"
KEY_VARIABLE = "GENKIT_EMULATOR_KEY"
"""Environment variable that `genkit_emulator` puts its made-up key into."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--genkit-record`` and the setting ``genkit_cassettes``."""
    group = parser.getgroup("genkit", "genkit: cassettes")
    group.addoption(
        "--genkit-record",
        choices=RECORD_MODES,
        default=None,
        help="cassettes of genkit_cassette: none plays them (the default, and what the variable"
        f" {RECORD_VARIABLE} says otherwise), once records those that are missing, all records"
        " every one anew",
    )
    parser.addini(
        "genkit_cassettes",
        "folder of the cassettes, from the root of the project",
        default="cassettes",
    )


@pytest.fixture
def genkit_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningEmulator]:
    """An emulator of all installed providers, that clients and the command line find by themselves.

    ``GENKIT_CONFIG`` names a file with the base URL of each provider and a made-up key, so that
    ``genkit.Client("gemini")`` leads to it. Whatever else the environment says of genkit is left
    out. The fixture has `ledger`, `fail(...)`, `base_url(provider)` and `providers`.

    ```python
    def test_survives_a_rate_limit(genkit_emulator):
        genkit_emulator.fail("rate-limited", retry_after=0.1)
        with genkit.SyncClient("gemini") as client:
            assert client.generate("a red kite").images
        assert len(genkit_emulator.ledger.requests) == 2
    ```
    """
    from genkit.testing.running import KEY, running_emulator

    with running_emulator() as running:
        for name in list(os.environ):
            if name.startswith("GENKIT_") and name != RECORD_VARIABLE:
                monkeypatch.delenv(name)
        path = running.write_configuration(tmp_path / "genkit-emulator.toml", KEY_VARIABLE)
        monkeypatch.setenv("GENKIT_CONFIG", str(path))
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        yield running


@pytest.fixture
def genkit_cassette(request: pytest.FixtureRequest) -> TestCassette:
    """The cassette of this test: ``<cassettes>/<module>/<test>.yaml``.

    It is played, unless ``--genkit-record`` or the environment variable ``GENKIT_RECORD`` says
    ``once`` or ``all``. The folder is the setting ``genkit_cassettes`` of pytest, by default
    ``cassettes`` in the project's root.

    ```python
    def test_generate(genkit_cassette):
        async def draw(base_url):
            async with genkit.Client("acme", api_key="made-up-key", base_url=base_url) as client:
                return await client.generate("a red kite")

        with genkit_cassette.on_emulator("acme") as base_url:
            response = genkit_cassette.run(draw(base_url))
        assert response.images
    ```
    """
    from genkit.testing.cassettes import cassette_path
    from genkit.testing.recording import TestCassette

    mode: Any = request.config.getoption("--genkit-record") or os.environ.get(
        RECORD_VARIABLE, "none"
    )
    if mode not in RECORD_MODES:
        raise pytest.UsageError(
            f"{RECORD_VARIABLE} is one of {', '.join(RECORD_MODES)}, not {mode!r}"
        )
    folder = request.config.rootpath / request.config.getini("genkit_cassettes")
    return TestCassette(path=cassette_path(folder, request.node), mode=mode)


@pytest.fixture
def genkit_clock() -> VirtualClock:
    """Runs coroutines in virtual time: ``result = genkit_clock.run(coroutine)``.

    Waits of any length end at once, and `genkit_clock.elapsed` says how many seconds of virtual
    time the last coroutine took. Sockets do not work in virtual time; play a cassette, or use a
    transport of your own. It is for plain test functions: a coroutine test has a loop already.
    """
    from genkit.testing.clock import VirtualClock

    return VirtualClock()
