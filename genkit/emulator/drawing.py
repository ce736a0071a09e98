"""The emulator's pictures: painted from what was asked, so that a person sees it in them.

A picture shows its prompt, size, turn, seed and number of references on a background that these
decide. The same drawing gives the same bytes with the same Pillow.
"""

from __future__ import annotations

import hashlib
import io
import textwrap
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from genkit.emulation import Drawing
from genkit.prompts import unwrap

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

__all__ = ["Painter"]

MAX_PIXELS = 64_000_000
"""Pixels of the largest picture that is painted."""

_SAVE_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "image/png": ("PNG", {"compress_level": 1}),
    "image/jpeg": ("JPEG", {"quality": 88}),
    "image/webp": ("WEBP", {"quality": 80, "method": 0}),
}
_SHOWN_CHARACTERS = 900
"""Of a longer prompt only the beginning and the end are painted."""
_BLOBS = 7
_INK = (255, 255, 255)
_FAINT_INK = (222, 226, 240)


@attrs.frozen
class Painter:
    """Paints drawings (`genkit.emulation.Draw`); `seed` shifts the colours of all of them."""

    seed: int = 0

    def __call__(self, drawing: Drawing, /) -> bytes:
        """The encoded picture.

        Raises:
            ImportError: Pillow is not installed (``genkit-core[imaging]``).
            ValueError: the media type is not painted, or the size is not sensible.
        """
        if drawing.media_type not in _SAVE_OPTIONS:
            raise ValueError(
                f"media_type: {drawing.media_type!r} cannot be painted; one of"
                f" {', '.join(_SAVE_OPTIONS)}"
            )
        pixels = drawing.width * drawing.height
        if min(drawing.width, drawing.height) < 1 or pixels > MAX_PIXELS:
            raise ValueError(
                f"size: {drawing.width}x{drawing.height} cannot be painted; edges of at least 1"
                f" and {MAX_PIXELS} pixels in all at most"
            )
        _require_pillow()
        picture = _background(drawing, self.seed)
        _write(picture, drawing)
        kind, options = _SAVE_OPTIONS[drawing.media_type]
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()


def _require_pillow() -> None:
    try:
        import PIL.ImageDraw  # noqa: F401
    except ImportError:
        raise ImportError(
            "the emulator paints its pictures with Pillow, which is not installed:"
            " pip install 'genkit-core[imaging]'"
        ) from None


class _Dice:
    """Numbers that a text decides, the same on every machine."""

    def __init__(self, text: str) -> None:
        self._stream = iter(hashlib.shake_256(text.encode()).digest(256))

    def roll(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * next(self._stream) / 255


# -- background -------------------------------------------------------------------------------


def _background(drawing: Drawing, seed: int) -> Image:
    """A soft gradient with blobs of colour: painted small, blurred and enlarged, which is quick."""
    from PIL import Image, ImageDraw, ImageFilter

    scale = max(1, round((drawing.width * drawing.height) ** 0.5 / 128))
    width, height = (max(4, edge // scale) for edge in (drawing.width, drawing.height))
    # The golden angle from turn to turn: neighbours never share a colour.
    hue = _Dice(f"{seed}/{drawing.seed}").roll(0, 360) + 137.5 * drawing.turn
    corners = Image.new("RGB", (2, 2))
    for place, shift, lightness in (
        ((0, 0), 0, 0.36),
        ((1, 0), 30, 0.30),
        ((0, 1), 50, 0.20),
        ((1, 1), 80, 0.28),
    ):
        corners.putpixel(place, _colour(hue + shift, 0.62, lightness))
    small = corners.resize((width, height), Image.Resampling.BILINEAR, box=(0.5, 0.5, 1.5, 1.5))
    painter = ImageDraw.Draw(small, "RGBA")
    dice = _Dice(f"{seed}/{drawing.seed}/{drawing.turn}/{drawing.prompt}")
    for _ in range(_BLOBS):
        radius = dice.roll(0.08, 0.34) * min(width, height)
        x, y = dice.roll(-0.05, 1.05) * width, dice.roll(-0.05, 1.05) * height
        tint = _colour(hue + dice.roll(-40, 70), 0.75, dice.roll(0.42, 0.62))
        painter.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*tint, 110))
    soft = small.filter(ImageFilter.GaussianBlur(1.2))
    return soft.resize((drawing.width, drawing.height), Image.Resampling.BICUBIC)


def _colour(hue: float, saturation: float, lightness: float) -> tuple[int, int, int]:
    from colorsys import hls_to_rgb

    red, green, blue = hls_to_rgb((hue % 360) / 360, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


# -- text -------------------------------------------------------------------------------------


def _write(picture: Image, drawing: Drawing) -> None:
    """The prompt in the middle, and what else is known at the bottom."""
    from PIL import ImageDraw

    edge = min(drawing.width, drawing.height)
    painter = ImageDraw.Draw(picture, "RGBA")
    margin = max(2, edge // 16)
    foot, foot_text = _foot(_facts(drawing), drawing.width - 2 * margin, max(8, edge // 26))
    foot_height = (foot_text.count("\n") + 2) * _line_height(foot)
    bottom = drawing.height - foot_height
    painter.rectangle((0, bottom, drawing.width, drawing.height), fill=(10, 12, 24, 170))
    _write_centred(painter, (drawing.width / 2, bottom + foot_height / 2), foot_text, foot)
    _write_turn(painter, drawing, margin)
    font, lines = _fitted(
        _plain(unwrap(drawing.prompt)),
        width=drawing.width - 3 * margin,
        height=bottom - 5 * margin,
        largest=max(8, edge // 11),
    )
    if lines:
        text = "\n".join(lines)
        place = (drawing.width / 2, (bottom + margin) / 2)
        left, top, right, below = painter.multiline_textbbox(
            place, text, font, anchor="mm", spacing=_spacing(font), align="center"
        )
        painter.rounded_rectangle(
            (left - margin / 2, top - margin / 2, right + margin / 2, below + margin / 2),
            radius=margin / 2,
            fill=(10, 12, 24, 120),
        )
        _write_centred(painter, place, text, font)


def _write_centred(painter: Any, place: tuple[float, float], text: str, font: Any) -> None:
    painter.multiline_text(
        place, text, _INK, font, anchor="mm", spacing=_spacing(font), align="center"
    )


def _spacing(font: Any) -> int:
    return _line_height(font) // 4


def _write_turn(painter: Any, drawing: Drawing, margin: int) -> None:
    """One dot for each turn, the latest one filled, in the upper left corner."""
    size = max(2, margin // 3)
    for turn in range(min(drawing.turn, 12)):
        left = margin + turn * size * 2
        filled = _INK if turn == drawing.turn - 1 else None
        painter.ellipse(
            (left, margin, left + size, margin + size),
            fill=filled,
            outline=_FAINT_INK,
            width=max(1, size // 6),
        )


def _facts(drawing: Drawing) -> list[str]:
    facts = [
        f"{drawing.width}x{drawing.height}",
        f"turn {drawing.turn}",
        f"seed {drawing.seed}",
    ]
    if drawing.references:
        facts.append(f"{drawing.references} reference{'s' if drawing.references > 1 else ''}")
    return facts


def _foot(facts: list[str], width: int, size: int) -> tuple[Any, str]:
    """The facts in one line, or each in a line of its own where that is too wide."""
    for text in ("  ·  ".join(facts), "\n".join(facts)):
        font = _font(size)
        widest = max(font.getlength(line) for line in text.splitlines())
        if widest <= width:
            return font, text
    return _font(max(6, int(size * width / widest))), text


def _plain(text: str) -> str:
    """The text without control characters; lines stay."""
    half = _SHOWN_CHARACTERS // 2
    shown = text if len(text) <= 2 * half else f"{text[:half]} … {text[-half:]}"
    return "".join(
        character if character == "\n" or unicodedata.category(character)[0] != "C" else " "
        for character in shown
    ).strip()


def _fitted(text: str, *, width: int, height: int, largest: int) -> tuple[Any, list[str]]:
    """The largest font, and the lines, with which `text` fits; what does not fit is left out."""
    size = largest
    while True:
        font = _font(size)
        columns = max(4, int(width / (font.getlength("n" * 32) / 32)))
        lines = [
            line
            for paragraph in text.splitlines()
            for line in (textwrap.wrap(paragraph, columns) or [""])
        ]
        # Capitals are wider than the average that the columns were counted with.
        widest = max((font.getlength(line) for line in lines), default=0)
        room = int(height / (_line_height(font) * 1.25))
        if (len(lines) <= room and widest <= width) or size <= 8:
            return font, lines[: max(room, 0)]
        size = max(8, int(size * 0.86))


def _line_height(font: Any) -> int:
    ascent, descent = font.getmetrics()
    return int(ascent + descent)


@lru_cache(maxsize=64)
def _font(size: int) -> FreeTypeFont | BitmapFont:
    """Pillow's own font: the same on every machine, whatever fonts it has."""
    from PIL import ImageFont

    return ImageFont.load_default(size=size)
