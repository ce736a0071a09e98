"""Small pictures, as a model would have made them."""

from __future__ import annotations

import functools
import io

import PIL.Image

from genkit.response import GeneratedImage


@functools.cache
def picture_bytes(media_type: str = "image/png", width: int = 8, height: int = 4) -> bytes:
    """An encoded picture of one colour."""
    written = io.BytesIO()
    kind = media_type.removeprefix("image/").upper()
    PIL.Image.new("RGB", (width, height), (250, 220, 40)).save(written, kind)
    return written.getvalue()


def picture(media_type: str = "image/png", width: int = 8, height: int = 4) -> GeneratedImage:
    """A picture of one colour."""
    data = picture_bytes(media_type, width, height)
    return GeneratedImage(data=data, media_type=media_type, width=width, height=height)
