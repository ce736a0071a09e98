"""Files and programs that keys come from, and a clock that a test moves."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from genkit import secrets
from genkit.secrets import SecretSource


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Give the time in seconds."""
        return self.now


def source_with_clock(text: str, clock: Clock) -> SecretSource:
    """Return the source that `text` names, its cache timed by `clock`."""
    parsed = SecretSource.parse(text)
    return SecretSource(
        kind=parsed.kind, reference=parsed.reference, cache=secrets._Cache(clock=clock)
    )


def program(code: str) -> str:
    """Return the command that runs `code` in this Python."""
    return f"command:{shlex.quote(sys.executable)} -I -S -c {shlex.quote(code)}"


def counting_program(folder: Path) -> str:
    """Return a command that prints ``key-1``, ``key-2``, ... and counts its runs in a file."""
    path = str(folder / "runs")
    return program(
        f"f = open({path!r}, 'a+'); f.write('x'); f.seek(0); print(f'key-{{len(f.read())}}')"
    )


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    """Return the path of a new file that holds `text`."""
    path = folder / "key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path
