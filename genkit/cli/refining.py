"""What ``genkit refine`` goes on from: a picture, and the conversation beside it."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from genkit.cli.options import CallOptions
from genkit.cli.outputs import conversation_path
from genkit.conversation import Conversation
from genkit.errors import InvalidRequestError
from genkit.files import load_image
from genkit.images import Image
from genkit.request import RequestFields
from genkit.response import Notice

__all__ = ["Refinement"]


@attrs.frozen(kw_only=True)
class Refinement:
    """A picture to be changed."""

    path: Path
    image: Image = attrs.field(repr=False)
    conversation: Conversation | None = attrs.field(default=None, repr=False)
    """`None` where none is beside it: the picture is edited as a reference."""

    @classmethod
    def of(cls, path: str) -> Refinement:
        """The picture at `path`, with its conversation.

        Raises:
            InvalidRequestError: there is no readable picture.
            SessionStateError: the conversation is cut, damaged or of a newer version.
        """
        named = Path(path).expanduser()
        image = load_image(named, field="image")
        beside = conversation_path(named)
        if not os.path.lexists(beside):
            return cls(path=named, image=image)
        conversation = Conversation.load(beside)
        if not _pictures(conversation):
            raise InvalidRequestError(
                f"image: the conversation {str(beside)!r} has no picture to refine", field="image"
            )
        return cls(path=named, image=image, conversation=conversation)

    @property
    def model(self) -> str | None:
        """``provider:model`` that the conversation was with, if that is known."""
        turns = self.conversation.turns if self.conversation else ()
        return next((turn.author for turn in reversed(turns) if turn.author), None)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What should be known of how it goes on."""
        if self.conversation is not None:
            return ()
        return (
            Notice(
                "no-conversation",
                f"there is no {conversation_path(self.path).name} beside the picture: it is edited"
                " as a reference, without what was said before",
            ),
        )

    def fields(self, options: CallOptions) -> RequestFields:
        """The request's fields that follow from the picture, where options do not say otherwise.

        The new picture has the size of the old one. Where the old one was brought to its size
        here, which shows by its original in the conversation, so is the new one.
        """
        fields: RequestFields = {}
        if self.conversation is not None:
            fields["conversation"] = self.conversation
        else:
            fields["input_image"] = self.image
        if options.size is None and options.aspect is None:
            fields["width"], fields["height"] = self.image.width, self.image.height
            if self.conversation is not None:
                original = _pictures(self.conversation)[-1]
                if (original.width, original.height) != (self.image.width, self.image.height):
                    fields["fit"] = "crop"
        return fields


def _pictures(conversation: Conversation) -> list[Image]:
    return [image for turn in conversation.turns for image in turn.images]
