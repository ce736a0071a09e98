"""Reading parsed JSON leniently: what is not there or not of the kind expected is `None` or empty.

Answers of the service are camelCase; some proxies spell them in snake_case, which is read too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from genkit.lifted import LIFT_OVER, Lifted, text_of

__all__ = ["camel", "count", "items", "member", "prune", "read", "short_text", "unwrap", "word"]

MAX_COUNT = 2**31 - 1
"""The largest count that an int32 of the wire can hold."""

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


def camel(name: str) -> str:
    """``inlineData`` of ``inline_data``."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)


def read(document: object, name: str) -> Any:
    """The value under a camelCase `name`, however it is spelled; `None` where there is none."""
    if not isinstance(document, Mapping):
        return None
    if (value := document.get(name)) is not None:
        return value
    return document.get(_CAPITAL.sub("_", name).lower())


def member(document: object, name: str) -> Mapping[str, Any]:
    """The object under `name`, or an empty one."""
    value = read(document, name)
    return value if isinstance(value, Mapping) else {}


def items(document: object, name: str) -> list[Mapping[str, Any]]:
    """The objects of the list under `name`."""
    value = read(document, name)
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def unwrap(document: object) -> object:
    """The first element where a list was put around an answer, as the service sometimes does."""
    if isinstance(document, list) and document:
        return document[0]
    return document


def word(value: object) -> str | None:
    """A short text such as an enum's value. Unknown values of an enum may come as numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= MAX_COUNT else None
    return value if isinstance(value, str) and 0 < len(value) <= 256 else None


def count(value: object) -> int | None:
    """A number of tokens; `None` for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_COUNT else None


def short_text(value: object, limit: int = 2048) -> str | None:
    """The beginning of a text for people; `None` if there is none."""
    text = text_of(value)
    return text[:limit] if text else None


def prune(value: Any, depth: int = 8) -> Any:
    """A copy without long strings and without what stands deeper than `depth`."""
    if isinstance(value, Mapping):
        pairs = value.items() if depth > 0 else ()
        return {key: prune(item, depth - 1) for key, item in pairs if not _is_long(item)}
    if isinstance(value, list):
        elements = value if depth > 0 else ()
        return [prune(item, depth - 1) for item in elements if not _is_long(item)]
    return value


def _is_long(value: object) -> bool:
    return isinstance(value, Lifted) or (isinstance(value, str) and len(value) > LIFT_OVER)
