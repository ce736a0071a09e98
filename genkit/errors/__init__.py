"""The errors, one family under `GenkitError`.

Every error of a call says what happened, to which request, what was tried and whether it may have
been charged; it never holds the request, a key or a prompt, and pickles as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from genkit.attempts import Attempt, Usage
from genkit.errors.base import (
    ConfigurationError,
    GenkitError,
    LimiterUnavailableError,
    OutputError,
    PluginError,
)
from genkit.errors.facts import Charge, DecodeKind, DownloadKind, ErrorContext
from genkit.errors.text import SNIPPET_BYTES, brief, printable

__all__ = [
    "SNIPPET_BYTES",
    "AmbiguousError",
    "AttemptTimeoutError",
    "AuthenticationError",
    "BudgetExceededError",
    "Charge",
    "CircuitOpenError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "ContentPolicyError",
    "DeadlineExceededError",
    "DecodeKind",
    "DownloadError",
    "DownloadKind",
    "ErrorContext",
    "GenerationError",
    "GenkitError",
    "InvalidRequestError",
    "LimiterUnavailableError",
    "ModelNotFoundError",
    "NoImageError",
    "OutputError",
    "OverloadedError",
    "PermissionDeniedError",
    "PluginError",
    "QuotaExhaustedError",
    "RateLimitError",
    "ResponseDecodeError",
    "RetryBudgetExhaustedError",
    "ServerError",
    "SessionStateError",
    "UnsupportedOptionError",
    "brief",
    "printable",
]

DEFAULT_RETRY_AFTER = 60.0
"""Seconds that `RateLimitError.retry_after` gives when the service named no delay."""


class GenerationError(GenkitError):
    """A call failed. `details` holds further facts by name, never the request."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = dict(details or {})
        self.context = context or ErrorContext()

    @property
    def provider(self) -> str | None:
        """Provider name."""
        return self.context.provider

    @property
    def model(self) -> str | None:
        """Model id as asked for."""
        return self.context.model

    @property
    def status(self) -> int | None:
        """HTTP status of the deciding answer."""
        return self.context.status

    @property
    def code(self) -> str | None:
        """The service's own structured code."""
        return self.context.code

    @property
    def request_id(self) -> str | None:
        """The service's id of the request."""
        return self.context.request_id

    @property
    def generation_id(self) -> str | None:
        """Our id of the call."""
        return self.context.generation_id

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Everything that was tried, oldest first."""
        return self.context.attempts

    @property
    def charge(self) -> Charge:
        """Whether the call may have cost money."""
        return self.context.charge

    @property
    def retryable(self) -> bool:
        """Whether the same call may pass later."""
        return self.context.retryable

    @property
    def usage(self) -> Usage | None:
        """What the service says it counted, if it said."""
        return self.context.usage

    def add_context(self, **facts: Any) -> None:
        """Fill in facts of `ErrorContext` that were not known where the error was made."""
        self.context = attrs.evolve(self.context, **facts)


class InvalidRequestError(GenerationError):
    """The request cannot be sent or was refused as wrong; `field` names what is wrong."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        field: str | None = None,
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message, details, context=context)
        self.field = field


class UnsupportedOptionError(InvalidRequestError):
    """The model cannot do what `field` asks for, and it may not or cannot be adjusted."""


class ModelNotFoundError(InvalidRequestError):
    """The service does not know the model, or has retired it; the message names known ones."""


class SessionStateError(InvalidRequestError):
    """A conversation cannot be read or continued as it is; `position` says where, if known."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        position: str | None = None,
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message, details, field="conversation", context=context)
        self.position = position


class AuthenticationError(GenerationError):
    """The key is missing or not valid."""


class PermissionDeniedError(GenerationError):
    """The key is valid but may not do this."""


class ConflictError(GenerationError):
    """The service says that the request conflicts with its state (HTTP 409)."""


class ContentPolicyError(GenerationError):
    """The service refused by policy, the prompt (before) or the picture (after making it).

    Never retried: the same request gets the same answer, and may be paid for again.
    `reason` is the service's own word for it, `categories` what it names as cause, `text` what the
    model said, if anything.
    """

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        reason: str | None = None,
        stage: Literal["prompt", "output"] = "prompt",
        categories: tuple[str, ...] = (),
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(
            message or f"refused by content policy: {reason or 'no reason given'}",
            details,
            context=context,
        )
        self.reason = reason if reason is not None else (message or None)
        self.stage = stage
        self.categories = categories
        self.text: str | None = None


class RateLimitError(GenerationError):
    """Too many requests for now; `retry_after` is always a number of seconds."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        retry_after: float | None = None,
        context: ErrorContext | None = None,
    ) -> None:
        seconds = DEFAULT_RETRY_AFTER if retry_after is None else retry_after
        if not seconds >= 0:
            # NaN is caught here too: what is no delay counts as none named.
            seconds = DEFAULT_RETRY_AFTER
        super().__init__(
            message or f"rate limited; try again in {seconds:g} s", details, context=context
        )
        self.retry_after: float = seconds


class QuotaExhaustedError(GenerationError):
    """The quota or the credit is used up: waiting a little does not help."""


class BudgetExceededError(GenerationError):
    """The call would cost more than the caller allows; nothing was sent."""


class ServerError(GenerationError):
    """The service failed (5xx)."""


class OverloadedError(ServerError):
    """The service has no capacity at the moment (503, 529)."""


class ConnectionFailedError(GenerationError):
    """The request did not reach the service; `phase` says where it ended. Nothing was charged."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        phase: Literal["dns", "connect", "tls", "proxy", "send"] = "connect",
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message, details, context=context)
        self.phase = phase


class AmbiguousError(GenerationError):
    """The request was sent and no answer came: it may have been charged."""


class AttemptTimeoutError(AmbiguousError, TimeoutError):
    """One attempt took longer than its timeout, in `phase` ``headers`` or ``body``."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        phase: Literal["headers", "body"] = "headers",
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message, details, context=context)
        self.phase = phase


class ResponseDecodeError(GenerationError):
    """An answer came that cannot be used; `kind` says why, `spool_path` where it was kept.

    ``truncated``: it ended early. ``malformed``: not what its content type says. ``protocol``: not
    HTTP. ``too-large``: over the cap. ``bad-image``: a picture that is none, or is cut.
    ``redirect``: it points elsewhere, and is not followed.
    """

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        kind: DecodeKind = "malformed",
        spool_path: str | None = None,
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message, details, context=context)
        self.kind = kind
        self.spool_path = spool_path


class NoImageError(GenerationError):
    """The service answered without a picture; `reason` is its own word, `text` what it said."""

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        reason: str | None = None,
        text: str | None = None,
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(
            message or f"the answer has no image: {reason or 'no reason given'}",
            details,
            context=context,
        )
        self.reason = reason
        self.text = text


class DownloadError(GenerationError):
    """A picture was made but could not be fetched from where the service put it.

    `kind` says why. ``address``: where it points is not fetched from (no https, a private network).
    ``status``: that host answered with an error (`status`; 403 when the address has expired).
    ``connection``, ``timeout``: it was not reached, or not in time. ``redirect``: too often, or to
    another scheme. The others are those of `ResponseDecodeError`. No address is on the error, for
    whoever has it has the picture.
    """

    def __init__(
        self,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        kind: DownloadKind = "connection",
        context: ErrorContext | None = None,
    ) -> None:
        super().__init__(message, details, context=context)
        self.kind = kind


class DeadlineExceededError(GenerationError, TimeoutError):
    """The deadline of the whole call passed, or leaves no time for the next request.

    Where it only leaves no time to try again, the error of the last attempt is raised instead: it
    says more.
    """


class CircuitOpenError(GenerationError):
    """The service failed so often that calls are held back; `retry_after` in `details`."""


class RetryBudgetExhaustedError(GenerationError):
    """Too many retries of late: this one was not begun."""
