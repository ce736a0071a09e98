"""A key that must never show up, and where to look for it."""

from __future__ import annotations

import traceback
from pathlib import Path

import genkit

KEY = "canary-4f1d-AbC9"

_PACKAGE = str(Path(genkit.__file__).parent)


def whole_story(error: BaseException) -> str:
    """Return what a traceback with local variables prints of our own frames, and the messages.

    The callers' frames hold what the callers passed; that is not for us to hide.
    """
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    first, *frames = "".join(lines).split('File "')
    ours = [frame for frame in frames if frame.startswith(_PACKAGE)]
    assert ours, "no frame is ours, so nothing would be found in them"
    return first + "".join(ours) + f"{error} {error!r} {error.args}"
