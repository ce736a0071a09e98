"""Pictures and masks as values, sizes and ratios."""

from __future__ import annotations

import copy
import hashlib
import math
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import InvalidRequestError
from genkit.images import (
    MAX_REFERENCE_BYTES,
    Image,
    Mask,
    nearest_ratio,
    parse_aspect_ratio,
    parse_size,
    suffix_of,
)
from genkit.sniff import check_picture
from tests.core.samples import encoded, jpeg, picture, png, png_header


def refused(data: object, **options: str) -> InvalidRequestError:
    """The error that making an image of `data` gives."""
    with pytest.raises(InvalidRequestError) as caught:
        Image.from_bytes(data, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("kind", "media_type", "suffix"),
    [
        ("PNG", "image/png", ".png"),
        ("JPEG", "image/jpeg", ".jpg"),
        ("WEBP", "image/webp", ".webp"),
        ("GIF", "image/gif", ".gif"),
        ("AVIF", "image/avif", ".avif"),
    ],
)
def test_from_bytes(kind: str, media_type: str, suffix: str) -> None:
    """A picture of each type becomes a value with its true type and size."""
    data = encoded(kind)
    image = Image.from_bytes(data)
    assert (image.data, image.media_type) == (data, media_type)
    assert (image.width, image.height) == (24, 16)
    assert suffix_of(image.media_type) == suffix


def test_suffix_of_an_unknown_type() -> None:
    """A type without a known suffix gets one that claims nothing."""
    assert suffix_of("image/tiff") == ".bin"
    assert suffix_of("image/heic") == ".heic"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_from_other_buffers(kind: type) -> None:
    """A mutable buffer is copied, so that the value never changes."""
    buffer = bytearray(png())
    image = Image.from_bytes(kind(buffer))
    buffer[0] = 0
    assert image.data == png()
    assert type(image.data) is bytes


@pytest.mark.parametrize("value", ["text", None, 5, [1, 2], object()])
def test_from_no_bytes(value: object) -> None:
    """What is no bytes is refused by its type, not by an error of the parser."""
    error = refused(value)
    assert error.field == "references"
    assert "expected the bytes of a picture" in str(error)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "these 0 bytes are not a picture of a known type"),
        (b"<svg onload='x'/>", "they look like SVG"),
        (b"<html>secret body</html>", "they look like HTML"),
        (b"%PDF-1.4", "they look like PDF"),
        (b"no idea", "not a picture of a known type (PNG, JPEG, WebP, GIF, AVIF, HEIC)"),
        (png()[:-5], "the image/png is cut: its end is missing"),
        (jpeg()[:-2], "the image/jpeg is cut: its end is missing"),
        (png_header(0, 5), "the image/png header gives the size 0x5"),
        (png_header(65535, 65535), "65535x65535 pixels; at most 50 megapixels"),
        (png_header(2**31, 2**31), "2147483648x2147483648 pixels"),
    ],
)
def test_refused(data: bytes, said: str) -> None:
    """Bytes that are no whole picture are refused, and the message says what they are instead."""
    error = refused(data, field="input_image")
    assert error.field == "input_image"
    assert str(error).startswith("input_image: ")
    assert said in str(error)
    assert "secret" not in str(error)


def test_limit_of_pixels_is_inclusive() -> None:
    """50 megapixels are taken, one row more is not."""
    assert Image.from_bytes(png_header(10_000, 5_000)).width == 10_000
    refused(png_header(10_000, 5_001))


def test_too_many_bytes() -> None:
    """A picture over the limit of bytes is refused before it is looked at."""
    error = refused(bytes(MAX_REFERENCE_BYTES + 1))
    assert f"has {MAX_REFERENCE_BYTES + 1} bytes; at most {MAX_REFERENCE_BYTES}" in str(error)


def test_check_picture_takes_its_own_limit() -> None:
    """The limit of pixels is the caller's; the header is there although something is wrong."""
    header, problem = check_picture(png_header(100, 100), 10_000)
    assert (header is not None, problem) == (True, None)
    header, problem = check_picture(png_header(100, 101), 10_000)
    assert header is not None
    assert problem == "the picture has 100x101 pixels; at most 0.01 megapixels"


def test_repr_shows_no_bytes() -> None:
    """A picture in a log or a traceback takes a line, not megabytes."""
    image = picture()
    assert repr(image) == (
        f"Image(data=<{len(image.data)} bytes>, media_type='image/png', width=24, height=16)"
    )


def test_is_a_value() -> None:
    """Pictures are equal by their bytes, hashable, immutable, and survive copies and pickles."""
    image = picture()
    assert image.sha256 == hashlib.sha256(image.data).hexdigest()
    for other in (picture(), copy.copy(image), copy.deepcopy(image)):
        assert other == image
        assert hash(other) == hash(image)
        assert other.sha256 == image.sha256
    loaded = pickle.loads(pickle.dumps(image))
    assert (loaded, loaded.sha256) == (image, image.sha256)
    assert attrs.evolve(image, width=5).width == 5
    assert picture(8, 8) != image
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        image.width = 5  # type: ignore[misc]


def test_shows_in_notebooks() -> None:
    """A notebook gets the bytes under their true type, and a text."""
    bundle = Image.from_bytes(jpeg())._repr_mimebundle_(include=None, exclude=None)
    assert bundle["image/jpeg"] == jpeg()
    assert bundle["text/plain"].startswith("Image(")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1280x720", (1280, 720)),
        (" 1x1 ", (1, 1)),
        ("512X512", (512, 512)),
        ("16 × 9", (16, 9)),
        ("0x0", (0, 0)),
    ],
)
def test_parse_size(text: str, size: tuple[int, int]) -> None:
    """A size is read in the usual spellings; whether it is allowed is the request's to say."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "x", "512", "512x", "x512", "-1x5", "1.5x2", "1280*720", "1280x720x3", "9" * 7 + "x1",
     "٣x٤", "512x512\x1b[2J", "1x" + "1" * 9999],
)  # fmt: skip
def test_parse_size_refuses(text: str) -> None:
    """Anything else is refused with what was given and what is meant, safely and shortly."""
    with pytest.raises(InvalidRequestError, match="is not WIDTHxHEIGHT") as caught:
        parse_size(text)
    assert caught.value.field == "size"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "ratio"), [("1:1", 1), ("16:9", 16 / 9), (" 9:16 ", 9 / 16), ("21:9", 21 / 9)]
)
def test_parse_aspect_ratio(text: str, ratio: float) -> None:
    """A ratio is width over height."""
    assert parse_aspect_ratio(text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["", "16", "16:", ":9", "0:1", "1:0", "16/9", "1.5:1", "-1:2"])
def test_parse_aspect_ratio_refuses(text: str) -> None:
    """Anything else is refused, zero included, with an example of what is meant."""
    with pytest.raises(InvalidRequestError, match="such as 16:9") as caught:
        parse_aspect_ratio(text)
    assert caught.value.field == "aspect_ratio"


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [(1.0, "1:1"), (1280 / 720, "16:9"), (720 / 1280, "9:16"), (100.0, "16:9"), (0.01, "9:16")],
)
def test_nearest_ratio(wanted: float, nearest: str) -> None:
    """The ratio nearest by proportion is found."""
    assert nearest_ratio(wanted, ("1:1", "16:9", "9:16")) == nearest


@given(st.floats(0.01, 100))
def test_nearest_ratio_is_symmetric(wanted: float) -> None:
    """Turning a picture on its side turns the ratio that is chosen."""
    ratios = ("1:1", "4:3", "3:4", "16:9", "9:16")
    chosen = parse_aspect_ratio(nearest_ratio(wanted, ratios))
    turned = parse_aspect_ratio(nearest_ratio(1 / wanted, ratios))
    assert abs(math.log(chosen / wanted)) == pytest.approx(abs(math.log(turned * wanted)))


def test_mask() -> None:
    """A mask says what its pixels mean; transparent is what may change unless said otherwise."""
    mask = Mask(image=picture())
    assert mask.meaning == "transparent-is-edit"
    assert Mask(image=picture(), meaning="white-is-edit") != mask


@pytest.mark.parametrize("image", [png(), "mask.png", None])
def test_mask_of_no_image(image: object) -> None:
    """A mask is made of an image, and the error says how to make one."""
    with pytest.raises(InvalidRequestError, match=r"see Image\.from_bytes") as caught:
        Mask(image=image)  # type: ignore[arg-type]
    assert caught.value.field == "mask"


@pytest.mark.parametrize("meaning", ["black-is-edit", "", None, 1])
def test_mask_of_unknown_meaning(meaning: object) -> None:
    """A meaning that is none is refused with those that are."""
    with pytest.raises(InvalidRequestError, match="transparent-is-edit, white-is-edit") as caught:
        Mask(image=picture(), meaning=meaning)  # type: ignore[arg-type]
    assert caught.value.field == "mask"
