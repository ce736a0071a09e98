"""A body as a rope: byte strings and references to pictures, with a known length.

The same rope always yields the same bytes, so that every attempt is identical and can be hashed; a
picture is encoded piece by piece while it is written and costs no copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any, TypeAlias

import attrs
import orjson
import pybase64

from genkit.images import Image
from genkit.lifted import Lifted

__all__ = ["CHUNK_BYTES", "Base64", "Body", "Raw", "Segment", "json_body"]

CHUNK_BYTES = 192 * 1024
"""Bytes of a picture or a text that make one piece of a body; a multiple of three, so that the
base64 of the pieces joins."""


@attrs.frozen
class Base64:
    """A picture, written as base64 characters. In JSON it stands for a string."""

    image: Image
    data_url: bool = False
    """Whether they are written as a ``data:`` URL (RFC 2397), which says the type too."""

    @property
    def _prefix(self) -> bytes:
        return f"data:{self.image.media_type};base64,".encode() if self.data_url else b""

    def __len__(self) -> int:
        return len(self._prefix) + (len(self.image.data) + 2) // 3 * 4

    def chunks(self) -> Iterator[bytes]:
        """The characters, piece by piece."""
        if self.data_url:
            yield self._prefix
        for piece in _pieces(self.image.data):
            yield pybase64.b64encode(piece)


@attrs.frozen
class Raw:
    """A picture, written as its bytes. Only for bodies that are not JSON."""

    image: Image

    def __len__(self) -> int:
        return len(self.image.data)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, piece by piece."""
        yield from _pieces(self.image.data)


def _pieces(data: bytes) -> Iterator[bytes]:
    if len(data) <= CHUNK_BYTES:
        # An empty piece would end a chunked body.
        if data:
            yield data
        return
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


Segment: TypeAlias = bytes | Base64 | Raw | Lifted


@attrs.frozen
class Body:
    """An immutable sequence of segments, and the content type that they make together."""

    segments: tuple[Segment, ...] = attrs.field(repr=lambda parts: f"<{len(parts)} segments>")
    content_type: str

    @cached_property
    def length(self) -> int:
        """Bytes of the whole body."""
        return sum(len(segment) for segment in self.segments)

    def chunks(self) -> Iterator[bytes]:
        """The bytes in order, in pieces of at most 256 KiB, none of them empty."""
        for segment in self.segments:
            if isinstance(segment, bytes):
                yield from _pieces(segment)
            elif isinstance(segment, Lifted):
                yield from _pieces(segment.encoded)
            else:
                yield from segment.chunks()

    def to_bytes(self) -> bytes:
        """The whole body in one piece."""
        return b"".join(self.chunks())

    def sha256(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


def json_body(document: Any, *, content_type: str = "application/json") -> Body:
    """The body of a JSON document that may hold `Base64` and `Lifted` where a string is due.

    It is UTF-8 and has no white space between its tokens.

    Raises:
        TypeError: the document holds something that JSON has no form for, such as a lone
            surrogate, an integer of over 64 bits, or more than 254 levels.
    """
    leaves: list[Segment] = []

    def leaf(value: object) -> orjson.Fragment:
        if isinstance(value, Lifted):
            leaves.append(_json_characters(value))
        elif isinstance(value, Base64):
            leaves.append(value)
        else:
            raise TypeError(f"{type(value).__name__} has no JSON form")
        # A NUL byte marks the place: JSON never contains one, it is written as an escape.
        return orjson.Fragment(b'"\0"')

    pieces = orjson.dumps(document, default=leaf).split(b"\0")
    segments: list[Segment] = [pieces[0]]
    for value, piece in zip(leaves, pieces[1:], strict=True):
        segments += [value, piece]
    return Body(tuple(segments), content_type)


def _json_characters(value: Lifted) -> Segment:
    """A lifted string as it is written between the quotes of JSON."""
    if any(piece.translate(None, _PLAIN) for piece in _pieces(value.encoded)):
        return orjson.dumps(value.text)[1:-1]
    return value


_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))
"""Bytes that JSON writes as they are."""
