"""One exchange over HTTP: reading a request whole, and sending what was decided, whole or not."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import suppress

import orjson
from aiohttp import web

from genkit.body import Body, json_body
from genkit.emulation import Answer, EmulatedRequest
from genkit.emulator.guard import foreign_origin, strange_host
from genkit.emulator.ledger import Entry, kept_headers

__all__ = ["body_of", "hang_up", "receive", "refusal", "send"]

MAX_BODY_BYTES = 128 * 1024 * 1024
"""Bytes of the largest request body that is read."""
BODY_SECONDS = 60.0
"""Seconds within which a request body has to arrive."""

REAL_KEY = (
    "this is an emulator and the key looks real: it does not belong here, and was not kept;"
    " use any made-up key"
)
_REFUSALS = {
    "host": (403, "the Host header names another machine; the emulator answers to loopback only"),
    "origin": (403, "a page of another origin sent this; the emulator answers to programs only"),
    "too-large": (413, f"the body is larger than {MAX_BODY_BYTES} bytes"),
    "incomplete": (408, f"the body did not arrive whole within {BODY_SECONDS:g} seconds"),
    "real-key": (403, REAL_KEY),
    "unknown-path": (404, "no emulated service has this path"),
    "failed": (500, "the emulation of this service failed; its log says more"),
}


def refusal(reason: str) -> Answer:
    """What the emulator itself answers, in no service's words."""
    status, message = _REFUSALS[reason]
    return Answer(status=status, body={"error": {"code": status, "message": f"genkit: {message}"}})


async def receive(request: web.BaseRequest, port: int) -> tuple[Entry, EmulatedRequest]:
    """The request, read whole, and how it stands in the ledger; `Entry.refused` may say why not."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    refused = None
    body = b""
    if strange_host(request.host, port):
        refused = "host"
    elif foreign_origin(headers.get("origin"), port):
        refused = "origin"
    else:
        body, refused = await _read(request)
    entry = Entry(
        time=time.time(),
        method=request.method,
        path=request.path,
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        headers=kept_headers(headers),
        refused=refused,
    )
    received = EmulatedRequest(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers=headers,
        document=_parsed(body),
        body=body,
    )
    return entry, received


async def _read(request: web.BaseRequest) -> tuple[bytes, str | None]:
    """The body, or as much of it as came, and why there is no more."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return b"", "too-large"
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.content.iter_any():
                size += len(piece)
                if size > MAX_BODY_BYTES:
                    return b"", "too-large"
                pieces.append(piece)
    except (TimeoutError, web.PayloadAccessError, ConnectionError, web.RequestPayloadError):
        return b"".join(pieces), "incomplete"
    return b"".join(pieces), None


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def body_of(answer: Answer) -> Body:
    """The bytes of an answer, and their content type."""
    if answer.events is not None:
        raise NotImplementedError("the emulator does not serve streams yet")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if isinstance(answer.body, bytes):
        return Body((answer.body,), headers.get("content-type", "application/octet-stream"))
    kind = headers.get("content-type", "application/json; charset=UTF-8")
    return json_body(answer.body, content_type=kind)


async def send(
    request: web.BaseRequest,
    answer: Answer,
    body: Body,
    *,
    cut: bool,
    before_end: Callable[[], None],
) -> web.StreamResponse:
    """Send an answer; `before_end` is called when only its last piece is left.

    So whoever has the whole answer finds it written in the ledger already. It is not called when
    the client is gone before that, or when the body is cut in the middle.
    """
    response = web.StreamResponse(status=answer.status)
    response.headers.update(answer.headers)
    response.headers["Content-Type"] = body.content_type
    response.headers["Server"] = "genkit-emulator"
    response.content_length = body.length
    # A client that is gone is no failure of ours; what the ledger says of the answer stays true.
    with suppress(ConnectionError):
        await response.prepare(request)
        if cut:
            await response.write(body.to_bytes()[: body.length // 2])
            hang_up(request)
            return response
        last = b""
        for piece in body.chunks():
            if last:
                await response.write(last)
            last = piece
        before_end()
        await response.write_eof(last)
    return response


def hang_up(request: web.BaseRequest) -> None:
    """Close the connection once what was written is sent."""
    if request.transport is not None:
        request.transport.close()
