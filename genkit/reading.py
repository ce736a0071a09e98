"""Reading parsed JSON leniently: what is not there or of another kind is `None` or empty.

For codecs: answers are read so that unknown fields and wrong kinds are never fatal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genkit.lifted import LIFT_OVER, Lifted, text_of

__all__ = ["count", "is_shallow", "items", "member", "prune", "read", "short_text", "word"]

MAX_COUNT = 2**31 - 1
"""The largest count that is taken for one."""


def read(document: object, name: str) -> Any:
    """The value under `name`; `None` where there is none."""
    return document.get(name) if isinstance(document, Mapping) else None


def member(document: object, name: str) -> Mapping[str, Any]:
    """The object under `name`, or an empty one."""
    value = read(document, name)
    return value if isinstance(value, Mapping) else {}


def items(document: object, name: str) -> list[Any]:
    """The list under `name`, or an empty one."""
    value = read(document, name)
    return value if isinstance(value, list) else []


def word(value: object) -> str | None:
    """A short text such as a code; some services write theirs as numbers."""
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


def is_shallow(value: object, depth: int = 100) -> bool:
    """Whether it is nested at most `depth` levels deep, so that it can be written again."""
    if isinstance(value, Mapping):
        return depth > 0 and all(is_shallow(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(is_shallow(item, depth - 1) for item in value)
    return True


def _is_long(value: object) -> bool:
    return isinstance(value, Lifted) or (isinstance(value, str) and len(value) > LIFT_OVER)
