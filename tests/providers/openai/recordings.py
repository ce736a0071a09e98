"""Reading the recordings of others: what was asked and what the live service answered."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import yaml

from genkit.provider import ErrorFacts, FollowUp, Outcome
from genkit.wire import WireResponse
from tests.providers.openai.support import picture, provider, request


class Recording(StrEnum):
    """Those that hold answers of this wire, by path."""

    GENERATE = "crmne__ruby_llm/openai_gpt-image-1_generate.yml"
    EDIT_JSON = "crmne__ruby_llm/openai_gpt-image-1.5_edit_two_images_json.yml"
    EDIT_FORM = "crmne__ruby_llm/openai_gpt-image-1_edit_multipart_two_images.yml"
    BAD_TYPE = "crmne__ruby_llm/openai_400_edit_multipart_unsupported_mimetype_svg.yml"
    BAD_FILE = "crmne__ruby_llm/openai_400_edit_invalid_image_file.yml"
    URL = "alexrudall__ruby-openai/openai_dalle3_generate_url.yml"
    URL_AND_PARAMETER = "traceloop__openllmetry/openai_dalle2_200_and_400_unknown_parameter.yaml"
    PARAMETER = "vercel__ai/openai_400_gpt-image_response_format_unknown.json"
    QUOTA = "vercel__ai/openai_429_insufficient_quota.json"
    TOO_LARGE = "crmne__ruby_llm/openai_429_tpm_request_too_large.yml"
    BAD_KEY = "crmne__ruby_llm/openai_401_invalid_api_key.yml"
    FAILED = "alexrudall__ruby-openai/openai_500_server_error.yml"


BARE_STATUS = {Recording.PARAMETER: 400, Recording.QUOTA: 429}
"""Recordings of bodies alone, with the status that their names give."""


@attrs.frozen(kw_only=True)
class Exchange:
    """One request and its answer."""

    url: str
    asked: bytes
    asked_type: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The request's JSON."""
        return json.loads(self.asked)

    @property
    def answered(self) -> Any:
        """The answer's JSON, nothing lifted."""
        return json.loads(self.body)

    def response(self) -> WireResponse:
        """The answer as a codec gets it."""
        return WireResponse.from_bytes(self.status, self.headers, self.body)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads Ruby's tag for bytes too."""


_Loader.add_constructor(
    "!binary", lambda loader, node: base64.b64decode(loader.construct_scalar(node))
)


@cache
def exchanges(path: Path, bare_status: int = 200) -> tuple[Exchange, ...]:
    """All exchanges of a recording, whichever tool recorded it."""
    text = path.read_bytes()
    if path.suffix == ".json":
        bare = Exchange(url="", asked=b"", asked_type="", status=bare_status, headers={}, body=text)
        return (bare,)
    # A safe loader, with one more tag.
    recorded = yaml.load(text, Loader=_Loader)
    listed = recorded.get("interactions") or recorded["http_interactions"]
    return tuple(_exchange(item["request"], item["response"]) for item in listed)


def _exchange(asked: Mapping[str, Any], answered: Mapping[str, Any]) -> Exchange:
    headers = _headers(answered)
    body = _body(answered)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Exchange(
        url=asked["uri"],
        asked=_body(asked),
        asked_type=_headers(asked).get("content-type", ""),
        status=answered["status"]["code"],
        headers=headers,
        body=body,
    )


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): ", ".join(values) for name, values in message["headers"].items()}


def _body(message: Mapping[str, Any]) -> bytes:
    body = message["body"]
    text = body["string"] if isinstance(body, dict) else body
    return text if isinstance(text, bytes) else str(text).encode()


Replayed = tuple[Exchange, Outcome | FollowUp | ErrorFacts]


def replay(traffic: Path, name: Recording) -> list[Replayed]:
    """The exchanges of a recording with the service, and what the codec makes of each answer."""
    replayed: list[Replayed] = []
    for exchange in exchanges(traffic / name, BARE_STATUS.get(name, 200)):
        if exchange.url and "api.openai.com" not in exchange.url:
            continue
        made, response = provider(), exchange.response()
        if exchange.status < 300:
            images = [picture()] if exchange.url.endswith("/edits") else []
            replayed.append((exchange, made.decode(response, request(references=images), None)))
        else:
            replayed.append((exchange, made.decode_error(response)))
    return replayed


def one(traffic: Path, name: Recording) -> tuple[Exchange, Any]:
    """The single exchange of a recording, and what the codec makes of its answer."""
    (replayed,) = replay(traffic, name)
    return replayed
