"""What an answer of ``:generateContent`` holds.

Lenient: unknown fields, enum values and kinds of parts are kept, never fatal. A block is HTTP 200
and has many shapes: no candidates and a ``blockReason``; a candidate whose content is empty, has no
parts or is missing, with a ``finishReason``; or plain words where a picture was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from genkit.conversation import OpaquePart, ProviderState, TextPart
from genkit.lifted import Lifted, text_of
from genkit.provider import Absence, ErrorFacts, Outcome, Refusal, WireImage, WirePart
from genkit.response import Notice, Usage
from genkit.wire import WireResponse
from genkit_gemini.errors import error_facts, malformed
from genkit_gemini.reading import (
    camel,
    count,
    items,
    member,
    prune,
    read,
    short_text,
    unwrap,
    word,
)

__all__ = ["MAX_DEPTH", "decode_answer"]

MAX_DEPTH = 100
"""Levels of nesting of a part that can be sent back; the service's own parser takes no more."""

ORDINARY_REASONS = frozenset({None, "STOP", "FINISH_REASON_UNSPECIFIED"})

POLICY_REASONS = frozenset(
    {
        "SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "MODEL_ARMOR",
        "JAILBREAK",
        # The service made something and holds it back because it resembles what others own. Asking
        # again with the same words pays again for the same end; other words are the remedy.
        "RECITATION",
        "IMAGE_RECITATION",
    }
)
"""Values of ``finishReason`` by which the service refuses what the model made."""


def decode_answer(response: WireResponse, *, provider: str, model: str) -> Outcome | ErrorFacts:
    """What a 2xx answer holds; states in it are tagged with `provider` and `model`."""
    document = unwrap(response.document)
    if not isinstance(document, Mapping):
        return malformed("the answer is not a JSON object")
    listed = read(document, "candidates")
    candidates = items(document, "candidates")
    if read(document, "error") is not None and not candidates:
        return error_facts(document, response.status)
    speaks = any(member(document, name) for name in ("promptFeedback", "usageMetadata"))
    if not candidates and listed != [] and not speaks:
        return malformed("the answer has neither candidates nor feedback on the prompt")
    parts = tuple(
        part for candidate in candidates for part in _parts(candidate, _Tag(provider, model))
    )
    images = [part for part in parts if isinstance(part, WireImage)]
    final = sum(not image.thought for image in images)
    refusal, absence = (None, None) if final else _why_there_is_none(document, candidates, parts)
    return Outcome(
        parts=parts,
        refusal=refusal,
        absence=absence,
        usage=_usage(member(document, "usageMetadata"), final=final, images=len(images)),
        request_id=word(read(document, "responseId")),
        model_version=word(read(document, "modelVersion")),
        metadata=_metadata(document, candidates, response.headers),
        notices=_notices(candidates) if final else (),
    )


# -- parts ------------------------------------------------------------------------------------


@attrs.frozen
class _Tag:
    """Whose state it is."""

    provider: str
    model: str

    def state(self, data: object) -> ProviderState:
        # What is nested too deeply to be written again is no part of the service.
        return ProviderState(self.provider, self.model, data if _is_shallow(data) else {})


def _parts(candidate: Mapping[str, Any], tag: _Tag) -> Iterator[WirePart]:
    parts = read(member(candidate, "content"), "parts")
    for part in parts if isinstance(parts, list) else ():
        yield _part(part, tag)


def _part(part: object, tag: _Tag) -> WirePart:
    if not isinstance(part, Mapping):
        return OpaquePart(tag.state(part))
    thought = read(part, "thought") is True
    blob = read(part, "inlineData")
    if isinstance(blob, Mapping) and _is_picture(blob):
        declared = read(blob, "mimeType")
        return WireImage(
            # The wire leaves out empty fields, so that data which is missing is empty.
            data=read(blob, "data") or "",
            declared_media_type=word(declared) if isinstance(declared, str) else None,
            state=_image_state(part, blob, tag),
            thought=thought,
        )
    text = text_of(read(part, "text"))
    if text is None or blob is not None:
        return OpaquePart(tag.state(part))
    data = _without(part, "text", "thought")
    return TextPart(text, tag.state(data) if data else None, thought)


def _is_picture(blob: Mapping[str, Any]) -> bool:
    """Whether it may be a picture. Which type it really is, the bytes say."""
    data, declared = read(blob, "data"), read(blob, "mimeType")
    if not (data is None or isinstance(data, str | Lifted)):
        return False
    if not isinstance(declared, str):
        return True
    return declared.lower().startswith(("image/", "application/octet-stream"))


def _image_state(
    part: Mapping[str, Any], blob: Mapping[str, Any], tag: _Tag
) -> ProviderState | None:
    data = _without(part, "inlineData", "thought")
    extra = _without(blob, "data")
    if not isinstance(extra.get("mimeType", ""), str):
        del extra["mimeType"]
    # The type alone says nothing that the picture does not say itself.
    if not data and set(extra) <= {"mimeType"}:
        return None
    return tag.state({**data, "inlineData": extra})


def _without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    named = ((camel(name), value) for name, value in fields.items())
    return {name: value for name, value in named if name not in names}


def _is_shallow(value: object, depth: int = MAX_DEPTH) -> bool:
    if isinstance(value, Mapping):
        return depth > 0 and all(_is_shallow(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_is_shallow(item, depth - 1) for item in value)
    return True


# -- why there is no picture ------------------------------------------------------------------


def _why_there_is_none(
    document: Mapping[str, Any],
    candidates: Sequence[Mapping[str, Any]],
    parts: Sequence[WirePart],
) -> tuple[Refusal | None, Absence | None]:
    feedback = member(document, "promptFeedback")
    reason, categories = word(read(feedback, "blockReason")), _blocked(feedback)
    if reason or (categories and not candidates):
        message = short_text(read(feedback, "blockReasonMessage"))
        reason = reason or "BLOCKED_REASON_UNSPECIFIED"
        return Refusal(stage="prompt", reason=reason, message=message, categories=categories), None
    for candidate in candidates:
        reason, categories = _finish_reason(candidate), _blocked(candidate)
        if reason in POLICY_REASONS or categories:
            return Refusal(
                stage="output",
                reason=reason or "FINISH_REASON_UNSPECIFIED",
                message=short_text(read(candidate, "finishMessage")),
                categories=categories,
            ), None
    return None, _absence(candidates, parts)


def _absence(candidates: Sequence[Mapping[str, Any]], parts: Sequence[WirePart]) -> Absence | None:
    unusual = (item for item in candidates if _finish_reason(item) not in ORDINARY_REASONS)
    candidate = next(unusual, candidates[0] if candidates else {})
    reason = _finish_reason(candidate)
    message = short_text(read(candidate, "finishMessage"))
    if reason == "MAX_TOKENS":
        return Absence(cause="limit", reason=reason, message=message)
    has_draft = any(isinstance(part, WireImage) for part in parts)
    has_text = any(
        isinstance(part, TextPart) and not part.thought and part.text.strip() for part in parts
    )
    if reason in ORDINARY_REASONS:
        if has_draft:
            # The service flags a final picture as a draft now and then: the core promotes it.
            return None
        return Absence(cause="text" if has_text else "empty", reason=reason, message=message)
    if reason == "NO_IMAGE" and has_text:
        return Absence(cause="text", reason=reason, message=message)
    return Absence(cause="other", reason=reason, message=message)


def _finish_reason(candidate: Mapping[str, Any]) -> str | None:
    return word(read(candidate, "finishReason"))


def _blocked(rated: Mapping[str, Any]) -> tuple[str, ...]:
    """The categories of harm that something was blocked for."""
    names = (
        word(read(rating, "category"))
        for rating in items(rated, "safetyRatings")
        if read(rating, "blocked") is True
    )
    return tuple(name for name in names if name)


def _notices(candidates: Sequence[Mapping[str, Any]]) -> tuple[Notice, ...]:
    """What ended oddly although there is a picture."""
    reasons = [_finish_reason(candidate) for candidate in candidates]
    return tuple(
        Notice(
            "finish-reason", f"the service ended an answer with {reason}; the picture may be cut"
        )
        for reason in reasons
        if reason not in ORDINARY_REASONS
    )


# -- usage and metadata -----------------------------------------------------------------------


def _usage(metadata: Mapping[str, Any], *, final: int, images: int) -> Usage | None:
    if not metadata:
        return None
    prompt = _split(metadata, "promptTokenCount", "promptTokensDetails")
    tools = count(read(metadata, "toolUsePromptTokenCount"))
    output = _split(metadata, "candidatesTokenCount", "candidatesTokensDetails")
    if images and not output.image:
        # With a picture, the share of each kind cannot be told where the service does not say.
        output = _Split(None, None)
    elif not images and output.image is None:
        output = _Split(count(read(metadata, "candidatesTokenCount")) or 0, None)
    return Usage(
        # What a tool brought into the prompt is text.
        input_text_tokens=_plus(prompt.text, tools),
        input_image_tokens=prompt.image,
        # Thinking is billed as text.
        output_text_tokens=_plus(output.text, count(read(metadata, "thoughtsTokenCount"))),
        output_image_tokens=output.image,
        total_tokens=count(read(metadata, "totalTokenCount")),
        images=final,
        raw=prune(metadata),
    )


@attrs.frozen
class _Split:
    """Tokens by kind; `None` where the service did not say."""

    text: int | None
    image: int | None


def _split(metadata: Mapping[str, Any], total_name: str, details_name: str) -> _Split:
    """The details need not add up to the total: the rest of it is text."""
    details = items(metadata, details_name)
    image = other = 0
    for detail in details:
        number = count(read(detail, "tokenCount"))
        if number is None:
            return _Split(None, None)
        if word(read(detail, "modality")) == "IMAGE":
            image += number
        else:
            other += number
    if not details:
        return _Split(None, None)
    total = count(read(metadata, total_name))
    rest = other if total is None else total - image
    return _Split(rest if rest >= 0 else None, image)


def _plus(known: int | None, extra: int | None) -> int | None:
    return None if known is None else known + (extra or 0)


def _metadata(
    document: Mapping[str, Any],
    candidates: Sequence[Mapping[str, Any]],
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """What only this service says, under its own names and without long strings."""
    first = candidates[0] if candidates else {}
    tier = read(member(document, "usageMetadata"), "serviceTier")
    found = {
        "finishReason": _finish_reason(first),
        "finishMessage": short_text(read(first, "finishMessage")),
        "safetyRatings": prune(items(first, "safetyRatings")),
        "groundingMetadata": prune(member(first, "groundingMetadata")),
        "citationMetadata": prune(member(first, "citationMetadata")),
        "promptFeedback": prune(member(document, "promptFeedback")),
        "modelVersion": word(read(document, "modelVersion")),
        "serviceTier": word(tier) or headers.get("x-gemini-service-tier"),
    }
    return {name: value for name, value in found.items() if value}
