"""What the emulator was asked, what it answered, and what it would have charged for.

Checks of a client are made against this and not against what the client says of itself. Keys are
never in it, and prompts only in `Entry.document`, which stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Any

import attrs
import orjson

__all__ = ["Entry", "Ledger", "LedgerAnswer", "kept_headers"]

# Deny by default: what is not known to be harmless may be a credential.
_HARMLESS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "origin",
        "transfer-encoding",
        "user-agent",
        "x-goog-api-client",
        "x-server-timeout",
    }
)
HIDDEN = "***"


def kept_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers with every value hidden that may be a secret; the names stay."""
    return MappingProxyType(
        {name: value if name in _HARMLESS else HIDDEN for name, value in headers.items()}
    )


@attrs.frozen(kw_only=True)
class LedgerAnswer:
    """What a request was answered with."""

    status: int | None
    """HTTP status; `None` when nothing was sent."""
    size: int = 0
    """Bytes of the body, as it was made."""
    images: int = 0
    """Pictures that were made, drafts not counted."""
    charged: bool = False
    """Whether the service would bill for it."""
    delivered: bool = False
    """Whether the whole answer was handed to the network."""
    fault: str | None = None
    """The scripted fault that fell on the request."""
    seconds: float = 0.0
    """From the request's arrival to the answer's making."""


@attrs.frozen(kw_only=True)
class Entry:
    """One request that reached the emulator."""

    number: int = 0
    """From 1, in order of arrival; `Ledger.clear` does not set it back."""
    time: float
    """Seconds since 1970 (Unix time)."""
    method: str
    path: str
    """As it was asked, without the query."""
    provider: str | None = None
    """Which emulated service it went to; `None` if to none."""
    sha256: str = ""
    """Of the body, in hexadecimal."""
    size: int = 0
    """Bytes of the body."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """By lower-case name; values that may be secret are ``***``."""
    refused: str | None = None
    """Why the emulator itself refused it: ``host``, ``origin``, ``too-large``, ``incomplete``,
    ``real-key`` or ``unknown-path``."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """What the emulated service understood, such as ``turn``, ``seed`` and sizes."""
    document: Any = attrs.field(default=None, repr=False, eq=False)
    """The body's JSON, prompts included, where the emulator was told to keep it. Never dumped."""
    answer: LedgerAnswer | None = None
    """`None` while it is being answered."""

    @property
    def model(self) -> str | None:
        """The model that was asked for."""
        return self.facts.get("model")

    def to_json(self) -> bytes:
        """The entry as one line of JSON, without `document`."""
        values = {
            **attrs.asdict(self, recurse=False, filter=_dumped),
            "headers": dict(self.headers),
            "facts": dict(self.facts),
            "model": self.model,
            "answer": self.answer and attrs.asdict(self.answer),
        }
        return orjson.dumps(values)


def _dumped(attribute: attrs.Attribute[Any], _value: object) -> bool:
    return attribute.name != "document"


class Ledger:
    """The entries of an emulator, oldest first; may be read from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: dict[int, Entry] = {}
        self._count = 0

    @property
    def requests(self) -> tuple[Entry, ...]:
        """Every request."""
        with self._lock:
            return tuple(self._entries.values())

    @property
    def charged(self) -> tuple[Entry, ...]:
        """The requests that would be billed."""
        return tuple(entry for entry in self.requests if entry.answer and entry.answer.charged)

    @property
    def delivered(self) -> tuple[Entry, ...]:
        """The requests whose pictures were sent whole."""
        return tuple(
            entry
            for entry in self.requests
            if entry.answer and entry.answer.delivered and entry.answer.images
        )

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.requests)

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()

    def to_json_lines(self) -> bytes:
        """All entries, one JSON object on each line, without documents."""
        return b"".join(entry.to_json() + b"\n" for entry in self.requests)

    # -- written by the server alone --------------------------------------------------------

    def open(self, entry: Entry) -> Entry:
        """Write down a new request; gives the entry with its number."""
        with self._lock:
            self._count += 1
            entry = attrs.evolve(entry, number=self._count)
            self._entries[entry.number] = entry
        return entry

    def write(self, entry: Entry) -> Entry:
        """Write the entry anew, unless it was cleared in the meantime."""
        with self._lock:
            if entry.number in self._entries:
                self._entries[entry.number] = entry
        return entry
