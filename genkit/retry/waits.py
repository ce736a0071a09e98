"""Whether to try again, and after which wait: arithmetic only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs

from genkit.retry.classify import Base, Verdict
from genkit.retry.policy import RetryPolicy

__all__ = ["Decision", "Tried", "decide"]

HINT_JITTER = 0.1
"""Part of a service's wait that is added at random, so that callers do not come back together."""
MAX_HINT_JITTER = 5.0
"""Seconds of that at most."""

Why: TypeAlias = Literal["final", "attempts", "paid-again", "hint", "deadline"]


@attrs.frozen
class Tried:
    """What was tried before a decision."""

    attempts: int
    """Of this step, the one that has just failed included."""
    ambiguous_retries: int = 0
    """Of this call."""
    paid_again: bool = False
    """Whether this step was tried again already though the attempt before was paid for."""


@attrs.frozen(kw_only=True)
class Decision:
    """What follows a failed attempt: a wait and another one, or the end."""

    delay: float | None = None
    """Seconds; `None`: no further attempt."""
    hinted: bool = False
    """Whether the service named the wait."""
    why: Why = "final"
    """Of an end: what ended it."""
    wanted: float | None = None
    """Of an end by the deadline: the wait that did not fit."""


def decide(
    policy: RetryPolicy,
    verdict: Verdict,
    tried: Tried,
    *,
    remaining: float,
    random: Callable[[], float],
    estimated_cost: float | None = None,
) -> Decision:
    """What follows a failed attempt.

    `remaining` is what the deadline leaves, in seconds; `random` gives numbers from 0 to 1. The
    wait is the policy's, but at least what the service asks for and then a little more.
    """
    if verdict.retry == "never":
        return Decision()
    if verdict.hint is not None and verdict.hint > policy.hint_limit:
        return Decision(why="hint")
    if tried.attempts >= policy.attempts:
        return Decision(why="attempts")
    if not _may_pay_again(policy, verdict, tried, estimated_cost):
        return Decision(why="paid-again")
    delay = _own_wait(policy, verdict.base, tried.attempts - 1, random)
    hinted = verdict.hint is not None and verdict.hint > delay
    if verdict.hint is not None:
        jitter = min(HINT_JITTER * verdict.hint, MAX_HINT_JITTER)
        delay = max(delay, verdict.hint) + random() * jitter
    if delay >= remaining:
        return Decision(why="deadline", wanted=delay)
    return Decision(delay=delay, hinted=hinted)


def _may_pay_again(
    policy: RetryPolicy, verdict: Verdict, tried: Tried, estimated_cost: float | None
) -> bool:
    if verdict.retry == "yes":
        return True
    if estimated_cost is not None and estimated_cost > policy.ambiguous_cost_limit:
        return False
    if verdict.retry == "once":
        return not tried.paid_again
    return tried.ambiguous_retries < policy.max_ambiguous_retries


def _own_wait(policy: RetryPolicy, base: Base, failures: int, random: Callable[[], float]) -> float:
    if policy.wait is not None:
        return policy.wait[min(failures, len(policy.wait) - 1)]
    first = policy.throttle_base if base == "throttle" else policy.transient_base
    return random() * min(first * 2.0**failures, policy.cap)
