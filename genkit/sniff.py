"""Type, size and completeness of a picture, read from its bytes without decoding a pixel.

Formats after their specifications: PNG (W3C PNG, IHDR and IEND), JPEG (ITU T.81, SOFn and EOI),
WebP (RFC 9649), GIF89a, AVIF and HEIC (ISO/IEC 23008-12, ``ispe``).
"""

from __future__ import annotations

import struct

import attrs

__all__ = ["ImageHeader", "sniff"]

_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
}


@attrs.frozen
class ImageHeader:
    """What the header of a picture says."""

    media_type: str
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    complete: bool
    """Whether the end of the picture is there, as far as the format lets one see."""


def sniff(data: bytes) -> ImageHeader | None:
    """The header of the picture in `data`; `None` when it is none of a known type."""
    for reader in (_png, _jpeg, _webp, _gif, _iso_media):
        try:
            header = reader(data)
        except (struct.error, IndexError):
            # The signature fits but the header is cut short of the size.
            continue
        if header is not None:
            return header
    return None


def _png(data: bytes) -> ImageHeader | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    # Some writers append bytes after IEND: search the tail, not the very end.
    return ImageHeader("image/png", width, height, data.rfind(b"IEND", -65536) != -1)


def _jpeg(data: bytes) -> ImageHeader | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    position = 2
    while position < len(data):
        if data[position] != 0xFF:
            return None
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        position += 1
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue
        if marker in (0xD9, 0xDA):
            return None
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            return None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, position + 3)
            return ImageHeader("image/jpeg", width, height, data.rfind(b"\xff\xd9", -65536) != -1)
        position += length
    return None


def _webp(data: bytes) -> ImageHeader | None:
    if not data.startswith(b"RIFF") or data[8:12] != b"WEBP":
        return None
    (size,) = struct.unpack_from("<I", data, 4)
    complete = len(data) >= size + 8
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return ImageHeader("image/webp", width, height, complete)


def _gif(data: bytes) -> ImageHeader | None:
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader("image/gif", width, height, data.rstrip(b"\0").endswith(b";"))


def _iso_media(data: bytes) -> ImageHeader | None:
    if data[4:8] != b"ftyp" or (media_type := _BRANDS.get(data[8:12])) is None:
        return None
    # The largest image spatial extents box is the picture's; smaller ones are thumbnails or tiles.
    width = height = 0
    position = data.find(b"ispe", 0, 65536)
    while position != -1:
        found_width, found_height = struct.unpack_from(">II", data, position + 8)
        if found_width * found_height > width * height:
            width, height = found_width, found_height
        position = data.find(b"ispe", position + 4, 65536)
    return ImageHeader(media_type, width, height, complete=True)
