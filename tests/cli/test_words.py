from __future__ import annotations

import pytest

from genkit.cli.words import (
    adjustment_words,
    attempts_words,
    charge_words,
    file_size,
    money,
    reason_words,
    seconds,
    waits_seconds,
)
from genkit.response import Adjustment, Attempt


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "not known"),
        (0.0336, "$0.0336"),
        (12.5, "$12.5000"),
        (0.00004, "$4e-05"),
        (0.0, "$0"),
    ],
)
def test_money(amount: float | None, text: str) -> None:
    """An unknown price is never shown as 0, and a tiny one neither."""
    assert money(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0.0 s"), (2.14, "2.1 s"), (59.96, "1 min 0 s"), (200, "3 min 20 s")]
)
def test_seconds(amount: float, text: str) -> None:
    """Times over a minute are shown in minutes."""
    assert seconds(amount) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999 bytes"), (1000, "1 KB"), (999_499, "999 KB"), (999_500, "1.0 MB")],
)
def test_file_size(count: int, text: str) -> None:
    """Sizes are in the unit that fits."""
    assert file_size(count) == text


def attempt(**facts: object) -> Attempt:
    """An attempt with these facts."""
    return Attempt(**{"number": 1, "provider": "p", "model": "m", **facts})  # type: ignore[arg-type]


def test_attempts_tell_a_story() -> None:
    """Each attempt is told with status, reason and the wait after it; waits are summed."""
    attempts = [
        attempt(status=429, outcome="RateLimitError", delay=2.06),
        attempt(outcome="AttemptTimeoutError", delay=1.0),
        attempt(status=200),
    ]
    assert attempts_words(attempts) == (
        "3 (429 rate limited, waited 2.1 s, then no answer came in time, waited 1.0 s, then 200)"
    )
    assert waits_seconds(attempts) == pytest.approx(3.06)
    assert attempts_words([]) == "none, nothing was sent"


def test_attempts_of_several_pictures_are_told_apart() -> None:
    """The attempts of each picture stand together, in whatever order they ended."""
    attempts = [
        attempt(slot=1, status=200),
        attempt(status=500, outcome="ServerError", delay=1.0),
        attempt(status=200),
    ]
    assert attempts_words(attempts) == (
        "3 (picture 1: 500 the service failed, waited 1.0 s, then 200; picture 2: 200)"
    )


def test_unknown_words_stay_as_they_are() -> None:
    """A class or charge that has no plain words is shown by its name."""
    assert reason_words("StrangeError") == "StrangeError"
    assert charge_words("maybe") == "it may have been charged"


def test_adjustments_say_what_became_of_an_option() -> None:
    """An adjustment names the option, what was asked, what was used and why."""
    made = Adjustment("size", "1280x720", "16:9 at 1K", "m makes ratios")
    assert adjustment_words(made) == "size: 1280x720 became 16:9 at 1K; m makes ratios"
    left_out = Adjustment("quality", "high", None, "m has no option quality")
    assert adjustment_words(left_out) == "quality: high left out; m has no option quality"
