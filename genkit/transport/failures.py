"""What a failure on the way means: one typed error, by how far the request got.

The errors of aiohttp hold the headers that were sent, the key among them. So nothing of them is
kept but a reason in words that the operating system or OpenSSL gave.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError

from genkit.errors import (
    AmbiguousError,
    AttemptTimeoutError,
    ConnectionFailedError,
    ErrorContext,
    GenerationError,
    InvalidRequestError,
)
from genkit.transport.interface import request_id
from genkit.transport.progress import Progress
from genkit.transport.reading import GarbledError, unusable
from genkit.wire import WireRequest

__all__ = ["describe_failure", "describe_timeout"]


def describe_failure(
    error: Exception, request: WireRequest, progress: Progress, came: bytes
) -> GenerationError:
    """The typed error for what aiohttp raised. `came` is what was read of the body."""
    host = urlsplit(request.url).netloc
    if isinstance(error, aiohttp.InvalidURL):
        return InvalidRequestError(f"the URL of {host} cannot be used; check the base URL")
    if not progress.connected and progress.status is None:
        return _not_connected(error, host)
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError | GarbledError):
        return unusable(
            f"the answer of {host} is not HTTP",
            kind="protocol",
            progress=progress,
            kept=came,
        )
    if progress.status is not None:
        return unusable(
            f"the answer of {host} ended early, after {len(came)} bytes",
            kind="truncated",
            progress=progress,
            kept=came,
        )
    if not progress.complete or _was_never_written(error):
        return ConnectionFailedError(
            f"the connection to {host} broke while the request was being sent",
            phase="send",
        )
    return AmbiguousError(
        f"{host} closed the connection without an answer",
        context=ErrorContext(charge="maybe"),
    )


def describe_timeout(request: WireRequest, progress: Progress, timeout: float) -> GenerationError:
    """The typed error for an attempt that took longer than `timeout` seconds."""
    host = urlsplit(request.url).netloc
    if not progress.began:
        return ConnectionFailedError(
            f"no connection to {host} within {timeout:g} s", phase="connect"
        )
    if not progress.complete:
        return ConnectionFailedError(
            f"the request to {host} was not sent within {timeout:g} s",
            phase="send",
        )
    context = ErrorContext(
        status=progress.status, request_id=request_id(progress.headers), charge="maybe"
    )
    if progress.status is None:
        message = f"no answer of {host} within {timeout:g} s"
    else:
        message = f"the answer of {host} did not end within {timeout:g} s"
    return AttemptTimeoutError(
        f"{message}. Allow more time if this model is slow",
        phase="headers" if progress.status is None else "body",
        context=context,
    )


def _not_connected(error: Exception, host: str) -> ConnectionFailedError:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ConnectionFailedError(
            f"the proxy refused to reach {host} (HTTP {error.status});"
            f" check the proxy's address and credentials",
            {"proxy_status": error.status},
            phase="proxy",
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return ConnectionFailedError(
            f"cannot connect to the proxy: {_reason(error)}", phase="proxy"
        )
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        # Without a connection to the service, only a proxy can have answered.
        return ConnectionFailedError("the answer of the proxy is not HTTP", phase="proxy")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectionFailedError(
            f"cannot find {host}: {_reason(error)}; check the address and the network",
            phase="dns",
        )
    if isinstance(error, aiohttp.ClientSSLError):
        return ConnectionFailedError(
            f"no secure connection to {host}: {_reason(error)}; behind a proxy that opens TLS,"
            f" set ca_bundle to its certificate",
            phase="tls",
        )
    return ConnectionFailedError(f"cannot connect to {host}: {_reason(error)}", phase="connect")


def _was_never_written(error: Exception) -> bool:
    # The one error that aiohttp raises instead of writing: the connection was closed already.
    cause = error.__cause__
    return isinstance(error, aiohttp.ClientConnectionResetError) or isinstance(
        cause, aiohttp.ClientConnectionResetError
    )


def _reason(error: Exception) -> str:
    """Why, in words of the operating system or of OpenSSL; they hold nothing of the request."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause: BaseException = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    else:
        cause = error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or "TLS failed").replace("_", " ").lower()
    if isinstance(cause, TimeoutError):
        return "it takes too long"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "the connection failed"
