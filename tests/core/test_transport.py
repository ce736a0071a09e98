from __future__ import annotations

import asyncio
import gzip
import zlib

import attrs
import orjson
import pytest

from genkit.errors import ConfigurationError, GenkitError
from genkit.images import Image
from genkit.secrets import Secret
from genkit.transport import HttpTransport, TransportSettings
from genkit.wire import AuthHeader, Base64, Body, Lifted, WireRequest, json_body
from tests.core.transport_server import (
    Connection,
    Server,
    answer,
    answering,
    fetch,
    serving,
    transport,
)

KEY = Secret("canary-key-3141592653")
AUTH = AuthHeader("x-api-key", "Bearer ")


def picture(size: int) -> Image:
    """Bytes that stand for a picture; the transport does not look at them."""
    data = bytes(range(256)) * (size // 256)
    return Image(data=data, media_type="image/png", width=1, height=1)


async def test_request_as_sent() -> None:
    """Method, path, headers, key and body go out as the request says, and nothing else does."""
    async with serving(answering(answer(b'{"a": 1}'))) as server:
        request = WireRequest(
            url=server.url + "v1/models%2Fx:make?alt=json",
            headers={"X-Extra": "1"},
            body=json_body({"prompt": "banana"}),
            auth=AUTH,
        )
        async with transport(TransportSettings(user_agent="test/1")) as sender:
            await sender.send(request, credential=KEY, timeout=5, max_bytes=1000)
    [seen] = server.requests
    assert seen.head.startswith("POST /v1/models%2Fx:make?alt=json HTTP/1.1\r\n")
    assert seen.headers == {
        "host": server.url.split("/")[2],
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-length": "19",
        "content-type": "application/json",
        "user-agent": "test/1",
        "x-api-key": "Bearer " + KEY.reveal(),
        "x-extra": "1",
    }
    assert seen.body == b'{"prompt":"banana"}'


async def test_no_credential_without_auth() -> None:
    """A request that names no header for the key, such as a download, does not carry it."""
    async with serving(answering(answer(b"x"))) as server, transport() as sender:
        request = WireRequest(method="GET", url=server.url)
        await sender.send(request, credential=KEY, timeout=5, max_bytes=1000)
    assert KEY.reveal() not in server.requests[0].head
    assert "content-length" not in server.requests[0].headers


async def test_answer_is_parsed_and_lifted() -> None:
    """Status, headers and JSON arrive; long strings are lifted; repeated headers are joined."""
    body = orjson.dumps({"short": "s", "long": "A" * 5000})
    raw = answer(body, "201 Created", X_One="1").replace(b"X-One", b"Via: a\r\nVIA: b\r\nX-One")
    async with serving(answering(raw)) as server:
        response = await fetch(WireRequest(url=server.url))
    assert response.status == 201
    assert response.headers["via"] == "a, b"
    assert response.headers["x-one"] == "1"
    assert response.document == {"short": "s", "long": Lifted("A" * 5000)}


async def test_answer_that_is_not_json_is_bytes() -> None:
    """A download comes as its bytes."""
    data = bytes(range(256)) * 1000
    async with serving(answering(answer(data))) as server:
        response = await fetch(WireRequest(method="GET", url=server.url))
    assert (response.is_json, response.body) == (False, data)


@pytest.mark.parametrize("size", [60 * 1024, 70 * 1024, 3 * 1024 * 1024])
async def test_bodies_of_every_size_arrive(size: int) -> None:
    """Small bodies in one piece and large ones piece by piece are the same bytes."""
    body = json_body({"image": Base64(picture(size)), "after": "x"})
    async with serving(answering(answer(b"{}"))) as server:
        await fetch(WireRequest(url=server.url, body=body))
    [seen] = server.requests
    assert seen.body == body.to_bytes()
    assert seen.headers["content-length"] == str(body.length)
    assert "transfer-encoding" not in seen.headers
    assert "expect" not in seen.headers


async def test_sending_twice_sends_the_same_bytes() -> None:
    """A body is not used up by an attempt."""
    request_body = Body((b"a" * 100_000, b"", b"b"), "text/plain")
    async with serving(answering(answer(b"{}"))) as server, transport() as sender:
        for _ in range(2):
            await sender.send(
                WireRequest(url=server.url, body=request_body),
                credential=None,
                timeout=5,
                max_bytes=1000,
            )
    assert server.requests[0].body == server.requests[1].body == b"a" * 100_000 + b"b"


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])),
        ("deflate", zlib.compress),
        ("Deflate", lambda data: zlib.compress(data, wbits=-15)),
    ],
)
async def test_compressed_answers_are_read(encoding: str, compress: object) -> None:
    """Compression that was not asked for is undone all the same."""
    assert callable(compress)
    body = orjson.dumps({"text": "hello " * 2000, "n": list(range(5000))})
    raw = answer(compress(body), content_encoding=encoding)
    async with serving(answering(raw[:200], raw[200:201], raw[201:], pause=0.01)) as server:
        response = await fetch(WireRequest(url=server.url))
    assert orjson.dumps(response.document, default=lambda lifted: lifted.text) == body


async def test_empty_answer_that_calls_itself_compressed() -> None:
    """No bytes are valid in every encoding."""
    async with serving(answering(answer(b"", content_encoding="gzip"))) as server:
        assert (await fetch(WireRequest(url=server.url))).body == b""


async def test_early_hints_are_passed_over() -> None:
    """Informational answers before the real one do not matter."""
    raw = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"{}")
    async with serving(answering(raw)) as server:
        assert (await fetch(WireRequest(url=server.url))).status == 200


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """The answer that points elsewhere is given as it is, and elsewhere hears nothing."""
    async with serving(answering(answer(b"{}"))) as elsewhere:
        raw = answer(b"", f"{status} Elsewhere", location=elsewhere.url)
        async with serving(answering(raw)) as server:
            response = await fetch(
                WireRequest(url=server.url, body=json_body({"prompt": "p"}), auth=AUTH)
            )
    assert response.status == status
    assert (elsewhere.connections, len(server.requests)) == (0, 1)


async def test_cookies_are_not_kept() -> None:
    """What one answer sets, the next request does not send."""
    raw = answer(b"{}", set_cookie="session=1; Path=/")
    async with serving(answering(raw)) as server, transport() as sender:
        request = WireRequest(url=server.url.replace("127.0.0.1", "localhost"))
        for _ in range(2):
            await sender.send(request, credential=None, timeout=5, max_bytes=100)
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


async def keep_alive(server: Server, connection: Connection) -> None:
    """Answer requests on one connection until it is closed."""
    while True:
        await server.request(connection)
        await connection.send(answer(b"{}", connection="keep-alive"))


async def test_connections_are_used_again() -> None:
    """Calls one after the other share a connection."""
    async with serving(keep_alive) as server, transport() as sender:
        for _ in range(3):
            request = WireRequest(url=server.url, body=json_body({}))
            await sender.send(request, credential=None, timeout=5, max_bytes=100)
        assert (server.connections, len(server.requests)) == (1, 3)


async def test_calls_side_by_side_share_one_session() -> None:
    """Calls that begin together make one session, and each gets its own answer."""

    async def echo(server: Server, connection: Connection) -> None:
        request = await server.request(connection)
        await connection.send(answer(request.body))

    async with serving(echo) as server, transport() as sender:
        responses = await asyncio.gather(
            *(
                sender.send(
                    WireRequest(url=server.url, body=json_body({"n": number})),
                    credential=None,
                    timeout=5,
                    max_bytes=100,
                )
                for number in range(20)
            )
        )
        assert len(sender._sessions) == 1
    assert [response.document["n"] for response in responses] == list(range(20))


async def test_environment_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(answering(answer(b"{}"))) as server:
        assert (await fetch(WireRequest(url=server.url))).status == 200


async def test_sending_after_close_is_a_clear_error() -> None:
    """A closed transport says so; closing twice is fine."""
    sender = HttpTransport()
    await sender.close()
    await sender.close()
    with pytest.raises(GenkitError, match="closed; make a new client"):
        await sender.send(
            WireRequest(url="http://127.0.0.1:1/"), credential=None, timeout=1, max_bytes=1
        )


@pytest.mark.filterwarnings("error")
def test_one_transport_serves_several_loops() -> None:
    """Two loops after each other use it, and sessions that nobody closed leave no warning."""
    sender = HttpTransport()

    async def call() -> int:
        async with serving(keep_alive) as server:
            request = WireRequest(url=server.url, body=json_body({}))
            response = await sender.send(request, credential=None, timeout=5, max_bytes=100)
            assert len(sender._sessions) == 1
            return response.status

    assert [asyncio.run(call()), asyncio.run(call())] == [200, 200]
    assert all(session.closed for _, session in sender._sessions.values())
    asyncio.run(sender.close())
    assert sender._sessions == {}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"connect_timeout": 0}, "connect_timeout: must be over 0"),
        ({"connect_timeout": float("nan")}, "connect_timeout: must be over 0"),
        ({"connect_timeout": "5"}, "connect_timeout: expected a number of seconds"),
        ({"connection_limit": 0}, "connection_limit: expected a whole number"),
        ({"proxy": "proxy.example"}, "proxy: must be a URL"),
        ({"proxy": "socks5://proxy.example:1"}, "proxy: must be a URL"),
        ({"proxy": "http://me:secret@proxy.example"}, "give them as proxy_credentials"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], problem: str) -> None:
    """A setting that cannot be used is a clear error, and a password in it is not shown."""
    with pytest.raises(ConfigurationError, match=problem) as caught:
        TransportSettings(**settings)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_settings_do_not_show_the_proxy_credentials() -> None:
    """The repr has no password."""
    settings = TransportSettings(proxy="http://p:1", proxy_credentials=Secret("me:secret"))
    assert "secret" not in repr(settings)
    assert attrs.evolve(settings, proxy=None).proxy_credentials is not None
