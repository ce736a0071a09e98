"""What an error knows of the call that it ended."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from genkit.attempts import Attempt, Charge, Usage

__all__ = ["Charge", "DecodeKind", "DownloadKind", "ErrorContext"]

DecodeKind: TypeAlias = Literal[
    "truncated", "malformed", "protocol", "too-large", "bad-image", "redirect"
]
"""Why an answer cannot be used; see `ResponseDecodeError`."""

DownloadKind: TypeAlias = Literal[
    "address",
    "status",
    "connection",
    "timeout",
    "redirect",
    "truncated",
    "malformed",
    "protocol",
    "too-large",
    "bad-image",
]
"""Why a picture could not be fetched; see `DownloadError`."""


@attrs.frozen(kw_only=True)
class ErrorContext:
    """What is known of the call that an error ended."""

    provider: str | None = None
    """Provider name, such as ``"gemini"``."""
    model: str | None = None
    """Model id as it was asked for."""
    status: int | None = None
    """HTTP status of the answer that decided, if there was one."""
    code: str | None = None
    """The service's own structured code, such as ``"RESOURCE_EXHAUSTED"``."""
    request_id: str | None = None
    """The service's id of the request, for its support desk."""
    generation_id: str | None = None
    """Our id of the call; it stands in every log line and event of the call."""
    attempts: tuple[Attempt, ...] = ()
    """Everything that was tried, oldest first."""
    charge: Charge = "no"
    """Whether the call may have cost money: the worst of its attempts."""
    retryable: bool = False
    """Whether the same call may pass later."""
    usage: Usage | None = None
    """What the service says it counted, if it said."""
