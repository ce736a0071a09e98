"""A conversation and a new turn as the ``contents`` of a request.

Parts go back as they came, each in its place and with everything that the service put beside it: a
thought signature that is missing, moved or altered is answered with 400 by the models that check
it. A model's turn that has lost its signatures (it is from another model, or was put together by
hand) is sent as the user's, which needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from genkit.body import Base64
from genkit.conversation import Conversation, ImagePart, Part, TextPart, Turn
from genkit.images import Image
from genkit_gemini.reading import read

__all__ = ["conversation_contents", "user_content"]


def conversation_contents(
    conversation: Conversation, *, requires_signatures: bool
) -> tuple[list[dict[str, Any]], int]:
    """The turns in order, and how many of the model's had to be sent as the user's."""
    contents: list[dict[str, Any]] = []
    resent = 0
    for turn in conversation.turns:
        role, parts = turn.role, [_verbatim(part) for part in turn.parts]
        if role == "model" and requires_signatures and not _is_signed(turn):
            role, parts = "user", [_plain(part) for part in turn.parts]
            resent += 1
        kept = [part for part in parts if part]
        # A content without parts is refused.
        if kept:
            contents.append({"role": role, "parts": kept})
    return contents, resent


def user_content(prompt: str, images: Iterable[Image]) -> dict[str, Any]:
    """The new turn: the text, then the pictures in order."""
    return {"role": "user", "parts": [{"text": prompt}, *map(_picture, images)]}


def _is_signed(turn: Turn) -> bool:
    """Whether the service takes the turn as its own.

    It signs every picture that is no draft, and the first part that is no thought; later texts may
    come without.
    """
    answers = [part for part in turn.parts if not getattr(part, "thought", False)]
    pictures = [part for part in answers if isinstance(part, ImagePart)]
    return all(map(_has_signature, pictures)) and any(map(_has_signature, answers))


def _has_signature(part: Part) -> bool:
    return bool(read(_data(part), "thoughtSignature"))


def _data(part: Part) -> Mapping[str, Any]:
    """What the service put beside the part."""
    data = part.state.data if part.state is not None else None
    return data if isinstance(data, Mapping) else {}


def _verbatim(part: Part) -> dict[str, Any]:
    """The part as it came; empty when there is nothing in it that could be sent."""
    data = dict(_data(part))
    if isinstance(part, TextPart):
        # A text that is empty is refused, unless it is there for its signature.
        content: dict[str, Any] = {"text": part.text} if part.text or data else {}
    elif isinstance(part, ImagePart):
        content = _picture(part.image, data.pop("inlineData", None))
    else:
        return data
    if content and part.thought:
        content["thought"] = True
    return content | data


def _plain(part: Part) -> dict[str, Any]:
    """The part as the user's own: without state, and nothing of a thought or an unknown kind."""
    if isinstance(part, ImagePart) and not part.thought:
        return _picture(part.image)
    if isinstance(part, TextPart) and not part.thought and part.text:
        return {"text": part.text}
    return {}


def _picture(image: Image, beside: object = None) -> dict[str, Any]:
    extra = beside if isinstance(beside, Mapping) else {}
    return {"inlineData": {"mimeType": image.media_type, **extra, "data": Base64(image)}}
