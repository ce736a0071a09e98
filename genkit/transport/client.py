"""The transport over aiohttp."""

from __future__ import annotations

import asyncio
import base64
import functools
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http import HttpProcessingError
from yarl import URL

from genkit.body import Body
from genkit.errors import ConfigurationError, GenerationError, GenkitError
from genkit.secrets import Secret, SecretSource
from genkit.transport import downloads
from genkit.transport.failures import describe_failure, describe_timeout
from genkit.transport.interface import TransportSettings
from genkit.transport.progress import Progress, Upload, take_in, trace_config
from genkit.transport.reading import BodyReader, is_success, read_answer, what_came
from genkit.wire import WireRequest, WireResponse

__all__ = ["HttpTransport"]

SMALL_BODY = 64 * 1024
"""Bytes up to which a body is sent in one piece."""

Session = AsyncGenerator[aiohttp.ClientSession, None]


class HttpTransport:
    """Sends over HTTP/1.1 with one aiohttp session for each running event loop.

    A session is made when it is first needed. It ends with `close`, or by itself when its event
    loop ends in the ordinary way (`asyncio.run`), so that one transport can serve several.

    `resolver` finds the addresses of the names that downloads go to; `None` for the system's.

    Raises:
        ConfigurationError: the CA bundle of the settings cannot be used.
    """

    def __init__(
        self,
        settings: TransportSettings | None = None,
        *,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._settings = settings or TransportSettings()
        self._resolver = resolver
        if self._settings.ca_bundle is not None:
            self._tls  # noqa: B018  # a file that cannot be used is told now
        self._sessions: dict[asyncio.AbstractEventLoop, tuple[Session, aiohttp.ClientSession]] = {}
        self._closed = False

    async def send(
        self,
        request: WireRequest,
        *,
        credential: Secret | None,
        timeout: float,  # noqa: ASYNC109  # how far the request got by then decides the error
        max_bytes: int,
    ) -> WireResponse:
        """The answer to `request`, whatever its status; see `Transport.send`.

        Raises:
            ConnectionFailedError: it did not reach the service, or not whole.
            AmbiguousError: it was sent, and the connection ended without an answer.
            AttemptTimeoutError: it was sent, and `timeout` passed.
            ResponseDecodeError: the answer is cut, too large, not HTTP or badly compressed.
            GenkitError: the transport was closed.
            ValueError: it is a download.
        """
        if request.download:
            raise ValueError("a download is fetched by download(), apart from the API")
        session = await self._session()
        return await self._exchange(session, request, credential, timeout, max_bytes)

    async def download(
        self,
        request: WireRequest,
        *,
        origin: str | None,
        timeout: float,  # noqa: ASYNC109  # as in `send`
        max_bytes: int,
    ) -> WireResponse:
        """The answer to a request whose URL came out of an answer; see `Transport.download`.

        Each hop has a session of its own, so that nothing is left of one for another. Through a
        proxy, names are the proxy's to resolve, and its rules hold for them.

        Raises:
            DownloadError: the address, or where it redirects to, is not fetched from.
            GenerationError: as `send`.
        """
        if not request.download:
            raise ValueError("only a WireRequest with download=True is downloaded")
        self._check_open()
        clock = asyncio.get_running_loop().time
        left, ends_at = timeout, clock() + timeout
        for _hop in range(1 + downloads.MAX_REDIRECTS):
            is_own = downloads.is_own(request.url, origin)
            if not is_own:
                downloads.check(request.url)
                origin = None  # no other host redirects to this machine
            async with self._download_session(own_only=is_own) as session:
                response = await self._exchange(session, request, None, left, max_bytes)
            following = downloads.redirected(request, response)
            if following is None:
                return response
            request, left = following, max(0.0, ends_at - clock())
        raise downloads.too_many(request)

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        request: WireRequest,
        credential: Secret | None,
        timeout: float,  # noqa: ASYNC109
        max_bytes: int,
    ) -> WireResponse:
        is_secure = any(
            url.startswith("https:") for url in (request.url, self._settings.proxy or "")
        )
        tls = self._tls if is_secure else None
        proxy_login = await _proxy_login(self._settings)
        exchange = _Exchange(request, self._settings, tls, max_bytes, proxy_login)
        outcome: WireResponse | GenerationError | asyncio.CancelledError
        try:
            async with asyncio.timeout(timeout):
                return await exchange.run(session, credential)
        except (aiohttp.ClientError, HttpProcessingError, GenerationError, OSError) as error:
            # `OSError` has the `TimeoutError` of the block above among its kinds. Anything else,
            # such as a cassette that does not fit, is no failure of the connection.
            outcome = exchange.outcome(error, timeout)
        except asyncio.CancelledError as cancelled:
            outcome = asyncio.CancelledError(*cancelled.args)
        # Raised here and not in the handler, so that no frame of aiohttp's, which hold the
        # headers, is in the chain or the traceback.
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Free this event loop's connections. A later `send` is an error, in any loop."""
        self._closed = True
        session, _ = self._sessions.pop(asyncio.get_running_loop(), (None, None))
        if session is not None:
            await session.aclose()
        self._forget_closed_loops()

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        # Made when it is needed: reading the system's authorities takes 30 ms.
        return _tls_context(self._settings.ca_bundle)

    def _check_open(self) -> None:
        if self._closed:
            raise GenkitError("the transport is closed; make a new client")

    def _download_session(self, *, own_only: bool) -> aiohttp.ClientSession:
        if self._settings.proxy is not None:
            # Only the proxy is connected to, which may well be on a private network.
            return _new_session(self._settings, aiohttp.TCPConnector(force_close=True))
        return _new_session(self._settings, downloads.connector(self._resolver, own_only=own_only))

    async def _session(self) -> aiohttp.ClientSession:
        self._check_open()
        loop = asyncio.get_running_loop()
        _, session = self._sessions.get(loop, (None, None))
        if session is None or session.closed:
            self._forget_closed_loops()
            lifetime = _lifetime(self._settings)
            session = await anext(lifetime)  # does not give way, so no other task comes between
            self._sessions[loop] = (lifetime, session)
        return session

    def _forget_closed_loops(self) -> None:
        for loop in list(self._sessions):
            if loop.is_closed():
                del self._sessions[loop]


async def _lifetime(settings: TransportSettings) -> Session:
    """The session of the running loop, until it is closed.

    A generator, because an event loop closes its asynchronous generators before it ends.
    """
    session = _new_session(settings, aiohttp.TCPConnector(limit=settings.connection_limit))
    try:
        yield session
    finally:
        await session.close()


def _new_session(
    settings: TransportSettings, connector: aiohttp.TCPConnector
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        trace_configs=[trace_config()],
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
    )


class _Exchange:
    """One request on its way, and what came of it."""

    def __init__(
        self,
        request: WireRequest,
        settings: TransportSettings,
        tls: ssl.SSLContext | None,
        max_bytes: int,
        proxy_login: Secret | None,
    ) -> None:
        self._request = request
        self._settings = settings
        self._proxy_login = proxy_login
        self._tls = tls
        self._max_bytes = max_bytes
        body = request.body
        self._progress = Progress(streamed=body is not None and body.length > SMALL_BODY)
        self._reader: BodyReader | None = None

    async def run(self, session: aiohttp.ClientSession, credential: Secret | None) -> WireResponse:
        """Send the request and read the answer."""
        response = await self._open(session, credential)
        try:
            self._progress.status = response.status
            self._progress.headers = {
                name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers
            }
            self._reader = BodyReader(self._progress, self._max_bytes)
            answer = await read_answer(response, self._progress, self._reader)
        except BaseException:
            response.close()
            raise
        response.release()
        return answer

    def outcome(self, error: Exception, timeout: float) -> WireResponse | GenerationError:
        """What an exchange gives that `error` ended.

        An answer that is no success is one though its body is not whole: the status says enough.
        """
        status = self._progress.status
        if status is not None and not is_success(status):
            return what_came(self._progress, self._reader)
        if isinstance(error, GenerationError):
            return error
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
            return describe_timeout(self._request, self._progress, timeout)
        came = self._reader.raw if self._reader is not None else b""
        return describe_failure(error, self._request, self._progress, came)

    async def _open(
        self, session: aiohttp.ClientSession, credential: Secret | None
    ) -> aiohttp.ClientResponse:
        # The service may have closed idle connections. Hearing of that before one is chosen makes
        # the difference between a new connection and a request whose fate nobody knows.
        await take_in()
        proxy = self._proxy_options()
        # The key is in this frame, so nothing of ours is raised here.
        return await session.request(
            self._request.method,
            URL(self._request.url, encoded=True),
            headers=self._headers(credential) | self._plain_proxy_headers(proxy),
            data=self._data(),
            ssl=self._tls or True,
            allow_redirects=False,
            trace_request_ctx=self._progress,
            **proxy,
        )

    def _headers(self, credential: Secret | None) -> dict[str, str]:
        request = self._request
        headers = {"user-agent": self._settings.user_agent, **request.headers}
        headers["accept-encoding"] = "identity"
        if request.body is not None:
            headers["content-type"] = request.body.content_type
            headers["content-length"] = str(request.body.length)
        if request.auth is not None and credential is not None:
            headers[request.auth.name.lower()] = request.auth.prefix + credential.reveal()
        return headers

    def _data(self) -> bytes | AsyncIterator[bytes] | None:
        body: Body | None = self._request.body
        if body is None:
            return None
        return Upload(body, self._progress) if self._progress.streamed else body.to_bytes()

    def _proxy_options(self) -> dict[str, Any]:
        settings = self._settings
        if settings.proxy is None:
            return {}
        headers: dict[str, str] = {}
        if self._proxy_login is not None:
            pair = base64.b64encode(self._proxy_login.reveal().encode()).decode()
            headers["proxy-authorization"] = f"Basic {pair}"
        return {"proxy": settings.proxy, "proxy_headers": headers}

    def _plain_proxy_headers(self, proxy: dict[str, Any]) -> dict[str, str]:
        # Without TLS there is no tunnel: the proxy reads the headers of the request itself.
        is_plain = self._request.url.startswith("http://")
        return dict(proxy["proxy_headers"]) if proxy and is_plain else {}


async def _proxy_login(settings: TransportSettings) -> Secret | None:
    """``user:password`` for the proxy, read where it comes from.

    Raises:
        AuthenticationError: it is not there.
    """
    if settings.proxy is None:
        return None
    given = settings.proxy_credentials
    return await given.resolve() if isinstance(given, SecretSource) else given


def _tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_bundle)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds no certificates"
        raise ConfigurationError(
            problems=(
                f"transport.ca_bundle: cannot use {ca_bundle!r}: {reason};"
                " give the path of a PEM file with certificates",
            )
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
