"""Durations as services write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("48s", 48.0),
        ("34.4s", 34.4),
        ("45.837906927s", 45.837906927),
        ("1ms", 0.001),
        ("12ms", 0.012),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("250\u03bcs", 0.00025),
        ("7ns", 7e-9),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("5m5s5ms", 305.005),
        (" 3s\n", 3.0),
        ("999999999999999s", 999999999999999.0),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    """The JSON form of protobuf durations and the form that Go prints are read as seconds."""
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "48",
        "s",
        ".s",
        "-1s",
        "+1s",
        "1,5s",
        "1e3s",
        "NaNs",
        "infs",
        "48 s",
        "48s!",
        "1.5.5s",
        "48S",
        "٤s",
        "1d",
        "9" * 70 + "s",
        "1s" * 40,
        None,
        48,
        4.5,
        b"48s",
        ["48s"],
        {"seconds": 48},
    ],
)
def test_anything_else_is_no_hint(value: object) -> None:
    """What is no duration gives nothing, whatever its type."""
    assert parse_duration(value) is None


@given(st.one_of(st.text(), st.from_regex(r"([0-9.]{1,20}(h|m|s|ms|us|ns))+", fullmatch=True)))
def test_never_raises(text: str) -> None:
    """Any text gives nothing or a finite number of seconds that is not negative."""
    seconds = parse_duration(text)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(st.integers(0, 10**12), st.integers(0, 999_999_999))
def test_reads_what_protobuf_writes(seconds: int, nanoseconds: int) -> None:
    """Seconds with nine decimals come back as that number."""
    assert parse_duration(f"{seconds}.{nanoseconds:09d}s") == pytest.approx(
        seconds + nanoseconds / 1e9
    )
