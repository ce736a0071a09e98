"""What a call costs, from a model's price table: before it, and after it from its usage."""

from __future__ import annotations

import math

import attrs

from genkit.provider import Capabilities, Prices, ResolvedSize
from genkit.response import Usage

__all__ = ["Estimate", "cost_of", "estimate"]

CHARACTERS_PER_TOKEN = 4
"""A rough rule for text, good enough for an estimate that pictures dominate."""
_MILLION = 1_000_000


@attrs.frozen(kw_only=True)
class Estimate:
    """What a call is likely to cost."""

    cost: float | None
    """USD for all pictures; `None`, never 0, when no price is known."""
    per_image: float | None
    """USD for one picture."""
    images: int
    basis: str
    """What the figure rests on, for people."""


def estimate(
    capabilities: Capabilities,
    *,
    prompt: str,
    references: int,
    images: int,
    size: ResolvedSize | None,
    quality: str | None = None,
) -> Estimate:
    """The likely cost of `images` pictures, before any is made; retries are not counted."""
    prices = capabilities.prices
    tokens = _image_tokens(prices, size, quality) if prices else None
    if prices is None or prices.output_image is None or tokens is None:
        return Estimate(
            cost=None,
            per_image=None,
            images=images,
            basis=f"no price is known for {capabilities.model}",
        )
    amount = tokens * prices.output_image
    amount += math.ceil(len(prompt) / CHARACTERS_PER_TOKEN) * (prices.input_text or 0.0)
    rate = prices.input_image if prices.input_image is not None else prices.input_text
    amount += references * (prices.input_image_tokens or 0) * (rate or 0.0)
    per_image = amount / _MILLION
    return Estimate(
        cost=per_image * images,
        per_image=per_image,
        images=images,
        basis=f"list prices of {prices.as_of}: {tokens} image tokens a picture",
    )


def cost_of(usage: Usage | None, prices: Prices | None) -> float | None:
    """USD that `usage` costs; `None` when a price or a number that it needs is not known."""
    if usage is None or prices is None:
        return None
    rate_in = prices.input_image if prices.input_image is not None else prices.input_text
    charges = (
        (usage.input_text_tokens, prices.input_text),
        (usage.input_image_tokens, rate_in),
        (usage.output_text_tokens, prices.output_text),
        (usage.output_image_tokens, prices.output_image),
    )
    if sum(tokens or 0 for tokens, _price in charges) < (usage.total_tokens or 0):
        # Of what kind the others are is not known, and so neither what they cost.
        return None
    amount = 0.0
    for tokens, price in charges:
        if tokens:
            if price is None:
                return None
            amount += tokens * price
    return amount / _MILLION if amount else None


def _image_tokens(prices: Prices, size: ResolvedSize | None, quality: str | None) -> int | None:
    name = ""
    if size is not None:
        name = size.tier or (f"{size.width}x{size.height}" if size.width else "")
    for key in (f"{quality}:{name}", f"{quality}:", name, ""):
        if key in prices.image_tokens:
            return prices.image_tokens[key]
    return None
