"""What the emulated service understands of a request, and when it refuses one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

from genkit.emulation import EmulatedRequest
from genkit.provider import ErrorFacts
from genkit_openai.emulated_forms import Part, parse_form
from genkit_openai.emulated_inputs import (
    Picture,
    Refused,
    check_mask,
    check_picture,
    linked,
    refuse,
)
from genkit_openai.emulated_models import Rules, rules_of

__all__ = ["Asked", "Operation", "understand"]

Operation: TypeAlias = Literal["generations", "edits"]

USUAL_MODEL = {"generations": "dall-e-2", "edits": "gpt-image-1.5"}
"""What the service takes where a request names no model."""

_IMAGE_FIELD = re.compile(r"image(?:\[[0-9]*\])?")
_NOT_IN_FORMS = frozenset({"images", "moderation"})
_NUMBERS = {"n": (1, 10), "output_compression": (0, 100), "partial_images": (0, 3)}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "background": ("auto", "transparent", "opaque"),
    "moderation": ("auto", "low"),
    "input_fidelity": ("high", "low"),
    "response_format": ("url", "b64_json"),
    "style": ("vivid", "natural"),
    "complexity": ("low", "medium", "high"),
}
_PICTURE_TOKENS = 194
"""Tokens of a picture that comes in, after a recorded edit of two small ones."""


@attrs.frozen(kw_only=True)
class Asked:
    """A request that the service can answer."""

    model: str
    prompt: str = attrs.field(repr=False)
    n: int
    width: int
    """Pixels."""
    height: int
    quality: str
    """As it is made, never ``auto``; ``""`` for models without it."""
    background: str
    output_format: str
    compression: int | None
    references: int
    masked: bool
    as_url: bool
    """Whether the answer gives addresses in place of pictures."""
    stream: bool
    form: bool
    """Whether it came as a form."""
    text_tokens: int
    output_tokens: int
    """Of one picture."""

    @property
    def image_tokens(self) -> int:
        """Tokens of the pictures that came."""
        return self.references * _PICTURE_TOKENS

    def facts(self) -> dict[str, Any]:
        """For the ledger."""
        return attrs.asdict(self, filter=lambda field, _value: field.name != "prompt")


@attrs.frozen(kw_only=True)
class _Received:
    """A body: its plain fields and its pictures."""

    fields: Mapping[str, Any]
    pictures: tuple[Picture, ...] = ()
    mask: Picture | None = None
    form: bool = False


def understand(
    request: EmulatedRequest,
    operation: Operation,
    *,
    deployment: str | None = None,
    serves_retired: bool = False,
) -> Asked | ErrorFacts:
    """What is asked, or the error that the service answers with.

    `deployment` is the model that the path names, if it names one.
    """
    try:
        received = _receive(request, operation)
        model = deployment or received.fields.get("model", USUAL_MODEL[operation])
        if not isinstance(model, str):
            raise refuse("model must be a string.", "model", "invalid_type")
        rules = rules_of(model, serves_retired=serves_retired)
        if rules is None:
            message = f"The model {model[:100]!r} does not exist."
            return ErrorFacts(kind="model-not-found", message=message)
        return _understand(received, rules, operation)
    except Refused as refused:
        return refused.facts


# -- bodies -----------------------------------------------------------------------------------


def _receive(request: EmulatedRequest, operation: Operation) -> _Received:
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/form-data") and operation == "edits":
        parts = parse_form(kind, request.body)
        if parts is None:
            raise refuse("The form cannot be parsed.", None, "invalid_multipart_form_data")
        return _from_form(parts)
    if not kind.lower().startswith("application/json"):
        raise refuse(f"The content type {kind[:60]!r} is not supported.", None, "invalid_content")
    document = request.document
    if not isinstance(document, Mapping):
        raise refuse("The body cannot be parsed as a JSON object.", None, "invalid_json")
    # A field that is null counts as left out.
    fields = {name: value for name, value in document.items() if value is not None}
    images = fields.get("images", [])
    if not isinstance(images, list):
        raise refuse("images must be an array.", "images", "invalid_type")
    return _Received(
        fields=fields,
        pictures=tuple(linked(one, f"images[{index}]") for index, one in enumerate(images)),
        mask=linked(fields["mask"], "mask") if "mask" in fields else None,
    )


def _from_form(parts: tuple[Part, ...]) -> _Received:
    fields: dict[str, Any] = {}
    pictures: list[Picture] = []
    mask = None
    for part in parts:
        if _IMAGE_FIELD.fullmatch(part.name):
            pictures.append(_file(part, f"image[{len(pictures)}]"))
        elif part.name == "mask":
            mask = _file(part, "mask")
        elif part.name in fields or part.name in _NOT_IN_FORMS:
            raise _unknown(part.name)
        else:
            fields[part.name] = _typed(part)
    if len({part.name for part in parts if part.name in ("image", "image[]")}) > 1:
        raise refuse("Give either image or image[].", "image", "invalid_value")
    if sum(part.name == "image" for part in parts) > 1:
        raise refuse("Several pictures are given as image[].", "image", "duplicate_parameter")
    return _Received(fields=fields, pictures=tuple(pictures), mask=mask, form=True)


def _file(part: Part, param: str) -> Picture:
    if part.filename is None:
        raise refuse(f"{param} must be a file.", param, "invalid_type")
    return Picture(param=param, media_type=part.content_type, data=part.data)


def _typed(part: Part) -> Any:
    """The value of a plain field: a form has only texts."""
    text = part.data.decode("utf-8", "replace")
    if part.name in _NUMBERS or part.name == "stream":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


# -- fields -----------------------------------------------------------------------------------


def _understand(received: _Received, rules: Rules, operation: Operation) -> Asked:
    fields, model = received.fields, rules.capabilities.model
    is_edit = operation == "edits"
    if is_edit and (not rules.edits or (rules.row.is_dall_e and not received.form)):
        raise refuse(f"The model {model!r} is not supported here.", "model", "unsupported_model")
    known = rules.parameters(edit=is_edit, form=received.form)
    if others := [field for field in fields if field not in known]:
        raise _unknown(others[0])
    prompt = _prompt(fields, rules.capabilities.max_prompt_characters or 0)
    pictures = _pictures(received, rules) if is_edit else ()
    if received.mask is not None:
        check_mask(received.mask, pictures)
    for field, (low, high) in _NUMBERS.items():
        most = rules.capabilities.max_images_per_call if field == "n" else high
        _number(fields, field, low, most)
    for field, words in _WORDS.items():
        _word(fields, field, words)
    if not isinstance(fields.get("stream", False), bool):
        raise refuse("stream must be a boolean.", "stream", "invalid_type")
    width, height = _size(fields, rules, pictures)
    quality = _quality(fields, rules)
    output_format = _word(fields, "output_format", rules.formats) or "png"
    return Asked(
        model=model,
        prompt=prompt,
        n=fields.get("n", 1),
        width=width,
        height=height,
        quality=quality,
        background=_background(fields, output_format),
        output_format=output_format,
        compression=_compression(fields, output_format),
        references=len(pictures),
        masked=received.mask is not None,
        as_url=rules.row.is_dall_e and fields.get("response_format") != "b64_json",
        stream=fields.get("stream", False),
        form=received.form,
        text_tokens=math.ceil(len(prompt) / 4),
        output_tokens=rules.output_tokens(quality, width, height),
    )


def _unknown(field: str) -> Refused:
    return refuse(f"The parameter {field[:60]!r} is not known.", field[:60], "unknown_parameter")


def _prompt(fields: Mapping[str, Any], longest: int) -> str:
    if "prompt" not in fields:
        raise refuse("The prompt is missing.", "prompt", "missing_required_parameter")
    prompt = fields["prompt"]
    if not isinstance(prompt, str):
        raise refuse("The prompt must be a string.", "prompt", "invalid_type")
    if not prompt.strip():
        raise refuse("The prompt is empty.", "prompt", "string_below_min_length")
    if len(prompt) > longest:
        raise refuse(
            f"The prompt has more than {longest} characters.",
            "prompt",
            "string_above_max_length",
        )
    return prompt


def _pictures(received: _Received, rules: Rules) -> tuple[Picture, ...]:
    name = "image" if received.form else "images"
    most = rules.capabilities.max_references
    if not received.pictures:
        raise refuse("There is no picture to edit.", name, "missing_required_parameter")
    if len(received.pictures) > most:
        raise refuse(f"There may be at most {most} pictures.", name, "array_above_max_length")
    square_only = rules.row.is_dall_e
    return tuple(check_picture(one, square_only=square_only) for one in received.pictures)


def _number(fields: Mapping[str, Any], field: str, low: int, high: int) -> None:
    value = fields.get(field, low)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(f"{field} must be an integer.", field, "invalid_type")
    if value < low:
        raise refuse(f"{field} must be at least {low}.", field, "integer_below_min_value")
    if value > high:
        raise refuse(f"{field} must be at most {high}.", field, "integer_above_max_value")


def _word(fields: Mapping[str, Any], field: str, words: tuple[str, ...]) -> str | None:
    value = fields.get(field)
    if value is not None and value not in words:
        given = repr(value)[:60]
        raise refuse(f"{field} is {given}, and must be one of {', '.join(words)}.", field)
    return value


def _size(
    fields: Mapping[str, Any], rules: Rules, pictures: tuple[Picture, ...]
) -> tuple[int, int]:
    chooses = not rules.row.is_dall_e
    size = fields.get("size", "auto" if chooses else "1024x1024")
    if size == "auto" and chooses:
        return _chosen(pictures)
    parsed = rules.size(size) if isinstance(size, str) else None
    if parsed is None:
        raise refuse(f"size is {size!r:.60}, which this model does not make.", "size")
    return parsed


def _chosen(pictures: tuple[Picture, ...]) -> tuple[int, int]:
    """The size that the model chooses: the shape of the first picture decides."""
    ratio = pictures[0].width / pictures[0].height if pictures else 1.0
    if ratio > 1.2:
        return 1536, 1024
    return (1024, 1536) if ratio < 1 / 1.2 else (1024, 1024)


def _quality(fields: Mapping[str, Any], rules: Rules) -> str:
    quality = _word(fields, "quality", rules.capabilities.qualities)
    if rules.row.is_dall_e:
        return ""
    return "medium" if quality in (None, "auto") else quality


def _background(fields: Mapping[str, Any], output_format: str) -> str:
    background = fields.get("background", "auto")
    if background == "transparent" and output_format == "jpeg":
        raise refuse("A transparent background needs png or webp.", "background")
    return "opaque" if background == "auto" else str(background)


def _compression(fields: Mapping[str, Any], output_format: str) -> int | None:
    compression: int | None = fields.get("output_compression")
    if compression not in (None, 100) and output_format == "png":
        raise refuse("png is not compressed at will; use jpeg or webp.", "output_compression")
    return compression
