"""A service in memory: a transport that answers by an emulation, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import orjson

from genkit.body import json_body
from genkit.emulation import Answer, Drawing, EmulatedRequest, Emulation
from genkit.emulator.drawing import Painter
from genkit.errors import GenerationError
from genkit.plugins import Plugins
from genkit.provider import Absence, ErrorFacts
from genkit.secrets import Secret
from genkit.wire import WireRequest, WireResponse
from genkit_gemini.emulation import GeminiEmulation

Scripted = ErrorFacts | Absence | GenerationError | Callable[[Answer], Answer] | float | None
"""What becomes of an answer: a fault, an error of the transport, a change, or seconds it takes."""


@attrs.define
class MemoryTransport:
    """Sends to `emulation`; `script` says, in order, what becomes of the next answers."""

    emulation: Emulation = attrs.field(factory=GeminiEmulation)
    script: list[Scripted] = attrs.field(factory=list)
    requests: list[WireRequest] = attrs.field(factory=list)
    answers: list[Answer] = attrs.field(factory=list)
    keys: list[str | None] = attrs.field(factory=list)
    running: int = 0
    most: int = 0
    """The most requests that were under way at once."""
    closed: int = 0
    _store: Mapping[str, Any] = attrs.field(factory=dict)
    _painter: Painter = attrs.field(factory=Painter)

    @property
    def documents(self) -> list[Any]:
        """The parsed bodies of the requests."""
        return [orjson.loads(request.body.to_bytes()) for request in self.requests if request.body]

    @property
    def charged(self) -> int:
        """How many answers the service would bill for."""
        return sum(answer.charged for answer in self.answers)

    async def send(
        self,
        request: WireRequest,
        *,
        credential: Secret | None,
        timeout: float,  # noqa: ASYNC109  # as the protocol has it
        max_bytes: int,
    ) -> WireResponse:
        """The emulation's answer, or what the script makes of it."""
        self.requests.append(request)
        self.keys.append(credential.reveal() if credential and request.auth else None)
        scripted = self.script.pop(0) if self.script else None
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if isinstance(scripted, float):
                await asyncio.sleep(scripted)
            return self._answer(request, scripted)
        finally:
            self.running -= 1

    async def download(
        self,
        request: WireRequest,
        *,
        origin: str | None,
        timeout: float,  # noqa: ASYNC109  # as the protocol has it
        max_bytes: int,
    ) -> WireResponse:
        """As what is sent, without a key."""
        return await self.send(request, credential=None, timeout=timeout, max_bytes=max_bytes)

    async def close(self) -> None:
        """Count it."""
        self.closed += 1

    def _answer(self, request: WireRequest, scripted: Scripted) -> WireResponse:
        if isinstance(scripted, GenerationError):
            raise scripted
        body = request.body.to_bytes() if request.body else b""
        headers = dict(request.headers)
        if request.auth:
            headers[request.auth.name] = request.auth.prefix + (self.keys[-1] or "")
        parts = urlsplit(request.url)
        received = EmulatedRequest(
            method=request.method,
            path=unquote(parts.path),
            headers=headers,
            document=orjson.loads(body) if body else None,
            body=body,
        )
        answer, self._store = self.emulation.answer(received, self._store, self._draw)
        if isinstance(scripted, ErrorFacts | Absence):
            answer = self.emulation.render_error(scripted)
        elif callable(scripted):
            answer = scripted(answer)
        self.answers.append(answer)
        raw = answer.body
        data = raw if isinstance(raw, bytes) else json_body(raw).to_bytes()
        return WireResponse.from_bytes(answer.status, answer.headers, data)

    def _draw(self, drawing: Drawing) -> bytes:
        # Small pictures, so that tests are quick; sizes are the service's own business.
        smaller = attrs.evolve(drawing, width=drawing.width // 16, height=drawing.height // 16)
        return self._painter(smaller)


def client_options(transport: MemoryTransport, **more: Any) -> dict[str, Any]:
    """Options of a client that speaks to `transport`, with a key that looks like none."""
    return {
        "transport": transport,
        "api_key": "canary-key",
        "config": None,
        "plugins": Plugins(),
        **more,
    }
