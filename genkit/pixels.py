"""Decoding pixels with Pillow, only after the header was judged."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING

from genkit.sniff import check_picture

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

__all__ = ["MAX_OUTPUT_PIXELS", "NEEDS_PILLOW", "has_pillow", "open_pil"]

MAX_OUTPUT_PIXELS = 100_000_000
"""Pixels of the largest picture that is accepted from a service, judged from its header."""
NEEDS_PILLOW = "needs Pillow: install genkit-core[imaging]"

_READABLE = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")


def has_pillow() -> bool:
    """Whether Pillow is installed."""
    return importlib.util.find_spec("PIL") is not None


def open_pil(data: bytes) -> PilImage:
    """The picture in `data` as a decoded Pillow image.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: it is not a whole picture of a known type, or is over 100 megapixels.
    """
    if not has_pillow():
        raise ImportError(f"decoding pixels {NEEDS_PILLOW}")
    import PIL.Image

    _header, problem = check_picture(data, MAX_OUTPUT_PIXELS)
    if problem:
        raise ValueError(problem)
    try:
        picture = PIL.Image.open(io.BytesIO(data), formats=_READABLE)
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"Pillow cannot decode the picture: {error}") from None
    return picture
