"""What needs Pillow: exact sizes, conversions, and saving in the format that a suffix names.

Pixels are decoded only here, only when asked for, and only after the header was judged. The
functions block; the client calls them in a worker thread.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from genkit.errors import OutputError
from genkit.files import write_atomically
from genkit.images import Fit, Image, suffix_of
from genkit.pixels import MAX_OUTPUT_PIXELS, NEEDS_PILLOW, has_pillow, open_pil

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

__all__ = ["FORMATS", "MAX_OUTPUT_PIXELS", "convert", "fit", "has_pillow", "open_pil", "save"]


FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
"""Output formats by name, with their media types."""

_SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def convert(image: Image, output_format: str) -> bytes:
    """`image` encoded as ``"png"``, ``"jpeg"`` or ``"webp"``; unchanged if it is that already.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: the pixels cannot be decoded.
    """
    if image.media_type == FORMATS[output_format]:
        return image.data
    return _encode(open_pil(image.data), output_format)


def fit(image: Image, width: int, height: int, how: Fit, output_format: str | None = None) -> bytes:
    """`image` at exactly `width` x `height` pixels.

    ``"crop"`` scales it to cover and cuts what stands over, evenly; ``"pad"`` scales it to fit in
    and fills the rest (transparent where the picture has transparency, else white); ``"resize"``
    stretches it. It is encoded as `output_format`, or as it was.

    Raises:
        ImportError: Pillow is not installed.
        ValueError: the pixels cannot be decoded.
    """
    picture = open_pil(image.data)
    if how != "none" and picture.size != (width, height):
        import PIL.Image
        import PIL.ImageOps

        filter_ = PIL.Image.Resampling.LANCZOS
        if picture.mode not in ("RGB", "RGBA"):
            picture = picture.convert("RGBA" if _has_alpha(picture) else "RGB")
        if how == "crop":
            picture = PIL.ImageOps.fit(picture, (width, height), filter_)
        elif how == "pad":
            color = (0, 0, 0, 0) if picture.mode == "RGBA" else (255, 255, 255)
            picture = PIL.ImageOps.pad(picture, (width, height), filter_, color=color)
        else:
            picture = picture.resize((width, height), filter_)
    elif output_format is None or FORMATS[output_format] == image.media_type:
        return image.data
    return _encode(picture, output_format or _format_of(image.media_type))


def save(image: Image, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
    """Write `image` to `path` in the format of its suffix; gives the path that it really has.

    Without Pillow a picture of another format is saved under its true suffix, with a warning.

    Raises:
        OutputError: it cannot be written, or the suffix is not one of a known format.
    """
    target = Path(path)
    data = image.data
    suffix = target.suffix.lower()
    if not suffix:
        target = target.with_name(target.name + suffix_of(image.media_type))
    elif (
        suffix != suffix_of(image.media_type)
        and FORMATS.get(_SUFFIXES.get(suffix, "")) != image.media_type
    ):
        if suffix not in _SUFFIXES:
            allowed = ", ".join(_SUFFIXES)
            raise OutputError(
                f"{str(target)!r}: cannot write {suffix!r}; use one of {allowed}", path=str(target)
            )
        if has_pillow():
            try:
                data = convert(image, _SUFFIXES[suffix])
            except ValueError as error:
                raise OutputError(f"{str(target)!r}: {error}", path=str(target)) from None
        else:
            target = target.with_suffix(suffix_of(image.media_type))
            warnings.warn(
                f"the picture is {image.media_type} and converting it {NEEDS_PILLOW};"
                f" saved as {target.name}",
                stacklevel=3,
            )
    return write_atomically(target, [data], overwrite=overwrite)


def _format_of(media_type: str) -> str:
    return next((name for name, kind in FORMATS.items() if kind == media_type), "png")


def _has_alpha(picture: PilImage) -> bool:
    return "A" in picture.getbands() or "transparency" in picture.info


def _encode(picture: PilImage, output_format: str) -> bytes:
    import PIL.Image

    if output_format == "jpeg" and (_has_alpha(picture) or picture.mode not in ("RGB", "L")):
        # JPEG knows no transparency: what shows through is white.
        layered = picture.convert("RGBA")
        picture = PIL.Image.new("RGB", layered.size, (255, 255, 255))
        picture.paste(layered, mask=layered.getchannel("A"))
    written = io.BytesIO()
    options = {"quality": 95} if output_format in ("jpeg", "webp") else {}
    picture.save(written, output_format.upper(), **options)
    return written.getvalue()
