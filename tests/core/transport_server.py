"""Raw servers on loopback: web frameworks refuse to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs

from genkit.transport import HttpTransport, TransportSettings
from genkit.wire import WireRequest, WireResponse


@attrs.define
class Request:
    """One request as it came."""

    head: str = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name."""
        lines = (line.partition(":") for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value.strip() for name, _, value in lines}


@attrs.define
class Connection:
    """One connection that a client made."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> str:
        """Read the head of a request only."""
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@attrs.define
class Server:
    """What a server saw, and where it is."""

    url: str = ""
    requests: list[Request] = attrs.field(factory=list)
    connections: int = 0
    heard: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when a whole request came."""

    async def request(self, connection: Connection) -> Request:
        """Read and note a whole request."""
        request = Request(await connection.head(), b"")
        length = int(request.headers.get("content-length", "0"))
        request.body = await connection.reader.readexactly(length)
        self.requests.append(request)
        self.heard.set()
        return request


Handler = Callable[[Server, Connection], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve each connection with `handler`; it is closed when the handler ends."""
    server = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(server, Connection(reader, writer))
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    host, port = listening.sockets[0].getsockname()
    server.url = f"{'https' if tls else 'http'}://{host}:{port}/"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await listening.wait_closed()


def answering(*pieces: bytes, pause: float = 0.0) -> Handler:
    """Read each request whole and answer it with these bytes, then close."""

    async def handler(server: Server, connection: Connection) -> None:
        await server.request(connection)
        for piece in pieces:
            await connection.send(piece)
            await asyncio.sleep(pause)

    return handler


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A well-formed answer, after which the server closes."""
    fields = {"content-length": str(len(body)), "connection": "close", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


@contextlib.asynccontextmanager
async def transport(settings: TransportSettings | None = None) -> AsyncIterator[HttpTransport]:
    """A transport that is closed at the end."""
    made = HttpTransport(settings)
    try:
        yield made
    finally:
        await made.close()


async def fetch(
    request: WireRequest, *, settings: TransportSettings | None = None, max_bytes: int = 1 << 26
) -> WireResponse:
    """The answer to one request, by a transport of its own."""
    async with transport(settings) as sender:
        return await sender.send(request, credential=None, timeout=5, max_bytes=max_bytes)
