"""A conversation about pictures: turns, in order, with what each provider wants back verbatim."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs
import orjson

from genkit.body import Base64, Body, json_body
from genkit.errors import InvalidRequestError, SessionStateError
from genkit.files import read_regular_file, write_atomically
from genkit.images import Image
from genkit.lifted import decode_base64, lift, text_of
from genkit.sniff import sniff

__all__ = [
    "Conversation",
    "ImagePart",
    "OpaquePart",
    "Part",
    "ProviderState",
    "TextPart",
    "Turn",
]

FORMAT = "genkit-conversation"
VERSION = 1
MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Bytes of the largest conversation file that is read; signatures are larger than pictures."""

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


@attrs.frozen
class ImagePart:
    """A picture. `thought` marks a draft."""

    image: Image
    state: ProviderState | None = None
    thought: bool = False


@attrs.frozen
class OpaquePart:
    """A part of a kind that only its provider knows, kept whole in `state`."""

    state: ProviderState


Part: TypeAlias = TextPart | ImagePart | OpaquePart


@attrs.frozen
class Turn:
    """What one side said: parts, in order. `state` is what the provider tied to the turn."""

    role: Role
    parts: tuple[Part, ...]
    state: ProviderState | None = None

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures of the turn that are no drafts."""
        return tuple(
            part.image for part in self.parts if isinstance(part, ImagePart) and not part.thought
        )


@attrs.frozen
class Conversation:
    """Turns, oldest first. Immutable: `add` gives a longer one.

    Saved to a file it loads back equal, and saving that again gives the same bytes.
    """

    turns: tuple[Turn, ...] = ()

    def add(self, *turns: Turn) -> Conversation:
        """This conversation with `turns` after it."""
        return Conversation(self.turns + turns)

    def __len__(self) -> int:
        return len(self.turns)

    @classmethod
    def from_messages(
        cls, messages: Iterable[Mapping[str, Any]], *, field: str = "conversation_history"
    ) -> Conversation:
        """The conversation in a list of dicts with ``role``, ``text`` and ``image_data``.

        ``role`` is ``"user"`` or ``"model"`` (``"assistant"`` is read as model), ``image_data``
        bytes or base64. Messages without content are skipped.

        Raises:
            InvalidRequestError: a message is not of that form; the message says which.
        """
        turns = []
        for index, message in enumerate(messages):
            where = f"{field}[{index}]"
            if not isinstance(message, Mapping):
                raise InvalidRequestError(
                    f"{where}: expected a dict with role, text and image_data,"
                    f" not {type(message).__name__}",
                    field=field,
                )
            parts = _message_parts(message, where, field)
            role = {"user": "user", "model": "model", "assistant": "model"}.get(
                str(message.get("role"))
            )
            if role is None:
                raise InvalidRequestError(
                    f"{where}.role: must be 'user' or 'model', not {message.get('role')!r}",
                    field=field,
                )
            if parts:
                turns.append(Turn("user" if role == "user" else "model", parts))
        return cls(tuple(turns))

    def without_foreign_state(self, provider: str, model: str) -> tuple[Conversation, int]:
        """This conversation as `provider` and `model` may see it, and how many states were left out.

        State of other providers or models is removed; text and pictures stay.
        """
        removed = 0
        turns = []
        for turn in self.turns:
            parts: list[Part] = []
            for part in turn.parts:
                if _is_foreign(part.state, provider, model):
                    removed += 1
                    if not isinstance(part, OpaquePart):
                        parts.append(attrs.evolve(part, state=None))
                else:
                    parts.append(part)
            state = turn.state
            if _is_foreign(state, provider, model):
                removed += 1
                state = None
            if parts:
                turns.append(Turn(turn.role, tuple(parts), state))
        return (Conversation(tuple(turns)), removed) if removed else (self, 0)

    def to_body(self) -> Body:
        """The conversation as JSON, ready to be written piece by piece."""
        turns = [_dump_turn(turn) for turn in self.turns]
        return json_body({"format": FORMAT, "version": VERSION, "turns": turns})

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
        """Write the conversation to a file, readable by its owner alone.

        Raises:
            OutputError: it cannot be written.
        """
        return write_atomically(path, self.to_body().chunks(), overwrite=overwrite, mode=0o600)

    @classmethod
    def from_bytes(cls, data: bytes) -> Conversation:
        """The conversation that `to_body` wrote.

        Raises:
            SessionStateError: it is cut, damaged or of a newer version.
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
        if version != VERSION:
            raise SessionStateError(
                f"the conversation has version {version!r}; this library reads {VERSION}."
                " Update genkit-core to read newer ones"
            )
        try:
            return cls(tuple(_load_turn(turn) for turn in document["turns"]))
        except (KeyError, TypeError, ValueError) as error:
            raise SessionStateError(
                f"the conversation is damaged: {type(error).__name__} in its turns"
            ) from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Conversation:
        """The conversation in a file.

        Raises:
            SessionStateError: it cannot be read, is cut, damaged or of a newer version.
        """
        try:
            data = read_regular_file(path, max_bytes=MAX_FILE_BYTES, field="conversation")
            return cls.from_bytes(data)
        except SessionStateError as error:
            raise SessionStateError(f"{os.fspath(path)!r}: {error.message}") from None
        except InvalidRequestError as error:
            raise SessionStateError(error.message) from None


def _is_foreign(state: ProviderState | None, provider: str, model: str) -> bool:
    return state is not None and (state.provider, state.model) != (provider, model)


def _message_parts(message: Mapping[str, Any], where: str, field: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    text = message.get("text")
    if text is not None and not isinstance(text, str):
        raise InvalidRequestError(
            f"{where}.text: expected a str, not {type(text).__name__}", field=field
        )
    if text:
        parts.append(TextPart(text))
    data = message.get("image_data")
    if isinstance(data, Image):
        parts.append(ImagePart(data))
    elif isinstance(data, bytes | bytearray | str):
        if data:
            parts.append(ImagePart(_message_image(data, where, field)))
    elif data is not None:
        raise InvalidRequestError(
            f"{where}.image_data: expected bytes or base64, not {type(data).__name__}", field=field
        )
    return tuple(parts)


def _message_image(data: bytes | bytearray | str, where: str, field: str) -> Image:
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


def _dump_turn(turn: Turn) -> dict[str, Any]:
    dumped: dict[str, Any] = {
        "role": turn.role,
        "parts": [_dump_part(part) for part in turn.parts],
    }
    if turn.state is not None:
        dumped["state"] = _dump_state(turn.state)
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


def _load_turn(dumped: Mapping[str, Any]) -> Turn:
    if dumped["role"] not in ("user", "model"):
        raise ValueError("role")
    parts: Sequence[Mapping[str, Any]] = dumped["parts"]
    state = _load_state(dumped["state"]) if "state" in dumped else None
    return Turn(dumped["role"], tuple(_load_part(part) for part in parts), state)


def _load_part(dumped: Mapping[str, Any]) -> Part:
    state = _load_state(dumped["state"]) if "state" in dumped else None
    thought = dumped.get("thought", False) is True
    kind = dumped["kind"]
    if kind == "text":
        if (text := text_of(dumped["text"])) is None:
            raise TypeError("text")
        return TextPart(text, state, thought)
    if kind == "image":
        data = decode_base64(dumped["data"])
        if (header := sniff(data)) is None:
            raise ValueError("image")
        image = Image(
            data=data, media_type=header.media_type, width=header.width, height=header.height
        )
        return ImagePart(image, state, thought)
    if kind == "opaque" and state is not None:
        return OpaquePart(state)
    raise ValueError("kind")


def _load_state(dumped: Mapping[str, Any]) -> ProviderState:
    data = dumped["bytes"].encode("latin-1") if "bytes" in dumped else lift(dumped["data"])
    return ProviderState(str(dumped["provider"]), str(dumped["model"]), data)
