"""Conversations as programs keep them by hand: lists of dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from genkit.conversation.turns import ImagePart, Part, Role, TextPart, Turn
from genkit.errors import InvalidRequestError, brief
from genkit.images import Image
from genkit.lifted import decode_base64
from genkit.sniff import sniff

__all__ = ["check_text", "read_messages"]

MESSAGE_KEYS = ("role", "text", "image_data", "thought_signature")
"""What a message of `Conversation.from_messages` may hold."""

_ROLES: Mapping[object, Role] = {"user": "user", "model": "model", "assistant": "model"}


def read_messages(messages: Iterable[Mapping[str, Any]], field: str) -> list[Turn]:
    """The turns of `messages`; see `Conversation.from_messages`.

    Raises:
        InvalidRequestError: a message is malformed; its `field` is `field`.
    """
    turns = []
    for index, message in enumerate(messages):
        where = f"{field}[{index}]"
        if not isinstance(message, Mapping):
            raise InvalidRequestError(
                f"{where}: expected a dict with {', '.join(MESSAGE_KEYS[:3])},"
                f" not {type(message).__name__}",
                field=field,
            )
        for key in message:
            if key not in MESSAGE_KEYS:
                raise InvalidRequestError(
                    f"{where}: unknown key {brief(key)}; known are {', '.join(MESSAGE_KEYS)}",
                    field=field,
                )
        given = message.get("role")
        role = _ROLES.get(given) if isinstance(given, str) else None
        if role is None:
            raise InvalidRequestError(
                f"{where}.role: must be 'user' or 'model', not {brief(given)}", field=field
            )
        if parts := _message_parts(message, where, field):
            turns.append(Turn(role, parts))
    return turns


def check_text(text: str, where: str, field: str) -> None:
    """Refuse what no service can read.

    Raises:
        InvalidRequestError: `text` has a NUL character or lone surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(
            f"{where}: has lone surrogates, which no service can read", field=field
        ) from None
    if "\0" in text:
        raise InvalidRequestError(f"{where}: has a NUL character", field=field)


def _message_parts(message: Mapping[str, Any], where: str, field: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    text = message.get("text")
    if text is not None and not isinstance(text, str):
        raise InvalidRequestError(
            f"{where}.text: expected a str, not {type(text).__name__}", field=field
        )
    if text:
        check_text(text, f"{where}.text", field)
        parts.append(TextPart(text))
    data = message.get("image_data")
    if isinstance(data, Image):
        parts.append(ImagePart(data))
    elif isinstance(data, bytes | bytearray | memoryview | str):
        if len(data):
            parts.append(ImagePart(_message_image(data, where, field)))
    elif data is not None:
        raise InvalidRequestError(
            f"{where}.image_data: expected bytes or base64, not {type(data).__name__}", field=field
        )
    return tuple(parts)


def _message_image(data: bytes | bytearray | memoryview | str, where: str, field: str) -> Image:
    raw = data if isinstance(data, str) else bytes(data)
    # Bytes may be the picture itself, or base64 characters as bytes.
    if isinstance(raw, str) or sniff(raw) is None:
        try:
            raw = decode_base64(raw)
        except ValueError:
            raise InvalidRequestError(
                f"{where}.image_data: neither a picture nor base64 of one", field=field
            ) from None
    try:
        return Image.from_bytes(raw, field=field)
    except InvalidRequestError as error:
        message = error.message.removeprefix(f"{field}: ")
        raise InvalidRequestError(f"{where}.image_data: {message}", field=field) from None
