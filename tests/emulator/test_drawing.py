from __future__ import annotations

import io
import sys
from itertools import pairwise
from typing import Any

import attrs
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkit.emulation import Drawing
from genkit.emulator.drawing import Painter
from genkit.sniff import sniff

BANANA = Drawing(prompt="A banana, waving", width=320, height=192, seed=42)


def pixels(data: bytes) -> PIL.Image.Image:
    """Decode a picture."""
    return PIL.Image.open(io.BytesIO(data)).convert("RGB")


def colour(data: bytes) -> tuple[int, ...]:
    """Give the colour of a picture seen from far away."""
    pixel = pixels(data).resize((1, 1), PIL.Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return tuple(int(channel) for channel in pixel)


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_type_and_size(media_type: str) -> None:
    """A picture has the type and the size that were asked for, and is whole."""
    header = sniff(Painter()(attrs.evolve(BANANA, media_type=media_type)))
    assert header is not None
    assert (header.media_type, header.width, header.height) == (media_type, 320, 192)
    assert header.complete


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_same_drawing_gives_same_bytes(media_type: str) -> None:
    """The same drawing gives the same bytes."""
    drawing = attrs.evolve(BANANA, media_type=media_type)
    assert Painter()(drawing) == Painter()(drawing)


@pytest.mark.parametrize(
    "change",
    [{"prompt": "Two bananas"}, {"seed": 43}, {"turn": 2}, {"references": 3}, {"width": 336}],
)
def test_every_fact_shows(change: dict[str, Any]) -> None:
    """Whatever was asked differently gives another picture."""
    assert Painter()(BANANA) != Painter()(attrs.evolve(BANANA, **change))


def test_turns_differ_at_a_glance() -> None:
    """Consecutive turns have other colours, and not only other words."""
    seen = [colour(Painter()(attrs.evolve(BANANA, turn=turn))) for turn in range(1, 6)]
    for before, after in pairwise(seen):
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) > 25


def test_seed_of_the_painter_shifts_the_colours() -> None:
    """Another seed of the painter gives other colours for the same drawing."""
    assert colour(Painter()(BANANA)) != colour(Painter(7)(BANANA))


def test_words_are_painted_where_there_is_room() -> None:
    """The prompt is written in light ink in the middle; without one, there is none there."""

    def ink(prompt: str) -> int:
        middle = pixels(Painter()(attrs.evolve(BANANA, prompt=prompt))).crop((20, 40, 300, 150))
        return sum(middle.convert("L").histogram()[250:])

    assert ink("A banana, waving") > 50
    assert ink("") == 0


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=400), st.integers(1, 200), st.integers(1, 200))
def test_any_text_in_any_size(prompt: str, width: int, height: int) -> None:
    """Any text, on any size, is painted and gives exactly that size."""
    header = sniff(Painter()(Drawing(prompt=prompt, width=width, height=height, turn=30)))
    assert header is not None
    assert (header.width, header.height) == (width, height)


def test_long_prompts_show_their_ends() -> None:
    """Of a prompt too long to be painted the beginning and the end count, not the middle."""
    start, end = "a " * 300, " b" * 300
    first = Painter()(attrs.evolve(BANANA, prompt=start + "middle" + end))
    assert first != Painter()(attrs.evolve(BANANA, prompt=start + "middle" + end + " c"))


def test_large_pictures_are_small_files() -> None:
    """A picture of a megapixel stays far below a megabyte."""
    drawing = attrs.evolve(BANANA, width=1024, height=1024)
    assert len(Painter()(drawing)) < 500_000
    assert len(Painter()(attrs.evolve(drawing, media_type="image/jpeg"))) < 200_000


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"media_type": "image/gif"}, "media_type"),
        ({"width": 0}, "size"),
        ({"width": 20_000, "height": 20_000}, "size"),
    ],
)
def test_what_cannot_be_painted(change: dict[str, Any], word: str) -> None:
    """A type or size that is not painted is refused by name."""
    with pytest.raises(ValueError, match=f"^{word}: "):
        Painter()(attrs.evolve(BANANA, **change))


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pillow is not installed the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "PIL.ImageDraw", None)
    with pytest.raises(ImportError, match=r"genkit-core\[imaging\]"):
        Painter()(BANANA)
