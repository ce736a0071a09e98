from __future__ import annotations

import math
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import ConfigurationError, ServerError
from genkit.retry import Deadline, RetryPolicy
from genkit.retry.classify import Verdict
from genkit.retry.waits import Tried, decide


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", 0),
        ("attempts", 11),
        ("attempts", 2.0),
        ("attempts", True),
        ("attempts", "3"),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", math.inf),
        ("deadline", math.nan),
        ("deadline", 0),
        ("deadline", "300"),
        ("transient_base", -1),
        ("throttle_base", None),
        ("cap", -0.1),
        ("wait", ()),
        ("wait", (1, -2)),
        ("wait", "124"),
        ("wait", 5),
        ("max_ambiguous_retries", -1),
        ("hint_limit", -1),
        ("ambiguous_cost_limit", math.nan),
    ],
)
def test_policy_is_checked(field: str, value: Any) -> None:
    """A value that cannot be used is a clear error that names its field."""
    with pytest.raises(ConfigurationError, match=f"^{field}: must be ") as caught:
        RetryPolicy(**{field: value})
    assert len(caught.value.problems) == 1


def test_policy_as_documented() -> None:
    """The defaults are the documented numbers, and a list will do as a schedule."""
    policy = RetryPolicy()
    assert (policy.attempts, policy.timeout, policy.deadline) == (3, 180, 300)
    assert (policy.transient_base, policy.throttle_base, policy.cap) == (1, 2, 20)
    assert (policy.max_ambiguous_retries, policy.ambiguous_cost_limit) == (1, 0.25)
    assert (policy.hint_limit, policy.wait) == (120, None)
    assert attrs.evolve(policy, wait=[1, 2, 4]).wait == (1, 2, 4)


def test_deadline_counts_down() -> None:
    """It runs on the clock that it is given, and never below nothing."""
    now = 1000.0
    deadline = Deadline(5, lambda: now)
    assert (deadline.remaining(), deadline.expired) == (5, False)
    now += 4
    assert deadline.remaining() == 1
    now += 0.9995  # an event loop may end a timer a little early
    assert (deadline.remaining(), deadline.expired) == (0, True)
    now += 1e6
    assert (deadline.remaining(), deadline.expired) == (0, True)
    assert repr(deadline) == "Deadline(5 s)"


HINTS = st.one_of(st.none(), st.floats(0, 1e6))
RETRIES = st.sampled_from(["never", "yes", "ambiguous", "once"])


@given(
    retry=RETRIES,
    hint=HINTS,
    attempts=st.integers(1, 10),
    remaining=st.floats(0, 1e4),
    random=st.floats(0, 1),
    base=st.sampled_from(["transient", "throttle"]),
    wait=st.one_of(st.none(), st.lists(st.floats(0, 100), min_size=1, max_size=4)),
)
def test_waits_of_any_failure(
    retry: Any,
    hint: float | None,
    attempts: int,
    remaining: float,
    random: float,
    base: Any,
    wait: Any,
) -> None:
    """A wait is never shorter than the service asks, never past the deadline, never unbounded."""
    policy = RetryPolicy(attempts=5, wait=wait)
    verdict = Verdict(error=ServerError(), retry=retry, charge="no", base=base, hint=hint)
    decision = decide(policy, verdict, Tried(attempts), remaining=remaining, random=lambda: random)
    if decision.delay is None:
        assert decision.why in {"final", "attempts", "hint", "deadline"}
        return
    assert retry != "never"
    assert attempts < policy.attempts
    assert (hint or 0) <= decision.delay < remaining
    assert decision.delay <= max(policy.cap, hint or 0, *(wait or (0,))) + 5
    assert hint is None or hint <= policy.hint_limit


@pytest.mark.parametrize(("hint", "hinted"), [(None, False), (1.0, False), (3.0, True)])
def test_whose_wait_it_is(hint: float | None, hinted: bool) -> None:
    """A wait is called the service's when it asks for longer than we would wait."""
    verdict = Verdict(error=ServerError(), retry="yes", charge="no", hint=hint)
    decision = decide(RetryPolicy(), verdict, Tried(2), remaining=300, random=lambda: 1.0)
    assert decision.hinted is hinted


@given(st.floats(0, 1))
def test_random_part_spreads_callers(random: float) -> None:
    """The random factor runs from no wait to the whole one, and adds at most 5 s to a hint."""
    verdict = Verdict(error=ServerError(), retry="yes", charge="no")
    policy = RetryPolicy()
    plain = decide(policy, verdict, Tried(2), remaining=300, random=lambda: random)
    assert plain.delay == pytest.approx(2 * random)
    hinted = attrs.evolve(verdict, hint=100.0)
    asked = decide(policy, hinted, Tried(2), remaining=300, random=lambda: random)
    assert asked.delay == pytest.approx(100 + 5 * random)
