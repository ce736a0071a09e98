"""What was said: turns, their parts, and what a provider attached to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import attrs

from genkit.errors import InvalidRequestError, brief
from genkit.images import Image

__all__ = ["ImagePart", "OpaquePart", "Part", "ProviderState", "Role", "TextPart", "Turn"]

Role: TypeAlias = Literal["user", "model"]


@attrs.frozen
class ProviderState:
    """What a provider attached to a part or a turn and wants back unchanged.

    Opaque to everyone but the codec that made it: bytes, or JSON whose long strings may be
    `genkit.lifted.Lifted`. It is sent back only to the provider and model that it came from.
    """

    provider: str
    model: str
    data: Any = attrs.field(repr=False)


@attrs.frozen
class TextPart:
    """Text. `thought` marks a model's thinking, which is no answer."""

    text: str = attrs.field(repr=lambda text: f"<{len(text)} characters>")
    state: ProviderState | None = None
    thought: bool = False


def _plain(image: Image) -> Image:
    """`image` without what a response knows of it beyond the picture."""
    if type(image) is Image or not isinstance(image, Image):
        return image
    return Image(
        data=image.data, media_type=image.media_type, width=image.width, height=image.height
    )


@attrs.frozen
class ImagePart:
    """A picture. `thought` marks a draft."""

    image: Image = attrs.field(converter=_plain)
    state: ProviderState | None = None
    thought: bool = False


@attrs.frozen
class OpaquePart:
    """A part of a kind that only its provider knows, kept whole in `state`."""

    state: ProviderState


Part: TypeAlias = TextPart | ImagePart | OpaquePart


def _is_role(_turn: object, _attribute: object, role: object) -> None:
    if role not in ("user", "model"):
        raise InvalidRequestError(
            f"conversation: a turn's role must be 'user' or 'model', not {brief(role)}",
            field="conversation",
        )


def _in_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(parts)


@attrs.frozen
class Turn:
    """What one side said: parts, in order. `state` is what the provider tied to the turn.

    Raises:
        InvalidRequestError: `role` is neither ``"user"`` nor ``"model"``.
    """

    role: Role = attrs.field(validator=_is_role)
    parts: tuple[Part, ...] = attrs.field(converter=_in_order)
    state: ProviderState | None = None
    author: str | None = None
    """Of a model's turn, ``"provider:model"`` as it was asked, where that is known."""

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures of the turn that are no drafts."""
        return tuple(
            part.image for part in self.parts if isinstance(part, ImagePart) and not part.thought
        )
