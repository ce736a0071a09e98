"""The options that only this service has, checked strictly.

They come from ``provider_options`` of a request, or as defaults from the configuration. All but
`edit_body` stand under the same name in the request.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

from genkit.errors import InvalidRequestError, UnsupportedOptionError

__all__ = ["OPTIONS", "Option", "applying", "option_values"]

Check: TypeAlias = Callable[[Any], Any]
"""The wire's value for a caller's, or `ValueError` that says what is allowed."""


@attrs.frozen(kw_only=True)
class Option:
    """One option: what it may be, and where it has a meaning."""

    check: Check
    edits_only: bool = False
    """Whether it is for requests with pictures alone; a default is left out of others."""
    formats: tuple[str, ...] = ()
    """Output formats that it is for, if not for all; a default is left out of others."""


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> Any:
        name = value.lower() if isinstance(value, str) else None
        if name not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return name

    return check


def _percent(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError("must be a whole number from 0 to 100")
    return value


def _identifier(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip() or len(value) > 512:
        raise ValueError("must be a text of 1 to 512 characters")
    if not value.isprintable():
        raise ValueError("must have no control characters")
    return value


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "edit_body": Option(check=_one_of("multipart", "json"), edits_only=True),
        "moderation": Option(check=_one_of("auto", "low")),
        "output_compression": Option(check=_percent, formats=("jpeg", "webp")),
        "input_fidelity": Option(check=_one_of("low", "high"), edits_only=True),
        "complexity": Option(check=_one_of("low", "medium", "high")),
        "safety_identifier": Option(check=_identifier),
        "user": Option(check=_identifier),
        "style": Option(check=_one_of("vivid", "natural")),
        "response_format": Option(check=_one_of("b64_json", "url")),
    }
)
"""Every option by the name that callers use."""

_ELSEWHERE = {
    "partial_images": "parts of a picture come in streams only, and this provider does not stream",
    "stream": "this provider does not stream",
}


def option_values(
    options: Mapping[str, Any],
    allowed: Iterable[str],
    *,
    field: str,
) -> dict[str, Any]:
    """The checked values of the options that are given, by name.

    `None` means that an option is not given. `field` is what the options stand under, for messages.

    Raises:
        UnsupportedOptionError: there is no such option, or not for this model.
        InvalidRequestError: a value that the option cannot have.
    """
    allowed = tuple(allowed)
    found: dict[str, Any] = {}
    for name, value in options.items():
        where = f"{field}.{name}"
        if name not in allowed:
            raise UnsupportedOptionError(f"{where}: {_why_not(name, allowed)}", field=where)
        if value is None:
            continue
        try:
            found[name] = OPTIONS[name].check(value)
        except ValueError as error:
            raise InvalidRequestError(f"{where}: {error}{_given(value)}", field=where) from None
    return found


def applying(
    values: Mapping[str, Any],
    explicit: Iterable[str],
    *,
    is_edit: bool,
    output_format: str,
    field: str,
) -> dict[str, Any]:
    """Of `values`, those that have a meaning in a request; a default that has none is left out.

    Raises:
        InvalidRequestError: one in `explicit`, which the request itself names, has none.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        option = OPTIONS[name]
        why_not = None
        if option.edits_only and not is_edit:
            why_not = "is for editing, and the request has no picture"
        elif option.formats and output_format not in option.formats:
            why_not = (
                f"is for {' and '.join(option.formats)}; say so by output_format, which is"
                f" {output_format} here"
            )
        if why_not is None:
            found[name] = value
        elif name in explicit:
            where = f"{field}.{name}"
            raise InvalidRequestError(f"{where}: {why_not}", field=where)
    return found


def _given(value: object) -> str:
    """What was given, where it is short enough to be no prompt."""
    if isinstance(value, str):
        is_short = len(value) <= 40
    else:
        is_short = isinstance(value, int | float) and abs(value) < 1e12
    return f", not {value!r}" if is_short else ""


def _why_not(name: object, allowed: tuple[str, ...]) -> str:
    if isinstance(name, str):
        if name in OPTIONS:
            return f"this model does not have it; it has {', '.join(sorted(allowed))}"
        if name in _ELSEWHERE:
            return _ELSEWHERE[name]
    close = difflib.get_close_matches(str(name), allowed, n=1)
    suggestion = f"did you mean {close[0]}? " if close else ""
    return f"there is no such option; {suggestion}there are {', '.join(sorted(allowed))}"
