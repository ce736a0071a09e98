"""What the tests of the Gemini provider share."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import PIL.Image

from genkit.conversation import Conversation, ProviderState, Turn
from genkit.images import Image
from genkit.provider import Context, ErrorFacts, ImageProvider, Outcome, ProviderSettings
from genkit.request import GenerationRequest
from genkit.wire import WireRequest, WireResponse
from genkit_gemini import GeminiProvider

MODEL = "gemini-nano-banana-2.1"
VERTEX = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"


def provider(**settings: Any) -> GeminiProvider:
    """A provider named ``gemini``, with these settings."""
    made = GeminiProvider(ProviderSettings(**{"name": "gemini", **settings}))
    as_contract: ImageProvider = made
    assert as_contract.name
    return made


def picture(width: int = 6, height: int = 4, kind: str = "PNG") -> Image:
    """A small picture."""
    written = io.BytesIO()
    PIL.Image.new("RGB", (width, height), "orange").save(written, kind)
    return Image.from_bytes(written.getvalue())


def request(prompt: str = "a banana", **fields: Any) -> GenerationRequest:
    """A request as the core hands it over."""
    return GenerationRequest(prompt, **{"model": MODEL, **fields})


def document(wire: WireRequest) -> Any:
    """The JSON of a request's body."""
    assert wire.body is not None
    return json.loads(wire.body.to_bytes())


def encode(
    asked: GenerationRequest | None = None, context: Context | None = None, **settings: Any
) -> Any:
    """The JSON that a request becomes."""
    wire = provider(**settings).encode(asked or request(), context or Context(model=MODEL))
    return document(wire)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> WireResponse:
    """The answer with this JSON, or these bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireResponse.from_bytes(status, headers or {}, raw)


def outcome(body: Any, headers: Mapping[str, str] | None = None) -> Outcome:
    """What an answer holds that is no error."""
    decoded = provider().decode(answer(body, headers=headers), request(), None)
    assert isinstance(decoded, Outcome)
    return decoded


def facts(body: Any, status: int) -> ErrorFacts:
    """What an error says."""
    return provider().decode_error(answer(body, status))


def candidate(*parts: Any, reason: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """An answer of one candidate with these parts."""
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": reason, "index": 0, **fields}]}


def inline(data: str = "AAAA", media_type: str = "image/png", **beside: Any) -> dict[str, Any]:
    """A part that is a picture."""
    return {"inlineData": {"mimeType": media_type, "data": data}, **beside}


def state(data: Any, *, model: str = MODEL) -> ProviderState:
    """A state of our provider's own."""
    return ProviderState("gemini", model, data)


def continued(*turns: Turn) -> Any:
    """The contents of a request that continues these turns, without the new one."""
    *before, last = encode(context=Context(model=MODEL, conversation=Conversation(turns)))[
        "contents"
    ]
    assert last == {"role": "user", "parts": [{"text": "a banana"}]}
    return before


def png_text() -> str:
    """The base64 of a small picture."""
    return str(
        encode(request(input_image=picture()))["contents"][0]["parts"][1]["inlineData"]["data"]
    )
