"""How far a request got: what decides whether it may have been charged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import cast

import aiohttp
import attrs

from genkit.body import Body

__all__ = ["Progress", "Upload", "take_in", "trace_config"]


@attrs.define
class Progress:
    """How far one request got, written down while it is on its way."""

    connected: bool = False
    began: bool = False
    """Its first bytes were given to the connection."""
    complete: bool = False
    """Its last bytes were given to the connection: the service may have it all."""
    streamed: bool = False
    """Its body goes out piece by piece; any other is written in one piece with the headers."""
    status: int | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Of the answer, by lower-case name."""


class Upload(AsyncIterator[bytes]):
    """A body, piece by piece as it is sent, noting in `progress` when the last piece is given."""

    def __init__(self, body: Body, progress: Progress) -> None:
        self._chunks = body.chunks()
        self._left = body.length
        self._progress = progress

    async def __anext__(self) -> bytes:
        # A service that refuses early is heard before the next write fails on the connection that
        # it closed.
        await take_in()
        for chunk in self._chunks:
            if chunk:
                self._left -= len(chunk)
                self._progress.complete = self._left <= 0
                return chunk
        raise StopAsyncIteration


def trace_config() -> aiohttp.TraceConfig:
    """Signals that keep the `Progress` of a request, which it has as its ``trace_request_ctx``."""
    config = aiohttp.TraceConfig()

    async def connected(_session: object, context: SimpleNamespace, _parameters: object) -> None:
        _progress(context).connected = True

    async def headers_sent(_session: object, context: SimpleNamespace, _parameters: object) -> None:
        progress = _progress(context)
        progress.began = True
        progress.complete = progress.complete or not progress.streamed

    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(connected)
    config.on_request_headers_sent.append(headers_sent)
    return config


async def take_in() -> None:
    """Let the loop take in what came on its sockets: one turn to ask, one to act on it."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def _progress(context: SimpleNamespace) -> Progress:
    return cast(Progress, context.trace_request_ctx)
