"""Checks of what a provider says of itself: names, versions, models and what they can do."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping

from genkit.images import MAX_EDGE, parse_aspect_ratio
from genkit.provider import (
    SPEC_VERSION,
    Capabilities,
    FixedSizes,
    FreeSizes,
    Prices,
    RatioTiers,
)
from genkit.testing.conformance.subject import Subject, require, same

__all__ = ["ModelChecks"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")

UNKNOWN_MODEL = "no-such-model-0"


class ModelChecks(Subject):
    """Facts about the provider and its models."""

    def test_names(self) -> None:
        """The name is the entry point's, whatever the account's; where the key is, is said."""
        provider = self.provider
        same("name", provider.name, self.settings.name)
        same("name in an account of another", self.make(name="account").name, provider.name)
        require(
            _NAME.fullmatch(provider.name), f"the name {provider.name!r} is not in small letters"
        )
        for variable in provider.key_variables:
            require(_VARIABLE.fullmatch(variable), f"{variable!r} is no environment variable")
        url = provider.base_url
        require(url.startswith(("https://", "http://")), f"base_url {url!r} is no address")
        require(not url.endswith("/"), f"base_url {url!r} ends with a slash")

    def test_spec_version(self) -> None:
        """The provider is written to the version of the contract that this library knows."""
        same("spec_version", self.provider.spec_version, SPEC_VERSION)

    def test_models(self) -> None:
        """Models are listed once each, the default first, and all of them are in service."""
        models = self.provider.models()
        require(models, "models() is empty")
        same("first of models()", models[0], self.provider.default_model)
        same("models()", len(set(models)), len(models))
        for model in models:
            require(not self.able(model).retired, f"{model} is retired and listed in models()")

    def test_capabilities(self, model: str) -> None:
        """What a model can do makes sense: limits, sizes, formats and dates."""
        able = self.able(model)
        same("model", able.model, model)
        require(able.known, f"{model} is in models() and known is false")
        require(able.max_images_per_call >= 1, "max_images_per_call is less than 1")
        require(able.max_references >= 0, "max_references is negative")
        require(
            not able.max_references or able.reference_media_types,
            "there are references, and no media type that they may have",
        )
        for kind in able.reference_media_types:
            require(kind.startswith("image/"), f"{kind!r} is no media type of pictures")
        require(not able.mask or able.max_references, "there are masks without references")
        for limit in (able.max_prompt_characters, able.max_request_bytes, able.attempt_timeout):
            require(limit is None or limit > 0, f"a limit is {limit!r}")
        for words in (able.qualities, able.backgrounds, able.output_formats, able.options):
            same("words of an option", len(set(words)), len(words))
        _require_date(able.as_of, "Capabilities.as_of")
        require_sizes(able)
        if able.prices is not None:
            require_prices(able.prices)

    def test_unknown_model(self) -> None:
        """An id that is not in the table passes through, and is said to be unknown."""
        able = self.able(UNKNOWN_MODEL)
        same("model", able.model, UNKNOWN_MODEL)
        same("known", able.known, False)
        same("retired", able.retired, False)
        require_sizes(able)


def require_sizes(able: Capabilities) -> None:
    """Fail the check where the sizes of a model cannot be asked for."""
    rule = able.sizes
    if isinstance(rule, RatioTiers):
        require(rule.ratios, "RatioTiers has no ratios")
        for ratio in rule.ratios:
            parse_aspect_ratio(ratio)
        _require_counts(rule.tiers, "an edge of a tier")
    elif isinstance(rule, FixedSizes):
        require(rule.sizes, "FixedSizes has no sizes")
        for width, height in rule.sizes:
            require(0 < min(width, height) <= MAX_EDGE, f"the size {width}x{height} is none")
    elif isinstance(rule, FreeSizes):
        _require_free(rule)
    else:
        require(rule is None, f"sizes is a {type(rule).__name__}")


def _require_free(rule: FreeSizes) -> None:
    width, height = rule.default
    require(rule.multiple >= 1, "multiple is less than 1")
    require(rule.max_ratio >= 1, "max_ratio is less than 1")
    require(rule.min_pixels <= width * height <= rule.max_pixels, "the default size is not allowed")
    require(max(width, height) <= rule.max_edge, "the default size is over max_edge")
    require(max(width, height) <= rule.max_ratio * min(width, height), "default over max_ratio")
    require(not width % rule.multiple, "the default width is no multiple")
    require(not height % rule.multiple, "the default height is no multiple")


def require_prices(prices: Prices) -> None:
    """Fail the check where prices could not be reckoned with."""
    rates = (prices.input_text, prices.input_image, prices.output_text, prices.output_image)
    for rate in rates:
        require(rate is None or 0 < rate < 10_000, f"a price is {rate!r}; None means not known")
    _require_counts(prices.image_tokens, "a count of tokens")
    tokens = prices.input_image_tokens
    require(tokens is None or tokens > 0, f"input_image_tokens is {tokens!r}")
    require(prices.as_of, "prices have no date: say as_of")
    _require_date(prices.as_of, "Prices.as_of")


def _require_counts(counts: Mapping[str, int], what: str) -> None:
    for name, count in counts.items():
        require(isinstance(count, int) and count > 0, f"{what}, {name!r}, is {count!r}")


def _require_date(text: str, what: str) -> None:
    if text:
        try:
            datetime.date.fromisoformat(text)
        except ValueError:
            require(False, f"{what} is no date YYYY-MM-DD: {text!r}")
