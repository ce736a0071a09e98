"""Long strings of an answer, moved out of its JSON.

Pictures and signatures are strings of several MB. A `Lifted` stands in the parsed document where
such a string was, so that a codec sees a small document and never copies the string.
"""

from __future__ import annotations

import re
from typing import Any

import pybase64

__all__ = ["LIFT_OVER", "Lifted"]

LIFT_OVER = 4096
"""Strings of more than this many characters are lifted out of a document."""

MAX_DEPTH = 128
"""Levels of the deepest document that is read; services nest theirs a dozen deep."""

_DATA_URL = re.compile(rb"\s*data:[^,]{0,256};base64,", re.IGNORECASE)
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_WHITE_SPACE = b" \t\r\n\f\v"


class Lifted:
    """An immutable long string that can be read as text or as the bytes it encodes in base64.

    The original characters are kept exactly: `text` gives them back whatever they were. A value is
    equal to another of the same characters, and to the `str` of them. Its length is that of
    `encoded`, in bytes.

    Raises:
        ValueError: it is made of bytes that are not UTF-8.
    """

    __slots__ = ("_characters",)

    def __init__(self, characters: str | bytes) -> None:
        # UTF-8 with surrogatepass, so that every str that a JSON parser may give fits.
        if isinstance(characters, str):
            characters = characters.encode("utf-8", "surrogatepass")
        elif not characters.isascii():
            characters.decode("utf-8", "surrogatepass")
        self._characters = characters

    @property
    def text(self) -> str:
        """The original characters."""
        return self._characters.decode("utf-8", "surrogatepass")

    @property
    def encoded(self) -> bytes:
        """The original characters as UTF-8 bytes; base64 is plain ASCII."""
        return self._characters

    def decode(self) -> bytes:
        """The bytes that the string encodes in base64.

        Reads standard and URL-safe alphabets, missing padding, white space and a ``data:`` URL.

        Raises:
            ValueError: it is not base64.
        """
        return decode_base64(self._characters)

    def __len__(self) -> int:
        return len(self._characters)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.text == other
        return isinstance(other, Lifted) and self._characters == other._characters

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Lifted(<{len(self)} bytes>)"


def decode_base64(characters: bytes | str) -> bytes:
    """Decode base64 as services really write it; see `Lifted.decode`.

    Raises:
        ValueError: it is not base64.
    """
    if isinstance(characters, bytes):
        raw = characters
    elif characters.isascii():
        raw = characters.encode()
    else:
        raise ValueError("base64 has only ASCII characters")
    try:
        # The strict check is also the fast path.
        return pybase64.b64decode(raw, validate=True)
    except ValueError:
        pass
    if prefix := _DATA_URL.match(raw):
        raw = raw[prefix.end() :]
    raw = raw.translate(_FROM_URL_SAFE, _WHITE_SPACE)
    bare = raw.rstrip(b"=")
    if len(raw) - len(bare) > 2:
        raise ValueError("base64 has at most two padding characters")
    return pybase64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)


def lift(document: Any, over: int = LIFT_OVER) -> Any:
    """A copy of a parsed JSON document with its strings of over `over` characters as `Lifted`.

    Raises:
        ValueError: it is nested more than 128 levels deep.
    """
    return _lift(document, over, MAX_DEPTH)


def _lift(value: Any, over: int, levels: int) -> Any:
    if isinstance(value, str):
        return Lifted(value) if len(value) > over else value
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        raise ValueError(f"the document is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, list):
        return [_lift(item, over, levels - 1) for item in value]
    return {key: _lift(item, over, levels - 1) for key, item in value.items()}


def text_of(value: object) -> str | None:
    """The text of a JSON string, lifted or not; `None` for anything else."""
    if isinstance(value, Lifted):
        return value.text
    return value if isinstance(value, str) else None
