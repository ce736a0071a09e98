"""Reading the recordings of others: what was asked and what the live service answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import yaml

from genkit.assemble import read_outcome
from genkit.conversation import Turn
from genkit.provider import ErrorFacts, Outcome, WireImage
from genkit.wire import WireResponse
from tests.providers.gemini.support import provider, request


class Recording(StrEnum):
    """Those that hold answers of this wire, by path."""

    LITE = "crmne__ruby_llm/gemini-3.1-flash-lite-image_generate.yml"
    STORY = "pydantic__pydantic-ai/gemini-3-pro-image-preview_text_plus_image.yaml"
    SEARCH = "pydantic__pydantic-ai/gemini-3-pro-image-preview_google_search.yaml"
    TWO_ASKED = "pydantic__pydantic-ai/gemini-2.5-flash-image_asked_two_images_got_one.yaml"
    TOOLS = "pydantic__pydantic-ai/gemini-3-flash-preview_multiturn_signatures_inline_image.yaml"
    TOOL_IMAGE = "crmne__ruby_llm/gemini-3-flash-preview_tool_image_echo_signature.yml"
    SAFETY = "pydantic__pydantic-ai/gemini_200_finish_SAFETY_empty_content.yaml"
    LIMIT = "pydantic__pydantic-ai/gemini_200_MAX_TOKENS_no_parts.yaml"
    VERTEX = "pydantic__pydantic-ai/vertex_400_cannot_fetch_url.yaml"
    NOT_FOUND = "pydantic__pydantic-ai/gemini_404_model_not_found.yaml"
    BAD_KEY = "crmne__ruby_llm/gemini_400_api_key_invalid.yml"
    BAD_KEY_STREAM = "Mirascope__mirascope/gemini_stream_400_api_key_invalid.yaml"
    QUOTA = "crmne__ruby_llm/gemini_429_paid_tier_quotafailure_retryinfo.yml"
    QUOTA_TRIMMED = "vercel__ai/gemini_429_retry_info_fractional.json"
    MIXED = (
        "braintrustdata__braintrust-sdk-javascript/"
        "gemini_interactions_text_stream_and_400.cassette.json"
    )


@attrs.frozen(kw_only=True)
class Exchange:
    """One request and its answer."""

    url: str
    asked: Any
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def model(self) -> str:
        """The model id in the URL."""
        return self.url.rpartition("/models/")[2].partition(":")[0]

    @property
    def answered(self) -> Any:
        """The answer's JSON, nothing lifted."""
        return json.loads(self.body)

    def response(self) -> WireResponse:
        """The answer as a codec gets it."""
        return WireResponse.from_bytes(self.status, self.headers, self.body)


@cache
def exchanges(path: Path) -> tuple[Exchange, ...]:
    """All exchanges of a recording, whichever tool recorded it."""
    text = path.read_bytes()
    if path.suffix == ".json":
        recorded = json.loads(text)
        if "entries" in recorded:
            return tuple(_from_entries(recorded["entries"]))
        status = recorded.get("error", {}).get("code", 200)
        return (Exchange(url="", asked=None, status=status, headers={}, body=text),)
    recorded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    listed = recorded.get("interactions") or recorded["http_interactions"]
    return tuple(_from_interaction(item["request"], item["response"]) for item in listed)


def _from_entries(entries: list[Any]) -> Iterator[Exchange]:
    for entry in entries:
        asked, answered = entry["request"], entry["response"]
        if answered["body"]["kind"] == "json":
            yield Exchange(
                url=asked["url"],
                asked=asked["body"].get("value"),
                status=answered["status"],
                headers=answered["headers"],
                body=json.dumps(answered["body"]["value"]).encode(),
            )


def _from_interaction(asked: Mapping[str, Any], answered: Mapping[str, Any]) -> Exchange:
    headers = {name: ", ".join(values) for name, values in answered["headers"].items()}
    return Exchange(
        url=asked["uri"],
        asked=json.loads(_body(asked)),
        status=answered["status"]["code"],
        headers=headers,
        body=_body(answered),
    )


def _body(message: Mapping[str, Any]) -> bytes:
    if "parsed_body" in message:
        return json.dumps(message["parsed_body"]).encode()
    body = message["body"]
    if isinstance(body, dict) and "base64_string" in body:
        return base64.b64decode(body["base64_string"])
    text = body["string"] if isinstance(body, dict) else body
    return text if isinstance(text, bytes) else str(text).encode()


Replayed: TypeAlias = tuple[Exchange, Outcome | ErrorFacts]


def replay(traffic: Path, name: Recording) -> list[Replayed]:
    """The exchanges of a recording on this wire, and what the codec makes of each answer."""
    replayed: list[Replayed] = []
    for exchange in exchanges(traffic / name):
        if exchange.url and "generatecontent" not in exchange.url.lower():
            continue
        made, response = provider(), exchange.response()
        if exchange.status < 300:
            asked = request(model=exchange.model or None)
            replayed.append((exchange, made.decode(response, asked, None)))
        else:
            replayed.append((exchange, made.decode_error(response)))
    return replayed


def one(traffic: Path, name: Recording) -> tuple[Exchange, Any]:
    """The single exchange of a recording, and what the codec makes of its answer."""
    (replayed,) = replay(traffic, name)
    return replayed


def turn_of(exchange: Exchange, decoded: Outcome) -> Turn:
    """The turn that the core keeps of an answer."""
    if any(isinstance(part, WireImage) for part in decoded.parts):
        return read_outcome(decoded, exchange.response(), alternatives=False).turns[0]
    kept = tuple(part for part in decoded.parts if not isinstance(part, WireImage))
    return Turn("model", kept)
