from __future__ import annotations

from typing import get_args

import pytest

from genkit.emulator.faults import FAULTS, Fault, FaultName


def test_every_name_has_its_recipe() -> None:
    """The names that a type checker knows are the names in the registry."""
    assert tuple(FAULTS) == get_args(FaultName)


def test_unknown_names_are_refused() -> None:
    """A name that is no fault's is refused, and the message lists those that are."""
    with pytest.raises(ValueError, match=r"'rate-limit'; there are: rate-limited, overloaded,"):
        Fault("rate-limit")  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [0, -1])
def test_times_is_at_least_one(times: int) -> None:
    """A fault falls at least once."""
    with pytest.raises(ValueError, match="times"):
        Fault("hang", times=times)


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_retry_after_is_a_time(seconds: float) -> None:
    """What the service asks to wait is a number of seconds."""
    with pytest.raises(ValueError, match="retry_after"):
        Fault("rate-limited", retry_after=seconds)


def test_retry_after_only_where_it_means_something() -> None:
    """A wait is not silently dropped where the fault gives none."""
    with pytest.raises(ValueError, match="'hang' gives no such hint"):
        Fault("hang", retry_after=1)
