"""What a transport is, and its settings. Nothing here loads an HTTP library."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol
from urllib.parse import urlsplit

import attrs

from genkit.errors import ConfigurationError
from genkit.secrets import Secret, SecretSource
from genkit.wire import WireRequest, WireResponse

__all__ = ["Transport", "TransportSettings", "request_id"]


class Transport(Protocol):
    """Sends one request, once, and reads its answer. It never retries; `send` never redirects."""

    async def send(
        self,
        request: WireRequest,
        *,
        credential: Secret | None,
        timeout: float,  # noqa: ASYNC109  # how far the request got by then decides the error
        max_bytes: int,
    ) -> WireResponse:
        """The answer to `request`, whatever its status.

        `credential` goes into the header that `request.auth` names, and nowhere when it names none.
        `timeout` is in seconds for everything: waiting for a connection, sending, reading.
        `max_bytes` bounds the answer, as it comes and decompressed.

        Raises:
            ConnectionFailedError: it did not reach the service, or not whole; nothing was charged.
            AmbiguousError: it was sent, and the connection ended without an answer.
            AttemptTimeoutError: it was sent, and `timeout` passed.
            ResponseDecodeError: the answer is cut, too large, not HTTP or badly compressed.
        """
        ...

    async def download(
        self,
        request: WireRequest,
        *,
        origin: str | None,
        timeout: float,  # noqa: ASYNC109  # as in `send`
        max_bytes: int,
    ) -> WireResponse:
        """The answer to a request whose URL came out of a service's answer.

        It is one with `WireRequest.download` set. Nothing but the address is sent, and only public
        addresses are connected to, by https; at most three redirects are followed, each checked
        alike. `origin` is the URL of the API that gave the address: where that is on this machine,
        its own origin is fetched from too.

        Raises:
            DownloadError: the address, or where it redirects to, is not fetched from.
            GenerationError: as `send`.
        """
        ...

    async def close(self) -> None:
        """Free the connections; a later `send` is an error."""
        ...


def _user_agent() -> str:
    try:
        return f"genkit-core/{version('genkit-core')}"
    except PackageNotFoundError:  # imported from a source tree that is not installed
        return "genkit-core"


def _bad(attribute: attrs.Attribute[Any], problem: str) -> ConfigurationError:
    return ConfigurationError(problems=(f"transport.{attribute.name}: {problem}",))


def _seconds(_settings: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(attribute, f"expected a number of seconds, not {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise _bad(attribute, f"must be over 0 seconds, not {value!r}")


def _count(_settings: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _bad(attribute, f"expected a whole number of at least 1, not {value!r}")


def _proxy_url(_settings: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is None:
        return
    parts = urlsplit(value)
    # The value is not shown: it may hold a password.
    if parts.username or parts.password:
        raise _bad(attribute, "must hold no user and password; give them as proxy_credentials")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _bad(attribute, "must be a URL such as http://proxy.example:3128")


@attrs.frozen(kw_only=True)
class TransportSettings:
    """How to reach services. The environment's proxy variables and ``.netrc`` are never read.

    TLS is always verified and at least 1.2; there is no switch to turn that off.

    Raises:
        ConfigurationError: a setting cannot be used.
    """

    connect_timeout: float = attrs.field(default=10.0, validator=_seconds)
    """Seconds for making a connection, TLS included."""
    proxy: str | None = attrs.field(default=None, validator=_proxy_url)
    """URL of an HTTP proxy, without user and password."""
    proxy_credentials: Secret | SecretSource | None = None
    """``user:password`` for the proxy, or where that comes from."""
    ca_bundle: str | None = None
    """Path of a PEM file with the certificate authorities to trust instead of the system's."""
    connection_limit: int = attrs.field(default=100, validator=_count)
    """The most connections at a time, over all services."""
    user_agent: str = attrs.field(factory=_user_agent)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The service's id of the request, as answers name it; `headers` by lower-case name."""
    for name in ("x-request-id", "request-id", "x-goog-request-id"):
        if value := headers.get(name):
            return value[:128]
    return None
