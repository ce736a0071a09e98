"""What is asked for, as one frozen value for generating, editing and refining."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypedDict

import attrs

from genkit.conversation import Conversation
from genkit.errors import InvalidRequestError
from genkit.files import load_image
from genkit.images import MAX_EDGE, Fit, Image, Mask, parse_aspect_ratio

__all__ = ["Adapt", "GenerationRequest", "ImageInput", "RequestFields"]

Adapt: TypeAlias = Literal["adjust", "refuse"]
ImageInput: TypeAlias = Image | bytes | str | os.PathLike[str]
"""A picture: an `Image`, its bytes, or the path of a file that is read at once."""

MAX_PROMPT_CHARACTERS = 1_000_000
MAX_SECONDS = 24 * 3600.0
MAX_IMAGES = 64
_INT32 = 2**31


def _fail(field: str, problem: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field}: {problem}", field=field)


def _image(value: object, field: str) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return Image.from_bytes(bytes(value), field=field)
    if isinstance(value, str) and value.lower().startswith(("http://", "https://", "data:")):
        raise _fail(field, "a URL is not fetched; pass the picture's bytes or a file's path")
    if isinstance(value, str | os.PathLike):
        return load_image(value, field=field)
    raise _fail(field, f"expected an Image, bytes or a path, not {type(value).__name__}")


def _optional_image(value: object) -> Image | None:
    return None if value is None else _image(value, "input_image")


def _images(value: object) -> tuple[Image, ...]:
    if isinstance(value, Image | bytes | bytearray | memoryview | str | os.PathLike):
        value = (value,)
    if not isinstance(value, list | tuple):
        raise _fail("references", f"expected a list of images, not {type(value).__name__}")
    return tuple(_image(item, "references") for item in value)


def _history(value: object) -> tuple[Mapping[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise _fail("conversation_history", f"expected a list of dicts, not {type(value).__name__}")
    return tuple(value)


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _fail(field, f"expected a mapping, not {type(value).__name__}")
    return dict(value)


def _variables(value: object) -> Mapping[str, Any]:
    return _mapping(value, "variables")


def _provider_options(value: object) -> Mapping[str, Any]:
    return _mapping(value, "provider_options")


def _metadata(value: object) -> Mapping[str, Any]:
    return _mapping(value, "metadata")


def _edge(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise _fail(attribute.name, f"expected a whole number of pixels, not {value!r}")
    if not 1 <= value <= MAX_EDGE:
        raise _fail(attribute.name, f"must be from 1 to {MAX_EDGE} pixels, not {value}")


def _seconds(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fail(attribute.name, f"expected a number of seconds, not {value!r}")
    if not (math.isfinite(value) and 0 < value <= MAX_SECONDS):
        raise _fail(attribute.name, f"must be over 0 and at most {MAX_SECONDS:g} s, not {value!r}")


def _money(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fail(attribute.name, f"expected an amount in USD, not {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise _fail(attribute.name, f"must be over 0 USD, not {value!r}")


def _one_of(*allowed: str) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in allowed:
            raise _fail(attribute.name, f"must be one of {', '.join(allowed)}, not {value!r}")

    return check


def _word(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A short text that goes into a header, a URL or a wire field."""
    if value is None:
        return
    if not isinstance(value, str) or not value.strip() or len(value) > 256:
        raise _fail(attribute.name, f"expected a short text, not {value!r}"[:200])
    if not value.isprintable():
        raise _fail(attribute.name, "has control characters")


def _prompt(_request: object, _attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str):
        raise _fail("prompt", f"expected a str, not {type(value).__name__}")
    if not value.strip():
        raise _fail("prompt", "is empty; say what to draw")
    if len(value) > MAX_PROMPT_CHARACTERS:
        raise _fail("prompt", f"has {len(value)} characters; at most {MAX_PROMPT_CHARACTERS}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _fail("prompt", "has lone surrogates, which no service can read") from None
    if "\0" in value:
        raise _fail("prompt", "has a NUL character")


def _integer(low: int, high: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int):
            raise _fail(attribute.name, f"expected a whole number, not {value!r}")
        if not low <= value <= high:
            raise _fail(attribute.name, f"must be from {low} to {high}, not {value}")

    return check


def _flag(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, bool):
        raise _fail(attribute.name, f"expected true or false, not {value!r}")


def _show_characters(value: object) -> str:
    return f"<{len(value)} characters>" if isinstance(value, str) else "<...>"


@attrs.frozen
class GenerationRequest:
    """What to draw. Fields left at `None` follow the client's configuration, then the model.

    Every option ends as applied, adjusted (an `Adjustment` on the response) or refused; none is
    dropped. The value is checked when it is made, before any network.

    Raises:
        InvalidRequestError: a field cannot be right for any provider; its `field` says which.
    """

    prompt: str = attrs.field(validator=_prompt, repr=_show_characters)
    """What to draw, or what to change."""
    width: int | None = attrs.field(default=None, validator=_edge)
    """Pixels. Models that know ratios only get the nearest one, and the response says so."""
    height: int | None = attrs.field(default=None, validator=_edge)
    """Pixels."""
    model: str | None = attrs.field(default=None, validator=_word)
    """``"provider:model"``, a bare model id that one provider knows, or `None`."""
    seed: int | None = attrs.field(default=None, validator=_integer(-_INT32, _INT32 - 1))
    """An int32, 0 included; drawn once when not given. Picture i of an `n` gets ``seed + i``."""
    input_image: Image | None = attrs.field(default=None, converter=_optional_image)
    """The picture to edit; the first of the references."""
    conversation_history: tuple[Mapping[str, Any], ...] = attrs.field(
        default=(), converter=_history, repr=lambda turns: f"<{len(turns)} messages>"
    )
    """A conversation as dicts with ``role``, ``text``, ``image_data``; see `conversation`."""

    aspect_ratio: str | None = attrs.field(default=None, kw_only=True)
    """``"16:9"``; instead of `width` and `height`."""
    references: tuple[Image, ...] = attrs.field(default=(), converter=_images, kw_only=True)
    """Pictures to edit or to follow: images, bytes or paths."""
    mask: Mask | None = attrs.field(default=None, kw_only=True)
    """Which part of the first reference may change."""
    n: int = attrs.field(default=1, validator=_integer(1, MAX_IMAGES), kw_only=True)
    """How many pictures; split into several calls where a model makes one a call."""
    quality: str | None = attrs.field(default=None, validator=_word, kw_only=True)
    background: str | None = attrs.field(default=None, validator=_word, kw_only=True)
    output_format: str | None = attrs.field(default=None, validator=_word, kw_only=True)
    """``"png"``, ``"jpeg"`` or ``"webp"``; converted here where the service cannot."""
    template: str | None = attrs.field(default=None, validator=_word, kw_only=True)
    """Name of the prompt template; `None` for the one that fits."""
    variables: Mapping[str, Any] = attrs.field(
        factory=dict, converter=_variables, kw_only=True, repr=False
    )
    """Values for the template's variables."""
    strict: bool | None = attrs.field(default=None, validator=_flag, kw_only=True)
    """Wrap the prompt so that the model draws it literally; on unless configured otherwise."""
    fit: Fit = attrs.field(
        default="none", validator=_one_of("none", "crop", "pad", "resize"), kw_only=True
    )
    """How pictures are brought to exactly `width` x `height`; needs Pillow."""
    adapt: Adapt | None = attrs.field(default=None, kw_only=True)
    """``"adjust"`` what the model cannot do and say so (the default), or ``"refuse"``."""
    timeout: float | None = attrs.field(default=None, validator=_seconds, kw_only=True)
    """Seconds for one attempt."""
    deadline: float | None = attrs.field(default=None, validator=_seconds, kw_only=True)
    """Seconds for the whole call: queueing, attempts and waits."""
    max_cost: float | None = attrs.field(default=None, validator=_money, kw_only=True)
    """USD that the call may cost at most."""
    conversation: Conversation | None = attrs.field(default=None, kw_only=True)
    """What was said before; made by `GenerationResponse.conversation`."""
    provider_options: Mapping[str, Any] = attrs.field(
        factory=dict, converter=_provider_options, kw_only=True
    )
    """Options that only one provider has: ``{"gemini": {...}}``."""
    metadata: Mapping[str, Any] = attrs.field(
        factory=dict, converter=_metadata, kw_only=True, repr=False
    )
    """The caller's own notes; never sent."""

    def __attrs_post_init__(self) -> None:
        if self.adapt not in (None, "adjust", "refuse"):
            raise _fail("adapt", f"must be 'adjust' or 'refuse', not {self.adapt!r}")
        if (self.width is None) != (self.height is None):
            missing = "height" if self.height is None else "width"
            raise _fail(missing, "width and height go together; give both, or aspect_ratio")
        if self.aspect_ratio is not None:
            if not isinstance(self.aspect_ratio, str):
                raise _fail("aspect_ratio", f"expected a text, not {self.aspect_ratio!r}")
            parse_aspect_ratio(self.aspect_ratio)
            if self.width is not None:
                raise _fail("aspect_ratio", "give either width and height or aspect_ratio")
        if self.mask is not None:
            self._check_mask(self.mask)
        if self.fit != "none" and self.width is None:
            raise _fail("fit", f"{self.fit!r} needs width and height")
        if self.conversation is not None and self.conversation_history:
            raise _fail("conversation_history", "give either this or conversation")
        if self.conversation is not None and not isinstance(self.conversation, Conversation):
            raise _fail(
                "conversation",
                f"expected a Conversation, not {type(self.conversation).__name__};"
                " a list of dicts goes into conversation_history",
            )
        for name, options in self.provider_options.items():
            if not isinstance(options, Mapping):
                raise _fail("provider_options", f"[{name!r}] must be a mapping of options")

    def _check_mask(self, mask: object) -> None:
        if not isinstance(mask, Mask):
            raise _fail("mask", f"expected a Mask, not {type(mask).__name__}")
        if not self.images:
            raise _fail("mask", "there is no image that it could belong to")
        first = self.images[0]
        if (mask.image.width, mask.image.height) != (first.width, first.height):
            raise _fail(
                "mask",
                f"has {mask.image.width}x{mask.image.height} pixels, its image"
                f" {first.width}x{first.height}; they must be equal",
            )

    @property
    def images(self) -> tuple[Image, ...]:
        """All pictures to edit or to follow: `input_image`, then `references`."""
        return ((self.input_image,) if self.input_image else ()) + self.references

    def history(self) -> Conversation:
        """What was said before, whichever way it was given.

        Raises:
            InvalidRequestError: `conversation_history` is malformed.
        """
        if self.conversation is not None:
            return self.conversation
        return Conversation.from_messages(self.conversation_history)


class RequestFields(TypedDict, total=False):
    """The fields of `GenerationRequest` but the prompt, as keyword arguments."""

    width: int | None
    height: int | None
    model: str | None
    seed: int | None
    input_image: ImageInput | None
    conversation_history: list[dict[str, Any]]
    aspect_ratio: str | None
    references: list[ImageInput] | tuple[ImageInput, ...]
    mask: Mask | None
    n: int
    quality: str | None
    background: str | None
    output_format: str | None
    template: str | None
    variables: Mapping[str, Any]
    strict: bool | None
    fit: Fit
    adapt: Adapt | None
    timeout: float | None
    deadline: float | None
    max_cost: float | None
    conversation: Conversation | None
    provider_options: Mapping[str, Any]
    metadata: Mapping[str, Any]
