"""What the tests of the OpenAI provider share."""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
from collections.abc import Mapping
from email.message import MIMEPart
from typing import Any

import attrs
import PIL.Image

from genkit.images import Image
from genkit.provider import Context, ErrorFacts, ImageProvider, Outcome, ProviderSettings
from genkit.request import GenerationRequest
from genkit.wire import WireRequest, WireResponse
from genkit_openai import OpenAIProvider

MODEL = "gpt-image-2.5-flare"
AZURE = "https://mine.openai.azure.com/openai/deployments/pictures"


def provider(**settings: Any) -> OpenAIProvider:
    """A provider named ``openai``, with these settings."""
    made = OpenAIProvider(ProviderSettings(**{"name": "openai", **settings}))
    as_contract: ImageProvider = made
    assert as_contract.name
    return made


def picture(width: int = 6, height: int = 4, kind: str = "PNG", mode: str = "RGB") -> Image:
    """A small picture."""
    written = io.BytesIO()
    PIL.Image.new(mode, (width, height), "orange").save(written, kind)
    return Image.from_bytes(written.getvalue())


def request(prompt: str = "a banana", **fields: Any) -> GenerationRequest:
    """A request as the core hands it over."""
    return GenerationRequest(prompt, **{"model": MODEL, **fields})


def context(model: str = MODEL, **decided: Any) -> Context:
    """What the core decided."""
    return Context(model=model, **decided)


def encode(asked: GenerationRequest | None = None, **settings: Any) -> WireRequest:
    """The wire request that a request becomes, for its model and number of pictures."""
    asked = asked or request()
    decided = context(asked.model or MODEL, count=asked.n)
    return provider(**settings).encode(asked, decided)


def document(wire: WireRequest) -> Any:
    """The JSON of a request's body."""
    assert wire.body is not None
    assert wire.body.content_type == "application/json"
    return json.loads(wire.body.to_bytes())


@attrs.frozen
class Part:
    """A part of a form."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


def form(wire: WireRequest) -> list[Part]:
    """The parts of a request's form, as the standard library's parser of mail reads them."""
    assert wire.body is not None
    return parse_form(wire.body.content_type, wire.body.to_bytes())


def parse_form(content_type: str, body: bytes) -> list[Part]:
    """The parts of any form."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    assert message.get_content_type() == "multipart/form-data"
    assert message.defects == []
    return [_part(part) for part in message.iter_parts()]


def _part(part: MIMEPart) -> Part:
    name = part.get_param("name", header="content-disposition")
    content = part.get_payload(decode=True)
    assert isinstance(name, str)
    assert isinstance(content, bytes)
    declared = part.get_content_type() if part["content-type"] else None
    return Part(name, content, part.get_filename(), declared)


def texts(parts: list[Part]) -> dict[str, str]:
    """The fields of a form that are no files."""
    return {part.name: part.content.decode() for part in parts if part.filename is None}


def files(parts: list[Part]) -> list[Part]:
    """The files of a form."""
    return [part for part in parts if part.filename is not None]


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> WireResponse:
    """The answer with this JSON, or these bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireResponse.from_bytes(status, headers or {}, raw)


def outcome(
    body: Any, headers: Mapping[str, str] | None = None, asked: GenerationRequest | None = None
) -> Outcome:
    """What an answer holds that is no error and points to nothing."""
    decoded = provider().decode(answer(body, headers=headers), asked or request(), None)
    assert isinstance(decoded, Outcome)
    return decoded


def facts(body: Any, status: int, headers: Mapping[str, str] | None = None) -> ErrorFacts:
    """What an error says."""
    return provider().decode_error(answer(body, status, headers))


def error(**fields: Any) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": "no", "type": None, "param": None, "code": None, **fields}}
