"""What an answer of the Images API holds, and the downloads of what it only points to.

Lenient: unknown fields and values are kept, never fatal. Older models and other hosts give
addresses instead of pictures, good for an hour or less, so that each is fetched within the call:
one at a time, and what was fetched takes the place of its address in the answer.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from genkit.conversation import OpaquePart, ProviderState
from genkit.lifted import Lifted, text_of
from genkit.provider import Absence, ErrorFacts, FollowUp, Outcome, Refusal, WireImage, WirePart
from genkit.reading import count, is_shallow, items, member, prune, read, short_text, word
from genkit.request import GenerationRequest
from genkit.response import Usage
from genkit.wire import WireRequest, WireResponse
from genkit_openai.errors import error_facts, malformed
from genkit_openai.filters import blocked_categories
from genkit_openai.limits import rate_limits

__all__ = ["decode_answer"]

MAX_DOWNLOADS = 16
"""Addresses of one answer that are followed; no request asks for more pictures."""

_MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_KEPT_HEADERS = ("x-request-id", "apim-request-id", "openai-processing-ms")


@attrs.frozen(kw_only=True)
class _Answer:
    """An answer to a paid request, as far as its pictures are there."""

    document: Mapping[str, Any]
    headers: Mapping[str, str]
    """Those that are told of; not those of a download."""
    downloads: int = 0
    """How many addresses were followed."""

    def state(self) -> dict[str, Any]:
        return {
            "answer": self.document,
            "headers": dict(self.headers),
            "downloads": self.downloads,
        }


def decode_answer(
    response: WireResponse,
    request: GenerationRequest,
    step: FollowUp | None,
    *,
    provider: str,
    model: str,
) -> Outcome | FollowUp | ErrorFacts:
    """What a 2xx answer holds; states in it are tagged with `provider` and `model`."""
    if step is None:
        document = response.document
        if not isinstance(document, Mapping):
            return malformed("the answer is not a JSON object")
        if read(document, "error") is not None and not items(document, "data"):
            return error_facts(response)
        if "data" not in document:
            return malformed("the answer has no list of pictures")
        answer = _Answer(document=document, headers=_kept_headers(response.headers))
        usage = _usage(document, request)
    else:
        continued = _continued(step.state, response)
        if isinstance(continued, ErrorFacts):
            return continued
        # It was counted with the answer that the downloads belong to.
        answer, usage = continued, None
    following = _next_download(answer)
    if following is not None:
        return FollowUp(request=following, state=answer.state(), usage=usage)
    return _outcome(answer, usage, _Tag(provider, model))


# -- downloads --------------------------------------------------------------------------------


def _next_download(answer: _Answer) -> WireRequest | None:
    if answer.downloads >= MAX_DOWNLOADS:
        return None
    position = _position(answer.document)
    return None if position is None else _download(items(answer.document, "data")[position])


def _position(document: Mapping[str, Any]) -> int | None:
    """Of the first picture that has to be fetched."""
    for position, item in enumerate(items(document, "data")):
        if _picture(item) is None and _download(item) is not None:
            return position
    return None


def _download(item: object) -> WireRequest | None:
    url = text_of(read(item, "url"))
    if url is None:
        return None
    try:
        # Byte by byte as it came: it is signed.
        return WireRequest(method="GET", url=url, download=True)
    except ValueError:
        return None


def _continued(state: object, response: WireResponse) -> _Answer | ErrorFacts:
    """The answer that a download belongs to, with what was downloaded in it."""
    document, downloads = read(state, "answer"), count(read(state, "downloads"))
    position = _position(document) if isinstance(document, Mapping) else None
    if position is None or downloads is None or not isinstance(document, Mapping):
        return malformed("the state of a download is damaged")
    if not response.body:
        # JSON or nothing at all, where a picture should be.
        return malformed("the download is not a picture")
    data = list(items(document, "data"))
    picture = Lifted(base64.b64encode(response.body))
    data[position] = {**data[position], "b64_json": picture}
    headers = _kept_headers(member(state, "headers"))
    return _Answer(document={**document, "data": data}, headers=headers, downloads=downloads + 1)


def _kept_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: headers.get(name) for name in headers if _is_kept(name)}
    return {name: value for name, value in kept.items() if isinstance(value, str)}


def _is_kept(name: object) -> bool:
    return isinstance(name, str) and (name in _KEPT_HEADERS or name.startswith("x-ratelimit-"))


# -- the outcome ------------------------------------------------------------------------------


@attrs.frozen
class _Tag:
    """Whose state it is."""

    provider: str
    model: str

    def state(self, data: object) -> ProviderState:
        # What is nested too deeply to be written again is no part of the service.
        return ProviderState(self.provider, self.model, data if is_shallow(data) else {})


def _outcome(answer: _Answer, usage: Usage | None, tag: _Tag) -> Outcome:
    document = answer.document
    data = items(document, "data")
    declared = _MEDIA_TYPES.get(word(read(document, "output_format")) or "")
    parts: list[WirePart] = []
    for item in data:
        picture = _picture(item)
        if picture is None:
            parts.append(OpaquePart(tag.state(item)))
        else:
            parts.append(WireImage(data=picture, declared_media_type=declared))
    refusal = absence = None
    if not any(isinstance(part, WireImage) for part in parts):
        refusal = _refusal(data)
        absence = Absence(cause="empty") if refusal is None else None
    return Outcome(
        parts=tuple(parts),
        refusal=refusal,
        absence=absence,
        usage=usage,
        request_id=_request_id(answer.headers),
        model_version=word(read(document, "model")),
        metadata=_metadata(answer),
    )


def _picture(item: object) -> Lifted | str | None:
    """The base64 of a picture that is in the answer itself."""
    data = read(item, "b64_json")
    if isinstance(data, Lifted | str):
        return data
    url = read(item, "url")
    if isinstance(url, str) and url[:5].lower() == "data:":
        return url
    if isinstance(url, Lifted) and url.encoded[:5].lower() == b"data:":
        return url
    return None


def _refusal(data: Sequence[object]) -> Refusal | None:
    """Why every picture is missing, where the service says so picture by picture."""
    for item in data:
        categories = blocked_categories(item)
        if categories or read(item, "respect_moderation") is False:
            reason = "content_filter" if categories else "respect_moderation"
            return Refusal(stage="output", reason=reason, categories=categories)
    return None


def _request_id(headers: Mapping[str, str]) -> str | None:
    return word(headers.get("x-request-id") or headers.get("apim-request-id"))


# -- usage and metadata -----------------------------------------------------------------------


def _usage(document: Mapping[str, Any], request: GenerationRequest) -> Usage | None:
    usage = member(document, "usage")
    if not usage:
        return None
    text_in, image_in = _split(usage, "input")
    if text_in is None and image_in is None and not request.images:
        # Older answers have no details; without pictures there is only one kind.
        text_in = count(read(usage, "input_tokens"))
    text_out, image_out = _split(usage, "output")
    if text_out is None and image_out is None:
        image_out = count(read(usage, "output_tokens"))
    return Usage(
        input_text_tokens=text_in,
        input_image_tokens=image_in,
        output_text_tokens=text_out,
        output_image_tokens=image_out,
        total_tokens=count(read(usage, "total_tokens")),
        images=sum(
            _picture(item) is not None or _download(item) is not None
            for item in items(document, "data")
        ),
        raw=prune(usage),
    )


def _split(usage: Mapping[str, Any], side: str) -> tuple[int | None, int | None]:
    """Tokens of text and of pictures; what the details leave out is the rest of the total."""
    details = member(usage, f"{side}_tokens_details")
    text, image = count(read(details, "text_tokens")), count(read(details, "image_tokens"))
    total = count(read(usage, f"{side}_tokens"))
    if total is not None and text is None and image is not None and image <= total:
        text = total - image
    elif total is not None and image is None and text is not None and text <= total:
        image = total - text
    return text, image


def _metadata(answer: _Answer) -> dict[str, Any]:
    """What only this service says, under its own names and without long strings."""
    document = answer.document
    revised = [short_text(read(item, "revised_prompt")) for item in items(document, "data")]
    filters = [prune(member(item, "content_filter_results")) for item in items(document, "data")]
    found = {
        "created": count(read(document, "created")),
        "background": word(read(document, "background")),
        "output_format": word(read(document, "output_format")),
        "quality": word(read(document, "quality")),
        "size": word(read(document, "size")),
        "revised_prompts": revised if any(revised) else None,
        "content_filter_results": filters if any(filters) else None,
        "processing_ms": word(answer.headers.get("openai-processing-ms")),
        "rate_limits": rate_limits(answer.headers),
    }
    return {name: value for name, value in found.items() if value}
