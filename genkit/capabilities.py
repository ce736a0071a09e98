"""What a model can do, as data: sizes, limits, options and prices.

Part of the contract; `genkit.provider` gives these names too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from genkit.images import MaskMeaning

__all__ = [
    "Capabilities",
    "FixedSizes",
    "FreeSizes",
    "Prices",
    "RatioTiers",
    "ResolvedSize",
    "SizeRule",
]


@attrs.frozen
class RatioTiers:
    """Sizes as a ratio and a tier: ``16:9`` at ``2K``."""

    ratios: tuple[str, ...]
    tiers: Mapping[str, int]
    """By tier name, the edge in pixels of a square picture; the first is the default."""


@attrs.frozen
class FixedSizes:
    """A closed list of (width, height) in pixels."""

    sizes: tuple[tuple[int, int], ...]


@attrs.frozen(kw_only=True)
class FreeSizes:
    """Any width and height within bounds, in pixels."""

    multiple: int = 1
    """Both edges are multiples of it."""
    min_pixels: int = 1
    max_pixels: int = 2**31
    max_edge: int = 2**15
    max_ratio: float = 100.0
    """The longer edge over the shorter at most."""
    default: tuple[int, int] = (1024, 1024)


SizeRule: TypeAlias = RatioTiers | FixedSizes | FreeSizes


@attrs.frozen(kw_only=True)
class Prices:
    """List prices, in USD per million tokens; `None` where not known."""

    input_text: float | None = None
    input_image: float | None = None
    output_text: float | None = None
    output_image: float | None = None
    image_tokens: Mapping[str, int] = attrs.field(factory=dict)
    """Tokens of one picture by tier or ``WIDTHxHEIGHT`` (or ``quality:`` before it), for
    estimates before the call; the key ``""`` is the default."""
    input_image_tokens: int | None = None
    """Tokens of one reference, for estimates."""
    as_of: str = ""
    """Date of the prices, ``YYYY-MM-DD``."""


@attrs.frozen(kw_only=True)
class Capabilities:
    """What one model can do; the core adjusts or refuses requests by it before `encode`."""

    model: str
    known: bool = True
    """Whether the provider has the model in its table; unknown ids pass through with a notice."""
    retired: bool = False
    """Whether the service has shut the model down."""
    replacement: str | None = None
    """What to use instead of a retired model."""
    sizes: SizeRule | None = None
    """`None` when the model takes no size at all."""
    max_images_per_call: int = 1
    max_references: int = 0
    """Pictures a request may hold, conversation not counted; 0: it cannot edit."""
    reference_media_types: tuple[str, ...] = ("image/png", "image/jpeg", "image/webp")
    multi_turn: bool = False
    """Whether it takes a conversation; otherwise refinements edit the last picture."""
    seed: bool = False
    mask: bool = False
    mask_meaning: MaskMeaning = "transparent-is-edit"
    """How its service reads masks; the core converts a request's mask to that before `encode`."""
    qualities: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()
    """Formats that can be asked for, such as ``"png"``; empty: the service chooses."""
    options: tuple[str, ...] = ()
    """Names that `provider_options` may hold for this model."""
    max_prompt_characters: int | None = None
    max_request_bytes: int | None = None
    """Bytes of the largest body that the service takes."""
    attempt_timeout: float | None = None
    """Seconds that one attempt of this model may need; `None` for the engine's default."""
    streaming: bool = False
    durable: bool = False
    prices: Prices | None = None
    as_of: str = ""
    """Date of this row, ``YYYY-MM-DD``."""


@attrs.frozen(kw_only=True)
class ResolvedSize:
    """The size that a model is asked for. Fields that its rule does not know are `None`."""

    width: int | None = None
    height: int | None = None
    aspect_ratio: str | None = None
    tier: str | None = None
