"""How often and for how long a call is tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from genkit.errors import ConfigurationError, brief

__all__ = ["MAX_ATTEMPTS", "RetryPolicy"]

MAX_ATTEMPTS = 10
"""The most attempts that a policy may ask for."""

_Validator: TypeAlias = "Callable[[object, attrs.Attribute[Any], Any], None]"


def _fail(attribute: attrs.Attribute[Any], problem: str) -> ConfigurationError:
    return ConfigurationError(problems=(f"{attribute.name}: {problem}",))


def _whole(low: int, high: int) -> _Validator:
    def check(_policy: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _fail(
                attribute, f"must be a whole number from {low} to {high}, not {brief(value)}"
            )

    return check


def _number(low: float = 0.0, *, above: bool = False) -> _Validator:
    def check(_policy: object, attribute: attrs.Attribute[Any], value: object) -> None:
        bound = f"over {low:g}" if above else f"at least {low:g}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _fail(attribute, f"must be a number, not {brief(value)}")
        if not math.isfinite(value) or value < low or (above and value == low):
            raise _fail(attribute, f"must be {bound}, not {brief(value)}")

    return check


def _schedule(_policy: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if not isinstance(value, tuple) or not value:
        raise _fail(attribute, f"must be a series of seconds such as (1, 2, 4), not {brief(value)}")
    for seconds in value:
        _number()(None, attribute, seconds)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and for how long a call is tried. Times are in seconds, money in USD.

    The wait after failure `i` (from 0) is a random part of ``min(base * 2**i, cap)``, and never
    shorter than what the service asks for.

    Raises:
        ConfigurationError: a value cannot be used; the message names it.
    """

    attempts: int = attrs.field(default=3, validator=_whole(1, MAX_ATTEMPTS))
    """Attempts in all, the first included; of each follow-up again."""
    timeout: float = attrs.field(default=180.0, validator=_number(above=True))
    """For one attempt: connecting, sending and reading. Edits of over 170 s have been seen."""
    deadline: float = attrs.field(default=300.0, validator=_number(above=True))
    """For the whole call: queueing, attempts and waits."""
    transient_base: float = attrs.field(default=1.0, validator=_number())
    """Wait after a first failure that passes by itself."""
    throttle_base: float = attrs.field(default=2.0, validator=_number())
    """Wait after a first failure that says that the service has too much to do."""
    cap: float = attrs.field(default=20.0, validator=_number())
    """The longest wait that is not the service's own wish."""
    wait: tuple[float, ...] | None = attrs.field(
        default=None, converter=_as_tuple, validator=_schedule
    )
    """Waits after the first, second, ... failure, in place of the growing random ones; the last one
    goes on. What the service asks for still is never shortened."""
    max_ambiguous_retries: int = attrs.field(default=1, validator=_whole(0, MAX_ATTEMPTS))
    """How often in a call something is tried again that may have been paid for."""
    hint_limit: float = attrs.field(default=120.0, validator=_number())
    """The longest wait that a service may ask for; for a longer one the call fails at once."""
    ambiguous_cost_limit: float = attrs.field(default=0.25, validator=_number())
    """Estimated cost over which nothing is tried again that may have been paid for."""
