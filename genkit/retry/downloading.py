"""Downloads that failed: whatever it was, the picture is made and paid for, and not here."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from genkit.errors import (
    AttemptTimeoutError,
    ContentPolicyError,
    DownloadError,
    DownloadKind,
    GenerationError,
    NoImageError,
    ResponseDecodeError,
)
from genkit.wire import WireRequest

__all__ = ["as_download_error"]

_ADVICE: Mapping[DownloadKind, str] = {
    "address": "Only public https addresses are fetched from",
    "redirect": "Only public https addresses are fetched from",
}
_OTHER_ADVICE = "Its address may go on working until it expires; making it again costs again"


def as_download_error(
    error: GenerationError, request: WireRequest, status: int | None
) -> GenerationError:
    """The error of a failed download; what the service said in a whole answer stays as it is.

    `status` is that of the answer, if one came. The address itself is in no message: with its
    signature it gives the picture to whoever reads it.
    """
    if isinstance(error, ContentPolicyError | NoImageError):
        return error
    host = urlsplit(request.url).netloc
    failed = status is not None and not 200 <= status < 300
    kind = "status" if failed and not isinstance(error, DownloadError) else _kind(error)
    reason = f"{host} answered HTTP {status}" if kind == "status" else error.message
    details = dict(error.details)
    if isinstance(error, ResponseDecodeError) and error.spool_path is not None:
        details["spool_path"] = error.spool_path
    return DownloadError(
        f"the picture was made and could not be downloaded: {reason.rstrip('. ')}."
        f" {_ADVICE.get(kind, _OTHER_ADVICE)}",
        details,
        kind=kind,
        context=error.context,
    )


def _kind(error: GenerationError) -> DownloadKind:
    if isinstance(error, DownloadError | ResponseDecodeError):
        return error.kind
    if isinstance(error, AttemptTimeoutError):
        return "timeout"
    return "connection"
