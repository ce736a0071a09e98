"""Write the page that holds the providers side by side, from what they say of their models.

scripts/parity.py            write docs/reference/parity.md
scripts/parity.py --check    say whether it is current; exit code 1 if not
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

from genkit.capabilities import Capabilities, FixedSizes, FreeSizes, RatioTiers, ResolvedSize
from genkit.plugins import Plugins
from genkit.pricing import estimate
from genkit.provider import ImageProvider, ProviderSettings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "parity.md"
COMMAND = "`python scripts/parity.py`"

Ability: TypeAlias = Callable[[Capabilities], str | None]
"""What a model can do, in a few words; `None` when it cannot."""


@attrs.frozen
class Feature:
    """Something that a request may ask for."""

    name: str
    ability: Ability
    otherwise: str
    """What becomes of it where the model cannot."""


def sizes(able: Capabilities) -> str | None:
    """The sizes of a model."""
    rule = able.sizes
    if isinstance(rule, RatioTiers):
        tiers = f" at {', '.join(rule.tiers)}" if rule.tiers else ""
        return f"{len(rule.ratios)} ratios{tiers}"
    if isinstance(rule, FixedSizes):
        return ", ".join(f"{width}x{height}" for width, height in rule.sizes)
    if isinstance(rule, FreeSizes):
        return f"multiples of {rule.multiple} up to {rule.max_edge}"
    return None


def _native_count(able: Capabilities) -> str | None:
    count = able.max_images_per_call
    return f"up to {count} a call" if count > 1 else None


def _references(able: Capabilities) -> str | None:
    return f"up to {able.max_references}" if able.max_references else None


def _flag(name: str) -> Ability:
    return lambda able: "yes" if getattr(able, name) else None


def _words(name: str) -> Ability:
    return lambda able: ", ".join(getattr(able, name)) or None


FEATURES = (
    Feature("sizes", sizes, "left out, with an adjustment"),
    Feature("references", _references, "refused"),
    Feature("conversation", _flag("multi_turn"), "the last picture is edited, with a notice"),
    Feature("mask", _flag("mask"), "refused"),
    Feature("seed", _flag("seed"), "none is sent, with a notice"),
    Feature("`n`", _native_count, "one call for each picture"),
    Feature("`quality`", _words("qualities"), "left out, with an adjustment"),
    Feature("`background`", _words("backgrounds"), "left out, with an adjustment"),
    Feature("`output_format`", _words("output_formats"), "converted here"),
)


def providers(plugins: Plugins) -> Mapping[str, ImageProvider]:
    """The providers that are installed, by name."""
    return {name: plugins.provider(name, ProviderSettings(name=name)) for name in plugins.names()}


def page(found: Mapping[str, ImageProvider]) -> str:
    """The whole page."""
    defaults = [provider.capabilities(provider.default_model) for provider in found.values()]
    return f"""# Providers side by side

What changes when one word of the configuration does.
This page is made from what the providers say of their models; {COMMAND} writes it anew.

## What the default models can do

What a model cannot do is changed, and the response says so, or it is refused before anything is
sent. With `adapt="refuse"`, what would be left out or adjusted is refused too, seeds included.

{table(["", *found, "where it cannot"], [_feature_row(each, defaults) for each in FEATURES])}

## Models

The price is that of one picture of the usual size, from the lowest quality to the highest and
before the prompt is counted; `?` where none is known.

{table(["model", "sizes", "references", "`n` a call", "price"], _model_rows(found))}
"""


def _feature_row(feature: Feature, defaults: Iterable[Capabilities]) -> list[str]:
    abilities = [feature.ability(able) or "–" for able in defaults]
    return [feature.name, *abilities, feature.otherwise]


def _model_rows(found: Mapping[str, ImageProvider]) -> list[list[str]]:
    rows = []
    for name, provider in found.items():
        for model in provider.models():
            able = provider.capabilities(model)
            references = str(able.max_references)
            count = str(able.max_images_per_call)
            rows.append([f"`{name}:{model}`", sizes(able) or "–", references, count, price(able)])
    return rows


def price(able: Capabilities) -> str:
    """USD of one picture: of the usual size, from the lowest quality to the highest."""
    square = ResolvedSize(width=1024, height=1024)
    estimates = [
        estimate(able, prompt="", references=0, images=1, size=size, quality=quality)
        for size in (None, square)
        for quality in (None, *able.qualities)
    ]
    costs = [each.cost for each in estimates if each.cost is not None]
    if not costs:
        return "?"
    return " to ".join(f"${cost:.4f}" for cost in sorted({min(costs), max(costs)}))


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Write the page, or check it; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    text = page(providers(Plugins()))
    if parser.parse_args().check:
        is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print(f"{PAGE.name} is {'current' if is_current else f'out of date: run {COMMAND}'}")
        return 0 if is_current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
