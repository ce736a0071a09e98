from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from genkit.emulator import Emulator, Entry, LedgerAnswer
from genkit.emulator.serving import instructions, request_line, serve
from tests.emulator.toy import ToyEmulation

PROGRAM = """
import sys
from genkit.emulator import serve
from tests.emulator.toy import ToyEmulation
serve(port=0, ledger=sys.argv[1], emulations=[ToyEmulation()])
"""


def test_serving_until_interrupted(tmp_path: Path, root: Path) -> None:
    """The program says where it is, shows each request, keeps the ledger and ends on Ctrl-C."""
    ledger = tmp_path / "ledger.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(ledger)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stderr is not None
    with process, process.stderr as screen:
        shown = ""
        while "Ctrl-C" not in shown:
            line = screen.readline()
            assert line, shown
            shown += line
        found = re.search(r'base_url = "(.+)"', shown)
        assert found is not None
        assert "[providers.toy]" in shown
        request = urllib.request.Request(found[1] + "/paint", data=b'{"prompt": "secret"}')
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 200
        line = screen.readline()
        assert "POST  /toy/v7/paint  200  1 image" in line
        process.send_signal(signal.SIGINT)
        rest = screen.read()
    assert rest == "The emulator has ended.\n"
    assert process.returncode == 0
    (written,) = ledger.read_text().splitlines()
    assert json.loads(written)["answer"]["charged"] is True
    assert "secret" not in written


def test_a_ledger_that_cannot_be_written(tmp_path: Path) -> None:
    """A ledger that cannot be written is said before anything is served."""
    output = io.StringIO()
    with pytest.raises(OSError, match="missing"):
        serve(port=0, ledger=tmp_path / "missing" / "x", emulations=[], output=output)
    assert output.getvalue() == ""


def test_instructions() -> None:
    """The way to each service is told for the file and for the environment."""
    emulator = Emulator([ToyEmulation(name="my-toy")])
    url = emulator.base_url("my-toy")
    text = instructions(emulator)
    assert f'[providers.my-toy]\n    base_url = "{url}"' in text
    assert f"export GENKIT_BASE_URL_MY_TOY={url}\n" in text


def test_instructions_without_services() -> None:
    """Without any emulation the program says so."""
    assert "No installed provider" in instructions(Emulator([]))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (LedgerAnswer(status=200, images=2, charged=True), "200  2 images  0 KiB in 0 ms  charged"),
        (LedgerAnswer(status=429, fault="rate-limited"), "429  0 KiB in 0 ms  fault: rate-limited"),
        (LedgerAnswer(status=None, fault="hang"), "no answer  0 KiB in 0 ms  fault: hang"),
    ],
)
def test_request_lines(answer: LedgerAnswer, words: str) -> None:
    """A line says what was answered, and what fault fell."""
    entry = Entry(number=3, time=0, method="POST", path="/p", answer=answer)
    assert request_line(entry).endswith(f"#3  POST  /p  {words}")


def test_request_lines_are_safe_for_terminals() -> None:
    """A path cannot send escape sequences to a terminal."""
    assert "\x1b" not in request_line(
        Entry(time=0, method="GET", path="/\x1b]52;c;x", refused="host")
    )


def test_emulations_of_installed_providers() -> None:
    """Without a list, the emulator serves what the installed providers bring."""
    assert "gemini" in Emulator().providers
