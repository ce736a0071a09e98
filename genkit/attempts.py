"""What was tried, what it used, and whether it was paid for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

__all__ = ["Attempt", "Charge", "Usage"]

Charge: TypeAlias = Literal["no", "maybe", "yes"]
"""Whether an attempt was paid for, judged by how far the request got."""


@attrs.frozen(kw_only=True)
class Usage:
    """Tokens as the service counted them, by kind; `None` where it did not say."""

    input_text_tokens: int | None = None
    input_image_tokens: int | None = None
    output_text_tokens: int | None = None
    """Thinking included."""
    output_image_tokens: int | None = None
    total_tokens: int | None = None
    images: int | None = None
    """Pictures that were made, drafts not counted."""
    raw: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """The service's own words."""

    def __add__(self, other: Usage) -> Usage:
        def total(mine: int | None, theirs: int | None) -> int | None:
            return theirs if mine is None else mine if theirs is None else mine + theirs

        return Usage(
            input_text_tokens=total(self.input_text_tokens, other.input_text_tokens),
            input_image_tokens=total(self.input_image_tokens, other.input_image_tokens),
            output_text_tokens=total(self.output_text_tokens, other.output_text_tokens),
            output_image_tokens=total(self.output_image_tokens, other.output_image_tokens),
            total_tokens=total(self.total_tokens, other.total_tokens),
            images=total(self.images, other.images),
            raw=self.raw or other.raw,
        )


@attrs.frozen(kw_only=True)
class Attempt:
    """One request that was sent, or that was tried to be."""

    number: int
    """Counted from 1 within its slot and step."""
    provider: str
    model: str
    slot: int = 0
    """Which picture of an `n` > 1."""
    step: str = "submit"
    """``submit`` for the paid request, ``follow-up`` for polling and downloads."""
    status: int | None = None
    """HTTP status; `None` when no answer came."""
    outcome: str = "ok"
    """``"ok"``, or the class name of the error."""
    code: str | None = None
    """The service's own structured code."""
    request_id: str | None = None
    latency: float = 0.0
    """Seconds from the beginning of the attempt to its end."""
    delay: float | None = None
    """Seconds waited after it; `None` when nothing was tried after it."""
    charge: Charge = "no"
