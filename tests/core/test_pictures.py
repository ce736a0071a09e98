"""Exact sizes, conversions and saving."""

from __future__ import annotations

import io
from pathlib import Path

import PIL.Image
import pytest

from genkit import pictures, pixels
from genkit.errors import OutputError
from genkit.images import Fit, Image
from genkit.sniff import sniff


def picture(
    width: int = 60, height: int = 40, kind: str = "PNG", mode: str = "RGB", color: object = "red"
) -> Image:
    """A picture of one colour."""
    written = io.BytesIO()
    PIL.Image.new(mode, (width, height), color).save(written, kind)  # type: ignore[arg-type]
    return Image.from_bytes(written.getvalue())


@pytest.mark.parametrize("how", ["crop", "pad", "resize"])
@pytest.mark.parametrize("size", [(30, 30), (200, 100), (60, 40)])
def test_fitting_gives_exactly_the_pixels(how: Fit, size: tuple[int, int]) -> None:
    """Every way of fitting ends at the size asked for, in the format that it came in."""
    header = sniff(pictures.fit(picture(kind="JPEG"), *size, how))
    assert header is not None
    assert (header.width, header.height) == size
    assert header.media_type == "image/jpeg"


def test_fitting_what_fits_changes_no_byte() -> None:
    """A picture of the right size and format is given as it is."""
    image = picture()
    assert pictures.fit(image, 60, 40, "crop") is image.data


def test_crop_cuts_and_pad_fills() -> None:
    """Cropping leaves no border; padding fills with white, or with nothing where it can."""
    cropped = pictures.open_pil(pictures.fit(picture(), 40, 40, "crop"))
    assert cropped.getcolors() == [(1600, (255, 0, 0))]
    padded = pictures.open_pil(pictures.fit(picture(), 60, 60, "pad"))
    assert padded.getpixel((0, 0)) == (255, 255, 255)
    clear = pictures.fit(picture(mode="RGBA", color=(255, 0, 0, 255)), 60, 60, "pad")
    assert pictures.open_pil(clear).getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_conversion_reaches_every_format(mode: str, kind: str) -> None:
    """Every mode of picture can be written in every output format."""
    written = io.BytesIO()
    PIL.Image.new(mode, (8, 8)).save(written, "PNG")
    header = sniff(pictures.convert(Image.from_bytes(written.getvalue()), kind))
    assert header is not None
    assert header.media_type == pictures.FORMATS[kind]


def test_transparency_becomes_white_in_jpeg() -> None:
    """JPEG knows no transparency: what shows through is white."""
    image = picture(mode="RGBA", color=(255, 0, 0, 0))
    pixel = pictures.open_pil(pictures.convert(image, "jpeg")).getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert min(pixel) >= 250


@pytest.mark.parametrize(
    ("kind", "name", "media_type"),
    [
        ("PNG", "x.png", "image/png"),
        ("JPEG", "x.png", "image/png"),
        ("JPEG", "x.JPG", "image/jpeg"),
        ("JPEG", "x.jpeg", "image/jpeg"),
        ("PNG", "x.webp", "image/webp"),
    ],
)
def test_the_suffix_decides_the_format(
    tmp_path: Path, kind: str, name: str, media_type: str
) -> None:
    """A picture is converted to the format that the file's suffix names."""
    image = picture(kind=kind)
    path = pictures.save(image, tmp_path / name)
    header = sniff(path.read_bytes())
    assert path == tmp_path / name
    assert header is not None
    assert header.media_type == media_type
    if image.media_type == media_type:
        assert path.read_bytes() == image.data


def test_a_name_without_suffix_gets_the_true_one(tmp_path: Path) -> None:
    """The suffix that is missing is the picture's own."""
    assert pictures.save(picture(kind="JPEG"), tmp_path / "x").name == "x.jpg"


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    """A suffix that no format has is an error that lists those there are."""
    with pytest.raises(OutputError, match=r"\.webp"):
        pictures.save(picture(), tmp_path / "x.docx")
    assert not list(tmp_path.iterdir())


def test_without_pillow_the_true_suffix_is_used_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be converted the bytes are kept under their own suffix."""
    for module in (pictures, pixels):
        monkeypatch.setattr(module, "has_pillow", lambda: False)
    image = picture(kind="JPEG")
    with pytest.warns(UserWarning, match=r"x\.jpg"):
        path = pictures.save(image, tmp_path / "x.png")
    assert (path.name, path.read_bytes()) == ("x.jpg", image.data)
    with pytest.raises(ImportError, match="imaging"):
        image.to_pil()


def test_saving_does_not_overwrite_unless_told(tmp_path: Path) -> None:
    """A file that stands there is kept when overwriting is off."""
    path = tmp_path / "x.png"
    path.write_bytes(b"kept")
    with pytest.raises(OutputError):
        pictures.save(picture(), path, overwrite=False)
    assert path.read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_decoded_is_a_value_error() -> None:
    """Damaged pixels behind a good header are told as such."""
    good = picture(600, 400).data
    broken = good[:60] + bytes(len(good) - 72) + good[-12:]
    with pytest.raises(ValueError, match="decode"):
        pictures.open_pil(broken)
