"""Bringing a mask to what a service reads, and checking it before anything is paid.

Services read masks in opposite ways, and one that is read the wrong way round, or marks nothing,
redraws what was to be kept. Pixels are decoded here, with Pillow, only for requests with a mask.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import attrs

from genkit.errors import InvalidRequestError, UnsupportedOptionError
from genkit.images import Image, Mask, MaskMeaning
from genkit.pictures import has_pillow, open_pil
from genkit.provider import Capabilities
from genkit.request import GenerationRequest
from genkit.response import Notice

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

__all__ = ["prepare_mask"]

WHITE_FROM = 128
"""Of 255: greys from here on count as white. JPEG leaves no pure black or white."""

_NOTHING_MARKED = {
    "transparent-is-edit": "has no fully transparent pixel, so that nothing may change; where white"
    ' marks what may change, say meaning="white-is-edit"',
    "white-is-edit": "has no white pixel, so that nothing may change; where transparency marks what"
    ' may change, say meaning="transparent-is-edit"',
}
_PNG_RGBA = b"\x08\x06"
"""Bit depth and colour type in the header of a PNG (ISO/IEC 15948, 11.2.2): 8 bits, with alpha."""


def prepare_mask(
    request: GenerationRequest, capabilities: Capabilities
) -> tuple[GenerationRequest, tuple[Notice, ...]]:
    """`request` with its mask as the model reads masks, checked to mark something.

    A mask that is right already stays as it is, to the byte. The service gets an 8-bit PNG: with
    an alpha channel, or in shades of grey where white marks what may change.

    Raises:
        InvalidRequestError: the mask has not the size of the first image, marks nothing, or cannot
            be decoded; its `field` is ``mask``.
        UnsupportedOptionError: it has to be converted and Pillow is not installed.
    """
    mask = request.mask
    if mask is None:
        return request, ()
    _check_size(mask, request)
    meaning = capabilities.mask_meaning
    if not has_pillow():
        return request, (_unchecked(mask, meaning),)
    try:
        picture = open_pil(mask.image.data)
    except ValueError as error:
        raise InvalidRequestError(f"mask: {error}", field="mask") from None
    marked = _marked(picture, mask.meaning)
    if marked.getbbox() is None:
        raise InvalidRequestError(f"mask: {_NOTHING_MARKED[mask.meaning]}", field="mask")
    if mask.meaning == meaning and _is_ready(mask.image, picture, meaning):
        return request, ()
    converted = Mask(image=_written(marked, meaning), meaning=meaning)
    return attrs.evolve(request, mask=converted), ()


def _check_size(mask: Mask, request: GenerationRequest) -> None:
    first = request.images[0]
    if (mask.image.width, mask.image.height) != (first.width, first.height):
        raise InvalidRequestError(
            f"mask: has {mask.image.width}x{mask.image.height} pixels, the first image"
            f" {first.width}x{first.height}; they must be equal",
            field="mask",
        )


def _unchecked(mask: Mask, meaning: MaskMeaning) -> Notice:
    """What is said of a mask that goes as it is, because its pixels cannot be looked at."""
    if mask.meaning != meaning or not _is_png_with_alpha(mask.image):
        raise UnsupportedOptionError(
            f"mask: the service reads a PNG whose mask is {meaning}; converting yours"
            f" ({mask.image.media_type}, {mask.meaning}) needs Pillow: install"
            " genkit-core[imaging]",
            field="mask",
        )
    return Notice(
        "mask-unchecked",
        "Pillow is not installed, so that it was not checked whether the mask marks anything",
    )


def _is_png_with_alpha(image: Image) -> bool:
    return image.media_type == "image/png" and image.data[24:26] == _PNG_RGBA


def _is_ready(image: Image, picture: PilImage, meaning: MaskMeaning) -> bool:
    if meaning == "transparent-is-edit":
        return _is_png_with_alpha(image)
    plain = picture.mode == "L" and "transparency" not in picture.info
    return image.media_type == "image/png" and plain


def _marked(picture: PilImage, meaning: MaskMeaning) -> PilImage:
    """What may change, as white on black."""
    import PIL.Image

    if picture.mode.startswith("I"):
        # 16 bits of grey; converting them directly takes all but the darkest for white.
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    layered = picture.convert("RGBA")
    if meaning == "transparent-is-edit":
        return layered.getchannel("A").point([255] + [0] * 255)
    ground = PIL.Image.new("RGBA", layered.size, (0, 0, 0, 255))
    shades = PIL.Image.alpha_composite(ground, layered).convert("L")
    return shades.point([0] * WHITE_FROM + [255] * (256 - WHITE_FROM))


def _written(marked: PilImage, meaning: MaskMeaning) -> Image:
    import PIL.Image

    if meaning == "transparent-is-edit":
        black = PIL.Image.new("L", marked.size, 0)
        kept = marked.point([255 - value for value in range(256)])
        marked = PIL.Image.merge("RGBA", (black, black, black, kept))
    written = io.BytesIO()
    marked.save(written, "PNG")
    return Image.from_bytes(written.getvalue(), field="mask")
