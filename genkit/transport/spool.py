"""Keeping answers that were paid for and cannot be used, in files that only their owner reads."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from genkit.lifted import text_of
from genkit.wire import WireResponse

__all__ = ["keep", "keep_answer"]


def keep(data: bytes, *, suffix: str = ".bin") -> str | None:
    """Write `data` to a new file of mode 0600 and give its path; `None` when it cannot be.

    The folder is ``genkit/spool`` under the user's state folder (``XDG_STATE_HOME``), or the
    temporary folder where that cannot be written. Nothing is written for empty data. Never raises:
    it is called while an error is on its way. It blocks on purpose, so that a call that is being
    cancelled does not lose what it keeps.
    """
    if not data:
        return None
    for folder in _folders():
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # `mkstemp` makes the file anew, for its owner only, and follows no link.
            descriptor, path = tempfile.mkstemp(prefix="answer-", suffix=suffix, dir=folder)
            try:
                with open(descriptor, "wb") as file:
                    file.write(data)
            except OSError:
                os.unlink(path)
                raise
            return path
    return None


def keep_answer(response: WireResponse) -> str | None:
    """Keep the body of an answer that was read already; see `keep`."""
    return keep(_body_of(response))


def _body_of(response: WireResponse) -> bytes:
    if not response.is_json:
        return response.body
    try:
        return json.dumps(response.document, default=text_of).encode()
    except (RecursionError, TypeError, ValueError):
        return response.snippet(limit=1 << 30).encode("utf-8", "replace")


def _folders() -> Iterator[Path]:
    with contextlib.suppress(RuntimeError):  # there may be no home folder
        if sys.platform == "win32":
            state = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        else:
            state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        if state.is_absolute():
            yield state / "genkit" / "spool"
    yield Path(tempfile.gettempdir())
