from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.retry.hints import Hints, read_hints

NOW = 784_111_777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110."""


def wait(retry_after: str, **headers: str) -> float | None:
    """The wait that a `Retry-After` names, at the time `NOW`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_hints({"retry-after": retry_after, **named}, now=lambda: NOW).wait


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("2.5", 2.5),
        ("99999", 99_999),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
        ("Sunday, 06-Nov-94 08:50:07 GMT", 30),
        ("Sun Nov  6 08:50:07 1994", 30),
        ("Sun, 06 Nov 1994 08:49:07 GMT", 0),
        ("Wed, 30 Nov 1904 00:00:00 GMT", 0),
    ],
)
def test_forms_of_retry_after(value: str, seconds: float) -> None:
    """Seconds and the three forms of a date are read; a date that is past is no wait."""
    assert wait(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "NaN",
        "inf",
        "1e309",
        "1e3",
        "+5",
        "soon",
        "7 seconds",
        "0x10",
        "9" * 400,
        "Sun, 06 Nov",
        "Sun, 99 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:99 GMT",
        "1994-11-06T08:50:07Z",
        "\u0667",
    ],
)
def test_what_cannot_be_read_is_no_hint(value: str) -> None:
    """Anything else says nothing, and never means to try again at once."""
    assert wait(value) is None


def test_own_date_of_the_answer_counts() -> None:
    """A clock of the service that is an hour off does not change the wait."""
    later = formatdate(NOW + 3600 + 12, usegmt=True)
    assert wait(later, date=formatdate(NOW + 3600, usegmt=True)) == 12
    assert wait(later, date="nonsense") == 3612


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5, 9", 9),
        ("9, 5", 9),
        ("soon, 5", 5),
        ("3, Sun, 06 Nov 1994 08:50:07 GMT, 4", 30),
        ("Sun, 06 Nov 1994 08:50:07 GMT, Sun, 06 Nov 1994 08:51:07 GMT", 90),
        ("NaN, 4", 4),
        ("Sun", None),
    ],
)
def test_longest_of_several_headers(value: str, seconds: float | None) -> None:
    """A header that was sent several times means its longest wait."""
    assert wait(value) == seconds


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after-ms": "1500"}, None, 1.5),
        ({"retry-after-ms": "0", "retry-after": "8"}, None, 8),
        ({"retry-after-ms": "9000", "retry-after": "8"}, None, 9),
        ({"retry-after-ms": "-5"}, None, None),
        ({"retry-after-ms": "Sun, 06 Nov 1994 08:50:07 GMT"}, None, None),
        ({"retry-after": "8"}, 45.837906927, 45.837906927),
        ({"retry-after": "50"}, 45.8, 50),
        ({}, 3, 3),
        ({}, -1.0, None),
        ({}, math.nan, None),
        ({}, math.inf, None),
        ({}, "3", None),
        ({}, True, None),
        ({}, None, None),
    ],
)
def test_longest_of_all_sources(headers: dict[str, str], body: Any, seconds: float | None) -> None:
    """Milliseconds, seconds and the body's delay are read side by side; the longest counts."""
    assert read_hints(headers, body).wait == seconds


@pytest.mark.parametrize(
    ("value", "meaning"),
    [("true", True), ("False", False), (" TRUE ", True), ("1", None), ("", None)],
)
def test_should_retry(value: str, meaning: bool | None) -> None:
    """The service may say whether to try again at all."""
    assert read_hints({"x-should-retry": value}) == Hints(should_retry=meaning)


DATES = st.integers(86_400, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))


@given(now=DATES, later=st.integers(0, 10**6))
def test_dates_that_are_written_are_read(now: datetime, later: int) -> None:
    """The wait to any later date is exact to the second."""
    header = formatdate(now.timestamp() + later, usegmt=True)
    assert read_hints({"retry-after": header}, now=now.timestamp).wait == later


PIECES = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"(Sun|Monday|tue)[, ] ?[0-9A-Za-z :-]{0,30}(GMT|[+-][0-9]{4})?"),
    st.floats().map(str),
    st.integers().map(str),
    DATES.map(lambda date: format_datetime(date, usegmt=True)),
)


@given(
    retry_after=st.lists(PIECES, max_size=3).map(",".join),
    milliseconds=PIECES,
    date=PIECES,
    body=st.one_of(st.none(), st.floats(), st.integers()),
)
def test_any_headers(retry_after: str, milliseconds: str, date: str, body: float | None) -> None:
    """Whatever the headers hold, a wait is a finite number of at least 0, or none."""
    headers = {"retry-after": retry_after, "retry-after-ms": milliseconds, "date": date}
    found = read_hints(headers, body).wait
    assert found is None or (math.isfinite(found) and found >= 0)
