"""What a provider's author gives the kit: requests with their wire, and answers with what they are.

Plain values. Answers are bytes or JSON as the service sends them; what they must become is said in
the words of the contract and of the errors that a caller meets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import attrs
import orjson

from genkit.errors import GenerationError
from genkit.provider import Context, ErrorKind, Outcome
from genkit.request import GenerationRequest
from genkit.wire import WireResponse

__all__ = [
    "AbsenceSample",
    "ErrorSample",
    "FilePart",
    "GoldenRequest",
    "OptionSample",
    "RefusalSample",
    "Success",
    "WireAnswer",
]

Retry: TypeAlias = Literal["never", "yes", "ambiguous", "once"]


@attrs.frozen(kw_only=True)
class WireAnswer:
    """One HTTP answer of the service."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Any = attrs.field(default=b"", repr=False)
    """Bytes, or JSON that is written as such."""

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)

    def response(self, **headers: str) -> WireResponse:
        """The answer as the transport hands it over, with `headers` added."""
        return WireResponse.from_bytes(self.status, {**self.headers, **headers}, self.data)


def _answers(given: WireAnswer | tuple[WireAnswer, ...]) -> tuple[WireAnswer, ...]:
    return given if isinstance(given, tuple) else (given,)


def _not_empty(_sample: object, _attribute: object, answers: tuple[WireAnswer, ...]) -> None:
    if not answers:
        raise ValueError("a sample has at least one answer")


@attrs.frozen(kw_only=True)
class FilePart:
    """A part of a multipart body."""

    name: str
    data: bytes = attrs.field(repr=lambda data: f"<{len(data)} bytes>")
    filename: str | None = None
    content_type: str | None = None


@attrs.frozen(kw_only=True)
class GoldenRequest:
    """A prepared request, and exactly what goes over the wire for it.

    The request is given to `encode` as it is: no template is put around its prompt. Say the body
    as one of `json`, `multipart` and `body`; none of them means that there is no body.
    """

    name: str
    request: GenerationRequest = attrs.field(repr=False)
    context: Context | None = None
    """What the core decided; `None` for the default model and nothing else."""
    method: str = "POST"
    url: str
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """All that the provider sets; content type, length and credential are not its own."""
    auth: tuple[str, str] | None = None
    """Header and prefix of the credential, such as ``("authorization", "Bearer ")``."""
    json: Any = attrs.field(default=None, repr=False)
    multipart: tuple[FilePart, ...] | None = None
    """The parts, in order."""
    body: bytes | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class OptionSample:
    """A value of an option of the provider's own, and what a request needs beside it."""

    value: Any
    """A valid one that is not what the service does without it."""
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    """Further fields of the request, where the option goes with them only."""


@attrs.frozen(kw_only=True)
class Success:
    """Answers that end in pictures: one, or a chain of them where the service is polled."""

    name: str
    answers: tuple[WireAnswer, ...] = attrs.field(converter=_answers, validator=_not_empty)
    request: GenerationRequest | None = attrs.field(default=None, repr=False)
    """What was asked; `None` for a prompt alone. Its `model` is the bare model id."""
    images: int = 1
    """Pictures that a caller gets."""
    drafts: int = 0
    media_type: str | None = None
    """What the pictures really are; `None`: not checked."""
    text: str | None = None
    """What the model says beside them."""
    check: Callable[[Outcome], object] | None = attrs.field(default=None, repr=False)
    """Further checks of the outcome: usage, state, metadata. It raises where one fails."""


@attrs.frozen(kw_only=True)
class RefusalSample:
    """Answers by which the service refuses, whatever their status."""

    name: str
    answers: tuple[WireAnswer, ...] = attrs.field(converter=_answers, validator=_not_empty)
    stage: Literal["prompt", "output"]
    reason: str | None
    """The service's own word."""
    categories: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class AbsenceSample:
    """Answers without a picture that are no refusal."""

    name: str
    answers: tuple[WireAnswer, ...] = attrs.field(converter=_answers, validator=_not_empty)
    cause: Literal["text", "empty", "other", "limit"]
    reason: str | None = None


@attrs.frozen(kw_only=True)
class ErrorSample:
    """An error of the service, of any status, and what it must become."""

    name: str
    answer: WireAnswer
    kind: ErrorKind | None
    """What the codec reads; `None` where the body says nothing of its own."""
    error: type[GenerationError] | None = None
    """Class that the caller gets; `None` for the usual one of `kind`."""
    retry: Retry | None = None
    """Whether it is tried again; `None` for the usual of `kind`."""
    retry_after: float | None = None
    """Seconds that the service asks to wait, in its body or its headers."""
    code: str | None = None
    field: str | None = None
    """Which option is wrong, where the service says."""
