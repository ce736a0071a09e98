"""Reading the durations that services write, as seconds."""

from __future__ import annotations

import math
import re

__all__ = ["parse_duration"]

_UNITS = {
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "\u03bcs": 1e-6,
    "ns": 1e-9,
}
# Micro is written with either of two characters: the micro sign or the Greek letter.
_TERM = r"(\d{1,15}(?:\.\d{1,12})?)(h|ms|us|µs|\u03bcs|ns|m|s)"
_DURATION = re.compile(rf"(?:{_TERM})+", re.ASCII)
_TERMS = re.compile(_TERM, re.ASCII)


def parse_duration(text: object) -> float | None:
    """The seconds that a duration such as ``"48s"``, ``"34.4s"`` or ``"6m0s"`` stands for.

    Reads the JSON form of ``google.protobuf.Duration`` (seconds with up to nine decimals and the
    suffix ``s``) and the form that Go prints (``1h2m3.5s``, ``12ms``). Anything else, negative
    values included, gives `None`: a hint that cannot be read is no hint. Never raises.
    """
    if not isinstance(text, str) or len(text) > 64:
        return None
    text = text.strip()
    if not _DURATION.fullmatch(text):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _TERMS.findall(text))
    return seconds if math.isfinite(seconds) else None
