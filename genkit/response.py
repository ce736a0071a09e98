"""What came back: pictures, what they cost, and everything that happened on the way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from genkit.attempts import Attempt, Usage
from genkit.conversation import Conversation, ProviderState, Turn
from genkit.errors import GenkitError
from genkit.images import Image
from genkit.request import GenerationRequest

__all__ = [
    "Adjustment",
    "Attempt",
    "GeneratedImage",
    "GenerationResponse",
    "Notice",
    "Usage",
]


@attrs.frozen
class Adjustment:
    """An option that was changed to what the model can do."""

    field: str
    requested: Any
    used: Any
    reason: str


@attrs.frozen
class Notice:
    """Something that the caller should know; `code` is stable, `message` for people."""

    code: str
    message: str


@attrs.frozen(kw_only=True)
class GeneratedImage(Image):
    """A picture that a model made."""

    declared_media_type: str | None = None
    """What the service called it; `media_type` is what it is."""
    state: ProviderState | None = attrs.field(default=None, repr=False)
    """What the provider wants back with it."""


def _in_order(images: Iterable[GeneratedImage]) -> tuple[GeneratedImage, ...]:
    return tuple(images)


def _images_are_there(_response: object, _attribute: object, value: tuple[Image, ...]) -> None:
    if not value:
        raise ValueError("a response has at least one image; without one it is a NoImageError")


@attrs.frozen(kw_only=True)
class GenerationResponse:
    """At least one picture, and what is known of how it came to be."""

    images: tuple[GeneratedImage, ...] = attrs.field(
        converter=_in_order, validator=_images_are_there
    )
    """The pictures, in order; never empty."""
    drafts: tuple[GeneratedImage, ...] = ()
    """Pictures that the model made on the way and marked as thoughts."""
    failures: Mapping[int, GenkitError] = attrs.field(factory=dict)
    """By slot number, the errors of an `n` > 1 that gave some pictures and not all."""
    text: str | None = attrs.field(default=None, repr=False)
    """What the model said besides; `None` if nothing."""
    prompt: str = attrs.field(default="", repr=False)
    """The prompt as it was sent, template included."""
    generation_id: str
    """Our id of the call; it stands in every log line and event of the call."""
    request_id: str | None = None
    """The service's id of the answer."""
    seed: int | None = None
    """The seed that was sent; `None` where the model takes none."""
    inference_time_ms: float = 0.0
    """Milliseconds of the attempt that succeeded."""
    total_time_ms: float = 0.0
    """Milliseconds of the whole call, waits included."""
    thought_signature: bytes | None = attrs.field(default=None, repr=False)
    """The first picture's signature, decoded, where the provider gives one."""
    usage: Usage | None = None
    """Summed over all attempts that answered; `None` when the service did not say."""
    cost: float | None = None
    """Estimated USD from `usage` and the price table; `None`, never 0, when no price is known."""
    model: str
    """Model id that was asked."""
    provider: str
    adjustments: tuple[Adjustment, ...] = ()
    notices: tuple[Notice, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    history: Conversation = attrs.field(factory=Conversation, repr=False)
    """What was said up to the answer, the request included."""
    answers: tuple[Turn, ...] = attrs.field(default=(), repr=False)
    """For each picture, the model's turn that it stands in."""
    provider_metadata: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """What only this provider says, under its name."""
    metadata: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """The caller's own notes, from the request."""
    request: GenerationRequest | None = attrs.field(default=None, repr=False)
    """What was asked for, as the caller gave it."""
    raw: Any = attrs.field(default=None, repr=False)
    """The answer's document without its long strings, for what is not modelled here."""

    @property
    def image_data(self) -> bytes:
        """The bytes of the first picture."""
        return self.images[0].data

    @property
    def conversation(self) -> Conversation:
        """What was said, with the answer that holds the first picture."""
        return self.conversation_with(0)

    def conversation_with(self, image: int) -> Conversation:
        """What was said, with the answer that holds picture number `image`.

        Pictures of an `n` > 1 are answers beside each other: a conversation goes on from one.

        Raises:
            IndexError: there is no picture of that number.
        """
        if image not in range(-len(self.images), len(self.images)):
            raise IndexError(f"there is no picture {image}; there are {len(self.images)}")
        return self.history.add(self.answers[image]) if self.answers else self.history

    @property
    def partial(self) -> bool:
        """Whether fewer pictures came than were asked for."""
        return bool(self.failures)

    def save(self, path: str | os.PathLike[str], *, image: int = 0, overwrite: bool = True) -> Path:
        """Write picture number `image` to `path` and give the path that it really has.

        The suffix decides the format: a JPEG saved as ``x.png`` is converted where Pillow is
        installed; else it is saved under its true suffix, with a warning.

        Raises:
            OutputError: it cannot be written. The picture is still in memory.
            IndexError: there is no picture of that number.
        """
        from genkit import pictures

        return pictures.save(self.images[image], path, overwrite=overwrite)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        # Notebooks show the first picture inline.
        return self.images[0]._repr_mimebundle_(**options)
