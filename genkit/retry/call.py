"""The state of one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

from genkit.provider import ImageProvider, Outcome
from genkit.request import GenerationRequest
from genkit.response import Attempt, Usage
from genkit.retry.deadline import Deadline
from genkit.retry.policy import RetryPolicy
from genkit.secrets import Secret
from genkit.wire import WireRequest, WireResponse

__all__ = ["Call"]

T = TypeVar("T")


@attrs.define(kw_only=True, eq=False)
class Call(Generic[T]):
    """One slot's call: what to send and how, and what has been tried so far."""

    provider: ImageProvider
    request: GenerationRequest | None = attrs.field(repr=False)
    """As it was prepared for this slot; `decode` is given it. `None` for a request that makes no
    picture and costs nothing: its answer is not decoded."""
    wire: WireRequest = attrs.field(repr=False)
    credential: Secret | None
    generation_id: str
    slot: int = 0
    policy: RetryPolicy
    deadline: Deadline
    finish: Callable[[Outcome, WireResponse], T] = attrs.field(repr=False)
    """Makes the result of an outcome. It raises `NoImageError`, `ContentPolicyError` or
    `ResponseDecodeError` where there is none, and so has its say in whether to try again."""
    max_bytes: int
    """Bytes of the largest answer."""
    estimated_cost: float | None = None
    """USD that one attempt probably costs; `None` when not known."""
    attempts: list[Attempt] = attrs.field(factory=list)
    """What was tried, oldest first; filled while the call runs."""
    usage: Usage | None = None
    """What the service counted over all attempts, the failed ones included."""
    ambiguous_retries: int = 0
    """How often something was tried again that may have been paid for."""

    @property
    def model(self) -> str:
        """Model id as asked for."""
        return (self.request.model if self.request else None) or ""
