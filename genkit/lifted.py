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

_DATA_URL = re.compile(rb"data:[^,]{0,256},")
_NOT_BASE64 = re.compile(rb"[\s=]+")


class Lifted:
    """An immutable long string that can be read as text or as the bytes it encodes in base64.

    The original characters are kept exactly: `text` gives them back whatever they were, and two
    values are equal when their characters are.
    """

    __slots__ = ("_characters",)

    def __init__(self, characters: str | bytes) -> None:
        # UTF-8 with surrogatepass, so that every str that a JSON parser may give fits.
        self._characters = (
            characters.encode("utf-8", "surrogatepass")
            if isinstance(characters, str)
            else characters
        )

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
        return isinstance(other, Lifted) and self._characters == other._characters

    def __hash__(self) -> int:
        return hash(self._characters)

    def __repr__(self) -> str:
        return f"Lifted({len(self)} characters)"


def decode_base64(characters: bytes | str) -> bytes:
    """Decode base64 as services really write it; see `Lifted.decode`.

    Raises:
        ValueError: it is not base64.
    """
    raw = characters.encode("ascii") if isinstance(characters, str) else characters
    try:
        # The strict check is also the fast path.
        return pybase64.b64decode(raw, validate=True)
    except ValueError:
        pass
    if prefix := _DATA_URL.match(raw):
        raw = raw[prefix.end() :]
    raw = _NOT_BASE64.sub(b"", raw).translate(bytes.maketrans(b"-_", b"+/"))
    return pybase64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)


def lift(document: Any, over: int = LIFT_OVER) -> Any:
    """A copy of a parsed JSON document with its long strings replaced by `Lifted`."""
    if isinstance(document, str):
        return Lifted(document) if len(document) > over else document
    if isinstance(document, dict):
        return {key: lift(value, over) for key, value in document.items()}
    if isinstance(document, list):
        return [lift(value, over) for value in document]
    return document


def text_of(value: object) -> str | None:
    """The text of a JSON string, lifted or not; `None` for anything else."""
    if isinstance(value, Lifted):
        return value.text
    return value if isinstance(value, str) else None
