"""The fixtures for downstream projects: used here, and in a project of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

import genkit
from genkit.testing.clock import VirtualClock
from genkit.testing.recording import TestCassette
from genkit.testing.running import RunningEmulator, running_emulator

PROJECT = """
import asyncio
import genkit
import pytest

def draw(url):
    async def run():
        async with genkit.Client("gemini", api_key="made-up-key", base_url=url) as client:
            return await client.generate("a red kite", seed=1)
    return run()

def test_drawn(genkit_cassette):
    with genkit_cassette.on_emulator("gemini", note="of a test") as url:
        assert genkit_cassette.run(draw(url)).images

def test_waits(genkit_clock):
    genkit_clock.run(asyncio.sleep(3600))
    assert genkit_clock.elapsed == 3600

async def test_in_a_coroutine(genkit_emulator):
    async with genkit.Client("gemini") as client:
        assert (await client.generate("a red kite")).images
    assert len(genkit_emulator.ledger.requests) == 1
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder of its own, warnings being errors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=kept,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_emulator_stands_where_clients_look(genkit_emulator: RunningEmulator) -> None:
    """A client that is told nothing finds the emulator, its key and its faults."""
    genkit_emulator.fail("rate-limited", provider="gemini", retry_after=0.01)
    with genkit.SyncClient("gemini") as client:
        response = client.generate("a red kite")
    assert [attempt.status for attempt in response.attempts] == [429, 200]
    assert len(genkit_emulator.ledger.requests) == 2
    assert genkit_emulator.url in genkit_emulator.base_url("gemini")


async def test_emulator_serves_coroutines(genkit_emulator: RunningEmulator) -> None:
    """It runs beside the test's own event loop."""
    async with genkit.Client("gemini") as client:
        response = await client.generate("a red kite")
    assert response.images[0].width > 0
    assert "gemini" in genkit_emulator.providers


def test_settings_of_the_machine_are_left_out(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """What the environment says of genkit does not reach into a test."""
    monkeypatch.setenv("GENKIT_BASE_URL_GEMINI", "https://service.invalid")
    running = request.getfixturevalue("genkit_emulator")
    with genkit.SyncClient("gemini") as client:
        client.generate("a red kite")
    assert len(running.ledger.requests) == 1


def test_emulator_that_cannot_start_says_so() -> None:
    """Two emulations of one name are an error where the fixture is used."""
    from genkit_gemini import genkit_emulations

    both = [*genkit_emulations(), *genkit_emulations()]
    with pytest.raises(RuntimeError, match="did not start"), running_emulator(both):
        pass


def test_clock_waits_for_nothing(genkit_clock: VirtualClock) -> None:
    """An hour passes at once, and is counted; so does one that ends in an error."""
    assert genkit_clock.run(asyncio.sleep(3600, "done")) == "done"
    assert genkit_clock.elapsed == 3600

    async def fails() -> None:
        await asyncio.sleep(5)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        genkit_clock.run(fails())
    assert genkit_clock.elapsed == 5


def test_a_cassette_that_is_missing_is_said(genkit_cassette: TestCassette) -> None:
    """Played without a file, the test fails with what to do."""
    with (
        pytest.raises(FileNotFoundError, match="record it first"),
        genkit_cassette.on_emulator("gemini"),
    ):
        pass


def test_cassette_is_named_after_the_test(genkit_cassette: TestCassette, root: Path) -> None:
    """Module and test make the file's name; without an option it is played."""
    name = "test_cassette_is_named_after_the_test.yaml"
    assert genkit_cassette.path == root / "cassettes" / "test_pytest_plugin" / name
    assert genkit_cassette.is_recording is False


@pytest.mark.parametrize(
    ("mode", "exists", "records"),
    [("none", False, False), ("once", False, True), ("once", True, False), ("all", True, True)],
)
def test_modes(mode: str, exists: bool, records: bool, tmp_path: Path) -> None:
    """Each mode records when it says."""
    path = tmp_path / "x.yaml"
    if exists:
        path.touch()
    assert TestCassette(path=path, mode=mode).is_recording is records  # type: ignore[arg-type]


def test_a_downstream_project(tmp_path: Path) -> None:
    """Elsewhere the fixtures are there by themselves: recorded once, a cassette is played then."""
    (tmp_path / "test_it.py").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "genkit_cassettes = tapes\n",
        encoding="utf-8",
    )
    recorded = run_pytest(tmp_path, "--genkit-record=once")
    assert "3 passed" in recorded.stdout, recorded.stdout + recorded.stderr
    tape = tmp_path / "tapes" / "test_it" / "test_drawn.yaml"
    text = tape.read_text(encoding="utf-8")
    assert "where: emulator" in text
    assert "of a test" in text
    assert "127.0.0.1" not in text
    (tmp_path / "plain.ini").write_text("[pytest]\ngenkit_cassettes = tapes\n", encoding="utf-8")
    played = run_pytest(tmp_path, "-c", "plain.ini", "-p", "no:asyncio", "-k", "drawn or waits")
    assert "2 passed" in played.stdout, played.stdout + played.stderr


def test_a_wrong_mode_in_the_environment_is_said(tmp_path: Path) -> None:
    """A value of the variable that is no mode ends the test with what is allowed."""
    (tmp_path / "test_it.py").write_text("def test_x(genkit_cassette): ...\n", encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "GENKIT_RECORD": "often"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert "GENKIT_RECORD is one of none, once, all" in said.stdout


def test_the_plugin_is_cheap() -> None:
    """Loading it loads neither the library's engines nor what they need."""
    heavy = ("aiohttp", "attrs", "orjson", "vcr", "hypothesis", "PIL", "genkit.client")
    program = (
        "import sys, genkit.testing.pytest_plugin\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
