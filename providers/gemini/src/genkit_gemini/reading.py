"""Reading parsed JSON leniently: what is not there or not of the kind expected is `None` or empty.

Answers of the service are camelCase; some proxies spell them in snake_case, which is read too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from genkit.reading import count, prune, short_text, word

__all__ = ["camel", "count", "items", "member", "prune", "read", "short_text", "unwrap", "word"]

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
