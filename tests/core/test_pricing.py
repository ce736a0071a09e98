"""What calls cost, before and after."""

from __future__ import annotations

import pytest

from genkit.pricing import cost_of, estimate
from genkit.provider import Capabilities, Prices, ResolvedSize
from genkit.response import Usage

PRICES = Prices(
    input_text=1.5,
    output_text=7.5,
    output_image=30.0,
    image_tokens={"": 1120, "2K": 1680, "high:": 4000},
    input_image_tokens=560,
    as_of="2026-11-22",
)


def model(prices: Prices | None) -> Capabilities:
    """A model with these prices."""
    return Capabilities(model="test-1", prices=prices)


def test_an_estimate_counts_pictures_prompt_and_references() -> None:
    """The estimate is tokens times price, for every picture."""
    made = estimate(model(PRICES), prompt="x" * 400, references=2, images=3, size=None)
    each = (1120 * 30 + 100 * 1.5 + 2 * 560 * 1.5) / 1e6
    assert made.per_image == pytest.approx(each)
    assert made.cost == pytest.approx(3 * each)
    assert "2026-11-22" in made.basis


@pytest.mark.parametrize(
    ("size", "quality", "tokens"),
    [
        (None, None, 1120),
        (ResolvedSize(tier="2K"), None, 1680),
        (ResolvedSize(tier="8K"), None, 1120),
        (ResolvedSize(tier="2K"), "high", 4000),
    ],
)
def test_an_estimate_goes_by_tier_and_quality(
    size: ResolvedSize | None, quality: str | None, tokens: int
) -> None:
    """The most particular row of the price table decides."""
    made = estimate(model(PRICES), prompt="", references=0, images=1, size=size, quality=quality)
    assert made.cost == pytest.approx(tokens * 30 / 1e6)


@pytest.mark.parametrize("prices", [None, Prices(output_text=7.5), Prices(output_image=30.0)])
def test_an_unknown_price_is_none_and_never_zero(prices: Prices | None) -> None:
    """Without a price, or without a token count, there is no figure."""
    made = estimate(model(prices), prompt="a", references=0, images=1, size=None)
    assert (made.cost, made.per_image) == (None, None)


def test_cost_follows_usage_by_kind() -> None:
    """Each kind of token is charged at its own price."""
    usage = Usage(input_text_tokens=100, output_text_tokens=10, output_image_tokens=1120)
    assert cost_of(usage, PRICES) == pytest.approx((100 * 1.5 + 10 * 7.5 + 1120 * 30) / 1e6)
    images_in = Usage(input_image_tokens=560)
    assert cost_of(images_in, PRICES) == pytest.approx(560 * 1.5 / 1e6)


@pytest.mark.parametrize(
    ("usage", "prices"),
    [
        (None, PRICES),
        (Usage(output_image_tokens=5), None),
        (Usage(output_image_tokens=5), Prices(output_text=1.0)),
        (Usage(), PRICES),
        # Ten tokens of a kind that is not known.
        (Usage(output_image_tokens=5, total_tokens=15), PRICES),
    ],
)
def test_cost_is_none_where_something_is_not_known(
    usage: Usage | None, prices: Prices | None
) -> None:
    """A sum with an unknown in it is unknown."""
    assert cost_of(usage, prices) is None
