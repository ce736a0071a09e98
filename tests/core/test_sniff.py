"""Type, size and completeness of pictures, from their bytes alone."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkit.sniff import ImageHeader, describe, sniff
from tests.core.samples import box, drawing, encoded, jpeg, png, png_header

EXIF = PIL.Image.Exif()
EXIF[0x010E] = "a description " * 50


def with_thumbnail() -> bytes:
    """A JPEG whose APP1 segment holds another, whole JPEG."""
    thumbnail = encoded("JPEG", 8, 8)
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    return b"\xff\xd8" + segment + encoded("JPEG", 24, 16)[2:]


def animated(kind: str) -> bytes:
    """A picture of three frames."""
    written = io.BytesIO()
    frames = [drawing(24, 16).rotate(angle) for angle in (0, 90, 180)]
    frames[0].save(written, kind, save_all=True, append_images=frames[1:], duration=50)
    return written.getvalue()


SAMPLES: dict[str, tuple[str, bytes]] = {
    "png": ("image/png", png()),
    "png-palette": ("image/png", encoded("PNG", mode="L")),
    "png-alpha": ("image/png", encoded("PNG", mode="RGBA")),
    "jpeg": ("image/jpeg", jpeg()),
    "jpeg-grey": ("image/jpeg", encoded("JPEG", mode="L")),
    "jpeg-cmyk": ("image/jpeg", encoded("JPEG", mode="CMYK")),
    "jpeg-progressive": ("image/jpeg", encoded("JPEG", progressive=True)),
    "jpeg-exif": ("image/jpeg", encoded("JPEG", exif=EXIF.tobytes())),
    "jpeg-profile": ("image/jpeg", encoded("JPEG", icc_profile=b"\xff\xd9" * 40000)),
    "jpeg-thumbnail": ("image/jpeg", with_thumbnail()),
    "jpeg-restarts": ("image/jpeg", encoded("JPEG", restart_marker_rows=1)),
    "jpeg-progressive-thumbnail": (
        "image/jpeg",
        encoded("JPEG", progressive=True, exif=b"Exif\0\0" + jpeg()),
    ),
    "webp": ("image/webp", encoded("WEBP")),
    "webp-lossless": ("image/webp", encoded("WEBP", lossless=True)),
    "webp-extended": ("image/webp", encoded("WEBP", exif=EXIF.tobytes())),
    "webp-alpha": ("image/webp", encoded("WEBP", mode="RGBA")),
    "webp-animated": ("image/webp", animated("WEBP")),
    "gif": ("image/gif", encoded("GIF")),
    "gif-animated": ("image/gif", animated("GIF")),
    "avif": ("image/avif", encoded("AVIF")),
    "avif-alpha": ("image/avif", encoded("AVIF", mode="RGBA")),
    "avif-animated": ("image/avif", animated("AVIF")),
}

samples = pytest.mark.parametrize(("media_type", "data"), SAMPLES.values(), ids=SAMPLES)


@samples
def test_whole_pictures(media_type: str, data: bytes) -> None:
    """Type and size of what a real encoder wrote are right, and it is whole."""
    assert sniff(data) == ImageHeader(media_type, 24, 16, complete=True)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("size", [(1, 1), (257, 3), (3, 1030)])
def test_sizes(kind: str, size: tuple[int, int]) -> None:
    """Width and height are not mixed up, and sizes over a byte are read."""
    header = sniff(encoded(kind, *size))
    assert header is not None
    assert (header.width, header.height) == size


def test_large_webp_of_each_kind() -> None:
    """Sizes of over 8 bits in all three WebP headers, with bits beside them, are read."""
    for options in ({}, {"lossless": True}, {"exif": EXIF.tobytes()}):
        header = sniff(encoded("WEBP", 300, 1025, "RGBA", **options))
        assert header is not None
        assert (header.width, header.height) == (300, 1025)


@samples
def test_cut_anywhere(media_type: str, data: bytes) -> None:
    """No beginning of a picture passes for the whole, and its header is never misread."""
    for length in range(len(data)):
        header = sniff(data[:length])
        assert header is None or header == ImageHeader(media_type, 24, 16, complete=False), length


@samples
def test_bytes_after_the_end_do_not_matter(media_type: str, data: bytes) -> None:
    """Files carry padding, credentials or a whole film after the picture."""
    for extra in (b"\0", b"\0" * 64, b"\n", b"trailer" * 20_000, data, box(b"free", b"x" * 70_000)):
        assert sniff(data + extra) == ImageHeader(media_type, 24, 16, complete=True)


def test_thumbnail_is_not_the_picture() -> None:
    """A cut JPEG is cut although the thumbnail in its head is whole; the size is the picture's."""
    data = with_thumbnail()
    end_of_thumbnail = data.index(b"\xff\xd9") + 2
    assert sniff(data[:end_of_thumbnail]) is None
    late = jpeg()[:2] + jpeg()[2:].replace(b"\xff\xda", b"\xff\xe2\x00\x06\xff\xd9\0\0\xff\xda", 1)
    assert sniff(late) == ImageHeader("image/jpeg", 24, 16, complete=True)
    cut = late[: late.index(b"\xff\xda") + 30]
    assert b"\xff\xd9" in cut
    assert sniff(cut) == ImageHeader("image/jpeg", 24, 16, complete=False)


def test_thumbnail_in_a_png_is_not_the_picture() -> None:
    """A chunk that holds a whole PNG does not make a cut PNG whole."""
    inner = png_header(8, 8)
    chunk = struct.pack(">I", len(inner)) + b"caBX" + inner + b"\0\0\0\0"
    data = png_header(24, 16, chunk)
    assert sniff(data) == ImageHeader("image/png", 24, 16, complete=True)
    assert sniff(data[:-12]) == ImageHeader("image/png", 24, 16, complete=False)


def test_jpeg_with_fill_bytes() -> None:
    """Any number of FF bytes may stand before a marker."""
    data = jpeg()
    filled = data[:2] + b"\xff" * 1000 + data[2:-2] + b"\xff" * 9 + data[-2:]
    assert sniff(filled) == ImageHeader("image/jpeg", 24, 16, complete=True)
    assert sniff(filled[:-1]) == ImageHeader("image/jpeg", 24, 16, complete=False)


def test_pixel_bomb_is_read_from_its_header() -> None:
    """A few bytes that claim four billion pixels give that size; nothing is decoded."""
    assert sniff(png_header(65535, 65535)) == ImageHeader("image/png", 65535, 65535, complete=True)


def iso(
    major: bytes, compatible: bytes, *boxes: bytes, sizes: tuple[tuple[int, int], ...]
) -> bytes:
    """An ISO media picture with the given brands and image sizes."""
    extents = b"".join(box(b"ispe", struct.pack(">III", 0, *size)) for size in sizes)
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(24)) + box(b"iprp", box(b"ipco", extents)))
    return b"".join(
        [box(b"ftyp", major + bytes(4) + compatible), *boxes, meta, box(b"mdat", b"xy")]
    )


@pytest.mark.parametrize(
    ("major", "compatible", "media_type"),
    [
        (b"avif", b"mif1avif", "image/avif"),
        (b"avis", b"avifmif1", "image/avif"),
        (b"mif1", b"mif1miafavif", "image/avif"),
        (b"miaf", b"avif", "image/avif"),
        (b"heic", b"mif1heic", "image/heic"),
        (b"heix", b"mif1", "image/heic"),
        (b"mif1", b"mif1heic", "image/heic"),
        (b"msf1", b"hevc", "image/heic"),
        (b"avif", b"heic", "image/avif"),
        (b"heic", b"avif", "image/heic"),
    ],
)
def test_brands(major: bytes, compatible: bytes, media_type: str) -> None:
    """The major brand says what it is, else the first compatible one that is known."""
    data = iso(major, compatible, sizes=((8, 6),))
    assert sniff(data) == ImageHeader(media_type, 8, 6, complete=True)


@pytest.mark.parametrize("brands", [(b"isom", b"mp42avc1"), (b"mif1", b"mif1miaf"), (b"qt  ", b"")])
def test_films_are_no_pictures(brands: tuple[bytes, bytes]) -> None:
    """ISO media that says nothing of AVIF or HEIC is none of them."""
    assert sniff(iso(*brands, sizes=((8, 6),))) is None


def test_iso_size_is_the_largest() -> None:
    """Thumbnails and tiles have a size of their own; the picture's is the largest."""
    data = iso(b"heic", b"", sizes=((512, 512), (4032, 3024), (320, 240)))
    assert sniff(data) == ImageHeader("image/heic", 4032, 3024, complete=True)


def test_iso_size_is_found_behind_a_large_box() -> None:
    """Content credentials of any size may stand before the description of the picture."""
    data = iso(b"avif", b"", box(b"uuid", bytes(200_000)), sizes=((8, 6),))
    assert sniff(data) == ImageHeader("image/avif", 8, 6, complete=True)


def test_iso_size_is_not_taken_from_coded_data() -> None:
    """The letters of a size box within other data are no size box."""
    fake = box(b"free", box(b"ispe", struct.pack(">III", 0, 9999, 9999)))
    assert sniff(iso(b"avif", b"", fake, sizes=((8, 6),))) == ImageHeader(
        "image/avif", 8, 6, complete=True
    )


def test_iso_large_and_open_boxes() -> None:
    """Boxes with a 64-bit size, or that last to the end of the file, are walked too."""
    data = iso(b"avif", b"", sizes=((8, 6),))[:-10]
    large = data + struct.pack(">I4sQ", 1, b"mdat", 20) + b"abcd"
    assert sniff(large) == ImageHeader("image/avif", 8, 6, complete=True)
    assert sniff(large[:-1]) == ImageHeader("image/avif", 8, 6, complete=False)
    assert sniff(data + b"\0\0\0\0mdatabc") == ImageHeader("image/avif", 8, 6, complete=True)
    assert sniff(data) == ImageHeader("image/avif", 8, 6, complete=False)


NO_PICTURES = {
    "nothing": (b"", "nothing"),
    "text": (b"I cannot draw that.", None),
    "html": (b"<!DOCTYPE html><html></html>", "HTML"),
    "html-bare": (b"\n <html>", "HTML"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "SVG"),
    "svg-xml": (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a --><svg/>", "SVG"),
    "xml": (b"<?xml version='1.0'?><error/>", "XML"),
    "pdf": (b"%PDF-1.7\n", "PDF"),
    "json": (b' {"error": 1}', "JSON"),
    "bmp": (encoded("BMP"), "BMP"),
    "tiff": (encoded("TIFF"), "TIFF"),
    "gzip": (b"\x1f\x8b\x08\0\0", "gzip"),
    "film": (box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", b""), "a video"),
    "signature": (b"\x89PNG\r\n\x1a\n", "a damaged or cut PNG"),
    "transferred-as-text": (png().replace(b"\r\n", b"\n"), "a damaged or cut PNG"),
    "jpeg-start": (b"\xff\xd8\xff", "a damaged or cut JPEG"),
    "jpeg-empty": (b"\xff\xd8\xff\xd9", "a damaged or cut JPEG"),
    "riff": (b"RIFF\x10\0\0\0WAVEfmt ", "a damaged or cut WebP"),
    "base64": (b"iVBORw0KGgoAAAANSUhEUg", None),
    "url": (b"https://example.com/a.png", "a URL"),
    "zeros": (bytes(100), None),
    "ones": (b"\xff" * 100, None),
}


@pytest.mark.parametrize(("data", "looks"), NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture(data: bytes, looks: str | None) -> None:
    """Other things are no pictures, and what they look like is said."""
    assert sniff(data) is None
    found = describe(data)
    assert found == looks or (looks is not None and found is not None and found.startswith(looks))


@pytest.mark.parametrize("other", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_polyglots_are_what_they_begin_as(other: str) -> None:
    """A picture that holds HTML or another picture is read as what it begins as."""
    assert sniff(png() + b"<html><script>") == sniff(png())
    assert sniff(png() + encoded(other)) == sniff(png())


MANY = 8_000_000
HOSTILE: dict[str, Callable[[], bytes]] = {
    "png-chunks": lambda: png_header(9, 9)[:33] + bytes(4) + b"aaaa" + bytes(MANY),
    "jpeg-fill": lambda: b"\xff\xd8" + b"\xff" * MANY,
    "jpeg-segments": lambda: b"\xff\xd8" + b"\xff\xe0\x00\x02" * (MANY // 4),
    "jpeg-restarts": lambda: b"\xff\xd8" + b"\xff\xd0" * (MANY // 2),
    "jpeg-stuffing": lambda: jpeg()[:-2] + b"\xff\x00" * (MANY // 2),
    "jpeg-fill-in-scan": lambda: jpeg()[:-2] + b"\xff" * MANY,
    "jpeg-scans": lambda: jpeg()[:-2] + b"\xff\xda\x00\x02" * (MANY // 4),
    "gif-blocks": lambda: encoded("GIF")[:-1] + b"!\xfe" + b"\x01a" * (MANY // 2),
    "gif-extensions": lambda: encoded("GIF")[:-1] + b"!\xfe\x00" * (MANY // 3),
    "iso-boxes": lambda: iso(b"avif", b"", sizes=((8, 6),))[:-10] + b"\0\0\0\x08free" * (MANY // 8),
    "iso-nested": lambda: (
        box(b"ftyp", b"avif" + bytes(4)) + box(b"meta", bytes(4) + b"\0\0\0\x08iprp" * (MANY // 8))
    ),
    "iso-brands": lambda: box(b"ftyp", b"mif1" * (MANY // 4)),
    "zeros": lambda: bytes(MANY),
    "spaces": lambda: b" " * MANY,
}


@pytest.mark.parametrize("build", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_cost_little(build: Callable[[], bytes]) -> None:
    """No 8 MB of any shape keep the reader busy, and none passes for a whole picture."""
    data = build()
    started = time.process_time()
    header = sniff(data)
    describe(data)
    # Some 20 ms for most; quadratic reading would take minutes.
    assert time.process_time() - started < 2
    assert header is None or not header.complete


def test_long_real_gif_is_whole() -> None:
    """An animation of more pieces than are walked is judged by its end."""
    start = encoded("GIF")[:-1]
    comments = b"!\xfe\x01a\x00" * 60_000
    assert sniff(start + comments + b";") == ImageHeader("image/gif", 24, 16, complete=True)
    assert sniff(start + comments) == ImageHeader("image/gif", 24, 16, complete=False)


@given(st.sampled_from(sorted(SAMPLES)), st.data())
@settings(max_examples=300)
def test_damage_never_raises(name: str, data: st.DataObject) -> None:
    """Whatever is changed, removed or repeated in a picture, there is a header or none."""
    original = SAMPLES[name][1]
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        # Mostly near the beginning, where the structure is.
        limit = data.draw(st.sampled_from([40, 700, len(damaged)]))
        position = data.draw(st.integers(0, max(0, min(limit, len(damaged)) - 1)))
        replacement = data.draw(st.binary(max_size=8))
        damaged[position : position + data.draw(st.integers(0, 8))] = replacement
    header = sniff(bytes(damaged))
    assert header is None or (header.width >= 0 and header.height >= 0)
    describe(bytes(damaged))


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"RIFF", b"GIF89a"]),
    st.binary(max_size=200),
)
def test_any_bytes_never_raise(beginning: bytes, rest: bytes) -> None:
    """Any bytes after any signature give a header or none."""
    header = sniff(beginning + rest)
    assert header is None or isinstance(header.complete, bool)
