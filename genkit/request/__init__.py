"""What is asked for, as one frozen value for generating, editing and refining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import attrs

from genkit.conversation import Conversation, TextPart
from genkit.conversation.messages import check_text
from genkit.errors import brief
from genkit.images import MAX_EDGE, Fit, Image, Mask
from genkit.request import checks
from genkit.request.checks import ImageInput

__all__ = ["Adapt", "GenerationRequest", "ImageInput", "RequestFields"]

Adapt: TypeAlias = Literal["adjust", "refuse"]

MAX_SECONDS = 24 * 3600.0
MAX_IMAGES = 64
MAX_COST = 1_000_000.0
_INT32 = 2**31

_optional = attrs.validators.optional


def _show_characters(value: object) -> str:
    return f"<{len(value)} characters>" if isinstance(value, str) else "<...>"


def _show_names(options: Mapping[str, Mapping[str, Any]]) -> str:
    return repr({provider: sorted(own) for provider, own in options.items()})


@attrs.frozen
class GenerationRequest:
    """What to draw. Fields left at `None` follow the client's configuration, then the model.

    Every option ends as applied, adjusted (an `Adjustment` on the response) or refused; none is
    dropped. The value is checked when it is made, before any network.

    Raises:
        InvalidRequestError: a field cannot be right for any provider; its `field` says which.
    """

    prompt: str = attrs.field(validator=checks.is_prompt, repr=_show_characters)
    """What to draw, or what to change."""
    width: int | None = attrs.field(
        default=None, validator=_optional(checks.is_integer(1, MAX_EDGE, " pixels"))
    )
    """Pixels. Models that know ratios only get the nearest one, and the response says so."""
    height: int | None = attrs.field(
        default=None, validator=_optional(checks.is_integer(1, MAX_EDGE, " pixels"))
    )
    """Pixels."""
    model: str | None = attrs.field(default=None, validator=checks.is_word)
    """``"provider:model"``, a bare model id that one provider knows, or `None`."""
    seed: int | None = attrs.field(
        default=None, validator=_optional(checks.is_integer(-_INT32, _INT32 - 1))
    )
    """An int32, 0 included; drawn once when not given. Picture i of an `n` gets ``seed + i``."""
    input_image: Image | None = attrs.field(default=None, converter=checks.to_optional_image)
    """The picture to edit; the first of the references."""
    conversation_history: tuple[Mapping[str, Any], ...] = attrs.field(
        default=(), converter=checks.to_messages, repr=lambda turns: f"<{len(turns)} messages>"
    )
    """A conversation as dicts with ``role``, ``text``, ``image_data``; see `conversation`."""

    aspect_ratio: str | None = attrs.field(default=None, converter=checks.to_ratio, kw_only=True)
    """``"16:9"``; instead of `width` and `height`."""
    references: tuple[Image, ...] = attrs.field(
        default=(), converter=checks.to_images, kw_only=True
    )
    """Pictures to edit or to follow: images, bytes or paths."""
    mask: Mask | None = attrs.field(default=None, kw_only=True)
    """Which part of the first reference may change."""
    n: int = attrs.field(default=1, validator=checks.is_integer(1, MAX_IMAGES), kw_only=True)
    """How many pictures; split into several calls where a model makes one a call."""
    quality: str | None = attrs.field(default=None, validator=checks.is_word, kw_only=True)
    background: str | None = attrs.field(default=None, validator=checks.is_word, kw_only=True)
    output_format: str | None = attrs.field(default=None, validator=checks.is_word, kw_only=True)
    """``"png"``, ``"jpeg"`` or ``"webp"``; converted here where the service cannot."""
    template: str | None = attrs.field(default=None, validator=checks.is_word, kw_only=True)
    """Name of the prompt template; `None` for the one that fits."""
    variables: Mapping[str, Any] = attrs.field(
        factory=dict, converter=checks.to_variables, kw_only=True, repr=False
    )
    """Values for the template's variables."""
    strict: bool | None = attrs.field(default=None, validator=checks.is_flag, kw_only=True)
    """Wrap the prompt so that the model draws it literally; on unless configured otherwise."""
    fit: Fit = attrs.field(
        default="none", validator=checks.is_one_of("none", "crop", "pad", "resize"), kw_only=True
    )
    """How pictures are brought to exactly `width` x `height`; needs Pillow."""
    adapt: Adapt | None = attrs.field(default=None, kw_only=True)
    """``"adjust"`` what the model cannot do and say so (the default), or ``"refuse"``."""
    timeout: float | None = attrs.field(
        default=None, validator=checks.is_number("seconds", 0, MAX_SECONDS), kw_only=True
    )
    """Seconds for one attempt."""
    deadline: float | None = attrs.field(
        default=None, validator=checks.is_number("seconds", 0, MAX_SECONDS), kw_only=True
    )
    """Seconds for the whole call: queueing, attempts and waits."""
    max_cost: float | None = attrs.field(
        default=None, validator=checks.is_number("USD", 0, MAX_COST), kw_only=True
    )
    """USD that the call may cost at most."""
    conversation: Conversation | None = attrs.field(default=None, kw_only=True)
    """What was said before; made by `GenerationResponse.conversation`."""
    provider_options: Mapping[str, Mapping[str, Any]] = attrs.field(
        factory=dict, converter=checks.to_provider_options, kw_only=True, repr=_show_names
    )
    """Options that only one provider has: ``{"gemini": {...}}``."""
    metadata: Mapping[str, Any] = attrs.field(
        factory=dict, converter=checks.to_metadata, kw_only=True, repr=False
    )
    """The caller's own notes; never sent."""

    def __attrs_post_init__(self) -> None:
        if self.adapt not in (None, "adjust", "refuse"):
            raise checks.fail("adapt", f"must be 'adjust' or 'refuse', not {brief(self.adapt)}")
        self._check_size()
        if self.mask is not None:
            self._check_mask(self.mask)
        if self.conversation is not None:
            self._check_conversation(self.conversation)

    def _check_size(self) -> None:
        if (self.width is None) != (self.height is None):
            missing = "height" if self.height is None else "width"
            raise checks.fail(missing, "width and height go together; give both, or aspect_ratio")
        if self.aspect_ratio is not None and self.width is not None:
            raise checks.fail("aspect_ratio", "give either width and height or aspect_ratio")
        if self.fit != "none" and self.width is None:
            raise checks.fail("fit", f"{self.fit!r} needs width and height")

    def _check_conversation(self, conversation: object) -> None:
        if not isinstance(conversation, Conversation):
            raise checks.fail(
                "conversation",
                f"expected a Conversation, not {type(conversation).__name__};"
                " a list of dicts goes into conversation_history",
            )
        if self.conversation_history:
            raise checks.fail("conversation_history", "give either this or conversation")
        for index, turn in enumerate(conversation.turns):
            for part in turn.parts:
                if isinstance(part, TextPart):
                    check_text(part.text, f"conversation: turn {index + 1}", "conversation")

    def _check_mask(self, mask: object) -> None:
        if not isinstance(mask, Mask):
            raise checks.fail("mask", f"expected a Mask, not {type(mask).__name__}")
        if not self.images:
            raise checks.fail("mask", "there is no image that it could belong to")
        first = self.images[0]
        if (mask.image.width, mask.image.height) != (first.width, first.height):
            raise checks.fail(
                "mask",
                f"has {mask.image.width}x{mask.image.height} pixels, its image"
                f" {first.width}x{first.height}; they must be equal",
            )

    @property
    def images(self) -> tuple[Image, ...]:
        """All pictures to edit or to follow: `input_image`, then `references`."""
        return ((self.input_image,) if self.input_image else ()) + self.references

    def history(self) -> Conversation:
        """What was said before, whichever way it was given."""
        if self.conversation is not None:
            return self.conversation
        return checks.to_messages(self.conversation_history).conversation


class RequestFields(TypedDict, total=False):
    """The fields of `GenerationRequest` but the prompt, as keyword arguments."""

    width: int | None
    height: int | None
    model: str | None
    seed: int | None
    input_image: ImageInput | None
    conversation_history: Sequence[Mapping[str, Any]] | None
    aspect_ratio: str | None
    references: Sequence[ImageInput] | ImageInput | None
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
    provider_options: Mapping[str, Mapping[str, Any]]
    metadata: Mapping[str, Any]
