"""The kit's own pictures: small, valid and different from each other."""

from __future__ import annotations

import struct
import zlib
from functools import cache

from genkit.images import Image, Mask
from genkit.testing.plain_pictures import plain_picture

__all__ = ["EDGE", "mask", "picture"]

EDGE = 64
"""Pixels of each edge."""


@cache
def picture(colour: int = 90, media_type: str = "image/png", edge: int = EDGE) -> Image:
    """A plain picture; `colour` is from 0 to 255."""
    return Image.from_bytes(plain_picture(media_type, edge, edge, bytes([colour]) * 32))


@cache
def mask(rows: int) -> Mask:
    """A mask of `EDGE` x `EDGE` pixels whose first `rows` rows are transparent: may be edited."""
    kept, edited = b"\0" + b"\0\0\0\xff" * EDGE, b"\0" + b"\0\0\0\0" * EDGE
    header = struct.pack(">IIBBBBB", EDGE, EDGE, 8, 6, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(edited * rows + kept * (EDGE - rows))),
            (b"IEND", b""),
        )
    )
    return Mask(image=Image.from_bytes(data))
