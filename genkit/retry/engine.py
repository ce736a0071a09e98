"""The one retry loop."""

from __future__ import annotations

import asyncio
import random as _random
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import backoff

from genkit.errors import (
    Charge,
    DeadlineExceededError,
    ErrorContext,
    GenerationError,
    ResponseDecodeError,
    printable,
)
from genkit.events import Event, Observer
from genkit.provider import ImageProvider, Outcome
from genkit.response import Attempt
from genkit.retry.call import Call
from genkit.retry.classify import Retry, Verdict, judge
from genkit.retry.deadline import Deadline
from genkit.retry.downloading import as_download_error
from genkit.retry.policy import RetryPolicy
from genkit.retry.report import Reporter, worst
from genkit.retry.step import Attempted, Record, Step
from genkit.retry.waits import Decision, Tried, decide
from genkit.secrets import Secret
from genkit.transport import spool
from genkit.transport.interface import Transport
from genkit.wire import WireRequest, WireResponse

__all__ = ["RetryEngine"]

T = TypeVar("T")

_LAST = Decision()
# What is ready without a picture will not have one when it is asked for again.
_WHEN_FREE: Mapping[Retry, Retry] = {"ambiguous": "yes", "once": "never"}
_MORE_TIME = "Allow more time, or ask for less"
_CHARGED: Mapping[Charge, str] = {
    "no": "",
    "maybe": ". It may have been charged",
    "yes": ". It was charged",
}


class RetryEngine:
    """Runs calls over one transport: attempts, waits, follow-ups and the errors of them.

    `observers` are called with each `Event`. `random` gives numbers from 0 to 1 for the waits.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        observers: Sequence[Observer] = (),
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._transport = transport
        self._random = random
        self._reporter = Reporter(observers)

    def emit(self, event: Event) -> None:
        """Hand `event` to every observer; one that fails is logged once and breaks nothing."""
        self._reporter.emit(event)

    async def run(self, call: Call[T]) -> T:
        """What `call` comes to: its result, or a typed error that says all that was tried.

        Raises:
            GenerationError: it failed, at the first attempt or after the last; its context is full.
            PluginError: the provider broke its contract.
        """
        step = Step(call, call.wire)
        attempted = Attempted()
        error = self._out_of_time(call, 0.0)
        while error is None:
            attempted = await _until_settled(self, step)
            error = attempted.error
            if attempted.follow_up is not None:
                wait = attempted.follow_up.wait
                error = self._out_of_time(call, wait)
                if error is None:
                    await asyncio.sleep(wait)
                    step = Step(call, attempted.follow_up.request, attempted.follow_up)
            elif error is None:
                result: T = attempted.result
                return result
        _complete(error, call)
        try:
            raise error
        finally:
            del error, attempted  # or the error and this frame would hold each other

    async def fetch(
        self,
        provider: ImageProvider,
        wire: WireRequest,
        *,
        credential: Secret | None,
        policy: RetryPolicy,
        deadline: Deadline,
        max_bytes: int,
    ) -> WireResponse:
        """The 2xx answer to a request that makes no picture and costs nothing, such as a list.

        Raises:
            GenerationError: there is none.
            PluginError: the provider broke its contract.
        """
        call: Call[WireResponse] = Call(
            provider=provider,
            request=None,
            wire=wire,
            credential=credential,
            generation_id=uuid.uuid4().hex,
            policy=policy,
            deadline=deadline,
            finish=_as_it_is,
            max_bytes=max_bytes,
        )
        return await self.run(call)

    async def attempt(self, step: Step) -> Attempted:
        """Try a step once, and decide what follows."""
        call = step.call
        loop = asyncio.get_running_loop()
        began = loop.time()
        step.number += 1
        record = Record()
        self._reporter.attempt_started(call, step.number, step.name)
        try:
            # Breaker, limiter and money have their place here, in this order, for each attempt.
            read = step.read(await self._send(step), record)
        except GenerationError as error:
            # Without the frames that it came through: they hold the answer, and are of no use.
            read = judge(error.with_traceback(None))
        except BaseException as error:
            # Cancelled, a broken provider, a cassette that does not fit: noted and not judged.
            charge: Charge = "maybe" if step.may_cost else "no"
            self._end(step, record, loop.time() - began, type(error).__name__, charge)
            raise
        latency = loop.time() - began
        if isinstance(read, Attempted):
            self._end(step, record, latency, "ok", step.charge_of(read, record.usage))
            return read
        return self._failed(step, record, latency, read)

    async def _send(self, step: Step) -> WireResponse:
        call = step.call
        timeout = min(call.policy.timeout, call.deadline.remaining())
        if not step.wire.download:
            return await self._transport.send(
                step.wire,
                credential=call.credential,
                timeout=timeout,
                max_bytes=call.max_bytes,
            )
        origin = None if call.wire.download else call.wire.url
        return await self._transport.download(
            step.wire, origin=origin, timeout=timeout, max_bytes=call.max_bytes
        )

    def _failed(self, step: Step, record: Record, latency: float, verdict: Verdict) -> Attempted:
        call = step.call
        verdict = _for_step(step, verdict)
        error = verdict.error
        if verdict.is_timeout and call.deadline.expired:
            error = _deadline_error(step, error)
            decision = Decision(why="deadline")
        else:
            decision = self._decide(step, verdict)
            _keep_answer(error, record)
            if step.wire.download:
                error = as_download_error(error, step.wire, record.status)
            error.message += _ending(step, verdict, decision)
        error.add_context(
            status=error.status or record.status,
            code=error.code or record.code,
            request_id=error.request_id or record.request_id,
            usage=error.usage or record.usage,
            retryable=verdict.retry != "never",
        )
        record.status, record.code, record.request_id = error.status, error.code, error.request_id
        outcome = type(error).__name__
        self._end(step, record, latency, outcome, verdict.charge, decision)
        return Attempted(error=error, delay=decision.delay)

    def _decide(self, step: Step, verdict: Verdict) -> Decision:
        call = step.call
        decision = decide(
            call.policy,
            verdict,
            Tried(step.number, call.ambiguous_retries, step.paid_again),
            remaining=call.deadline.remaining(),
            random=self._random,
            estimated_cost=call.estimated_cost,
        )
        if decision.delay is not None:
            call.ambiguous_retries += verdict.retry == "ambiguous"
            step.paid_again |= verdict.retry == "once"
        return decision

    def _end(
        self,
        step: Step,
        record: Record,
        latency: float,
        outcome: str,
        charge: Charge,
        decision: Decision = _LAST,
    ) -> None:
        """Note an attempt, and tell of it."""
        call = step.call
        attempt = Attempt(
            number=step.number,
            provider=call.provider.name,
            model=call.model,
            slot=call.slot,
            step=step.name,
            status=record.status,
            outcome=outcome,
            code=record.code,
            request_id=record.request_id,
            latency=latency,
            delay=decision.delay,
            charge=charge,
        )
        call.attempts.append(attempt)
        if record.usage is not None:
            call.usage = record.usage if call.usage is None else call.usage + record.usage
        self._reporter.attempt_ended(call, attempt, decision)

    def _out_of_time(self, call: Call[Any], wait: float) -> GenerationError | None:
        """The error if the deadline leaves no time for a request after `wait` seconds."""
        remaining = call.deadline.remaining()
        if wait < remaining:  # false for NaN too
            return None
        self._reporter.gave_up(call, DeadlineExceededError.__name__)
        when = f"for a request in {wait:g} s" if call.attempts else "to send anything"
        return DeadlineExceededError(
            f"the deadline of {call.deadline.seconds:g} s leaves no time {when}. {_MORE_TIME}",
            context=ErrorContext(retryable=True),
        )


def _waits() -> Generator[float, Any, None]:
    """The wait that each attempt decided on, for `backoff`, which sends what it came to."""
    attempted = yield 0.0  # it begins the generator and discards this
    while True:
        attempted = yield attempted.delay


def _goes_on(attempted: Attempted) -> bool:
    return attempted.delay is not None


# Decorated once, and not for each call. The library's own jitter would shorten waits that a service
# asked for, and its limit of time does not end an attempt: both are decided here.
@backoff.on_predicate(_waits, _goes_on, jitter=None, logger=None)
async def _until_settled(engine: RetryEngine, step: Step) -> Attempted:
    return await engine.attempt(step)


def _as_it_is(_outcome: Outcome, response: WireResponse) -> WireResponse:
    return response


def _for_step(step: Step, verdict: Verdict) -> Verdict:
    """The verdict for a request that costs nothing: asking again is free, and never pays again."""
    if step.may_cost:
        return verdict
    charge: Charge = "no" if verdict.charge == "maybe" else verdict.charge
    return attrs.evolve(verdict, retry=_WHEN_FREE.get(verdict.retry, verdict.retry), charge=charge)


def _deadline_error(step: Step, error: GenerationError) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"the deadline of {step.call.deadline.seconds:g} s passed in attempt {step.number}:"
        f" {error.message}. {_MORE_TIME}",
        error.details,
        context=error.context,
    )


def _keep_answer(error: GenerationError, record: Record) -> None:
    """Keep an answer that was paid for and cannot be used."""
    response = record.response
    if (
        isinstance(error, ResponseDecodeError)
        and error.spool_path is None
        and response is not None
        and 200 <= response.status < 300
        and (path := spool.keep_answer(response))
    ):
        error.spool_path = path
        error.message += f". The answer is kept in {path}"


def _ending(step: Step, verdict: Verdict, decision: Decision) -> str:
    """Why no further attempt is made, for the message."""
    if decision.why == "attempts" and step.number > 1:
        return f". Given up after {step.number} attempts"
    if decision.why == "paid-again":
        return ". Not tried again, because that might be paid for twice"
    if decision.why == "hint":
        limit = step.call.policy.hint_limit
        return f". The service asks to wait {verdict.hint:g} s, and at most {limit:g} s are waited"
    if decision.why == "deadline":
        return f". The deadline leaves no time for another attempt in {decision.wanted or 0:.1f} s"
    return ""


def _complete(error: GenerationError, call: Call[Any]) -> None:
    """Put into the error what is known of the whole call."""
    charge = worst(attempt.charge for attempt in call.attempts)
    error.add_context(
        provider=call.provider.name,
        model=call.model or None,
        generation_id=call.generation_id,
        attempts=tuple(call.attempts),
        charge=charge,
        usage=call.usage or error.usage,
    )
    error.message = printable(error.message + _CHARGED[charge])
