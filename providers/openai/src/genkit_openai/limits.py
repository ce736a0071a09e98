"""The ``x-ratelimit-*`` headers: how much there is of what, what is left, and when it is full."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from genkit.durations import parse_duration

__all__ = ["is_full", "rate_limits"]

_HEADER = re.compile(r"x-ratelimit-(limit|remaining|reset)-([a-z][a-z-]{0,40})", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)

NEARLY = 0.99
"""The share of a limit from which on it counts as untouched: a moment fills the rest."""


def rate_limits(headers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What the headers say, by resource: ``requests``, ``tokens``, ``input-images``.

    Of each there is the `limit`, what is `remaining`, and `reset`: the seconds after which all of
    the limit is there again. What cannot be read is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, value in headers.items():
        if (header := _HEADER.fullmatch(name)) and (number := _value(header[1], value)) is not None:
            found.setdefault(header[2], {})[header[1]] = number
    return found


def is_full(limits: Mapping[str, Mapping[str, Any]], resource: str) -> bool:
    """Whether all of a resource is there at this moment, as the service says itself.

    Never of ``requests``: a single one is not over any limit.
    """
    if resource == "requests":
        return False
    facts = limits.get(resource, {})
    limit, remaining, reset = (facts.get(name) for name in ("limit", "remaining", "reset"))
    if limit is None or remaining is None:
        return False
    return bool(remaining >= NEARLY * limit > 0 and (reset is None or reset < 1.0))


def _value(kind: str, value: str) -> int | float | None:
    value = value.strip()
    if kind == "reset":
        # As Go writes durations: 12ms, 6m0s.
        return parse_duration(value)
    return int(value) if _NUMBER.fullmatch(value) else None
