from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genkit.emulator import FAULTS
from tests.cli.conftest import Genkit


def test_the_faults_are_listed(genkit: Genkit) -> None:
    """`--fail list` names every fault and what it does."""
    said = genkit("emulator", "--fail", "list")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == list(FAULTS)


@pytest.mark.parametrize(
    ("fault", "words"),
    [("no-such-fault", "there is no fault"), ("block=3", "gives no such hint"), ("cut=x", "'x'")],
)
def test_a_fault_that_is_none(fault: str, words: str, genkit: Genkit) -> None:
    """A fault that does not exist, or a wait that it cannot have, ends with 2."""
    said = genkit("emulator", "--fail", fault)
    assert said.code == 2
    assert words in said.err


def test_a_port_that_is_taken(genkit: Genkit) -> None:
    """A port that another program has ends with 2 and says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = genkit("emulator", "--port", port)
    assert said.code == 2
    assert f"port {port}" in said.err
    assert "--port 0" in said.err


def test_a_ledger_that_cannot_be_written(genkit: Genkit, folder: Path) -> None:
    """A ledger's path that cannot be written ends with 9."""
    assert genkit("emulator", "--port", "0", "--ledger", folder).code == 9


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `genkit emulator`; gives the process and its URL."""
    command = [sys.executable, "-m", "genkit.cli", "emulator", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        yield process, first.split()[4].rstrip(".")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_emulator_serves_until_ctrl_c(genkit: Genkit, folder: Path) -> None:
    """It answers a client with the scripted fault first, keeps its ledger, and ends on Ctrl-C."""
    with running(folder, "--fail", "block", "--ledger", "ledger.jsonl") as (process, url):
        (folder / "genkit.toml").write_text(
            f'[providers.gemini]\nbase_url = "{url}/gemini/v1beta"\napi_key = "file:key"\n'
        )
        (folder / "key").write_text("made-up")
        (folder / "key").chmod(0o600)
        assert genkit("generate", "a banana", "--config", "genkit.toml").code == 4
        said = genkit("generate", "a banana", "--config", "genkit.toml", "-o", "x.png")
        assert said.code == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    entries = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    assert [entry["answer"]["charged"] for entry in entries] == [False, True]


def test_models_are_listed_live(genkit: Genkit, folder: Path) -> None:
    """`genkit models --live` asks the service itself."""
    with running(folder) as (_process, url):
        (folder / "mine.toml").write_text(
            f'[providers.gemini]\nbase_url = "{url}/gemini/v1beta"\napi_key = "file:key"\n'
        )
        (folder / "key").write_text("made-up")
        (folder / "key").chmod(0o600)
        said = genkit("models", "--live", "--config", "mine.toml")
        assert said.code == 0
        assert "gemini:gemini-nano-banana-2.1 " in said.out
        document = genkit("models", "gemini", "--live", "--config", "mine.toml", "--json").document
        assert "gemini-nano-banana-2.1" in [row["model"] for row in document["models"]]
