"""A conversation about pictures: turns, in order, with what each provider wants back verbatim."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from genkit.body import Body
from genkit.conversation.messages import read_messages
from genkit.conversation.storage import dump_turns, load_turns
from genkit.conversation.turns import (
    ImagePart,
    OpaquePart,
    Part,
    ProviderState,
    Role,
    TextPart,
    Turn,
)
from genkit.errors import InvalidRequestError, SessionStateError, brief
from genkit.files import read_regular_file, write_atomically

__all__ = [
    "Conversation",
    "ImagePart",
    "OpaquePart",
    "Part",
    "ProviderState",
    "Role",
    "TextPart",
    "Turn",
]

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Bytes of the largest conversation file that is read; signatures are larger than pictures."""


def _in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    return tuple(turns)


@attrs.frozen
class Conversation:
    """Turns, oldest first. Immutable: `add` gives a longer one.

    Saved to a file it loads back equal, and saving that again gives the same bytes.
    """

    turns: tuple[Turn, ...] = attrs.field(default=(), converter=_in_order)

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
        an `Image`, bytes, base64 or a data URL. Messages without content are skipped. A
        ``thought_signature`` is let through and not used: it would have to stand in the very part
        that it came with, as it does in the conversation that a response gives.

        Raises:
            InvalidRequestError: a message is not of that form; the message says which.
        """
        return cls(read_messages(messages, field))

    def without_foreign_state(self, provider: str, model: str) -> tuple[Conversation, int]:
        """This conversation as `provider` and `model` may see it, and how many states it lost.

        State of other providers or models is removed; text and pictures stay, in order. A turn
        that held nothing but foreign opaque parts is left out.
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
            if parts or not turn.parts:
                turns.append(attrs.evolve(turn, parts=tuple(parts), state=state))
        return (Conversation(tuple(turns)), removed) if removed else (self, 0)

    def to_body(self) -> Body:
        """The conversation as JSON, ready to be written piece by piece.

        Raises:
            SessionStateError: a text has lone surrogates, or a state holds what JSON cannot say.
        """
        return dump_turns(self.turns)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
        """Write the conversation to a file, readable by its owner alone.

        Raises:
            OutputError: it cannot be written.
            SessionStateError: as `to_body`.
        """
        return write_atomically(path, self.to_body().chunks(), overwrite=overwrite, mode=0o600)

    @classmethod
    def from_bytes(cls, data: bytes) -> Conversation:
        """The conversation that `to_body` wrote.

        Raises:
            SessionStateError: it is cut, damaged or of a newer version.
        """
        return cls(load_turns(data))

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
            name = brief(os.fsdecode(path), 200)
            raise SessionStateError(f"{name}: {error.message}", position=error.position) from None
        except InvalidRequestError as error:
            raise SessionStateError(error.message) from None


def _is_foreign(state: ProviderState | None, provider: str, model: str) -> bool:
    return state is not None and (state.provider, state.model) != (provider, model)
