"""What a service says about trying again: how long to wait, and whether at all.

Sources: ``Retry-After`` in seconds or as a date (RFC 9110, 10.2.3; dates 5.6.7), the
``retry-after-ms`` and ``x-should-retry`` of several services, and a delay in the body, which the
provider reads (``google.rpc.RetryInfo``).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import attrs

__all__ = ["Hints", "read_hints"]

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,15})?", re.ASCII)
_LONGEST = 1e15
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}", re.ASCII | re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Hints:
    """What one answer says about trying again."""

    wait: float | None = None
    """Seconds to wait at least, never negative; `None` when it says nothing that can be read."""
    should_retry: bool | None = None
    """Whether to try again; `None` when it does not say."""


def read_hints(
    headers: Mapping[str, str],
    body_delay: float | None = None,
    *,
    now: Callable[[], float] = time.time,
) -> Hints:
    """The hints of an answer. `headers` by lower-case name; of several waits the longest counts.

    `body_delay` is what the provider read in the body. `now` is the wall clock in seconds since the
    epoch, for dates in answers that have no ``Date`` of their own. Never raises: a hint that cannot
    be read is none.
    """
    waits = [
        *_retry_after(headers, now),
        *(seconds / 1000 for seconds in _numbers(headers.get("retry-after-ms", ""))),
    ]
    waits += _delay(body_delay)
    said = headers.get("x-should-retry", "").strip().lower()
    return Hints(
        wait=max(waits, default=None), should_retry={"true": True, "false": False}.get(said)
    )


def _retry_after(headers: Mapping[str, str], now: Callable[[], float]) -> Iterator[float]:
    for value in _split(headers.get("retry-after", "")):
        yield from _numbers(value)
        if (date := _date(value)) is not None:
            # Against the service's own clock, if it shows it: ours may be wrong.
            today = _date(headers.get("date", ""))
            yield max(0.0, date - (now() if today is None else today))


def _split(value: str) -> Iterator[str]:
    """The values of a header that may have been sent several times; dates have commas too."""
    pieces = iter(value[:1000].split(","))
    for piece in pieces:
        if _WEEKDAY.fullmatch(piece.strip()):
            piece = f"{piece},{next(pieces, '')}"
        yield piece.strip()


def _numbers(value: str) -> Iterator[float]:
    for piece in value[:1000].split(","):
        if _NUMBER.fullmatch(piece.strip()):
            yield float(piece)


def _date(value: str) -> float | None:
    """Seconds since the epoch of an HTTP date, in any of its three forms."""
    value = value.strip()
    if not _WEEKDAY.match(value) or len(value) > 64 or not value.isascii():
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    if parsed.tzinfo is None:  # the form of C's asctime names no zone; HTTP is always UTC
        parsed = parsed.replace(tzinfo=UTC)
    try:
        return (parsed - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    except OverflowError:
        return None


def _delay(value: object) -> list[float]:
    """The delay that a provider read, if it is one; nothing it gives is taken on trust."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    return [float(value)] if 0 <= value < _LONGEST else []
