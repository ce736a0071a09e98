"""What a provider offers to the emulator: its service's behaviour, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import attrs

from genkit.provider import Absence, ErrorFacts

__all__ = ["Answer", "Draw", "Drawing", "EmulatedRequest", "Emulation", "HoldsBack", "Store"]

Store: TypeAlias = Mapping[str, Any]
"""What an emulated service remembers between requests: an immutable JSON-like mapping."""


@attrs.frozen(kw_only=True)
class Drawing:
    """A picture to be painted, so that a person sees what was asked."""

    prompt: str = attrs.field(repr=False)
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    seed: int = 0
    turn: int = 1
    """Which turn of a conversation it belongs to, from 1."""
    references: int = 0
    """How many pictures came with the prompt."""
    media_type: str = "image/png"
    """``image/png``, ``image/jpeg`` or ``image/webp``."""


class Draw(Protocol):
    """Paints a picture; the same drawing gives the same bytes."""

    def __call__(self, drawing: Drawing, /) -> bytes:
        """The encoded picture."""
        ...


@attrs.frozen(kw_only=True)
class EmulatedRequest:
    """A request as the emulated service sees it."""

    method: str
    path: str
    """Below the emulation's prefix, with a leading slash, percent-decoded."""
    query: Mapping[str, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """By lower-case name."""
    document: Any = attrs.field(default=None, repr=False)
    """The parsed JSON, strings not lifted; `None` when it is not JSON."""
    body: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True)
class Answer:
    """What the service answers."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = attrs.field(default=b"", repr=False)
    """`bytes`, or JSON to be written (`genkit.body.Base64` and `Lifted` allowed)."""
    events: tuple[Any, ...] | None = attrs.field(default=None, repr=False)
    """Instead of `body`: the payloads of a stream of server-sent events."""
    charged: bool = False
    """Whether the service would bill for it."""
    images: int = 0
    """Pictures in it, drafts not counted, for the ledger."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """What the service understood, for the ledger: ``model``, ``turn``, ``seed``, sizes; small JSON
    without keys or prompts."""


class Emulation(Protocol):
    """One service, emulated."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def base_path(self) -> str:
        """What the provider's base URL ends with, such as ``"/v1beta"``."""
        ...

    def handles(self, request: EmulatedRequest) -> bool:
        """Whether `request` (its path with `base_path`) is one of this service's."""
        ...

    def answer(self, request: EmulatedRequest, store: Store, draw: Draw) -> tuple[Answer, Store]:
        """The answer, and what the service remembers from then on."""
        ...

    def render_error(self, facts: ErrorFacts | Absence) -> Answer:
        """An error, or an answer without a picture, in the service's own words.

        The status is the one that belongs to it. ``facts.details["model"]`` may name the model
        that was asked.
        """
        ...


@runtime_checkable
class HoldsBack(Protocol):
    """What an emulation has beside `Emulation` when one answer may hold several pictures."""

    def hold_back(self, answer: Answer) -> Answer:
        """`answer` without its last picture, which the service made and then held back."""
        ...
