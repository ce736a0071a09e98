"""Runs the cases of `tests/vectors/retry`: what is sent, waited and raised, in virtual time.

A case has ``policy`` (fields of `RetryPolicy`), ``answers`` (see `retry_fakes`), and what they come
to: for each attempt its ``outcome`` and what else is named of its `Attempt`; then ``error`` (class
name), ``charge``, ``time`` (seconds of the whole call), ``sent`` and ``details``. The random factor
of waits is 1.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from genkit.errors import GenerationError
from genkit.retry import RetryEngine, RetryPolicy
from genkit.testing.clock import run_virtual
from tests.core.retry_fakes import FakeTransport, make_call

FOLDER = Path(__file__).parents[1] / "vectors" / "retry"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]
KNOWN = {"case", "policy", "answers", "attempts", "error", "charge", "time", "sent", "details"}
KNOWN |= {"cancel_at", "cost", "message", "retry_after", "retryable", "usage"}


async def play(case: dict[str, Any]) -> dict[str, Any]:
    """Run a case and say what happened, in the words of the cases."""
    loop = asyncio.get_running_loop()
    transport = FakeTransport(list(case["answers"]))
    call = make_call(RetryPolicy(**case.get("policy", {})), estimated_cost=case.get("cost"))
    task = asyncio.ensure_future(RetryEngine(transport, random=lambda: 1.0).run(call))
    if "cancel_at" in case:
        loop.call_at(case["cancel_at"], task.cancel)
    seen: dict[str, Any] = {"error": None, "message": "", "usage": None}
    try:
        assert await task == "image"
    except GenerationError as error:
        assert error.attempts == tuple(call.attempts)  # noqa: PT017
        seen |= {
            "error": type(error).__name__,
            "message": str(error),
            "charge": error.charge,
            "details": error.details,
            "retry_after": getattr(error, "retry_after", None),
            "retryable": error.retryable,
            "usage": error.usage and error.usage.total_tokens,
        }
    except asyncio.CancelledError:
        seen["error"] = "CancelledError"
    seen["time"] = loop.time()
    seen["attempts"] = call.attempts
    seen["sent"] = transport.sent
    assert transport.answers == [], "less was sent than the case says"
    return seen


@pytest.mark.parametrize("case", CASES)
def test_vector(case: dict[str, Any]) -> None:
    """The case comes to what it says."""
    assert set(case) <= KNOWN, "a word that says nothing"
    seen = run_virtual(play(case))
    expected = [
        {"outcome": one} if isinstance(one, str) else one for one in case.get("attempts", [])
    ]
    assert [one["outcome"] for one in expected] == [one.outcome for one in seen["attempts"]]
    for attempt, one in zip(seen["attempts"], expected, strict=True):
        found = {name: getattr(attempt, name) for name in one}
        assert found == pytest.approx(one) if "delay" in one else found == one
    assert seen["error"] == case.get("error")
    assert seen["time"] == pytest.approx(case["time"], abs=1e-6)
    assert case.get("message", "") in seen["message"]
    for name in ("charge", "details", "retry_after", "retryable", "sent", "usage"):
        if name in case:
            assert seen[name] == case[name], name


def test_cases_are_there() -> None:
    """The folder is found, and no case stands in it twice."""
    names = [str(case.id) for case in CASES]
    assert len(names) == len(set(names)) > 40
