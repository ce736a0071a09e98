"""The one retry loop: what is tried again, when, for how long, and what may cost money twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genkit.retry.call import Call
from genkit.retry.deadline import Deadline
from genkit.retry.policy import RetryPolicy

if TYPE_CHECKING:
    from genkit.retry.engine import RetryEngine

__all__ = ["Call", "Deadline", "RetryEngine", "RetryPolicy"]


def __getattr__(name: str) -> Any:
    # The engine brings the retry library along, which a policy does not need.
    if name == "RetryEngine":
        from genkit.retry.engine import RetryEngine

        return RetryEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
