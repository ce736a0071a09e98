"""Tiny pictures that stand for large ones: valid, of the same type, coloured by a digest.

The encoders write one plain colour. They are made by hand, so that the same digest gives the same
bytes on every machine and with every release of an imaging library. Formats after their
specifications: PNG (W3C PNG), JPEG (ITU T.81, baseline), WebP lossless (RFC 9649), GIF89a, and
the boxes of ISO/IEC 23008-12 for the rest.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable

from genkit.sniff import ImageHeader, sniff

__all__ = ["LARGE_BYTES", "PAINTERS", "is_large_picture", "tiny_picture"]

LARGE_BYTES = 3072
"""Pictures of more bytes than this are swapped: 4096 characters of base64."""

LONGEST_SIDE = 32
"""Pixels of the longer side of a tiny picture; the shape is that of the original."""


def is_large_picture(data: bytes) -> bool:
    """Whether these bytes are a picture that is too large for a cassette."""
    return len(data) > LARGE_BYTES and sniff(data) is not None


def tiny_picture(data: bytes) -> bytes:
    """The picture that stands for the one in `data`.

    It has the same type and about the same shape, and a colour from the SHA-256 of the original:
    the same original always gives the same bytes, another original others. AVIF and HEIC, which
    take a video encoder, come as a header that says type and size, and no pixels.

    Raises:
        ValueError: `data` is no picture of a known type.
    """
    header = sniff(data)
    if header is None:
        raise ValueError("not a picture of a known type")
    width, height = _shape(header)
    colour = hashlib.sha256(data).digest()
    painter = PAINTERS.get(header.media_type)
    if painter is None:
        return _boxes(data[8:12], width, height, colour)
    return painter(width, height, colour)


def _shape(header: ImageHeader) -> tuple[int, int]:
    longest = max(header.width, header.height, 1)
    scale = min(1.0, LONGEST_SIDE / longest)
    return max(1, round(header.width * scale)), max(1, round(header.height * scale))


def _png(width: int, height: int, colour: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + _crc(kind + content)

    def _crc(content: bytes) -> bytes:
        return struct.pack(">I", zlib.crc32(content))

    rows = (b"\0" * (1 + (width + 7) // 8)) * height
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            chunk(b"PLTE", colour[:6]),
            # Stored, not compressed: compressors differ between releases.
            chunk(b"IDAT", zlib.compress(rows, 0)),
            chunk(b"IEND", b""),
        ]
    )


def _gif(width: int, height: int, colour: bytes) -> bytes:
    # A clear code after every two pixels keeps the codes at three bits.
    codes: list[tuple[int, int]] = []
    for start in range(0, width * height, 2):
        codes += [(4, 3)] + [(0, 3)] * min(2, width * height - start)
    data = _little_endian_bits([*codes, (5, 3)])
    blocks = (data[start : start + 255] for start in range(0, len(data), 255))
    return b"".join(
        [
            b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + colour[:6],
            b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02",
            *(bytes([len(block)]) + block for block in blocks),
            b"\0;",
        ]
    )


def _webp(width: int, height: int, colour: bytes) -> bytes:
    red, green, blue = colour[:3]
    fields = [(0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3)]
    fields += [(0, 1), (0, 1), (0, 1)]  # no transform, no colour cache, one group of codes
    for symbol in (green, red, blue, 255):
        # A code of one symbol: a pixel then takes no bits at all.
        fields += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    fields += [(1, 1), (0, 1), (0, 1), (0, 1)]
    data = _little_endian_bits(fields)
    data += b"\0" * (len(data) % 2)
    content = b"WEBPVP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _jpeg(width: int, height: int, colour: bytes) -> bytes:
    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content

    # Twelve codes of four bits for the first coefficient, one of one bit for "no more of them".
    sizes, ends = bytes(range(12)), b"\0"
    luminance_only = b"\x01\x11\0\x02\x11\0\x03\x11\0"
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            segment(0xDB, b"\0" + b"\x01" * 64),
            segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + luminance_only),
            segment(0xC4, b"\0" + bytes([0, 0, 0, 12]) + bytes(12) + sizes),
            segment(0xC4, b"\x10" + bytes([1]) + bytes(15) + ends),
            segment(0xDA, b"\x03\x01\0\x02\0\x03\0\0\x3f\0"),
            _jpeg_scan(-(-width // 8) * -(-height // 8), colour),
            b"\xff\xd9",
        ]
    )


def _jpeg_scan(blocks: int, colour: bytes) -> bytes:
    bits = []
    for value in colour[:3]:
        level = 8 * (value - 128)
        size = abs(level).bit_length()
        # T.81 F.1.2.1: a negative difference is written as its ones' complement.
        rest = level if level >= 0 else level + (1 << size) - 1
        bits.append(f"{size:04b}" + (f"{rest:0{size}b}" if size else "") + "0")
    # Every further block differs by nothing from the one before it.
    scan = "".join(bits) + "00000" * 3 * (blocks - 1)
    scan += "1" * (-len(scan) % 8)
    return int(scan, 2).to_bytes(len(scan) // 8, "big").replace(b"\xff", b"\xff\0")


def _boxes(brand: bytes, width: int, height: int, colour: bytes) -> bytes:
    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    extent = box(b"ispe", struct.pack(">III", 0, width, height))
    properties = box(b"iprp", box(b"ipco", extent))
    return b"".join(
        [
            box(b"ftyp", brand + b"\0\0\0\0" + brand),
            box(b"meta", b"\0\0\0\0" + properties),
            box(b"mdat", colour),
        ]
    )


def _little_endian_bits(fields: Iterable[tuple[int, int]]) -> bytes:
    """Pack values, each of so many bits, the least significant bit first."""
    packed = position = 0
    for value, size in fields:
        packed |= value << position
        position += size
    return packed.to_bytes((position + 7) // 8, "little")


PAINTERS: dict[str, Callable[[int, int, bytes], bytes]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/jpeg": _jpeg,
}
