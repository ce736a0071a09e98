from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genkit.cli.screen import Screen, readable
from tests.cli.service import Service


def test_what_is_unsafe_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and bidirectional marks reach neither stream; line breaks stay."""
    bad = "one\x1b]52;c;x\x07\u202etwo\nthree"
    screen = Screen()
    screen.out(bad)
    screen.say(bad)
    screen.facts([("name\x1b", bad)])
    screen.table(["HEAD"], [[bad]])
    said = capsys.readouterr()
    for text in said:
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text
    assert readable(bad) == "one\\x1b]52;c;x\\x07\\u202etwo\nthree"


def test_quiet_keeps_errors(capsys: pytest.CaptureFixture[str]) -> None:
    """`quiet` silences what is only said, never what is insisted on and never results."""
    screen = Screen(quiet=True)
    screen.say("silent")
    screen.facts([("a", "silent")])
    screen.insist("loud")
    screen.facts([("b", "loud")], insist=True)
    screen.facts([], insist=True)
    screen.out("result")
    assert capsys.readouterr() == ("result\n", "loud\n  b  loud\n")


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables and facts stand in columns, without blanks at the end of a line."""
    screen = Screen()
    screen.table(("NAME", "VALUE"), [("a", "1"), ("longer", "")])
    screen.facts([("a", "1"), ("longer", "2\n3")])
    said = capsys.readouterr()
    assert said.out == "NAME    VALUE\na       1\nlonger\n"
    assert said.err == "  a       1\n  longer  2\n          3\n"


def test_an_old_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character that the stream cannot write is escaped and breaks nothing."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    Screen().out("Bär · é")
    assert written.getvalue() == b"B\\xe4r \\xb7 \\xe9\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_document_is_the_same_everywhere(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is harmless for a terminal and reads back equal, whatever is in it."""
    document = {"text": "Bär \x1b[31m \x9b \u202e 🍌 \udcff", "huge": 2**70, "path": [1.5, None]}
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    Screen().document(document)
    text = written.getvalue().decode(encoding)
    assert json.loads(text) == document
    assert all(line.isprintable() for line in text.splitlines())


def test_a_document_is_readable() -> None:
    """What is harmless is not escaped."""
    command = "from genkit.cli.screen import Screen; Screen().document({'a': 'Bär 🍌'})"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", command], check=True, capture_output=True
    )
    assert done.stdout.decode() == '{\n  "a": "Bär 🍌"\n}\n'


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
def test_on_a_terminal(service: Service, folder: Path) -> None:
    """On a terminal the wait is a line that changes, its reason stays, the table ends it."""
    import pty

    service.fail("rate-limited", retry_after=0.5)
    terminal, side = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "genkit.cli", "generate", "a banana", "-o", "x.png"],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
        cwd=folder,
        stdin=side,
        stdout=side,
        stderr=side,
    )
    os.close(side)
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux: the other side has gone
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    assert running.wait(60) == 0
    text = said.decode()
    assert "\x1b[2K" in text, "no line was ever changed"
    assert "attempt 2 of 3 in 0." in text
    assert text.count("before attempt") == 1
    assert "generation id" in text
    assert (folder / "x.png").exists()
