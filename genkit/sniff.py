"""Type, size and completeness of a picture, read from its bytes without decoding a pixel.

Formats after their specifications: PNG (W3C PNG, IHDR and IEND), JPEG (ITU T.81, SOFn and EOI),
WebP (RFC 9649), GIF89a, AVIF and HEIC (ISO/IEC 14496-12 boxes, ISO/IEC 23008-12 ``ispe``).

Whether a picture is whole is found by walking its outer structure, because the end mark alone
says little: many files have other data after it (motion photos, content credentials), and a file
that was cut may hold the end mark of a thumbnail. Every walk is bounded in steps, so that hostile
bytes cost milliseconds.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import attrs

__all__ = ["ImageHeader", "check_picture", "describe", "sniff"]

MAX_STEPS = 100_000
"""Pieces of a file that are looked at; real pictures have far fewer."""

_FILL = re.compile(rb"\xff+")
# Within the coded data of a JPEG, FF is followed by 00 or by a restart mark; all else is a marker.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_CODED = frozenset({b"mdat", b"idat"})
"""Boxes that hold the coded picture."""
_GIF_COMPLETE_BY_TAIL = re.compile(rb"\x00;\x00*\Z")


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
    """The header of the picture in `data`; `None` when it is none of a known type. Never raises."""
    for reader in (_png, _jpeg, _webp, _gif, _iso_media):
        try:
            header = reader(data)
        except (struct.error, IndexError):
            # The signature fits but the header is cut short of the size.
            continue
        if header is not None:
            return header
    return None


def check_picture(data: bytes, max_pixels: int) -> tuple[ImageHeader | None, str | None]:
    """The header of the picture in `data`, and what is wrong with it (`None` if nothing)."""
    header = sniff(data)
    return header, _problem(header, data, max_pixels)


def _problem(header: ImageHeader | None, data: bytes, max_pixels: int) -> str | None:
    if header is None:
        looks = describe(data)
        return (
            f"these {len(data)} bytes are not a picture of a known type"
            f" (PNG, JPEG, WebP, GIF, AVIF, HEIC){f'; they look like {looks}' if looks else ''}"
        )
    if header.width < 1 or header.height < 1:
        return f"the {header.media_type} header gives the size {header.width}x{header.height}"
    if header.width * header.height > max_pixels:
        return (
            f"the picture has {header.width}x{header.height} pixels; at most"
            f" {max_pixels / 1e6:g} megapixels"
        )
    if not header.complete:
        return f"the {header.media_type} is cut: its end is missing"
    return None


def describe(data: bytes) -> str | None:
    """What `data`, which is no picture of a known type, looks like; `None` if like nothing."""
    if not data:
        return "nothing"
    if data[4:8] == b"ftyp":
        return "a video, or a damaged AVIF or HEIC"
    for signature, name in _SIGNATURES.items():
        if data.startswith(signature):
            return name
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, name in _TEXTS.items():
        if text.startswith(beginning):
            return "SVG" if name == "XML" and b"<svg" in text else name
    return None


_SIGNATURES = {
    b"%PDF": "PDF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\x1f\x8b": "gzip",
    b"\x89PNG": "a damaged or cut PNG",
    b"\xff\xd8\xff": "a damaged or cut JPEG",
    b"RIFF": "a damaged or cut WebP",
    b"GIF8": "a damaged or cut GIF",
}
_TEXTS = {
    b"<svg": "SVG",
    b"<?xml": "XML",
    b"<!doctype html": "HTML",
    b"<html": "HTML",
    b"{": "JSON",
    b"[": "JSON",
    b"data:": "a data URL",
    b"http://": "a URL",
    b"https://": "a URL",
}


def _png(data: bytes) -> ImageHeader | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader("image/png", width, height, _png_is_complete(data))


def _png_is_complete(data: bytes) -> bool:
    position = 8
    for _step in range(MAX_STEPS):
        # A chunk is its length, its type, that many bytes, and a checksum.
        if position + 12 > len(data):
            return False
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(data[position : position + 4])
    return False


def _jpeg(data: bytes) -> ImageHeader | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    size: tuple[int, int] | None = None
    position = 2
    for _step in range(MAX_STEPS):
        if (fill := _FILL.match(data, position)) is None:
            break
        marker = data[fill.end()] if fill.end() < len(data) else None
        position = fill.end() + 1
        if marker is None or marker in (0x00, 0xD8):
            break
        if marker == 0xD9:
            return None if size is None else ImageHeader("image/jpeg", *size, complete=True)
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue
        if position + 2 > len(data) or (length := _big(data, position, 2)) < 2:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and size is None:
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = width, height
            if data.endswith(b"\xff\xd9"):
                # The usual end: what comes in between need not be looked at.
                return ImageHeader("image/jpeg", *size, complete=True)
        position += length
        if marker == 0xDA:
            if size is None or (found := _MARKER.search(data, position)) is None:
                break
            position = found.start()
    return None if size is None else ImageHeader("image/jpeg", *size, complete=False)


def _webp(data: bytes) -> ImageHeader | None:
    if not data.startswith(b"RIFF") or data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        width, height = low_width + (high_width << 16) + 1, low_height + (high_height << 16) + 1
    elif kind == b"VP8L" and data[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    elif kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    else:
        return None
    (size,) = struct.unpack_from("<I", data, 4)
    (first,) = struct.unpack_from("<I", data, 16)
    # The file's size counts from its ninth byte; the first chunk must lie within it.
    return ImageHeader("image/webp", width, height, first + 12 <= size <= len(data) - 8)


def _gif(data: bytes) -> ImageHeader | None:
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        return None
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader("image/gif", width, height, _gif_is_complete(data))


def _gif_is_complete(data: bytes) -> bool:
    steps = MAX_STEPS
    try:
        position = 13 + _color_table(data[10])
        while (introducer := data[position]) != 0x3B:
            if introducer == 0x21:
                position += 2
            elif introducer == 0x2C:
                position += 11 + _color_table(data[position + 9])
            else:
                return False
            while (length := data[position]) and steps:
                position += length + 1
                steps -= 1
            position += 1
            if (steps := steps - 1) < 0:
                # A very long animation: look at the end instead.
                return _GIF_COMPLETE_BY_TAIL.search(data, len(data) - 64) is not None
    except IndexError:
        return False
    return True


def _color_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _iso_media(data: bytes) -> ImageHeader | None:
    if data[4:8] != b"ftyp" or (media_type := _iso_type(data)) is None:
        return None
    boxes = list(_boxes(data, 0, len(data)))
    meta = next((box for box in boxes if box[0] == b"meta"), None)
    if meta is None or meta[2] > len(data):
        return None
    # Four bytes of version and flags stand before what `meta` holds.
    begin, end = meta[1] + 4, meta[2]
    sizes = [
        struct.unpack_from(">II", data, position + 4)
        for kind, position, _end in _inside(data, begin, end, b"iprp", b"ipco")
        if kind == b"ispe"
    ]
    if not sizes:
        return None
    # The largest is the picture's; smaller ones are thumbnails or tiles.
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    coded = [box for box in (*boxes, *_boxes(data, begin, end)) if box[0] in _CODED]
    complete = bool(coded) and all(box_end <= len(data) for _kind, _begin, box_end in coded)
    return ImageHeader(media_type, width, height, complete)


def _iso_type(data: bytes) -> str | None:
    # The major brand, its version, then the brands that the file is compatible with. A picture
    # of the major brand `mif1` says only there how it is coded.
    end = min(_big(data, 0, 4), len(data), 1024)
    brands = [data[8:12], *(data[start : start + 4] for start in range(16, end - 3, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "image/avif"
        if brand in _HEIC_BRANDS:
            return "image/heic"
    return None


def _inside(data: bytes, begin: int, end: int, *path: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The boxes within the first box at `path`."""
    for name in path:
        found = next((box for box in _boxes(data, begin, end) if box[0] == name), None)
        if found is None:
            return
        _name, begin, end = found
    yield from _boxes(data, begin, end)


def _boxes(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind of every box from `begin`, and where its content begins and ends.

    The end that a box claims may lie beyond the data: then it is cut.
    """
    position = begin
    for _step in range(MAX_STEPS):
        if position + 8 > min(end, len(data)):
            return
        size, kind = _big(data, position, 4), data[position + 4 : position + 8]
        content = position + 8
        if size == 1:
            size, content = _big(data, content, 8), content + 8
        elif size == 0:
            size = end - position
        if size < content - position or not kind.isalnum():
            return
        yield kind, content, position + size
        position += size


def _big(data: bytes, position: int, length: int) -> int:
    return int.from_bytes(data[position : position + length])
