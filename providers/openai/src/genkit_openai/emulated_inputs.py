"""The pictures that come with a request to the emulated service, and when it refuses one.

Rules after the OpenAPI description of the Images API and recorded refusals.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from genkit.provider import ErrorFacts
from genkit.sniff import sniff

__all__ = ["Picture", "Refused", "check_mask", "check_picture", "linked", "refuse"]

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
MAX_BYTES = 50 * 1024 * 1024
MAX_OTHER_BYTES = 4 * 1024 * 1024
"""Bytes of a mask, and of a picture for a model that takes squares only."""
MAX_URL_CHARACTERS = 20_971_520

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,(.*)", re.DOTALL | re.IGNORECASE)


class Refused(Exception):  # noqa: N818  # it is what the service answers, not a failure of ours
    """The request is answered with an error."""

    def __init__(self, facts: ErrorFacts) -> None:
        super().__init__(facts.code)
        self.facts = facts


def refuse(message: str, param: str | None, code: str = "invalid_value", **details: Any) -> Refused:
    """The refusal of a request as invalid; ``details["type"]`` replaces the usual type."""
    facts = ErrorFacts(
        kind="invalid-request", message=message, field=param, code=code, details=details
    )
    return Refused(facts)


@attrs.frozen(kw_only=True)
class Picture:
    """A picture as it came."""

    param: str
    """How errors call it."""
    media_type: str
    """What the client says that it is."""
    data: bytes = attrs.field(repr=False)
    width: int = 0
    """Pixels, once it is checked."""
    height: int = 0


def linked(value: Any, param: str) -> Picture:
    """The picture that a JSON reference holds: a data URL, as nothing else is reachable here.

    Raises:
        Refused: the reference is none, or points elsewhere.
    """
    if not isinstance(value, Mapping) or len(value) != 1 or value.keys() - {"image_url", "file_id"}:
        raise refuse(f"{param} must have exactly one of image_url and file_id.", param)
    if "file_id" in value:
        raise refuse("There is no such file.", f"{param}.file_id", "image_file_not_found")
    url, param = value["image_url"], f"{param}.image_url"
    if not isinstance(url, str):
        raise refuse(f"{param} must be a string.", param, "invalid_type")
    if len(url) > MAX_URL_CHARACTERS:
        raise refuse(
            f"{param} is longer than {MAX_URL_CHARACTERS} characters.",
            param,
            "string_above_max_length",
        )
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise refuse("The picture could not be downloaded.", "url")
    try:
        data = base64.b64decode(match[2], validate=True)
    except (binascii.Error, ValueError):
        raise refuse("The data are not base64.", param, "invalid_base64_image") from None
    return Picture(param=param, media_type=match[1].lower(), data=data)


def check_picture(picture: Picture, *, square_only: bool) -> Picture:
    """The picture with its size.

    Raises:
        Refused: the service does not take it.
    """
    param = picture.param
    if picture.media_type not in MEDIA_TYPES:
        raise refuse(
            f"{param} has the unsupported type {picture.media_type[:60]!r}; supported are"
            f" {', '.join(MEDIA_TYPES)}.",
            param,
            "unsupported_file_mimetype",
        )
    limit = MAX_OTHER_BYTES if square_only else MAX_BYTES
    if len(picture.data) >= limit:
        raise refuse(f"{param} must have less than {limit} bytes.", param, "image_file_too_large")
    header = sniff(picture.data)
    if header is None or not header.complete or header.media_type not in MEDIA_TYPES:
        raise _not_an_image(param)
    if square_only and (header.media_type != "image/png" or header.width != header.height):
        raise _not_an_image(param, "It must be a square PNG.")
    return attrs.evolve(picture, width=header.width, height=header.height)


def check_mask(mask: Picture, pictures: Sequence[Picture]) -> None:
    """Refuse a mask that is not a PNG with an alpha channel and of the first picture's size.

    Raises:
        Refused: the service does not take it.
    """
    if len(mask.data) >= MAX_OTHER_BYTES:
        raise refuse(f"The mask must have less than {MAX_OTHER_BYTES} bytes.", mask.param)
    header = sniff(mask.data)
    if header is None or not header.complete or header.media_type != "image/png":
        raise _not_an_image(mask.param, "It must be a PNG.")
    first = pictures[0]
    if (header.width, header.height) != (first.width, first.height):
        raise refuse(
            f"The mask has {header.width}x{header.height} pixels, the picture"
            f" {first.width}x{first.height}.",
            mask.param,
        )
    if not _has_alpha(mask.data):
        raise refuse("The mask has no alpha channel.", mask.param, "invalid_mask_image_format")


def _not_an_image(param: str, why: str = "It cannot be read.") -> Refused:
    return refuse(
        f"{param} is not a valid picture. {why}",
        param,
        "invalid_image_file",
        type="image_generation_user_error",
    )


def _has_alpha(png: bytes) -> bool:
    """Whether a whole PNG has transparency: by its colour type, or by a table of it (tRNS)."""
    return png[25] in (4, 6) or any(kind == b"tRNS" for kind in _chunks(png))


def _chunks(png: bytes) -> Iterator[bytes]:
    """The types of a PNG's chunks up to its pixels."""
    position = 8
    while position + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        if kind == b"IDAT":
            return
        yield kind
        position += 12 + length
