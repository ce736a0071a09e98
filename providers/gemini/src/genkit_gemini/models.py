"""The models as data: what each can do, what it costs, and what became of it.

Sources: the Gemini API's pages on image generation, models, deprecations and pricing, and recorded
answers of the service. Ids change every few months, so an unknown id is no error: it gets the
abilities of the newest family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from genkit.provider import Capabilities, Prices, RatioTiers, SizeRule

__all__ = ["DEFAULT_MODEL", "IN_SERVICE", "MODELS", "Model", "bare_id", "find_model"]

DEFAULT_MODEL = "gemini-nano-banana-2.1"

AS_OF = "2026-11-22"
"""Date of the table; prices have their own."""

EDGES: Mapping[str, int] = MappingProxyType({"1K": 1024, "2K": 2048, "4K": 4096, "512": 512})
"""By value of ``imageSize``, the edge of a square picture in pixels; the default first."""

TEN_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
ALL_RATIOS = (*TEN_RATIOS, "1:4", "4:1", "1:8", "8:1")

MAX_REQUEST_BYTES = 100_000_000
"""Documented for inline data since 2026; before, it was 20 MB."""


@attrs.frozen(kw_only=True)
class Model:
    """One row: what the core knows of a model, and what only this provider needs to know."""

    capabilities: Capabilities
    requires_signatures: bool
    """Whether the service refuses a model's turn that came back without thought signatures."""
    thinks: bool = True
    """Whether it takes a ``thinkingConfig``; other models answer it with an error."""
    retired_on: str | None = None
    """Date of the shutdown, ``YYYY-MM-DD``; `None` where in service, or where it is not known."""


def bare_id(model: str) -> str:
    """The id without the path that the service's own lists put before it."""
    for prefix in ("publishers/google/models/", "models/"):
        if model.startswith(prefix) and model != prefix:
            return model.removeprefix(prefix)
    return model


def find_model(model: str) -> Model:
    """The row of `model`, or for an unknown id what is likely, with ``known=False``."""
    model = bare_id(model)
    return MODELS.get(model) or _unknown(model)


def _tiers(*names: str) -> Mapping[str, int]:
    return MappingProxyType({name: EDGES[name] for name in names})


def _capabilities(
    model: str, sizes: SizeRule | None, max_references: int, prices: Prices | None = None
) -> Capabilities:
    return Capabilities(
        model=model,
        sizes=sizes,
        max_references=max_references,
        reference_media_types=("image/png", "image/jpeg", "image/webp", "image/heic"),
        multi_turn=True,
        seed=True,
        max_request_bytes=MAX_REQUEST_BYTES,
        attempt_timeout=180.0,
        prices=prices,
        as_of=AS_OF,
    )


def _unknown(model: str) -> Model:
    """A guess, and a generous one: what the service cannot do it will refuse itself."""
    sizes = RatioTiers(ALL_RATIOS, _tiers("1K", "2K", "4K"))
    return Model(
        capabilities=attrs.evolve(_capabilities(model, sizes, 14), known=False),
        # The safe side: every model takes its own earlier picture as the user's.
        requires_signatures=not model.startswith(("gemini-1", "gemini-2")),
    )


# -- in service -------------------------------------------------------------------------------

_NANO_BANANA_2_1 = Model(
    capabilities=_capabilities(
        "gemini-nano-banana-2.1",
        # `512` is answered with 400.
        RatioTiers(ALL_RATIOS, _tiers("1K", "2K", "4K")),
        14,
        Prices(
            input_text=1.5,
            input_image=1.5,
            output_text=7.5,
            output_image=30.0,
            image_tokens={"": 1120, "1K": 1120, "2K": 1680, "4K": 3780},
            input_image_tokens=1120,
            as_of="2026-10-09",
        ),
    ),
    requires_signatures=True,
)

_PRO_SIZES = RatioTiers(TEN_RATIOS, _tiers("1K", "2K", "4K"))
_PRO_PRICES = Prices(
    input_text=2.0,
    input_image=2.0,
    output_text=12.0,
    output_image=120.0,
    image_tokens={"": 1120, "1K": 1120, "2K": 1120, "4K": 2000},
    input_image_tokens=560,
    as_of="2026-10-09",
)
_PRO = Model(
    capabilities=_capabilities("gemini-3-pro-image", _PRO_SIZES, 14, _PRO_PRICES),
    requires_signatures=True,
)

_FLASH_LITE = Model(
    capabilities=_capabilities(
        "gemini-3.1-flash-lite-image",
        # Its page speaks of fourteen ratios and lists ten.
        RatioTiers(TEN_RATIOS, _tiers("1K")),
        14,
        Prices(
            input_text=0.25,
            input_image=0.25,
            output_text=1.5,
            output_image=30.0,
            image_tokens={"": 1120, "1K": 1120},
            input_image_tokens=1120,
            as_of="2026-10-09",
        ),
    ),
    requires_signatures=True,
)

# -- shut down --------------------------------------------------------------------------------

_FLASH_PRICES = Prices(
    input_text=0.5,
    input_image=0.5,
    output_text=3.0,
    output_image=60.0,
    image_tokens={"": 1120, "512": 747, "1K": 1120, "2K": 1680, "4K": 2520},
    input_image_tokens=1120,
    as_of="2026-10-09",
)
_FLASH_2_5_PRICES = Prices(
    input_text=0.3,
    input_image=0.3,
    output_text=2.5,
    output_image=30.0,
    image_tokens={"": 1290, "1K": 1290},
    as_of="2025-10-02",
)


def _retired(capabilities: Capabilities, retired_on: str | None, replacement: str) -> Model:
    old = not capabilities.model.startswith(("gemini-3", "nano-banana"))
    return Model(
        capabilities=attrs.evolve(capabilities, retired=True, replacement=replacement),
        requires_signatures=not old,
        thinks=not old,
        retired_on=retired_on,
    )


def _shut_down() -> Iterable[Model]:
    for model in (
        "gemini-2.0-flash-exp",
        "gemini-2.0-flash-exp-image-generation",
        "gemini-2.0-flash-preview-image-generation",
    ):
        yield _retired(_capabilities(model, None, 3), None, DEFAULT_MODEL)
    # About one megapixel in every ratio; `imageSize` is an error, so there is no tier to name.
    one_size = RatioTiers(TEN_RATIOS, _tiers())
    for model, day in (
        ("gemini-2.5-flash-image-preview", "2025-10-30"),
        ("gemini-2.5-flash-image", "2026-10-02"),
    ):
        yield _retired(_capabilities(model, one_size, 3, _FLASH_2_5_PRICES), day, DEFAULT_MODEL)
    for model in ("gemini-3-pro-image-preview", "nano-banana-pro-preview"):
        yield _retired(
            _capabilities(model, _PRO_SIZES, 14, _PRO_PRICES), "2026-06-25", "gemini-3-pro-image"
        )
    flash_sizes = RatioTiers(ALL_RATIOS, _tiers("1K", "512", "2K", "4K"))
    for model, day in (
        ("gemini-3.1-flash-image-preview", "2026-06-25"),
        ("gemini-3.1-flash-image", "2026-10-29"),
    ):
        yield _retired(_capabilities(model, flash_sizes, 14, _FLASH_PRICES), day, DEFAULT_MODEL)
    # These spoke `:predict`, a wire of its own; they are here so that the name gets an answer.
    imagen_sizes = RatioTiers(("1:1", "3:4", "4:3", "9:16", "16:9"), _tiers("1K", "2K"))
    for model in (
        "imagen-3.0-generate-002",
        "imagen-4.0-generate-001",
        "imagen-4.0-ultra-generate-001",
        "imagen-4.0-fast-generate-001",
    ):
        capabilities = attrs.evolve(_capabilities(model, imagen_sizes, 0), multi_turn=False)
        yield _retired(capabilities, "2026-08-17", DEFAULT_MODEL)


MODELS: Mapping[str, Model] = MappingProxyType(
    {row.capabilities.model: row for row in (_NANO_BANANA_2_1, _PRO, _FLASH_LITE, *_shut_down())}
)
"""Every known model by its bare id, the default first."""

IN_SERVICE: tuple[str, ...] = tuple(
    model for model, row in MODELS.items() if not row.capabilities.retired
)
"""Bare ids of the models that can be used, the default first."""
