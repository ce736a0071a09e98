"""Making pictures of what the wire gave, and one response of one answer or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from genkit.conversation import ImagePart, OpaquePart, Part, TextPart, Turn
from genkit.errors import (
    ContentPolicyError,
    ErrorContext,
    GenerationError,
    NoImageError,
    ResponseDecodeError,
)
from genkit.lifted import Lifted, decode_base64, text_of
from genkit.pixels import MAX_OUTPUT_PIXELS
from genkit.provider import Outcome, WireImage
from genkit.response import GeneratedImage, Notice, Usage
from genkit.sniff import check_picture
from genkit.wire import WireResponse

__all__ = ["Answer", "read_outcome", "signature_of", "total_usage"]


@attrs.frozen(kw_only=True)
class Answer:
    """One wire answer, read: its pictures checked, its turn ready to be continued."""

    images: tuple[GeneratedImage, ...]
    drafts: tuple[GeneratedImage, ...] = ()
    text: str | None = attrs.field(default=None, repr=False)
    turns: tuple[Turn, ...] = attrs.field(default=(), repr=False)
    """For each image, the model's turn that it stands in."""
    failures: tuple[GenerationError, ...] = ()
    """Pictures that came and cannot be used, beside those that can."""
    usage: Usage | None = None
    request_id: str | None = None
    model_version: str | None = None
    metadata: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    notices: tuple[Notice, ...] = ()
    raw: Any = attrs.field(default=None, repr=False)


def read_outcome(outcome: Outcome, response: WireResponse, *, alternatives: bool) -> Answer:
    """The pictures of an outcome.

    `alternatives`: several pictures were asked for in one request, so that each is an answer of
    its own; otherwise all belong to one turn.

    Raises:
        ContentPolicyError: the service refused.
        NoImageError: there is no picture; ``details["cause"]`` is as in `Absence`.
        ResponseDecodeError: no picture can be used (``bad-image``).
    """
    text = "".join(
        part.text for part in outcome.parts if isinstance(part, TextPart) and not part.thought
    )
    wire_images = [part for part in outcome.parts if isinstance(part, WireImage)]
    if not wire_images or (outcome.refusal and all(part.thought for part in wire_images)):
        raise _why_there_is_none(outcome, text or None)
    notices = list(outcome.notices)
    pictures: dict[int, GeneratedImage] = {}
    failures: list[ResponseDecodeError] = []
    for index, part in enumerate(outcome.parts):
        if isinstance(part, WireImage):
            try:
                pictures[index] = _picture(part, outcome)
            except ResponseDecodeError as error:
                failures.append(error)
    if not pictures:
        raise failures[0]
    final = [index for index in pictures if not _is_draft(outcome, index)]
    if not final:
        # The only picture is flagged as a draft: better the draft than nothing that was paid for.
        final = [max(pictures)]
        notices.append(
            Notice("draft-promoted", "every picture was marked as a draft; the last one is given")
        )
    notices += _media_type_notices([pictures[index] for index in final])
    return Answer(
        images=tuple(pictures[index] for index in final),
        drafts=tuple(picture for index, picture in pictures.items() if index not in final),
        text=text or None,
        turns=_turns(outcome, pictures, final, alternatives=alternatives),
        failures=tuple(failures),
        usage=outcome.usage,
        request_id=outcome.request_id,
        model_version=outcome.model_version,
        metadata=outcome.metadata,
        notices=tuple(notices),
        raw=response.document,
    )


def total_usage(usages: Iterable[Usage | None]) -> Usage | None:
    """The sum of what is known; `None` when nothing is."""
    total: Usage | None = None
    for usage in usages:
        if usage is not None:
            total = usage if total is None else total + usage
    return total


def signature_of(images: Sequence[GeneratedImage]) -> bytes | None:
    """The first picture's signature, decoded, where its provider keeps one."""
    state = images[0].state
    if state is None:
        return None
    if isinstance(state.data, bytes):
        return state.data
    if not isinstance(state.data, Mapping):
        return None
    for name in ("thoughtSignature", "thought_signature", "signature"):
        value = state.data.get(name)
        if isinstance(value, Lifted | str):
            try:
                return value.decode() if isinstance(value, Lifted) else decode_base64(value)
            except ValueError:
                return (text_of(value) or "").encode()
    return None


def _is_draft(outcome: Outcome, index: int) -> bool:
    part = outcome.parts[index]
    return isinstance(part, WireImage) and part.thought


def _why_there_is_none(outcome: Outcome, text: str | None) -> ContentPolicyError | NoImageError:
    context = ErrorContext(usage=outcome.usage, request_id=outcome.request_id)
    if outcome.refusal is not None:
        refusal = outcome.refusal
        stage = "the prompt" if refusal.stage == "prompt" else "the picture"
        said = f": {refusal.message}" if refusal.message else ""
        error = ContentPolicyError(
            f"the service refused {stage} by policy ({refusal.reason}){said}."
            " Change the prompt; the same one is refused again",
            reason=refusal.reason,
            stage=refusal.stage,
            categories=refusal.categories,
            context=context,
        )
        error.text = text
        return error
    absence = outcome.absence
    cause = absence.cause if absence else "text" if text else "empty"
    reason = absence.reason if absence else None
    said = f": {absence.message}" if absence and absence.message else ""
    advice = {
        "text": "the model answered in words; ask for a picture, or read the error's text",
        "limit": "the answer hit its token limit; raise it, or ask for less",
    }.get(cause, "try again, or change the prompt")
    return NoImageError(
        f"the answer has no image ({reason or cause}){said}; {advice}",
        {"cause": cause},
        reason=reason,
        text=text,
        context=context,
    )


def _picture(part: WireImage, outcome: Outcome) -> GeneratedImage:
    try:
        if isinstance(part.data, bytes):
            data = part.data
        else:
            data = part.data.decode() if isinstance(part.data, Lifted) else decode_base64(part.data)
    except ValueError:
        raise _bad_image("the picture is not valid base64", outcome) from None
    header, problem = check_picture(data, MAX_OUTPUT_PIXELS)
    if header is None or problem:
        raise _bad_image(problem or "the picture cannot be read", outcome)
    return GeneratedImage(
        data=data,
        media_type=header.media_type,
        width=header.width,
        height=header.height,
        declared_media_type=part.declared_media_type,
        state=part.state,
    )


def _bad_image(problem: str, outcome: Outcome) -> ResponseDecodeError:
    context = ErrorContext(usage=outcome.usage, request_id=outcome.request_id)
    return ResponseDecodeError(
        f"the service sent a picture that cannot be used: {problem}",
        kind="bad-image",
        context=context,
    )


def _media_type_notices(images: list[GeneratedImage]) -> list[Notice]:
    wrong = {
        (image.declared_media_type, image.media_type)
        for image in images
        if image.declared_media_type not in (None, image.media_type)
    }
    return [
        Notice("media-type-mismatch", f"the service calls the picture {declared}; it is {real}")
        for declared, real in sorted(wrong, key=str)
    ]


def _turns(
    outcome: Outcome,
    pictures: Mapping[int, GeneratedImage],
    final: Sequence[int],
    *,
    alternatives: bool,
) -> tuple[Turn, ...]:
    def turn(left_out: frozenset[int]) -> Turn:
        parts: list[Part] = []
        for index, part in enumerate(outcome.parts):
            if index in left_out:
                continue
            if isinstance(part, WireImage):
                if (image := pictures.get(index)) is None:
                    continue
                parts.append(ImagePart(image, part.state, part.thought))
            elif isinstance(part, TextPart | OpaquePart):
                parts.append(part)
        return Turn("model", tuple(parts), outcome.state)

    if alternatives and len(final) > 1:
        every = frozenset(final)
        return tuple(turn(every - {index}) for index in final)
    return (turn(frozenset()),) * len(final)
