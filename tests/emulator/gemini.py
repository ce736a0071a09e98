"""The emulated Gemini without a server: an answer for a request, and what was drawn for it."""

from __future__ import annotations

import io
import zlib
from typing import Any

import attrs
import orjson
import PIL.Image

from genkit.body import json_body
from genkit.emulation import Answer, Drawing, EmulatedRequest, Store
from genkit_gemini.emulation import GeminiEmulation

MODEL = "gemini-nano-banana-2.1"
KEY = {"x-goog-api-key": "made-up"}
SHORT = GeminiEmulation(signature_bytes=64)


def tiny_picture(drawing: Drawing) -> bytes:
    """Paint a picture whose every pixel says nothing, but whose bytes depend on the drawing."""
    buffer = io.BytesIO()
    shade = zlib.crc32(repr((drawing.seed, drawing.turn, drawing.prompt)).encode()) % 256
    kind = "PNG" if drawing.media_type == "image/png" else "JPEG"
    PIL.Image.new("L", (12, 8), shade).save(buffer, kind)
    return buffer.getvalue()


class Service:
    """An emulated service with its memory, and what it had drawn."""

    def __init__(self, emulation: GeminiEmulation = SHORT) -> None:
        self.emulation = emulation
        self.store: Store = {}
        self.drawings: list[Drawing] = []
        self.last: Answer | None = None

    def draw(self, drawing: Drawing, /) -> bytes:
        """Note the drawing."""
        self.drawings.append(drawing)
        return tiny_picture(drawing)

    def request(self, request: EmulatedRequest) -> tuple[int, Any]:
        """Give status and parsed body."""
        answer, self.store = self.emulation.answer(request, self.store, self.draw)
        self.last = answer
        body = answer.body
        return answer.status, orjson.loads(
            body if isinstance(body, bytes) else json_body(body).to_bytes()
        )

    def generate(self, document: Any, model: str = MODEL, **changes: Any) -> tuple[int, Any]:
        """Post a document."""
        request = EmulatedRequest(
            method="POST",
            path=f"/v1beta/models/{model}:generateContent",
            headers=KEY,
            document=document,
            body=orjson.dumps(document),
        )
        return self.request(attrs.evolve(request, **changes))


def contents(*turns: Any, **configuration: Any) -> dict[str, Any]:
    """Give a body whose turns are texts of the user, or contents."""
    return {
        "contents": [
            {"role": "user", "parts": [{"text": turn}]} if isinstance(turn, str) else turn
            for turn in turns
        ],
        "generationConfig": configuration,
    }


def refused(document: Any, **options: Any) -> dict[str, Any]:
    """Give the error of a request that is answered with 400."""
    status, answer = Service().generate(document, **options)
    assert (status, answer["error"]["code"]) == (400, 400)
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    error: dict[str, Any] = answer["error"]
    return error


def made(document: Any, service: Service | None = None, **options: Any) -> dict[str, Any]:
    """Give the only candidate's content of a request that is answered with 200."""
    status, answer = (service or Service()).generate(document, **options)
    assert status == 200, answer
    content: dict[str, Any] = answer["candidates"][0]["content"]
    return content


def png() -> bytes:
    """Give a small square picture."""
    buffer = io.BytesIO()
    PIL.Image.new("L", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()
