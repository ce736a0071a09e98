"""The models as data: what each can do, what it costs, and what became of it.

Sources: OpenAI's API reference of images, its pages on image generation, models, deprecations and
pricing, the types of its official SDK, and recorded answers of the service. Ids change every few
months, so an unknown id is no error: it gets the abilities of the newest family.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from genkit.provider import Capabilities, FixedSizes, FreeSizes, Prices, SizeRule

__all__ = ["DEFAULT_MODEL", "IN_SERVICE", "MODELS", "Model", "find_model"]

DEFAULT_MODEL = "gpt-image-2.5-flare"

AS_OF = "2026-11-22"
"""Date of the table; prices have their own."""

MAX_IMAGES = 10
"""The largest ``n`` of one request."""
MAX_REFERENCES = 16

FREE_SIZES = FreeSizes(
    multiple=16,
    min_pixels=655_360,
    max_pixels=3840 * 2160,
    max_edge=3840,
    max_ratio=3.0,
    default=(1024, 1024),
)
"""Multiples of 16 between 1:3 and 3:1; over 2560x1440 is called experimental."""
THREE_SIZES = FixedSizes(((1024, 1024), (1536, 1024), (1024, 1536)))

QUALITIES = ("auto", "low", "medium", "high")
MORE_QUALITIES = (*QUALITIES, "xhigh", "max")

OPTIONS = ("edit_body", "moderation", "output_compression", "safety_identifier", "user")
"""Options that every GPT image model has."""

_SNAPSHOT = re.compile(r"(.+)-\d{4}-\d{2}-\d{2}", re.ASCII)


@attrs.frozen(kw_only=True)
class Model:
    """One row: what the core knows of a model, and what only this provider needs to know."""

    capabilities: Capabilities
    is_dall_e: bool = False
    """Whether it has the older wire: ``response_format``, and edits as forms only."""
    retired_on: str | None = None
    """Date of the shutdown, ``YYYY-MM-DD``; one that is announced lies ahead."""


def find_model(model: str) -> Model:
    """The row of `model`, or for an unknown id what is likely, with ``known=False``.

    An id with a date at its end is a snapshot of the model without it.
    """
    if row := MODELS.get(model):
        return row
    found = _SNAPSHOT.fullmatch(model)
    row = MODELS.get(found[1]) if found else None
    if row is None:
        return _unknown(model)
    return attrs.evolve(row, capabilities=attrs.evolve(row.capabilities, model=model))


def _gpt_image(
    model: str,
    sizes: SizeRule,
    prices: Prices | None,
    *,
    qualities: tuple[str, ...] = QUALITIES,
    options: tuple[str, ...] = OPTIONS,
) -> Capabilities:
    return Capabilities(
        model=model,
        sizes=sizes,
        max_images_per_call=MAX_IMAGES,
        max_references=MAX_REFERENCES,
        mask=True,
        mask_meaning="transparent-is-edit",
        qualities=qualities,
        backgrounds=("auto", "opaque", "transparent"),
        output_formats=("png", "jpeg", "webp"),
        options=options,
        max_prompt_characters=32_000,
        # Of one request: up to two minutes for a picture, and several in one.
        attempt_timeout=300.0,
        prices=prices,
        as_of=AS_OF,
    )


def _unknown(model: str) -> Model:
    """A guess, and a generous one: what the service cannot do it will refuse itself."""
    capabilities = _gpt_image(
        model,
        FREE_SIZES,
        None,
        qualities=MORE_QUALITIES,
        options=(*OPTIONS, "complexity", "input_fidelity", "response_format"),
    )
    return Model(capabilities=attrs.evolve(capabilities, known=False))


# -- in service -------------------------------------------------------------------------------


def _prices(image_tokens: Mapping[str, int] | None = None) -> Prices:
    """What the models since gpt-image-2 cost; words that they write have no price of their own."""
    return Prices(
        input_text=5.0,
        input_image=8.0,
        output_image=30.0,
        image_tokens=image_tokens or {},
        as_of="2026-11-22",
    )


# By quality and size; which quality `auto` takes, the service decides for each picture.
_FLARE_TOKENS = {
    "low:1024x1024": 196,
    "medium:1024x1024": 439,
    "high:1024x1024": 1756,
    "xhigh:1024x1024": 3122,
    "max:1024x1024": 7024,
}
_OLD_TOKENS = {
    "low:1024x1024": 272,
    "medium:1024x1024": 1056,
    "high:1024x1024": 4160,
    "low:1024x1536": 408,
    "medium:1024x1536": 1584,
    "high:1024x1536": 6240,
    "low:1536x1024": 400,
    "medium:1536x1024": 1568,
    "high:1536x1024": 6208,
}
_PRICES_1_5 = Prices(
    input_text=5.0,
    input_image=8.0,
    output_text=10.0,
    output_image=32.0,
    image_tokens=_OLD_TOKENS,
    as_of="2026-11-22",
)
_PRICES_1 = Prices(
    input_text=5.0,
    input_image=10.0,
    output_image=40.0,
    image_tokens=_OLD_TOKENS,
    as_of="2026-10-23",
)
# Its list prices by picture and by token do not agree on how many tokens a picture has.
_PRICES_MINI = Prices(input_text=2.0, input_image=2.5, output_image=8.0, as_of="2026-11-22")

_LEAVES_IN_DECEMBER = "2026-12-01"


def _in_service() -> Iterable[Model]:
    for model, tokens in (
        (DEFAULT_MODEL, _FLARE_TOKENS),
        ("gpt-image-2.5-sunburst", None),
    ):
        yield Model(
            capabilities=_gpt_image(model, FREE_SIZES, _prices(tokens), qualities=MORE_QUALITIES)
        )
    for model in ("gpt-image-2.6-flare", "gpt-image-2.6-sunburst"):
        yield Model(
            capabilities=_gpt_image(
                model,
                FREE_SIZES,
                _prices(),
                qualities=MORE_QUALITIES,
                options=(*OPTIONS, "complexity"),
            )
        )
    yield Model(capabilities=_gpt_image("gpt-image-2", FREE_SIZES, _prices()))
    for model in ("gpt-image-1.5", "chatgpt-image-latest"):
        yield Model(
            capabilities=_gpt_image(
                model, THREE_SIZES, _PRICES_1_5, options=(*OPTIONS, "input_fidelity")
            ),
            retired_on=_LEAVES_IN_DECEMBER,
        )
    yield Model(
        capabilities=_gpt_image("gpt-image-1-mini", THREE_SIZES, _PRICES_MINI),
        retired_on=_LEAVES_IN_DECEMBER,
    )


# -- shut down --------------------------------------------------------------------------------


def _retired(capabilities: Capabilities, retired_on: str, *, is_dall_e: bool) -> Model:
    return Model(
        capabilities=attrs.evolve(capabilities, retired=True, replacement=DEFAULT_MODEL),
        is_dall_e=is_dall_e,
        retired_on=retired_on,
    )


def _shut_down() -> Iterable[Model]:
    """Other hosts of the same wire may still have them, so that their rules stand here too."""
    yield _retired(
        _gpt_image("gpt-image-1", THREE_SIZES, _PRICES_1, options=(*OPTIONS, "input_fidelity")),
        "2026-10-23",
        is_dall_e=False,
    )
    dall_e_3 = Capabilities(
        model="dall-e-3",
        sizes=FixedSizes(((1024, 1024), (1792, 1024), (1024, 1792))),
        qualities=("standard", "hd"),
        options=("response_format", "style", "user"),
        max_prompt_characters=4000,
        as_of=AS_OF,
    )
    dall_e_2 = Capabilities(
        model="dall-e-2",
        sizes=FixedSizes(((1024, 1024), (512, 512), (256, 256))),
        max_images_per_call=MAX_IMAGES,
        max_references=1,
        reference_media_types=("image/png",),
        mask=True,
        mask_meaning="transparent-is-edit",
        # `quality` is answered with 400 since it has only one.
        options=("response_format", "user"),
        max_prompt_characters=1000,
        as_of=AS_OF,
    )
    for capabilities in (dall_e_3, dall_e_2):
        yield _retired(capabilities, "2026-05-12", is_dall_e=True)


MODELS: Mapping[str, Model] = MappingProxyType(
    {row.capabilities.model: row for row in (*_in_service(), *_shut_down())}
)
"""Every known model by its id, the default first."""

IN_SERVICE: tuple[str, ...] = tuple(
    model for model, row in MODELS.items() if not row.capabilities.retired
)
"""Ids of the models that can be used, the default first."""
