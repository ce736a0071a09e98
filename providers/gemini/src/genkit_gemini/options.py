"""The options that only this service has, checked strictly and put where the wire has them.

They come from ``provider_options`` of a request, or as defaults from the configuration.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from genkit.errors import InvalidRequestError, UnsupportedOptionError

__all__ = ["OPTIONS", "Option", "default_safety_settings", "option_names", "option_settings"]

Check: TypeAlias = Callable[[Any], Any]
"""The wire's value for a caller's, or `ValueError` that says what is allowed."""


@attrs.frozen(kw_only=True)
class Option:
    """One option: where it stands in the request, and what it may be."""

    path: tuple[str, ...]
    check: Check
    only: Literal["vertex", "thinking"] | None = None
    """Where it exists, if not everywhere; elsewhere the service answers with an error."""


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Comparing is all that works for NaN and for integers too large for a float.
        if not is_number or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return check


def _integer(low: int, high: int = 2**31 - 1) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _flag(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _one_of(*allowed: str, prefix: str = "", lower: bool = False, what: str = "") -> Check:
    """One of some names, in upper or lower case and with or without their common prefix."""

    def check(value: Any) -> Any:
        name = value.upper().removeprefix(prefix) if isinstance(value, str) else None
        if name not in allowed:
            raise ValueError(f"{what}must be one of {', '.join(allowed).lower()}")
        return prefix + (name.lower() if lower else name)

    return check


def _modalities(value: Any) -> Any:
    names = [item.upper() if isinstance(item, str) else "" for item in _list(value)]
    if sorted(names) not in (["IMAGE"], ["IMAGE", "TEXT"]):
        raise ValueError('must be ["TEXT", "IMAGE"] or ["IMAGE"]')
    return names


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, and is {type(value).__name__}")
    return list(value)


def _instruction(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not empty")
    return {"parts": [{"text": value}]}


def _google_search(value: Any) -> Any:
    return [{"googleSearch": {}}] if _flag(value) else None


# -- safety -----------------------------------------------------------------------------------

_CATEGORY = "HARM_CATEGORY_"
_DEFAULT_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
_CATEGORIES = (
    *_DEFAULT_CATEGORIES,
    "CIVIC_INTEGRITY",
    "JAILBREAK",
    # On Vertex only; the Gemini API itself refuses them.
    "IMAGE_HATE",
    "IMAGE_DANGEROUS_CONTENT",
    "IMAGE_HARASSMENT",
    "IMAGE_SEXUALLY_EXPLICIT",
)
_DEFAULT_THRESHOLD = "BLOCK_MEDIUM_AND_ABOVE"
_THRESHOLDS = ("BLOCK_LOW_AND_ABOVE", _DEFAULT_THRESHOLD, "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF")

_category = _one_of(*_CATEGORIES, prefix=_CATEGORY, what="a category ")
_threshold = _one_of(*_THRESHOLDS, what="a threshold ")


def default_safety_settings() -> list[dict[str, str]]:
    """What is blocked where nothing else is said."""
    return _settings({_CATEGORY + name: _DEFAULT_THRESHOLD for name in _DEFAULT_CATEGORIES})


def _settings(thresholds: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"category": name, "threshold": value} for name, value in thresholds.items()]


def _safety(value: Any) -> Any:
    """A threshold for all categories, a mapping that changes some, or the whole list."""
    thresholds = {_CATEGORY + name: _DEFAULT_THRESHOLD for name in _DEFAULT_CATEGORIES}
    if isinstance(value, str):
        threshold: str = _threshold(value)
        return _settings(dict.fromkeys(thresholds, threshold))
    if isinstance(value, Mapping):
        for category, threshold in value.items():
            thresholds[_category(category)] = _threshold(threshold)
        return _settings(thresholds)
    whole: dict[str, str] = {}
    for item in _list(value):
        if not isinstance(item, Mapping) or set(item) != {"category", "threshold"}:
            raise ValueError("must be a list of {category, threshold}")
        whole[_category(item["category"])] = _threshold(item["threshold"])
    return _settings(whole)


# -- the table --------------------------------------------------------------------------------

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "response_modalities": Option(
            path=("generationConfig", "responseModalities"), check=_modalities
        ),
        "temperature": Option(path=("generationConfig", "temperature"), check=_number(0, 2)),
        "top_p": Option(path=("generationConfig", "topP"), check=_number(0, 1)),
        "top_k": Option(path=("generationConfig", "topK"), check=_integer(1)),
        "max_output_tokens": Option(
            path=("generationConfig", "maxOutputTokens"), check=_integer(1)
        ),
        "thinking_level": Option(
            path=("generationConfig", "thinkingConfig", "thinkingLevel"),
            check=_one_of("MINIMAL", "LOW", "MEDIUM", "HIGH"),
            only="thinking",
        ),
        # 0 is off, -1 leaves it to the model.
        "thinking_budget": Option(
            path=("generationConfig", "thinkingConfig", "thinkingBudget"),
            check=_integer(-1),
            only="thinking",
        ),
        "include_thoughts": Option(
            path=("generationConfig", "thinkingConfig", "includeThoughts"),
            check=_flag,
            only="thinking",
        ),
        "media_resolution": Option(
            path=("generationConfig", "mediaResolution"),
            check=_one_of("LOW", "MEDIUM", "HIGH", prefix="MEDIA_RESOLUTION_"),
        ),
        "person_generation": Option(
            path=("generationConfig", "imageConfig", "personGeneration"),
            check=_one_of("ALLOW_ALL", "ALLOW_ADULT", "ALLOW_NONE"),
            only="vertex",
        ),
        "safety_settings": Option(path=("safetySettings",), check=_safety),
        "system_instruction": Option(path=("systemInstruction",), check=_instruction),
        "google_search": Option(path=("tools",), check=_google_search),
        "service_tier": Option(
            path=("serviceTier",),
            check=_one_of("STANDARD", "FLEX", "PRIORITY", lower=True),
        ),
    }
)
"""Every option by the name that callers use."""


def option_names(*, vertex: bool, thinking: bool) -> tuple[str, ...]:
    """The options that exist on a backend and for a model."""
    absent = {None if vertex else "vertex", None if thinking else "thinking"} - {None}
    return tuple(name for name, option in OPTIONS.items() if option.only not in absent)


def option_settings(
    options: Mapping[str, Any], allowed: Iterable[str], *, field: str
) -> dict[tuple[str, ...], Any]:
    """By place in the wire's request, the values of the options that are given.

    `None` means that an option is not given. `field` is what the options stand under, for messages.

    Raises:
        UnsupportedOptionError: there is no such option, or not for this model or backend.
        InvalidRequestError: a value that the option cannot have.
    """
    allowed = tuple(allowed)
    found: dict[tuple[str, ...], Any] = {}
    for name, value in options.items():
        where = f"{field}.{name}"
        if name not in allowed:
            raise UnsupportedOptionError(f"{where}: {_why_not(name, allowed)}", field=where)
        if value is None:
            continue
        option = OPTIONS[name]
        try:
            wire_value = option.check(value)
        except ValueError as error:
            raise InvalidRequestError(f"{where}: {error}{_given(value)}", field=where) from None
        if wire_value is not None:
            found[option.path] = wire_value
    budget, level = (OPTIONS[name].path for name in ("thinking_budget", "thinking_level"))
    if budget in found and level in found:
        where = f"{field}.thinking_budget"
        raise InvalidRequestError(f"{where}: give either this or thinking_level", field=where)
    return found


def _given(value: object) -> str:
    """What was given, where it is short enough to be no prompt."""
    if isinstance(value, str):
        is_short = len(value) <= 40
    else:
        is_short = isinstance(value, int | float) and abs(value) < 1e12
    return f", not {value!r}" if is_short else ""


def _why_not(name: object, allowed: tuple[str, ...]) -> str:
    if isinstance(name, str) and name in OPTIONS:
        only = OPTIONS[name].only
        return "exists on Vertex only" if only == "vertex" else "this model does not think"
    close = difflib.get_close_matches(str(name), allowed, n=1)
    suggestion = f"did you mean {close[0]}? " if close else ""
    return f"there is no such option; {suggestion}there are {', '.join(sorted(allowed))}"
