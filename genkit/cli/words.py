"""Plain words and figures for what the library says in values."""

from __future__ import annotations

from collections.abc import Sequence

from genkit.response import Adjustment, Attempt

__all__ = [
    "adjustment_words",
    "attempts_words",
    "charge_words",
    "estimated",
    "file_size",
    "money",
    "reason_words",
    "seconds",
    "waits_seconds",
]

_REASONS = {
    "AmbiguousError": "no answer came",
    "AttemptTimeoutError": "no answer came in time",
    "AuthenticationError": "the key was not accepted",
    "ConnectionFailedError": "the service could not be reached",
    "ContentPolicyError": "refused by content policy",
    "DeadlineExceededError": "the deadline passed",
    "DownloadError": "the picture could not be fetched",
    "NoImageError": "the answer had no picture",
    "OverloadedError": "the service is overloaded",
    "QuotaExhaustedError": "the quota is used up",
    "RateLimitError": "rate limited",
    "ResponseDecodeError": "the answer could not be used",
    "ServerError": "the service failed",
}
_CHARGES = {
    "no": "nothing was charged",
    "maybe": "it may have been charged",
    "yes": "it was charged",
}


def reason_words(reason: str) -> str:
    """Why an attempt failed, of the error's class name."""
    return _REASONS.get(reason, reason)


def charge_words(charge: str) -> str:
    """Whether money was spent, of an attempt's or an error's `charge`."""
    return _CHARGES.get(charge, charge)


def seconds(amount: float) -> str:
    """A time, such as ``"2.1 s"`` or ``"3 min 20 s"``."""
    if amount < 59.95:
        return f"{amount:.1f} s"
    minutes, rest = divmod(round(amount), 60)
    return f"{minutes} min {rest} s"


def money(amount: float | None) -> str:
    """An amount in USD; "not known" for `None`, which is never 0."""
    if amount is None:
        return "not known"
    return f"${amount:.4f}" if amount >= 0.0001 else f"${amount:.2g}"


def estimated(amount: float | None) -> str:
    """An estimated amount, such as ``"$0.0336 estimated"``."""
    return money(amount) if amount is None else f"{money(amount)} estimated"


def file_size(count: int) -> str:
    """A number of bytes, such as ``"412 KB"`` (of 1000 bytes)."""
    if count < 1000:
        return f"{count} bytes"
    if count < 999_500:
        return f"{count / 1000:.0f} KB"
    return f"{count / 1_000_000:.1f} MB"


def waits_seconds(attempts: Sequence[Attempt]) -> float:
    """Seconds that were waited between attempts, of all pictures together."""
    return sum(attempt.delay or 0.0 for attempt in attempts)


def attempts_words(attempts: Sequence[Attempt]) -> str:
    """What was tried, in order: ``"2 (429 rate limited, waited 2.1 s, then 200)"``."""
    if not attempts:
        return "none, nothing was sent"
    slots = sorted({attempt.slot for attempt in attempts})
    stories = [
        ", then ".join(_attempt_words(attempt) for attempt in attempts if attempt.slot == slot)
        for slot in slots
    ]
    if len(slots) > 1:
        stories = [
            f"picture {slot + 1}: {story}" for slot, story in zip(slots, stories, strict=True)
        ]
    return f"{len(attempts)} ({'; '.join(stories)})"


def _attempt_words(attempt: Attempt) -> str:
    status = str(attempt.status) if attempt.status is not None else ""
    outcome = "" if attempt.outcome == "ok" else reason_words(attempt.outcome)
    words = " ".join(word for word in (status, outcome) if word) or "ok"
    return words if attempt.delay is None else f"{words}, waited {seconds(attempt.delay)}"


def adjustment_words(adjustment: Adjustment) -> str:
    """What was changed and why: ``"size: 1280x720 became 16:9 at 1K: makes only ratios"``."""
    used = "left out" if adjustment.used is None else f"became {adjustment.used}"
    return f"{adjustment.field}: {adjustment.requested} {used}; {adjustment.reason}"
