"""Pictures as values: bytes with a sniffed type and a size read from the header. No I/O."""

from __future__ import annotations

import hashlib
import math
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import attrs

from genkit.errors import InvalidRequestError, brief
from genkit.sniff import check_picture

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

__all__ = [
    "ASPECT_RATIO",
    "Fit",
    "Image",
    "Mask",
    "MaskMeaning",
    "parse_aspect_ratio",
    "parse_size",
    "suffix_of",
]

Fit: TypeAlias = Literal["none", "crop", "pad", "resize"]
MaskMeaning: TypeAlias = Literal["transparent-is-edit", "white-is-edit"]
"""How a `Mask` is to be read."""

MAX_REFERENCE_PIXELS = 50_000_000
"""Pixels of the largest reference accepted, judged from its header."""
MAX_REFERENCE_BYTES = 64 * 1024 * 1024
"""Bytes of the largest reference accepted."""
MAX_EDGE = 16_384
"""Pixels of the longest edge that may be asked for."""

ASPECT_RATIO = re.compile(r"([1-9]\d{0,4}):([1-9]\d{0,4})", re.ASCII)
_SIZE = re.compile(r"(\d{1,6})\s*[xX×]\s*(\d{1,6})", re.ASCII)

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/heic": ".heic",
}


def suffix_of(media_type: str) -> str:
    """The file name suffix of a media type, such as ``".png"``."""
    return _SUFFIXES.get(media_type, ".bin")


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels of a text such as ``"1280x720"``.

    Raises:
        InvalidRequestError: it is not of that form; its `field` is ``size``.
    """
    if found := _SIZE.fullmatch(text.strip()):
        return int(found[1]), int(found[2])
    raise InvalidRequestError(
        f"size: {brief(text)} is not WIDTHxHEIGHT in pixels, such as 1280x720", field="size"
    )


def parse_aspect_ratio(text: str) -> float:
    """Width over height of a ratio such as ``"16:9"``.

    Raises:
        InvalidRequestError: it is not of that form; its `field` is ``aspect_ratio``.
    """
    if found := ASPECT_RATIO.fullmatch(text.strip()):
        return int(found[1]) / int(found[2])
    raise InvalidRequestError(
        f"aspect_ratio: {brief(text)} is not of the form WIDTH:HEIGHT, such as 16:9",
        field="aspect_ratio",
    )


def _show_size(data: bytes) -> str:
    return f"<{len(data)} bytes>"


@attrs.frozen(kw_only=True)
class Image:
    """A picture: its encoded bytes, with type and size as its header gives them.

    Make one with `from_bytes`, or with `genkit.load_image` from a file. Pixels are never decoded
    here.
    """

    data: bytes = attrs.field(repr=_show_size)
    """The encoded picture."""
    media_type: str
    """Sniffed from the bytes, such as ``"image/png"``; never taken from a name or a header."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @classmethod
    def from_bytes(cls, data: bytes, *, field: str = "references") -> Image:
        """The picture in `data`, checked to be one whose type is known and which is not cut.

        Raises:
            InvalidRequestError: it is not a picture, is cut, or is larger than 64 MiB or
                50 megapixels. `field` names the request's field that it was given for.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidRequestError(
                f"{field}: expected the bytes of a picture, not {brief(data)}", field=field
            )
        data = bytes(data)
        if len(data) > MAX_REFERENCE_BYTES:
            raise InvalidRequestError(
                f"{field}: the image has {len(data)} bytes; at most {MAX_REFERENCE_BYTES}",
                field=field,
            )
        header, problem = check_picture(data, MAX_REFERENCE_PIXELS)
        if header is None or problem:
            raise InvalidRequestError(f"{field}: {problem}", field=field)
        return cls(
            data=data, media_type=header.media_type, width=header.width, height=header.height
        )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hexadecimal; computed when first asked for."""
        return hashlib.sha256(self.data).hexdigest()

    def to_pil(self) -> PilImage:
        """The picture as a Pillow image, decoded.

        Raises:
            ImportError: Pillow is not installed (``genkit-core[imaging]``).
        """
        from genkit import pixels

        return pixels.open_pil(self.data)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        # What notebooks ask for to show a value inline.
        return {self.media_type: self.data, "text/plain": repr(self)}


def _is_image(_mask: object, _attribute: object, value: Any) -> None:
    if not isinstance(value, Image):
        raise InvalidRequestError(
            f"mask: expected an Image, not {type(value).__name__}; see Image.from_bytes",
            field="mask",
        )


def _is_meaning(_mask: object, _attribute: object, value: Any) -> None:
    allowed = get_args(MaskMeaning)
    if value not in allowed:
        raise InvalidRequestError(
            f"mask: its meaning must be one of {', '.join(allowed)}, not {brief(value)}",
            field="mask",
        )


@attrs.frozen(kw_only=True)
class Mask:
    """Which pixels of the first reference may be changed.

    `image` has the size of the reference. `meaning` says how it is to be read:
    ``"transparent-is-edit"`` (alpha 0 marks what may change) or ``"white-is-edit"`` (white marks
    it, black is kept). The core converts it to what the model's service reads, by Pillow.

    Raises:
        InvalidRequestError: `image` is none, or `meaning` is neither; its `field` is ``mask``.
    """

    image: Image = attrs.field(validator=_is_image)
    meaning: MaskMeaning = attrs.field(default="transparent-is-edit", validator=_is_meaning)


def nearest_ratio(wanted: float, ratios: tuple[str, ...]) -> str:
    """The ratio of `ratios` that is nearest to `wanted` (width over height), by proportion."""
    return min(ratios, key=lambda ratio: abs(math.log(parse_aspect_ratio(ratio) / wanted)))
