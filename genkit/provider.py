"""The contract between the core and a provider: all that a provider's author has to know.

A provider is **pure**: values in, values out. It has no event loop, clock, logger, session or key;
it returns facts and never raises. Retries, limits, money, `n`, prompts and errors are the core's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import attrs

from genkit.capabilities import (
    Capabilities,
    FixedSizes,
    FreeSizes,
    Prices,
    RatioTiers,
    ResolvedSize,
    SizeRule,
)
from genkit.conversation import Conversation, OpaquePart, ProviderState, TextPart
from genkit.lifted import Lifted
from genkit.request import GenerationRequest
from genkit.response import Notice, Usage
from genkit.wire import WireRequest, WireResponse

__all__ = [
    "SPEC_VERSION",
    "Absence",
    "Capabilities",
    "Context",
    "ErrorFacts",
    "ErrorKind",
    "FixedSizes",
    "FollowUp",
    "FreeSizes",
    "ImageProvider",
    "ListedModel",
    "ListsModels",
    "Outcome",
    "Prices",
    "ProviderFactory",
    "ProviderSettings",
    "RatioTiers",
    "Refusal",
    "ResolvedSize",
    "SizeRule",
    "StreamDecoder",
    "WireImage",
    "WirePart",
]

SPEC_VERSION = 1
"""Version of this contract. It grows when a provider written to the old one would not work."""


# -- settings ---------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ProviderSettings:
    """What the configuration says to one provider; never the key."""

    name: str
    """The provider's name in the configuration."""
    base_url: str | None = None
    """Where the service is, without a trailing slash; `None` for the provider's own default."""
    api: str | None = None
    """Which of the service's APIs to speak, where a provider knows several."""
    auth: Literal["key", "bearer"] | None = None
    """How the credential travels; `None` for the service's usual way."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Headers to send with every request."""
    query: Mapping[str, str] = attrs.field(factory=dict)
    """Query parameters to send with every request."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Defaults for this provider's own options; `provider_options` of a request goes before."""


# -- what the core decided --------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Context:
    """What the core decided for one wire request.

    Beside it, the request that `encode` is given is already prepared: its `prompt` is the text to
    send (template applied), its `model` the bare model id, its `seed` this slot's seed, and every
    option is one that `capabilities` allows.
    """

    model: str
    """The bare model id."""
    size: ResolvedSize | None = None
    """`None`: let the model choose."""
    seed: int | None = None
    """The seed to send, if the model takes one."""
    count: int = 1
    """How many pictures this wire request asks for."""
    slot: int = 0
    """Number of the first picture that it makes, from 0."""
    stream: bool = False
    conversation: Conversation = attrs.field(factory=Conversation)
    """What was said before, foreign state left out. The request itself is not in it."""


# -- what an answer holds ---------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class WireImage:
    """A picture as the wire gave it; the core decodes, sniffs and checks it."""

    data: Lifted | str | bytes = attrs.field(repr=False)
    """Base64 characters (`Lifted` or `str`), or the bytes themselves."""
    declared_media_type: str | None = None
    state: ProviderState | None = None
    thought: bool = False
    """Whether the service calls it a draft."""


WirePart: TypeAlias = TextPart | WireImage | OpaquePart


@attrs.frozen(kw_only=True)
class Refusal:
    """The service refused by policy."""

    stage: Literal["prompt", "output"]
    reason: str
    """The service's own word."""
    message: str | None = None
    categories: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Absence:
    """There is no picture, and it is no refusal.

    `cause`: ``"text"`` the model answered in words; ``"empty"`` nothing at all; ``"other"`` the
    service gave no better reason; ``"limit"`` a token limit was hit. The core retries ``"empty"``
    and ``"other"`` once.
    """

    cause: Literal["text", "empty", "other", "limit"]
    reason: str | None = None
    """The service's own word."""
    message: str | None = None


@attrs.frozen(kw_only=True)
class Outcome:
    """What one final wire answer holds."""

    parts: tuple[WirePart, ...] = ()
    """In order; kinds that are not known are kept as `OpaquePart`."""
    refusal: Refusal | None = None
    absence: Absence | None = None
    """Why there is no picture; the core says ``"empty"`` or ``"text"`` itself when not set."""
    usage: Usage | None = None
    state: ProviderState | None = None
    """What belongs to the turn as a whole, such as the id that continues it on the server."""
    request_id: str | None = None
    """The service's id of the answer."""
    model_version: str | None = None
    """Which model the service says that it used."""
    metadata: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """For `provider_metadata`."""
    notices: tuple[Notice, ...] = ()


@attrs.frozen(kw_only=True)
class FollowUp:
    """A further request: polling, an upload's next step, a download.

    The core sends it after `wait` seconds and gives its answer to `decode` with this value as
    `step`. It is retried by itself, so that a failing poll never submits (and pays) again.
    """

    request: WireRequest
    wait: float = 0.0
    """Seconds before it is sent."""
    state: Any = None
    """The codec's own notes for the next `decode`: JSON, so that they can be stored, whose long
    strings may be `genkit.lifted.Lifted`; stored and restored, either may have become the other."""
    usage: Usage | None = None


ErrorKind: TypeAlias = Literal[
    "invalid-request",
    "unsupported-option",
    "model-not-found",
    "session-state",
    "authentication",
    "permission-denied",
    "conflict",
    "content-policy",
    "rate-limited",
    "quota-exhausted",
    "server-error",
    "overloaded",
    "deadline",
    "malformed",
]


@attrs.frozen(kw_only=True)
class ErrorFacts:
    """What a service's error says. Class, retry and charge are the core's decision.

    Read structured codes and the status, never the words of the message. ``malformed`` is for a
    2xx answer that is not what the service answers; the core keeps its body in a file.
    """

    kind: ErrorKind | None = None
    """`None`: the core goes by the status."""
    code: str | None = None
    """The service's own structured code."""
    message: str | None = None
    """The service's own words, for people."""
    retry_after: float | None = None
    """Seconds that the body asks to wait; headers are the core's to read."""
    stage: Literal["prompt", "output"] | None = None
    """Of a refusal."""
    categories: tuple[str, ...] = ()
    """Of a refusal."""
    field: str | None = None
    """Which option is wrong, where the service says."""
    request_id: str | None = None
    usage: Usage | None = None
    details: Mapping[str, Any] = attrs.field(factory=dict)
    """Further structured facts, such as quota ids; small and free of secrets."""


@attrs.frozen(kw_only=True)
class ListedModel:
    """One row of a service's own list of models."""

    id: str
    description: str | None = None
    makes_images: bool | None = None
    """`None` when the service does not say."""


class StreamDecoder(Protocol):
    """Takes the events of a stream one by one."""

    def feed(self, event: Any) -> tuple[WirePart, ...]:
        """The parts that `event` (its parsed and lifted JSON) completes."""
        ...

    def finish(self) -> Outcome | ErrorFacts:
        """What the whole stream held, the same as unstreamed."""
        ...


class ImageProvider(Protocol):
    """A service, as pure translation."""

    @property
    def name(self) -> str:
        """Its name: the entry point's."""
        ...

    @property
    def spec_version(self) -> int:
        """The `SPEC_VERSION` that it was written to."""
        ...

    @property
    def default_model(self) -> str:
        """Bare id of the model used when none is named."""
        ...

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables that usually hold the key, the preferred one first."""
        ...

    @property
    def base_url(self) -> str:
        """Where requests go, settings applied."""
        ...

    def models(self) -> tuple[str, ...]:
        """Bare ids of the models in its table that are in service, the default first."""
        ...

    def capabilities(self, model: str) -> Capabilities:
        """What `model` can do; for unknown ids what is likely, with ``known=False``."""
        ...

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """The wire request. The same arguments always give the same bytes."""
        ...

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | FollowUp | ErrorFacts:
        """What a 2xx answer holds. `step` is the follow-up that it answers, if it is one.

        Lenient: unknown fields and values are kept, never fatal. Some services put an error into
        a 200, so it may give `ErrorFacts` too.
        """
        ...

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """What an answer of any other status says."""
        ...

    def stream_decoder(self, request: GenerationRequest) -> StreamDecoder | None:
        """A fresh decoder for a stream; `None` when the provider cannot stream."""
        ...


@runtime_checkable
class ListsModels(Protocol):
    """What a provider has beside `ImageProvider` when its service can list models."""

    def encode_list(self, page: str | None) -> WireRequest:
        """The request for a page of the list; `page` is what `decode_list` gave, or `None`."""
        ...

    def decode_list(self, response: WireResponse) -> tuple[tuple[ListedModel, ...], str | None]:
        """The models of a page, and the next page if there is one."""
        ...


ProviderFactory: TypeAlias = Callable[[ProviderSettings], ImageProvider]
