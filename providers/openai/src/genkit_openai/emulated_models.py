"""What each model of the emulated service lets a request say, and how many tokens it makes.

The abilities are those of the table of models; what only the service has to know stands here, after
the OpenAPI description of the Images API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from genkit.provider import Capabilities, FixedSizes, FreeSizes
from genkit_openai.models import MODELS, Model

__all__ = ["DESCRIBED", "Rules", "rules_of"]

DESCRIBED: tuple[str, ...] = (*MODELS, "gpt-5.4", "text-embedding-3-small")
"""What the service's list of models names: those that make no pictures too."""

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_SQUARE = "1024x1024"
_SQUARE_PIXELS = 1024 * 1024
# For the models whose tokens are in no table.
_OTHER_TOKENS: Mapping[str, int] = MappingProxyType(
    {"low": 196, "medium": 439, "high": 1756, "xhigh": 3122, "max": 7024}
)
_CLIENT_ONLY = frozenset({"edit_body"})
_EDITS_ONLY = frozenset({"input_fidelity"})
_JSON_ONLY = frozenset({"moderation"})
"""What an edit takes in JSON but not in a form."""


@attrs.frozen
class Rules:
    """One model's rules."""

    row: Model

    @property
    def capabilities(self) -> Capabilities:
        """What the table says of it."""
        return self.row.capabilities

    @property
    def edits(self) -> bool:
        """Whether it takes pictures."""
        return self.capabilities.max_references > 0

    @property
    def formats(self) -> tuple[str, ...]:
        """Values of ``output_format``."""
        return self.capabilities.output_formats or ("png",)

    def parameters(self, *, edit: bool, form: bool) -> frozenset[str]:
        """The plain fields that a request may have."""
        capabilities = self.capabilities
        known = {"prompt", "model", "n", "size", *capabilities.options} - _CLIENT_ONLY
        if capabilities.qualities:
            known.add("quality")
        if not self.row.is_dall_e:
            known |= {"background", "output_format", "stream", "partial_images"}
        if edit and not form:
            known |= {"images", "mask"}
        known -= (_JSON_ONLY if form else frozenset()) if edit else _EDITS_ONLY
        return frozenset(known)

    def size(self, size: str) -> tuple[int, int] | None:
        """Width and height in pixels of a named size; `None` when the model does not make it."""
        match = _SIZE.fullmatch(size)
        if match is None:
            return None
        width, height = int(match[1]), int(match[2])
        sizes = self.capabilities.sizes
        if isinstance(sizes, FixedSizes):
            return (width, height) if (width, height) in sizes.sizes else None
        fits = isinstance(sizes, FreeSizes) and _fits(sizes, width, height)
        return (width, height) if fits else None

    def output_tokens(self, quality: str, width: int, height: int) -> int:
        """Tokens of one picture: those of the table, or by area those of a square."""
        prices = self.capabilities.prices
        tokens = prices.image_tokens if prices else {}
        exact = tokens.get(f"{quality}:{width}x{height}")
        if exact is not None:
            return exact
        square = tokens.get(f"{quality}:{_SQUARE}", _OTHER_TOKENS.get(quality, 0))
        return round(square * width * height / _SQUARE_PIXELS)


def rules_of(model: str, *, serves_retired: bool) -> Rules | None:
    """The rules of `model`; `None` when the service does not have it, or no longer."""
    row = MODELS.get(model)
    if row is None or (row.capabilities.retired and not serves_retired):
        return None
    return Rules(row)


def _fits(sizes: FreeSizes, width: int, height: int) -> bool:
    longer, shorter = max(width, height), min(width, height)
    return (
        width % sizes.multiple == 0
        and height % sizes.multiple == 0
        and longer <= sizes.max_edge
        and sizes.min_pixels <= width * height <= sizes.max_pixels
        and longer <= sizes.max_ratio * shorter
    )
