"""Telling what happens: log lines and events. Never a prompt, a key or the text of an answer."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from genkit.errors import Charge
from genkit.events import AttemptEnd, AttemptStart, Event, GiveUp, Observer, RetryScheduled
from genkit.response import Attempt
from genkit.retry.call import Call
from genkit.retry.waits import Decision

__all__ = ["Reporter", "worst"]

_LOG = logging.getLogger("genkit")
_ORDER: Sequence[Charge] = ("no", "maybe", "yes")


def worst(charges: Iterable[Charge]) -> Charge:
    """The charge of a call of these attempts: the worst of them."""
    return max(charges, key=_ORDER.index, default="no")


class Reporter:
    """Writes the log and calls the observers."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)
        self._failed: set[int] = set()

    def emit(self, event: Event) -> None:
        """Hand `event` to every observer; one that fails is logged once and breaks nothing."""
        for number, observer in enumerate(self._observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  # whatever an observer raises, calls go on
                if number not in self._failed:
                    self._failed.add(number)
                    _LOG.warning(
                        "observer %s raised %s; further errors of it are not logged",
                        getattr(observer, "__qualname__", type(observer).__qualname__),
                        type(error).__name__,
                    )

    def attempt_started(self, call: Call[object], number: int, step: str) -> None:
        """A request is about to be sent."""
        limit = call.policy.attempts
        _LOG.debug("%s attempt %d of %d begins", _name(call, step), number, limit)
        self.emit(AttemptStart(number=number, limit=limit, step=step, **_facts(call)))

    def attempt_ended(self, call: Call[object], attempt: Attempt, decision: Decision) -> None:
        """An attempt ended, and it is decided what follows."""
        limit = call.policy.attempts
        self.emit(AttemptEnd(attempt=attempt, **_facts(call)))
        line = "%s attempt %d of %d ended after %.2f s: %s, status %s, charged: %s"
        values = (
            _name(call, attempt.step),
            attempt.number,
            limit,
            attempt.latency,
            attempt.outcome,
            attempt.status,
            attempt.charge,
        )
        if attempt.outcome == "ok":
            _LOG.info(line, *values)
        elif decision.delay is not None:
            _LOG.warning(line + "; trying again in %.2f s", *values, decision.delay)
            self.emit(
                RetryScheduled(
                    number=attempt.number + 1,
                    limit=limit,
                    delay=decision.delay,
                    reason=attempt.outcome,
                    hinted=decision.hinted,
                    **_facts(call),
                )
            )
        else:
            _LOG.warning(line + "; no further attempt (%s)", *values, decision.why)
            self.gave_up(call, attempt.outcome)

    def gave_up(self, call: Call[object], reason: str) -> None:
        """A call has failed, for this class of error."""
        self.emit(GiveUp(reason=reason, **_facts(call)))


def _facts(call: Call[object]) -> dict[str, Any]:
    """What every event of a call says."""
    return {
        "generation_id": call.generation_id,
        "provider": call.provider.name,
        "model": call.model,
        "slot": call.slot,
    }


def _name(call: Call[object], step: str) -> str:
    model = call.model or "-"
    return f"{call.generation_id} {call.provider.name}:{model} slot {call.slot} {step}"
