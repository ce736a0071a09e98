"""The table of models: what each can do, and that it agrees with itself."""

from __future__ import annotations

import re

import pytest

from genkit.adapt import adapt
from genkit.pricing import estimate
from genkit.provider import FixedSizes, FreeSizes, ResolvedSize
from genkit_openai.models import DEFAULT_MODEL, IN_SERVICE, MODELS, find_model
from tests.providers.openai.support import provider, request

GPT = [model for model in MODELS if not model.startswith("dall-e")]


def test_the_default_is_the_first() -> None:
    """Listings begin with the model that is used when none is named."""
    assert IN_SERVICE[0] == DEFAULT_MODEL == "gpt-image-2.5-flare"
    assert provider().models() == IN_SERVICE


@pytest.mark.parametrize("model", MODELS)
def test_a_row_agrees_with_itself(model: str) -> None:
    """Every row is dated, takes no seed and no conversation, and knows its own id."""
    row = MODELS[model]
    able = row.capabilities
    assert (able.model, able.known, able.seed, able.multi_turn) == (model, True, False, False)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", able.as_of)
    assert able.retired == (able.replacement is not None) == (model not in IN_SERVICE)
    assert able.replacement is None or able.replacement in IN_SERVICE
    assert not able.retired or row.retired_on is not None
    assert able.mask <= (able.max_references > 0)
    assert able.mask_meaning == "transparent-is-edit"
    if able.prices is not None:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", able.prices.as_of)
        for key in able.prices.image_tokens:
            quality, _colon, size = key.partition(":")
            assert quality in able.qualities
            assert re.fullmatch(r"\d+x\d+", size)


@pytest.mark.parametrize("model", GPT)
def test_the_newer_models_share_their_limits(model: str) -> None:
    """Up to ten pictures from up to sixteen, and three formats."""
    able = MODELS[model].capabilities
    assert (able.max_images_per_call, able.max_references) == (10, 16)
    assert able.output_formats == ("png", "jpeg", "webp")
    assert able.max_prompt_characters == 32_000


@pytest.mark.parametrize(
    ("model", "size", "used"),
    [
        ("gpt-image-2.5-flare", (1536, 864), (1536, 864)),
        ("gpt-image-2.5-flare", (3840, 2160), (3840, 2160)),
        ("gpt-image-2.5-flare", (512, 512), (816, 816)),
        ("gpt-image-2", (1280, 720), (1280, 720)),
        ("gpt-image-2", (4000, 1000), (3840, 1280)),
        ("gpt-image-2", (100, 900), (480, 1408)),
        ("gpt-image-2", (8000, 6000), (3312, 2496)),
        ("gpt-image-1.5", (1280, 720), (1536, 1024)),
        ("gpt-image-1-mini", (600, 600), (1024, 1024)),
        ("dall-e-3", (1080, 1920), (1024, 1792)),
        ("dall-e-2", (300, 300), (256, 256)),
    ],
)
def test_sizes(model: str, size: tuple[int, int], used: tuple[int, int]) -> None:
    """A size becomes one that the model makes, within all of its bounds."""
    width, height = size
    able = MODELS[model].capabilities
    found = adapt(request(model=model, width=width, height=height), able, "adjust").size
    assert found is not None
    assert (found.width, found.height) == used
    rule = able.sizes
    if isinstance(rule, FixedSizes):
        assert used in rule.sizes
        return
    assert isinstance(rule, FreeSizes)
    assert used[0] % 16 == used[1] % 16 == 0
    assert rule.min_pixels <= used[0] * used[1] <= rule.max_pixels
    assert max(used) <= min(rule.max_edge, 3 * min(used))


def test_a_snapshot_is_its_model() -> None:
    """An id with a date has the abilities and prices of the model, under its own id."""
    row = find_model("gpt-image-2-2026-04-21").capabilities
    assert row.model == "gpt-image-2-2026-04-21"
    assert (row.known, row.prices) == (True, MODELS["gpt-image-2"].capabilities.prices)
    assert not find_model("gpt-image-9-2026-04-21").capabilities.known


def test_an_unknown_model_can_do_what_the_newest_can() -> None:
    """Ids rot; what the service cannot do it refuses itself. There is no price to guess."""
    able = find_model("my-deployment").capabilities
    assert not able.known
    assert able.prices is None
    newest = MODELS[DEFAULT_MODEL].capabilities
    assert (able.sizes, able.qualities) == (newest.sizes, newest.qualities)
    assert set(newest.options) < set(able.options)


@pytest.mark.parametrize(
    ("model", "quality", "size", "cost"),
    [
        ("gpt-image-2.5-flare", "medium", (1024, 1024), 439 * 30 / 1e6),
        ("gpt-image-2.5-flare", "max", (1024, 1024), 7024 * 30 / 1e6),
        ("gpt-image-1.5", "high", (1024, 1536), 6240 * 32 / 1e6),
        ("gpt-image-1", "low", (1536, 1024), 400 * 40 / 1e6),
        # What is not known is not guessed.
        ("gpt-image-2.5-flare", "medium", (1536, 864), None),
        ("gpt-image-2.5-flare", None, (1024, 1024), None),
        ("gpt-image-2.5-flare", "auto", None, None),
        ("gpt-image-2.5-sunburst", "low", (1024, 1024), None),
        ("dall-e-3", "hd", (1024, 1024), None),
    ],
)
def test_estimates(
    model: str, quality: str | None, size: tuple[int, int] | None, cost: float | None
) -> None:
    """A picture's price is known where its quality and size say how many tokens it has."""
    resolved = ResolvedSize(width=size[0], height=size[1]) if size else None
    made = estimate(
        MODELS[model].capabilities,
        prompt="",
        references=0,
        images=1,
        size=resolved,
        quality=quality,
    )
    assert made.cost == (None if cost is None else pytest.approx(cost))
