"""Small real pictures of every type, drawn by Pillow."""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache
from typing import Any

import PIL.Image

from genkit.images import Image


@cache
def drawing(width: int, height: int, mode: str = "RGB") -> PIL.Image.Image:
    """Noise, so that coded data is long and holds every byte."""
    bands = len(PIL.Image.new(mode, (1, 1)).getbands())
    noise = random.Random(width * 31 + height).randbytes(width * height * bands)
    return PIL.Image.frombytes(mode, (width, height), noise)


@cache
def _encoded(kind: str, width: int, height: int, mode: str, options: tuple[Any, ...]) -> bytes:
    written = io.BytesIO()
    drawing(width, height, mode).save(written, kind, **dict(options))
    return written.getvalue()


def encoded(
    kind: str, width: int = 24, height: int = 16, mode: str = "RGB", **options: Any
) -> bytes:
    """A picture encoded by Pillow as `kind`, such as ``"PNG"``."""
    return _encoded(kind, width, height, mode, tuple(options.items()))


def png(width: int = 24, height: int = 16) -> bytes:
    """A whole PNG."""
    return encoded("PNG", width, height)


def jpeg(width: int = 24, height: int = 16) -> bytes:
    """A whole baseline JPEG."""
    return encoded("JPEG", width, height)


def picture(width: int = 24, height: int = 16) -> Image:
    """A whole PNG as a value."""
    return Image.from_bytes(png(width, height))


def png_header(width: int, height: int, *after: bytes) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an ISO media file."""
    return struct.pack(">I", len(content) + 8) + kind + content
