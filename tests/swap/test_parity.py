"""The page that holds the providers side by side is what they say of themselves."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import pytest

from genkit.plugins import Plugins
from genkit.provider import Capabilities, FixedSizes
from scripts import parity


def ours(root: Path) -> set[str]:
    """Give the names of the providers that stand in this repository."""
    names: set[str] = set()
    for path in root.glob("providers/*/pyproject.toml"):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        names |= set(project["entry-points"]["genkit.providers"])
    return names


def test_the_page_is_current(root: Path) -> None:
    """The page says what the providers of this repository say now."""
    found = parity.providers(Plugins())
    own = {name: provider for name, provider in found.items() if name in ours(root)}
    if set(own) != ours(root):
        pytest.skip(f"not installed here: {', '.join(ours(root) - set(own))}")
    said = parity.PAGE.read_text(encoding="utf-8")
    assert said == parity.page(own), "run scripts/parity.py"


def test_every_ability_has_its_row() -> None:
    """Each thing that a model may lack is told of, with what becomes of it."""
    nothing = Capabilities(model="x")
    everything = attrs.evolve(
        nothing,
        sizes=FixedSizes(((1, 2),)),
        max_references=2,
        multi_turn=True,
        mask=True,
        seed=True,
        max_images_per_call=4,
        qualities=("low",),
        backgrounds=("opaque",),
        output_formats=("png",),
    )
    assert [feature.ability(nothing) for feature in parity.FEATURES] == [None] * 9
    assert None not in [feature.ability(everything) for feature in parity.FEATURES]
    assert all(feature.otherwise for feature in parity.FEATURES)
