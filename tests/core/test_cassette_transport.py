"""Cassettes under the real transport: what it streams is recorded, and drift comes through it."""

from __future__ import annotations

import base64
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from genkit.images import Image
from genkit.lifted import text_of
from genkit.secrets import Secret
from genkit.testing.cassettes import CassetteFile, CassetteMismatch, Recorded, cassette
from genkit.transport import HttpTransport
from genkit.wire import AuthHeader, Base64, WireRequest, WireResponse, json_body

SERVICE = "https://images.example.com"
KEY = "made-up-key-that-must-not-be-kept"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A service on loopback that echoes the picture it is sent, compressed."""

    async def answer(request: web.Request) -> web.Response:
        document = await request.json()
        response = web.json_response({"data": document["data"], "key": KEY})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    application = web.Application(client_max_size=2**26)
    application.router.add_post("/v1/echo", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield site.name.rstrip("/")
    await runner.cleanup()


async def send(url: str, data: bytes, **fields: Any) -> WireResponse:
    """Send a picture as the engine does."""
    image = Image(data=data, media_type="image/png", width=8, height=8)
    body = json_body({"data": Base64(image), **fields})
    auth = AuthHeader("authorization", "Bearer ")
    request = WireRequest(url=f"{url}/v1/echo", body=body, auth=auth)
    transport = HttpTransport()
    try:
        return await transport.send(request, credential=Secret(KEY), timeout=30.0, max_bytes=2**24)
    finally:
        await transport.close()


def picture(size: int) -> bytes:
    """What begins as a picture and has so many bytes."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0"
    # Noise: what compresses well would be taken for a bomb.
    return head + random.Random(7).randbytes(size - len(head))


def echoed_in(answer: WireResponse) -> bytes:
    """The picture in an answer."""
    text = text_of(answer.document["data"])
    assert text is not None
    return base64.b64decode(text)


@pytest.mark.parametrize("size", [100, 1_000_000])
async def test_transport_is_recorded_and_played(url: str, size: int, tmp_path: Path) -> None:
    """A body in one piece or streamed, and a compressed answer, are recorded and match again."""
    path = tmp_path / "echo.yaml"
    original = picture(size)
    emulator = Recorded(where="emulator")
    with cassette(path, record=True, recorded=emulator, rewrite={url: SERVICE}, secrets=[KEY]):
        recorded = await send(url, original, n=1)
    assert echoed_in(recorded) == original
    assert KEY not in path.read_text(encoding="utf-8")
    (interaction,) = CassetteFile.read(path).interactions
    assert interaction.request_headers["content-length"] == str(len(interaction.request_body))
    with cassette(path):
        played = await send(SERVICE, original, n=1)
    assert played.status == 200
    # What is echoed was swapped like what was sent, so it matches as it is.
    echoed = echoed_in(played)
    assert len(echoed) < 2048
    with cassette(path):
        assert (await send(SERVICE, echoed, n=1)).document == played.document


async def test_drift_comes_through_the_transport(url: str, tmp_path: Path) -> None:
    """A request that is not in the cassette is no failure of the connection."""
    path = tmp_path / "echo.yaml"
    with cassette(path, record=True, recorded=Recorded(where="emulator"), rewrite={url: SERVICE}):
        await send(url, picture(100), n=1)
    with pytest.raises(CassetteMismatch, match='"n": 2') as caught, cassette(path):
        await send(SERVICE, picture(100), n=2)
    assert KEY not in str(caught.value)
