"""Conversations as files: JSON that loads back equal, and saves again to the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

import orjson

from genkit.body import Base64, Body, json_body
from genkit.conversation.turns import (
    ImagePart,
    OpaquePart,
    Part,
    ProviderState,
    Role,
    TextPart,
    Turn,
)
from genkit.errors import SessionStateError, brief
from genkit.images import Image
from genkit.lifted import decode_base64, lift
from genkit.sniff import sniff

__all__ = ["dump_turns", "load_turns"]

FORMAT = "genkit-conversation"
VERSION = 1

_Kind = TypeVar("_Kind")


def dump_turns(turns: Iterable[Turn]) -> Body:
    """The turns as JSON; see `Conversation.to_body`.

    Raises:
        SessionStateError: they hold what JSON cannot say.
    """
    dumped = [_dump_turn(turn) for turn in turns]
    try:
        return json_body({"format": FORMAT, "version": VERSION, "turns": dumped})
    except TypeError as error:
        raise SessionStateError(f"the conversation has no JSON form: {error}") from None


def load_turns(data: bytes) -> list[Turn]:
    """The turns that `dump_turns` wrote.

    Raises:
        SessionStateError: `data` is cut, damaged or of a newer version.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise SessionStateError(
            f"the conversation is cut or damaged (at character {error.pos} of its JSON)"
        ) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SessionStateError(f"this is not a conversation: 'format' is not {FORMAT!r}")
    version = document.get("version")
    if type(version) is not int or version != VERSION:
        raise SessionStateError(
            f"the conversation has version {brief(version)}; this library reads {VERSION}."
            " Update genkit-core to read newer ones"
        )
    turns = document.get("turns")
    if not isinstance(turns, list):
        raise SessionStateError("the conversation is damaged: it has no list of turns")
    loaded = []
    for index, turn in enumerate(turns):
        try:
            loaded.append(_load_turn(turn))
        except ValueError as error:
            raise SessionStateError(
                f"the conversation is damaged in turn {index + 1}: {error}",
                position=f"turn {index + 1}",
            ) from None
    return loaded


def _dump_turn(turn: Turn) -> dict[str, Any]:
    dumped: dict[str, Any] = {
        "role": turn.role,
        "parts": [_dump_part(part) for part in turn.parts],
    }
    if turn.state is not None:
        dumped["state"] = _dump_state(turn.state)
    if turn.author is not None:
        dumped["author"] = turn.author
    return dumped


def _dump_part(part: Part) -> dict[str, Any]:
    dumped: dict[str, Any]
    if isinstance(part, TextPart):
        dumped = {"kind": "text", "text": part.text}
    elif isinstance(part, ImagePart):
        dumped = {"kind": "image", "data": Base64(part.image)}
    else:
        dumped = {"kind": "opaque"}
    if not isinstance(part, OpaquePart) and part.thought:
        dumped["thought"] = True
    if part.state is not None:
        dumped["state"] = _dump_state(part.state)
    return dumped


def _dump_state(state: ProviderState) -> dict[str, Any]:
    dumped: dict[str, Any] = {"provider": state.provider, "model": state.model}
    if isinstance(state.data, bytes):
        # Latin-1 maps each byte to one character, so that any bytes fit into a JSON string.
        dumped["bytes"] = state.data.decode("latin-1")
    else:
        dumped["data"] = state.data
    return dumped


def _need(dumped: object, name: str, kind: type[_Kind]) -> _Kind:
    """What `dumped`, which must be an object, has under `name`."""
    value = dumped.get(name) if isinstance(dumped, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"there is no {name!r}, or it is of the wrong kind")
    return value


def _load_turn(dumped: object) -> Turn:
    role = _need(dumped, "role", str)
    if role not in ("user", "model"):
        raise ValueError(f"unknown role {brief(role)}")
    parts = tuple(_load_part(part) for part in _need(dumped, "parts", list))
    is_signed = isinstance(dumped, dict) and "author" in dumped
    author = _need(dumped, "author", str) if is_signed else None
    return Turn(cast(Role, role), parts, _load_state(dumped), author)


def _load_part(dumped: object) -> Part:
    kind = _need(dumped, "kind", str)
    state = _load_state(dumped)
    thought = isinstance(dumped, dict) and "thought" in dumped and _need(dumped, "thought", bool)
    if kind == "text":
        return TextPart(_need(dumped, "text", str), state, thought)
    if kind == "image":
        data = decode_base64(_need(dumped, "data", str))
        if (header := sniff(data)) is None:
            raise ValueError("an image is none")
        image = Image(
            data=data, media_type=header.media_type, width=header.width, height=header.height
        )
        return ImagePart(image, state, thought)
    if kind == "opaque" and state is not None:
        return OpaquePart(state)
    raise ValueError(f"unknown kind of part {brief(kind)}")


def _load_state(holder: object) -> ProviderState | None:
    if not isinstance(holder, dict) or "state" not in holder:
        return None
    dumped = _need(holder, "state", dict)
    provider, model = _need(dumped, "provider", str), _need(dumped, "model", str)
    if "bytes" in dumped:
        return ProviderState(provider, model, _need(dumped, "bytes", str).encode("latin-1"))
    if "data" in dumped:
        return ProviderState(provider, model, lift(dumped["data"]))
    raise ValueError("a state holds nothing")
