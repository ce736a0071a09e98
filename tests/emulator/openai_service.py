"""The emulated OpenAI without a server: an answer for a request, and what was drawn for it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import attrs
import orjson
import PIL.Image

from genkit.body import json_body
from genkit.emulation import Answer, Drawing, EmulatedRequest, Store
from genkit_openai.emulation import OpenAIEmulation
from tests.emulator.gemini import tiny_picture

MODEL = "gpt-image-2.5-flare"
KEY = {"authorization": "Bearer made-up"}
SERVICE = OpenAIEmulation()
BOUNDARY = "a-boundary"


@attrs.frozen
class File:
    """A file of a form."""

    data: bytes
    content_type: str | None = "image/png"
    filename: str | None = "a.png"


def form(*fields: tuple[str, str | File]) -> bytes:
    """Give the body of a form."""
    pieces = []
    for name, value in fields:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        data = value.encode() if isinstance(value, str) else value.data
        if isinstance(value, File):
            head += f'; filename="{value.filename}"' if value.filename else ""
            head += f"\r\nContent-Type: {value.content_type}" if value.content_type else ""
        pieces.append(head.encode() + b"\r\n\r\n" + data + b"\r\n")
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


class Service:
    """An emulated service with its memory, and what it had drawn."""

    def __init__(self, emulation: OpenAIEmulation = SERVICE) -> None:
        self.emulation = emulation
        self.store: Store = {}
        self.drawings: list[Drawing] = []
        self.last = Answer()

    def draw(self, drawing: Drawing, /) -> bytes:
        """Note the drawing."""
        self.drawings.append(drawing)
        return tiny_picture(drawing)

    def request(self, request: EmulatedRequest) -> tuple[int, Any]:
        """Give status and parsed body."""
        self.last, self.store = self.emulation.answer(request, self.store, self.draw)
        body = self.last.body
        data = body if isinstance(body, bytes) else json_body(body).to_bytes()
        try:
            return self.last.status, orjson.loads(data)
        except ValueError:
            return self.last.status, data

    def generate(self, fields: Any, **changes: Any) -> tuple[int, Any]:
        """Post a document to generate, or elsewhere by `path`."""
        request = EmulatedRequest(
            method="POST",
            path="/v1/images/generations",
            headers={**KEY, "content-type": "application/json", "host": "127.0.0.1:1"},
            document=fields,
            body=orjson.dumps(fields),
        )
        return self.request(attrs.evolve(request, **changes))

    def edit(self, fields: Mapping[str, Any], **changes: Any) -> tuple[int, Any]:
        """Post a document to edit."""
        return self.generate(fields, path="/v1/images/edits", **changes)

    def edit_form(self, *fields: tuple[str, str | File], **changes: Any) -> tuple[int, Any]:
        """Post a form to edit."""
        request = EmulatedRequest(
            method="POST",
            path="/v1/images/edits",
            headers={**KEY, "content-type": f"multipart/form-data; boundary={BOUNDARY}"},
            body=form(*fields),
        )
        return self.request(attrs.evolve(request, **changes))


def asked(**fields: Any) -> dict[str, Any]:
    """Give the fields of a good request, with changes."""
    return {"model": MODEL, "prompt": "A banana", **fields}


def picture(
    width: int = 8, height: int = 8, *, kind: str = "PNG", mode: str = "RGB", color: int = 0
) -> bytes:
    """Give a small picture."""
    buffer = io.BytesIO()
    PIL.Image.new(mode, (width, height), color).save(buffer, kind)
    return buffer.getvalue()


def data_url(data: bytes, media_type: str = "image/png") -> str:
    """Give bytes as a data URL."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
