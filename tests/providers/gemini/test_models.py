"""The table of models, and what the provider says of each."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from genkit.images import parse_aspect_ratio
from genkit.provider import RatioTiers
from genkit_gemini.models import DEFAULT_MODEL, IN_SERVICE, MODELS, find_model
from genkit_gemini.options import OPTIONS
from tests.providers.gemini.support import provider


def test_models_in_service() -> None:
    """The models that can be used, the default first."""
    assert IN_SERVICE == (
        "gemini-nano-banana-2.1",
        "gemini-3-pro-image",
        "gemini-3.1-flash-lite-image",
    )
    assert provider().models() == IN_SERVICE
    assert IN_SERVICE[0] == DEFAULT_MODEL


def test_default_model() -> None:
    """What the default model can do."""
    able = provider().capabilities(DEFAULT_MODEL)
    assert able.known
    assert not able.retired
    assert isinstance(able.sizes, RatioTiers)
    assert len(able.sizes.ratios) == 14
    # The service answers `512` with 400 for this model.
    assert dict(able.sizes.tiers) == {"1K": 1024, "2K": 2048, "4K": 4096}
    assert next(iter(able.sizes.tiers)) == "1K"
    assert (able.max_references, able.multi_turn, able.seed, able.mask) == (14, True, True, False)
    assert not able.streaming


def test_price_of_a_picture() -> None:
    """The prices of the default give what its price page says a picture of each tier costs."""
    prices = provider().capabilities(DEFAULT_MODEL).prices
    assert prices is not None
    assert prices.output_image is not None
    cost = {
        tier: round(tokens * prices.output_image / 1e6, 4)
        for tier, tokens in prices.image_tokens.items()
    }
    assert cost == {"": 0.0336, "1K": 0.0336, "2K": 0.0504, "4K": 0.1134}


@pytest.mark.parametrize("model", [model for model in MODELS if model not in IN_SERVICE])
def test_retired_models_name_what_replaces_them(model: str) -> None:
    """Whoever asks for a model that is gone learns what to use, and it is in service."""
    able = provider().capabilities(model)
    assert able.known
    assert able.retired
    assert able.replacement in IN_SERVICE


@pytest.mark.parametrize("model", list(MODELS))
def test_rows_are_sound(model: str) -> None:
    """Every row has dates that are dates, sizes that parse, and prices for each of its tiers."""
    row = MODELS[model]
    able = provider().capabilities(model)
    assert able.model == model
    date.fromisoformat(able.as_of)
    if row.retired_on is not None:
        assert date.fromisoformat(row.retired_on) <= date.fromisoformat(able.as_of)
        assert able.retired
    if isinstance(able.sizes, RatioTiers):
        assert all(parse_aspect_ratio(ratio) > 0 for ratio in able.sizes.ratios)
    if able.prices is not None:
        date.fromisoformat(able.prices.as_of)
        assert isinstance(able.sizes, RatioTiers)
        assert {"", *able.sizes.tiers} <= set(able.prices.image_tokens)
    if model in IN_SERVICE:
        assert able.prices is not None


@pytest.mark.parametrize(
    ("model", "requires"),
    [
        ("gemini-nano-banana-2.1", True),
        ("gemini-3-pro-image", True),
        ("gemini-3.1-flash-lite-image", True),
        ("nano-banana-pro-preview", True),
        ("gemini-2.5-flash-image", False),
        ("gemini-2.0-flash-exp", False),
        ("gemini-2.9-image-of-the-future", False),
        ("gemini-7-image", True),
        ("something-else", True),
    ],
)
def test_which_models_require_signatures(model: str, requires: bool) -> None:
    """Models of the third generation and later refuse turns that lost their signatures."""
    assert find_model(model).requires_signatures is requires


@pytest.mark.parametrize("prefix", ["", "models/", "publishers/google/models/"])
def test_ids_with_a_path(prefix: str) -> None:
    """An id as the service lists it is the same model."""
    able = provider().capabilities(f"{prefix}gemini-3-pro-image")
    assert (able.model, able.known) == ("gemini-3-pro-image", True)


@pytest.mark.parametrize("model", ["gemini-9-image", "", "models/", "a/b", "\u00e4"])
def test_unknown_models_pass_through(model: str) -> None:
    """An id that is not in the table is a generous guess, and says so."""
    able = provider().capabilities(model)
    assert able.model == model
    assert not able.known
    assert not able.retired
    assert isinstance(able.sizes, RatioTiers)
    assert (len(able.sizes.ratios), tuple(able.sizes.tiers)) == (14, ("1K", "2K", "4K"))
    assert able.prices is None


def test_options_depend_on_model_and_backend() -> None:
    """Options that the service would answer with an error are not offered."""
    here = set(provider().capabilities(DEFAULT_MODEL).options)
    old = set(provider().capabilities("gemini-2.5-flash-image").options)
    vertex = set(
        provider(base_url="https://example.com/v1/publishers/google")
        .capabilities(DEFAULT_MODEL)
        .options
    )
    assert here - old == {"thinking_level", "thinking_budget", "include_thoughts"}
    assert vertex - here == {"person_generation"}
    assert {"safety_settings", "temperature", "google_search"} <= old


def test_the_readme_names_what_there_is(root: Path) -> None:
    """Every model in service, with its price, and every option stands in the README."""
    readme = (root / "providers" / "gemini" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w.-]+)`.*\| (\$[\d.]+) \|$", readme, re.MULTILINE))
    prices = {model: provider().capabilities(model).prices for model in IN_SERVICE}
    assert rows == {
        model: f"${price.image_tokens['1K'] * (price.output_image or 0) / 1e6:.4f}"
        for model, price in prices.items()
        if price is not None
    }
    first_column = "".join(re.findall(r"^\|(.*?)\|", readme, re.MULTILINE))
    assert set(OPTIONS) <= set(re.findall(r"`([a-z_]+)`", first_column))
