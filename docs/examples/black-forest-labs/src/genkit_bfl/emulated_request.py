"""What the emulated service understands of a submission, or complains of."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import attrs

from genkit.errors import InvalidRequestError
from genkit.images import Image
from genkit.wire import Lifted

__all__ = ["Asked", "Complaint", "understand"]

MEGAPIXEL = 1024 * 1024
_RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")
_PICTURES = ("input_image", "input_image_2", "input_image_3", "input_image_4")
_MULTIPLE = 32


@attrs.frozen
class Complaint:
    """Why a request is answered with 422: one entry of FastAPI's ``detail``."""

    field: str
    message: str
    code: str = "value_error"

    def to_json(self) -> dict[str, Any]:
        """As it stands on the wire."""
        return {"loc": ["body", self.field], "msg": self.message, "type": self.code}


@attrs.frozen(kw_only=True)
class Asked:
    """A submission."""

    model: str
    prompt: str = attrs.field(repr=False)
    width: int
    height: int
    seed: int | None
    references: int
    output_format: str


class _WrongError(Exception):
    """A value of the request; carries the complaint."""

    def __init__(self, field: str, message: str, code: str = "value_error") -> None:
        super().__init__(message)
        self.complaint = Complaint(field, message, code)


def understand(document: object, model: str) -> Asked | Complaint:
    """What a submission asks for, or the first thing that is wrong with it."""
    try:
        if not isinstance(document, Mapping):
            raise _WrongError("prompt", "The body must be a JSON object", "json_invalid")
        prompt = document.get("prompt")
        if not isinstance(prompt, str):
            raise _WrongError("prompt", "Field required", "missing")
        pictures = _pictures(document) if "kontext" in model else []
        width, height = _by_ratio(document, pictures) if "kontext" in model else _edges(document)
        output_format = document.get("output_format") or "png"
        if output_format not in ("png", "jpeg"):
            raise _WrongError("output_format", "Input should be 'jpeg' or 'png'", "enum")
        _whole(document, "safety_tolerance", 0, 6)
        if not isinstance(document.get("prompt_upsampling", False), bool):
            raise _WrongError(
                "prompt_upsampling", "Input should be a valid boolean", "bool_parsing"
            )
        return Asked(
            model=model,
            prompt=prompt,
            width=width,
            height=height,
            seed=_whole(document, "seed", -(2**63), 2**63 - 1),
            references=len(pictures),
            output_format=output_format,
        )
    except _WrongError as wrong:
        return wrong.complaint


def _whole(document: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _WrongError(name, "Input should be a valid integer", "int_type")
    if not low <= value <= high:
        raise _WrongError(name, f"Input should be from {low} to {high}", "out_of_range")
    return value


def _pictures(document: Mapping[str, Any]) -> list[Image]:
    given = [(name, document[name]) for name in _PICTURES if document.get(name) is not None]
    pictures = []
    for name, value in given:
        try:
            pictures.append(Image.from_bytes(Lifted(value).decode()))
        except (ValueError, TypeError, AttributeError, InvalidRequestError):
            raise _WrongError(name, "The picture cannot be read") from None
    return pictures


def _by_ratio(document: Mapping[str, Any], pictures: list[Image]) -> tuple[int, int]:
    """About one megapixel in the ratio asked for, or in that of the first picture."""
    ratio = pictures[0].width / pictures[0].height if pictures else 1.0
    asked = document.get("aspect_ratio")
    if asked is not None:
        found = _RATIO.fullmatch(asked) if isinstance(asked, str) else None
        if found is None:
            raise _WrongError("aspect_ratio", "The ratio must be such as 16:9")
        ratio = int(found[1]) / int(found[2])
        if not 3 / 7 <= ratio <= 7 / 3:
            raise _WrongError("aspect_ratio", "The ratio must be from 3:7 to 7:3")
    ratio = min(max(ratio, 3 / 7), 7 / 3)
    width, height = math.sqrt(MEGAPIXEL * ratio), math.sqrt(MEGAPIXEL / ratio)
    return round(width / _MULTIPLE) * _MULTIPLE, round(height / _MULTIPLE) * _MULTIPLE


def _edges(document: Mapping[str, Any]) -> tuple[int, int]:
    edges = []
    for name, default in (("width", 1024), ("height", 768)):
        edge = _whole(document, name, 256, 1440)
        if edge is not None and edge % _MULTIPLE:
            raise _WrongError(name, f"Input should be a multiple of {_MULTIPLE}", "multiple_of")
        edges.append(default if edge is None else edge)
    return edges[0], edges[1]
