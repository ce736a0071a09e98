"""Requests that differ in one option, to see what becomes of it: the table of all fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from genkit.conversation import Conversation, ImagePart, TextPart, Turn
from genkit.images import parse_aspect_ratio
from genkit.pictures import FORMATS
from genkit.provider import Capabilities, FixedSizes, FreeSizes, RatioTiers
from genkit.request import GenerationRequest
from genkit.testing.conformance.pictures import mask, picture

__all__ = ["FIELDS", "Group", "groups"]

Promise: TypeAlias = Literal["applied", "said", "here"]
"""``applied``: all of them go over the wire, each differently. ``said``: those after the first do
or are refused, or the plan says what became of them. ``here``: none goes over the wire."""

PROMPT = "a red kite over the sea"
SEED = 11
NO_SUCH_WORD = "no-such-word"


@attrs.frozen(kw_only=True)
class Group:
    """Requests that differ in one field, and what must become of the difference."""

    promise: Promise
    requests: tuple[GenerationRequest, ...]

    @property
    def begins(self) -> GenerationRequest:
        """The one that the others are held against."""
        return self.requests[0]


def groups(field: str, able: Capabilities) -> tuple[Group, ...]:
    """The requests that try `field` on a model."""
    return tuple(group for group in FIELDS[field](able) if len(group.requests) > 1)


Maker: TypeAlias = Callable[[Capabilities], Iterable[Group]]


def _ask(prompt: str = PROMPT, **fields: Any) -> GenerationRequest:
    return GenerationRequest(prompt, **{"strict": False, "seed": SEED, **fields})


def _vary(promise: Promise, field: str, values: Sequence[Any], **fields: Any) -> Group:
    """Requests with each value of a field; the value `...` leaves it out."""
    return Group(
        promise=promise,
        requests=tuple(
            _ask(**fields) if value is ... else _ask(**{**fields, field: value}) for value in values
        ),
    )


def _always(promise: Promise, field: str, *values: Any, **fields: Any) -> Maker:
    return lambda _able: [_vary(promise, field, values, **fields)]


def _words(field: str, listed: Callable[[Capabilities], Sequence[str]]) -> Maker:
    """A field of words: those that the model lists, and one that it does not."""

    def make(able: Capabilities) -> Iterable[Group]:
        words = listed(able)
        yield _vary("applied", field, words if len(words) > 1 else [..., *words])
        yield _vary("said", field, [..., NO_SUCH_WORD])

    return make


def _formats(able: Capabilities) -> Iterable[Group]:
    yield _vary("applied", "output_format", list(able.output_formats))
    yield _vary("said", "output_format", [..., *FORMATS])


def _sizes(able: Capabilities) -> Iterable[Group]:
    rule = able.sizes
    sizes: list[tuple[int, int]] = [(512, 512), (1600, 900)]
    if isinstance(rule, RatioTiers):
        ratio = min(rule.ratios, key=lambda name: abs(math.log(parse_aspect_ratio(name))))
        root = math.sqrt(parse_aspect_ratio(ratio))
        tiers = sorted(set(rule.tiers.values()))
        sizes = [(round(edge * root), round(edge / root)) for edge in tiers]
    elif isinstance(rule, FixedSizes):
        sizes = list(rule.sizes)
    elif isinstance(rule, FreeSizes):
        wide, high = rule.default
        sizes = list(dict.fromkeys([(wide, high), (wide, high - rule.multiple), (high, wide)]))
    requests = tuple(_ask(width=width, height=height) for width, height in sizes)
    yield Group(promise="said" if rule is None else "applied", requests=requests)
    yield Group(promise="said", requests=(_ask(), _ask(width=777, height=333)))


def _ratios(able: Capabilities) -> Iterable[Group]:
    rule = able.sizes
    if isinstance(rule, RatioTiers):
        yield _vary("applied", "aspect_ratio", list(rule.ratios))
    yield _vary("said", "aspect_ratio", [..., "1:1", "16:9", "9:16", "47:10"])


def _seeds(able: Capabilities) -> Iterable[Group]:
    yield _vary("applied" if able.seed else "said", "seed", [0, 1, -1, 2**31 - 1])


def _pictures(field: str) -> Maker:
    def make(able: Capabilities) -> Iterable[Group]:
        one, other = picture(10), picture(200)
        values: list[Any] = [..., one, other]
        if field == "references":
            values = [..., [one], [other], *([[one, other]] * (able.max_references > 1))]
        yield _vary("applied" if able.max_references else "said", field, values)
        if field == "references":
            yield _vary("said", field, [..., [one] * (able.max_references + 1)])

    return make


def _masks(able: Capabilities) -> Iterable[Group]:
    if able.max_references:
        masks = [..., mask(16), mask(32)]
        yield _vary("applied" if able.mask else "said", "mask", masks, input_image=picture())


def _conversations(able: Capabilities) -> Iterable[Group]:
    said = [
        Conversation(
            (
                Turn("user", (TextPart(first),)),
                Turn("model", (TextPart("There it is."), ImagePart(picture(colour)))),
            )
        )
        for first, colour in (("a kite", 40), ("a boat", 160))
    ]
    yield _vary("applied" if able.multi_turn else "said", "conversation", [..., *said])


def _histories(able: Capabilities) -> Iterable[Group]:
    said = [
        [{"role": "user", "text": text}, {"role": "model", "image_data": picture().data}]
        for text in ("a kite", "a boat")
    ]
    promise: Promise = "applied" if able.multi_turn else "said"
    yield _vary(promise, "conversation_history", [..., *said])


def _variables(_able: Capabilities) -> Iterable[Group]:
    filled = [{"colour": "red"}, {"colour": "blue"}]
    yield _vary("applied", "variables", filled, prompt="a {colour} kite")


FIELDS: Mapping[str, Maker] = MappingProxyType(
    {
        "prompt": _always("applied", "prompt", PROMPT, "a blue boat", "é 雪 \"'\\ {x}\n\t<&> 🪁"),
        # Of every model there is another request: that is a check of its own.
        "model": lambda _able: (),
        "width": _sizes,
        "height": _sizes,
        "aspect_ratio": _ratios,
        "seed": _seeds,
        "input_image": _pictures("input_image"),
        "references": _pictures("references"),
        "mask": _masks,
        "n": _always("applied", "n", 1, 2, 3),
        "quality": _words("quality", lambda able: able.qualities),
        "background": _words("background", lambda able: able.backgrounds),
        "output_format": _formats,
        "conversation": _conversations,
        "conversation_history": _histories,
        "template": _always("applied", "template", ..., "strict"),
        "variables": _variables,
        "strict": _always("applied", "strict", False, True),
        # Options of its own have values of their own: that is a check of its own.
        "provider_options": lambda _able: (),
        "fit": _always("here", "fit", "none", "crop", "pad", "resize", width=512, height=512),
        "adapt": _always("here", "adapt", None, "adjust"),
        "timeout": _always("here", "timeout", None, 5.0),
        "deadline": _always("here", "deadline", None, 5.0),
        "max_cost": _always("here", "max_cost", None, 5.0),
        "metadata": _always("here", "metadata", {}, {"note": "never sent"}),
    }
)
"""By field of `GenerationRequest`, what makes the requests that try it."""
