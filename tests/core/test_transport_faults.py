from __future__ import annotations

import asyncio
import gzip
import logging
import pickle
import socket
import stat
import threading
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from genkit.errors import (
    AmbiguousError,
    AttemptTimeoutError,
    ConnectionFailedError,
    GenerationError,
    ResponseDecodeError,
)
from genkit.secrets import Secret
from genkit.transport import TransportSettings, reading
from genkit.wire import AuthHeader, Body, WireRequest, WireResponse
from tests.core.transport_server import (
    Connection,
    Handler,
    Server,
    answer,
    answering,
    serving,
    transport,
)

KEY = Secret("canary-key-2718281828")
SMALL = Body((b'{"prompt": "canary-prompt"}',), "application/json")
LARGE = Body((b"x" * 1_000_000,) * 16, "application/json")
OK = b"HTTP/1.1 200 OK\r\n"


async def send(
    url: str,
    body: Body | None = SMALL,
    *,
    timeout: float = 5.0,  # noqa: ASYNC109  # it is what is tested
    max_bytes: int = 1 << 24,
    settings: TransportSettings | None = None,
) -> WireResponse:
    """Send one paid request with a key."""
    request = WireRequest(url=url, body=body, auth=AuthHeader("x-goog-api-key"))
    async with transport(settings) as sender, asyncio.timeout(20):
        return await sender.send(request, credential=KEY, timeout=timeout, max_bytes=max_bytes)


async def failure(
    handler: Handler,
    body: Body | None = SMALL,
    *,
    timeout: float = 5.0,  # noqa: ASYNC109
    max_bytes: int = 1 << 24,
) -> GenerationError:
    """The error of a call to a server that behaves so."""
    async with serving(handler) as server:
        with pytest.raises(GenerationError) as caught:
            await send(server.url, body, timeout=timeout, max_bytes=max_bytes)
    return caught.value


def kept_by(error: ResponseDecodeError) -> bytes:
    """The file in which an error kept what came, which only its owner may read."""
    assert error.spool_path is not None
    path = Path(error.spool_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_bytes()


def hanging(*pieces: bytes) -> Handler:
    """Read the request, send these bytes, and never go on."""

    async def handler(server: Server, connection: Connection) -> None:
        await server.request(connection)
        for piece in pieces:
            await connection.send(piece)
        await asyncio.sleep(60)

    return handler


# -- before the service has the request ---------------------------------------------------------


async def test_unknown_name() -> None:
    """A host that does not resolve is a connection failure of the phase dns."""
    with pytest.raises(ConnectionFailedError, match=r"cannot find service\.invalid") as caught:
        await send("http://service.invalid/")
    assert (caught.value.phase, caught.value.charge) == ("dns", "no")


async def test_refused_connection() -> None:
    """A port where nobody listens is a connection failure."""
    async with serving(answering()) as server:
        url = server.url
    with pytest.raises(ConnectionFailedError, match="Connect") as caught:
        await send(url)
    assert (caught.value.phase, caught.value.charge) == ("connect", "no")


async def test_tls_with_a_server_that_speaks_none() -> None:
    """A handshake that fails is a connection failure of the phase tls."""

    async def handler(server: Server, connection: Connection) -> None:
        await connection.send(b"220 mail.example ESMTP\r\n")
        await asyncio.sleep(60)

    async with serving(handler) as server:
        with pytest.raises(ConnectionFailedError, match="no secure connection") as caught:
            await send(server.url.replace("http:", "https:"))
    assert (caught.value.phase, caught.value.charge) == ("tls", "no")


async def test_connect_timeout() -> None:
    """A handshake that never ends fails after the connect timeout, long before the attempt's."""

    async def deaf(server: Server, connection: Connection) -> None:
        await asyncio.sleep(60)

    async with serving(deaf) as server:
        with pytest.raises(ConnectionFailedError) as caught:
            await send(
                server.url.replace("http:", "https:"),
                timeout=10,
                settings=TransportSettings(connect_timeout=0.1),
            )
    assert (caught.value.phase, caught.value.charge) == ("connect", "no")


async def test_no_free_connection_in_time() -> None:
    """Time that passes while waiting for a connection is a connection failure: nothing is sent."""
    async with (
        serving(hanging()) as server,
        transport(TransportSettings(connection_limit=1)) as sender,
    ):
        request = WireRequest(url=server.url, body=SMALL)
        first = asyncio.create_task(
            sender.send(request, credential=None, timeout=60, max_bytes=100)
        )
        await server.heard.wait()
        with pytest.raises(ConnectionFailedError, match=r"within 0\.05 s") as caught:
            await sender.send(request, credential=None, timeout=0.05, max_bytes=100)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (caught.value.phase, len(server.requests)) == ("connect", 1)


async def test_reset_during_upload() -> None:
    """A connection that is reset in the middle of a large body: it was not sent, nothing paid."""

    async def handler(server: Server, connection: Connection) -> None:
        await connection.head()
        connection.reset()

    error = await failure(handler, LARGE)
    assert isinstance(error, ConnectionFailedError)
    assert (error.phase, error.charge) == ("send", "no")


async def test_upload_that_is_not_taken_in_time() -> None:
    """A service that stops reading: the body was not sent, so nothing was paid."""

    async def handler(server: Server, connection: Connection) -> None:
        await connection.head()
        await asyncio.sleep(60)

    error = await failure(handler, LARGE, timeout=0.3)
    assert isinstance(error, ConnectionFailedError)
    assert (error.phase, error.charge) == ("send", "no")


async def test_idle_connection_that_the_service_closed() -> None:
    """A connection that was closed while idle is not used: the next call gets a new one."""
    listening = socket.create_server(("127.0.0.1", 0))
    close, closed = threading.Event(), threading.Event()

    def serve() -> None:
        for _ in range(2):
            connection, _address = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer(b"{}", connection="keep-alive"))
                close.wait(10)
            closed.set()

    thread = threading.Thread(target=serve)
    thread.start()
    with listening:
        async with transport() as sender:
            host, port = listening.getsockname()
            request = WireRequest(url=f"http://{host}:{port}/", body=SMALL)
            await sender.send(request, credential=None, timeout=5, max_bytes=100)
            close.set()
            closed.wait(10)  # blocks the loop too, which so cannot have heard of it
            response = await sender.send(request, credential=None, timeout=5, max_bytes=100)
    thread.join()
    assert response.status == 200


# -- after the service has it -------------------------------------------------------------------


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200", OK + b"X: 1\r\n"])
async def test_closed_without_an_answer(beginning: bytes) -> None:
    """A connection that ends before a whole status is ambiguous: it may have been charged."""
    error = await failure(answering(beginning))
    assert type(error) is AmbiguousError
    assert (error.charge, error.status) == ("maybe", None)


@pytest.mark.parametrize("body", [SMALL, LARGE, None], ids=["small", "large", "none"])
async def test_reset_without_an_answer(body: Body | None) -> None:
    """A reset after the whole request is ambiguous too, and there is only one request."""
    servers: list[Server] = []

    async def handler(server: Server, connection: Connection) -> None:
        servers.append(server)
        await server.request(connection)
        connection.reset()

    error = await failure(handler, body)
    assert type(error) is AmbiguousError
    assert error.charge == "maybe"
    assert len(servers[0].requests) == 1


@pytest.mark.parametrize(
    ("pieces", "phase", "status"),
    [
        ((), "headers", None),
        ((OK,), "headers", None),
        ((OK + b"Content-Length: 100\r\nX-Request-Id: r1\r\n\r\n", b"abc"), "body", 200),
    ],
)
async def test_hanging(pieces: tuple[bytes, ...], phase: str, status: int | None) -> None:
    """A service that hangs ends at the attempt's timeout, and the phase says how far it got."""
    error = await failure(hanging(*pieces), timeout=0.15)
    assert isinstance(error, AttemptTimeoutError)
    assert isinstance(error, TimeoutError)
    assert (error.phase, error.charge, error.status) == (phase, "maybe", status)
    assert error.request_id == ("r1" if status else None)


async def test_dripping() -> None:
    """A body that comes byte by byte ends at the attempt's timeout, though it is never idle."""
    head = OK + b"Content-Length: 1000\r\n\r\n"
    error = await failure(answering(head, *[b"x"] * 200, pause=0.01), timeout=0.2)
    assert isinstance(error, AttemptTimeoutError)
    assert error.phase == "body"


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (OK + b"Content-Length: 100\r\nX-Request-Id: r1\r\n\r\n", b"abcde"),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nX-Request-Id: r1\r\n\r\n", 1),),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nX-Request-Id: r1\r\n\r\n", 1) + b"10\r\n",),
    ],
)
async def test_cut_body(pieces: tuple[bytes, ...]) -> None:
    """A body that ends early may be paid for, so what came of it is kept for its owner only."""
    error = await failure(answering(*pieces, pause=0.01))
    assert isinstance(error, ResponseDecodeError)
    assert (error.kind, error.charge, error.status) == ("truncated", "maybe", 200)
    assert error.request_id == "r1"
    assert kept_by(error) == b"abcde"
    assert str(error.spool_path) in str(error)


async def test_reset_after_the_whole_answer_is_success() -> None:
    """A connection that is reset after the last byte does no harm."""

    async def handler(server: Server, connection: Connection) -> None:
        await server.request(connection)
        await connection.send(answer(b'{"a": 1}'))
        await asyncio.sleep(0.02)
        connection.reset()

    async with serving(handler) as server:
        assert (await send(server.url)).document == {"a": 1}


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTP/1.1 200 OK\r\n\r\n",),
        (b"HTTP/1.1 abc OK\r\n\r\n",),
        (OK + b"X: " + b"a" * 65536 + b"\r\n\r\n",),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc",),
    ],
)
async def test_not_http(pieces: tuple[bytes, ...]) -> None:
    """An answer that breaks the rules of HTTP is a decode error of its own kind."""
    error = await failure(answering(*pieces))
    assert isinstance(error, ResponseDecodeError)
    assert (error.kind, error.charge) == ("protocol", "maybe")


async def test_nonsense_in_the_middle_of_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad chunk in a body that began well ends the call soon, not at the timeout."""
    monkeypatch.setattr(reading, "LOOK_SECONDS", 0.02)
    error = await failure(answering(CHUNKED, b"ZZ\r\nabc\r\n", pause=0.02), timeout=10)
    assert isinstance(error, ResponseDecodeError)
    assert (error.kind, error.status) == ("protocol", 200)
    assert kept_by(error) == b"abcde"


async def test_more_bytes_than_said_do_not_reach_the_next_call() -> None:
    """Bytes after the end of an answer are never taken for the next one."""

    async def handler(server: Server, connection: Connection) -> None:
        await server.request(connection)
        await connection.send(answer(b'{"n": 1}', connection="keep-alive"))
        await connection.send(answer(b'{"smuggled": 1}', connection="keep-alive"))
        await server.request(connection)
        await connection.send(answer(b'{"n": 2}'))

    async with serving(handler) as server, transport() as sender:
        request = WireRequest(url=server.url, body=SMALL)
        documents = []
        for _ in range(2):
            response = await sender.send(request, credential=None, timeout=5, max_bytes=100)
            documents.append(response.document)
            await asyncio.sleep(0.02)
    assert documents == [{"n": 1}, {"n": 1}]


# -- too much -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head", [OK + b"Content-Length: 5000000000\r\n\r\n", OK + b"Connection: close\r\n\r\n"]
)
async def test_too_large(head: bytes) -> None:
    """An answer over the cap ends the call, whether it says its length or not."""
    error = await failure(hanging(head, *[b"x" * 100_000] * 20), max_bytes=1_000_000)
    assert isinstance(error, ResponseDecodeError)
    assert (error.kind, error.charge, error.spool_path) == ("too-large", "maybe", None)
    assert "at most 1000000" in str(error)


async def test_answer_of_exactly_the_cap_is_read() -> None:
    """The cap is the largest size that is still read."""
    async with serving(answering(answer(b"x" * 1000))) as server:
        assert (await send(server.url, max_bytes=1000)).body == b"x" * 1000
    assert (await failure(answering(answer(b"x" * 1000)), max_bytes=999)).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_bomb(encoding: str) -> None:
    """A small answer that becomes a huge one is refused, long before it is whole."""
    compress: Callable[[bytes], bytes] = gzip.compress if encoding == "gzip" else zlib.compress
    raw = answer(compress(b"\0" * 50_000_000), content_encoding=encoding)
    error = await failure(answering(raw), max_bytes=1 << 28)
    assert isinstance(error, ResponseDecodeError)
    assert error.kind == "too-large"


async def test_well_compressed_answer_of_a_decent_size_is_read() -> None:
    """Up to a megabyte the ratio does not matter."""
    raw = answer(gzip.compress(b"\0" * 1_000_000), content_encoding="gzip")
    async with serving(answering(raw)) as server:
        assert len((await send(server.url)).body) == 1_000_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b'{"plain": true}', "gzip"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-12], "gzip"),
        (gzip.compress(b"x" * 1000, mtime=0)[:12] + b"\xff" * 20, "gzip"),
        (gzip.compress(b"x", mtime=0) + b"more", "gzip"),
        (b"\x08nonsense", "deflate"),
        (b"x", "br"),
    ],
)
async def test_badly_compressed(body: bytes, encoding: str) -> None:
    """Data that is not compressed as it says cannot be used, and is kept as it came."""
    error = await failure(answering(answer(body, content_encoding=encoding)))
    assert isinstance(error, ResponseDecodeError)
    assert (error.kind, error.charge) == ("malformed", "maybe")
    if encoding != "br":
        assert kept_by(error) == body


@pytest.mark.parametrize("depth", [500, 100_000])
async def test_json_that_nobody_should_walk_through(depth: int) -> None:
    """What is nested too deeply is given as bytes: the provider says what it means."""
    body = b"[" * depth + b"]" * depth
    async with serving(answering(answer(body))) as server:
        assert (await send(server.url)).body == body


# -- answers that are no success ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "document"),
    [
        (answer(b'{"error": 1}', "429 Too Many Requests"), {"error": 1}),
        (b"HTTP/1.1 429 X\r\nContent-Length: 100\r\n\r\n{", None),
        (b"HTTP/1.1 429 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", None),
        (answer(b"plain", "429 X", content_encoding="gzip"), None),
        (answer(b"", "429 X", content_encoding="br"), None),
        (answer(b"x" * 5_000_000, "429 X"), None),
    ],
)
async def test_status_of_an_error_comes_through(raw: bytes, document: object) -> None:
    """An error whose body is cut, huge or nonsense is still the error that its status says."""
    async with serving(answering(raw, pause=0.01)) as server:
        response = await send(server.url)
    assert (response.status, response.document) == (429, document)
    assert len(response.body) <= 1 << 21


async def test_error_whose_body_hangs() -> None:
    """An error whose body does not end is given when the time is up."""
    raw = b"HTTP/1.1 503 X\r\nContent-Length: 100\r\nRetry-After: 7\r\n\r\n{"
    async with serving(hanging(raw)) as server:
        response = await send(server.url, timeout=0.15)
    assert (response.status, response.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize("reads", [0, 300_000])
async def test_early_refusal_while_uploading(reads: int) -> None:
    """A service that refuses a large body before reading it is heard: no broken pipe."""

    async def handler(server: Server, connection: Connection) -> None:
        await connection.head()
        await connection.reader.read(reads)
        await connection.send(answer(b'{"error": "too large"}', "413 Too Large"))

    for _ in range(5):
        async with serving(handler) as server:
            response = await send(server.url, LARGE)
        assert (response.status, response.document) == (413, {"error": "too large"})


async def test_early_refusal_by_a_service_that_stops_reading() -> None:
    """A refusal is given at once though the service neither reads on nor closes."""

    async def handler(server: Server, connection: Connection) -> None:
        await connection.head()
        await connection.send(answer(b"{}", "401 No", connection="keep-alive"))
        await asyncio.sleep(60)

    async with serving(handler) as server, asyncio.timeout(5):
        assert (await send(server.url, LARGE, timeout=60)).status == 401


# -- nothing is caught that is not ours ---------------------------------------------------------


async def test_other_exceptions_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is no network error, such as a cassette's mismatch, is not translated."""

    class MismatchError(Exception):
        pass

    async def mismatch(*_arguments: object, **_options: object) -> None:
        raise MismatchError

    monkeypatch.setattr("aiohttp.ClientSession._request", mismatch)
    with pytest.raises(MismatchError):
        await send("http://127.0.0.1:1/")


@pytest.mark.parametrize("pieces", [(), (OK + b"Content-Length: 9\r\n\r\nabc",)])
async def test_cancelling_passes_and_frees_the_connection(pieces: tuple[bytes, ...]) -> None:
    """A call that is cancelled ends as cancelled, and its connection is closed."""
    closed = asyncio.Event()

    async def handler(server: Server, connection: Connection) -> None:
        await server.request(connection)
        for piece in pieces:
            await connection.send(piece)
        assert await connection.reader.read() == b""
        closed.set()

    async with serving(handler) as server, transport() as sender:
        request = WireRequest(url=server.url, body=SMALL)
        task = asyncio.create_task(sender.send(request, credential=None, timeout=60, max_bytes=100))
        await server.heard.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)


# -- nothing is said that must not be -----------------------------------------------------------


def everything(error: BaseException) -> str:
    """All that an error can show: its chain, its frames with their variables, its pickle."""
    shown = [repr(pickle.loads(pickle.dumps(error)))]
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        shown += [str(current), repr(current), repr(vars(current))]
        pending += [current.__cause__, current.__context__]
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join([*shown, *trace.format()])


@pytest.mark.parametrize(
    ("handler", "body"),
    [
        (answering(b""), SMALL),
        (answering(b"nonsense\r\n\r\n"), SMALL),
        (answering(OK + b"Content-Length: 100\r\n\r\nabc"), SMALL),
        (answering(answer(b"plain", content_encoding="gzip")), SMALL),
        (hanging(), SMALL),
        (hanging(), LARGE),
    ],
    ids=["closed", "nonsense", "cut", "gzip", "hanging", "hanging-large"],
)
async def test_no_key_and_no_prompt_in_any_error(
    handler: Handler, body: Body, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error, its chain, its frames and its pickle nor a log holds key or prompt."""
    caplog.set_level(logging.DEBUG)
    error = await failure(handler, body, timeout=0.3)
    shown = everything(error) + caplog.text
    assert error.__cause__ is error.__context__ is None
    assert KEY.reveal() not in shown
    assert "canary-prompt" not in shown
