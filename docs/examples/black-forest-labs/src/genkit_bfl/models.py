"""The models as data. Source: the reference and the guides at https://docs.bfl.ai.

Black Forest Labs sells pictures by the piece and says the price of each in credits, while genkit
counts tokens: so no row has prices, and what the service says is in ``provider_metadata``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from genkit.provider import Capabilities, FreeSizes, RatioTiers, SizeRule

__all__ = ["DEFAULT_MODEL", "MODELS", "OPTIONS", "find_model"]

DEFAULT_MODEL = "flux-kontext-pro"

AS_OF = "2026-11-22"

OPTIONS = ("prompt_upsampling", "safety_tolerance")
"""Options of its own: let the service rewrite the prompt; 0 (strict) to 6 (lenient) moderation."""

RATIOS = (
    *("1:1", "5:4", "4:5", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "2:1", "1:2"),
    *("7:3", "3:7"),
)
"""The service takes any ratio from 3:7 to 7:3, always at about one megapixel."""

_BY_RATIO = RatioTiers(RATIOS, MappingProxyType({}))
# Both edges are from 256 to 1440. The rule knows no shortest edge, so the ratio and the area are
# kept so that none is shorter: a picture of 256x256 cannot be asked for.
_BY_EDGES = FreeSizes(
    multiple=32,
    min_pixels=576 * 256,
    max_pixels=1440 * 1440,
    max_edge=1440,
    max_ratio=576 / 256,
    default=(1024, 768),
)


def _row(model: str, sizes: SizeRule, max_references: int) -> Capabilities:
    return Capabilities(
        model=model,
        sizes=sizes,
        max_references=max_references,
        seed=True,
        output_formats=("png", "jpeg"),
        options=OPTIONS,
        as_of=AS_OF,
    )


MODELS: Mapping[str, Capabilities] = MappingProxyType(
    {
        row.model: row
        for row in (
            _row(DEFAULT_MODEL, _BY_RATIO, 4),
            _row("flux-kontext-max", _BY_RATIO, 4),
            _row("flux-pro-1.1", _BY_EDGES, 0),
        )
    }
)
"""By bare id, the default first."""


def find_model(model: str) -> Capabilities:
    """The row of `model`; for an unknown id what is likely, with ``known=False``."""
    if model in MODELS:
        return MODELS[model]
    return attrs.evolve(_row(model, _BY_EDGES, 4), known=False)
