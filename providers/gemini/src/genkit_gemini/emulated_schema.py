"""The body of ``:generateContent`` as the emulated service reads it: strictly.

Fields after the Gemini API reference and the SDK's own mapping of them. The service takes every
name in camelCase and in snake_case, and answers 400 with field violations to what it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from genkit.lifted import decode_base64
from genkit_gemini.reading import camel

__all__ = ["OTHER_KINDS", "Violation", "check_body"]

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@attrs.frozen
class Violation:
    """What is wrong with a field, and where it stands: ``generation_config.image_config``."""

    field: str
    description: str


Found: TypeAlias = list[Violation]
Check: TypeAlias = Callable[[Any, str, Found], Any]
"""Gives the value as the service understands it, and adds what is wrong with it."""


# -- kinds of fields --------------------------------------------------------------------------


def _of(kind: type | tuple[type, ...], name: str) -> Check:
    def check(value: Any, path: str, found: Found) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            found.append(Violation(path, f"Invalid value at '{path}': expected {name}."))
        return value

    return check


def _int32(value: Any, path: str, found: Found) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        found.append(Violation(path, f"Invalid value at '{path}': expected TYPE_INT32."))
    return value


def _bytes(value: Any, path: str, found: Found) -> Any:
    try:
        return decode_base64(value)
    except (TypeError, ValueError):
        found.append(Violation(path, f"Invalid value at '{path}': expected base64 (TYPE_BYTES)."))
        return b""


def _anything(value: Any, _path: str, _found: Found) -> Any:
    return value


def _one_of(*names: str) -> Check:
    def check(value: Any, path: str, found: Found) -> Any:
        if value not in names:
            shown = repr(value)[:80]
            found.append(Violation(path, f"Invalid value at '{path}': {shown} is no such name."))
        return value

    return check


def _list_of(item: Check) -> Check:
    def check(value: Any, path: str, found: Found) -> Any:
        # As the JSON form of protocol buffers has it, a lone value stands for a list of one.
        values = value if isinstance(value, list) else [value]
        return [item(each, f"{path}[{index}]", found) for index, each in enumerate(values)]

    return check


def _message(**fields: Check) -> Check:
    """An object with these fields by camelCase name."""

    def check(value: Any, path: str, found: Found) -> Any:
        if not isinstance(value, Mapping):
            found.append(Violation(path, f"Invalid value at '{path}': expected an object."))
            return {}
        understood = {}
        for name, item in value.items():
            known = camel(name)
            if known not in fields:
                place = f" at '{path}'" if path else ""
                found.append(
                    Violation(path, f'Unknown name "{name[:80]}"{place}: there is no such field.')
                )
            elif item is not None:
                inner = _CAPITAL.sub("_", known).lower()
                understood[known] = fields[known](item, f"{path}.{inner}".lstrip("."), found)
        return understood

    return check


_text = _of(str, "TYPE_STRING")
_number = _of((int, float), "a number")
_boolean = _of(bool, "TYPE_BOOL")

# -- the messages -----------------------------------------------------------------------------

OTHER_KINDS = (
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
)
"""Kinds of parts, beside ``text`` and ``inlineData``, that image models do not make."""

_PART = _message(
    text=_text,
    inlineData=_message(mimeType=_text, data=_bytes),
    fileData=_message(mimeType=_text, fileUri=_text),
    functionCall=_anything,
    functionResponse=_anything,
    executableCode=_anything,
    codeExecutionResult=_anything,
    thought=_boolean,
    thoughtSignature=_bytes,
    mediaResolution=_anything,
    videoMetadata=_anything,
    partMetadata=_anything,
)
_CONTENT = _message(role=_text, parts=_list_of(_PART))

_CATEGORIES = tuple(
    f"HARM_CATEGORY_{name}"
    for name in (
        "HARASSMENT",
        "HATE_SPEECH",
        "SEXUALLY_EXPLICIT",
        "DANGEROUS_CONTENT",
        "CIVIC_INTEGRITY",
        "JAILBREAK",
    )
)
_VERTEX_CATEGORIES = tuple(
    f"HARM_CATEGORY_IMAGE_{name}"
    for name in ("HATE", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")
)
_THRESHOLDS = (
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_NONE",
    "OFF",
)
_MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
_LEVELS = ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH")


def _request(*, vertex: bool) -> Check:
    image_config: dict[str, Check] = {"aspectRatio": _text, "imageSize": _text}
    safety: dict[str, Check] = {
        "category": _one_of(*_CATEGORIES, *(_VERTEX_CATEGORIES if vertex else ())),
        "threshold": _one_of(*_THRESHOLDS),
    }
    request: dict[str, Check] = {}
    if vertex:
        image_config |= {
            "personGeneration": _one_of("ALLOW_ALL", "ALLOW_ADULT", "ALLOW_NONE"),
            "prominentPeople": _text,
            "imageOutputOptions": _message(mimeType=_text, compressionQuality=_int32),
        }
        safety["method"] = _one_of("SEVERITY", "PROBABILITY")
        request = {"labels": _anything}
    configuration = _message(
        temperature=_number,
        topP=_number,
        topK=_number,
        maxOutputTokens=_int32,
        stopSequences=_list_of(_text),
        candidateCount=_int32,
        seed=_int32,
        presencePenalty=_number,
        frequencyPenalty=_number,
        responseLogprobs=_boolean,
        logprobs=_int32,
        responseModalities=_list_of(_one_of(*_MODALITIES)),
        imageConfig=_message(**image_config),
        thinkingConfig=_message(
            includeThoughts=_boolean, thinkingBudget=_int32, thinkingLevel=_one_of(*_LEVELS)
        ),
        mediaResolution=_text,
        responseMimeType=_text,
        responseSchema=_anything,
        responseJsonSchema=_anything,
        speechConfig=_anything,
    )
    return _message(
        contents=_list_of(_CONTENT),
        systemInstruction=_CONTENT,
        tools=_anything,
        toolConfig=_anything,
        safetySettings=_list_of(_message(**safety)),
        generationConfig=configuration,
        cachedContent=_text,
        serviceTier=_text,
        model=_text,
        **request,
    )


_DEVELOPER, _VERTEX = _request(vertex=False), _request(vertex=True)


def check_body(document: Any, *, vertex: bool) -> tuple[dict[str, Any], tuple[Violation, ...]]:
    """The body with its names in camelCase and its base64 decoded, and what is wrong with it."""
    found: Found = []
    understood = (_VERTEX if vertex else _DEVELOPER)(document, "", found)
    return understood, tuple(found)
