"""One wire request of a call, and what its answer holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from genkit.errors import Charge, GenerationError, GenkitError, PluginError
from genkit.provider import ErrorFacts, FollowUp, Outcome
from genkit.request import GenerationRequest
from genkit.response import Usage
from genkit.retry.call import Call
from genkit.retry.classify import Verdict, classify
from genkit.transport import spool
from genkit.transport.interface import request_id
from genkit.wire import WireRequest, WireResponse

__all__ = ["Attempted", "Record", "Step"]

R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Attempted:
    """What an attempt came to: a result, a follow-up or an error, and what is next."""

    result: Any = None
    follow_up: FollowUp | None = None
    error: GenerationError | None = None
    delay: float | None = None
    """Seconds until the next attempt; `None`: this was the last."""


@attrs.define
class Record:
    """What is known of one attempt while it goes on."""

    response: WireResponse | None = None
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    usage: Usage | None = None


@attrs.define(eq=False)
class Step:
    """One wire request of a call.

    Each has attempts of its own, so that a failing poll never submits (and pays) again.
    """

    call: Call[Any]
    wire: WireRequest
    follow_up: FollowUp | None = None
    """What the request was made of; `None` for the first one."""
    number: int = 0
    """Of the attempt that is under way, from 1."""
    paid_again: bool = False
    """Whether it was tried again though the attempt before was paid for."""

    @property
    def name(self) -> str:
        """As in `Attempt.step`."""
        if self.call.request is None:
            return "fetch"
        return "submit" if self.follow_up is None else "follow-up"

    @property
    def may_cost(self) -> bool:
        """Whether sending it may cost money: reading what is being made does not."""
        if self.call.request is None:
            return False
        return self.follow_up is None or self.wire.method.upper() not in ("GET", "HEAD")

    def read(self, response: WireResponse, record: Record) -> Attempted | Verdict:
        """What an answer holds, in the provider's reading.

        Raises:
            GenerationError: the client cannot use what the answer holds.
            PluginError: the provider broke its contract.
        """
        record.response, record.status = response, response.status
        record.request_id = request_id(response.headers)
        if not 200 <= response.status < 300:
            facts = self._error_facts(response)
        elif self.call.request is None:
            return self._finished(Outcome(), response)
        else:
            decoded = self._decode(response, self.call.request)
            record.usage = decoded.usage
            if isinstance(decoded, Outcome):
                record.request_id = decoded.request_id or record.request_id
                return self._finished(decoded, response)
            if isinstance(decoded, FollowUp):
                return Attempted(follow_up=decoded)
            facts = decoded
        record.code, record.usage = facts.code, facts.usage
        record.request_id = facts.request_id or record.request_id
        name = self.call.provider.name
        return _guarded(
            name,
            "what it read of an error",
            lambda: classify(response, facts, provider=name),
            response,
        )

    def charge_of(self, attempted: Attempted, usage: Usage | None) -> Charge:
        """Whether an attempt that went well was paid for."""
        if self.call.request is None:
            return "no"
        following = attempted.follow_up
        if following is None or following.request.download or usage is not None:
            return "yes"  # where there is something to download, it was made
        # Accepted, and whether it will be paid for shows later.
        return "maybe" if self.may_cost else "no"

    def _finished(self, outcome: Outcome, response: WireResponse) -> Attempted:
        return Attempted(
            result=_guarded(
                self.call.provider.name,
                "its outcome",
                lambda: self.call.finish(outcome, response),
                response,
                passing=(GenkitError,),
            )
        )

    def _decode(
        self, response: WireResponse, request: GenerationRequest
    ) -> Outcome | FollowUp | ErrorFacts:
        def decode() -> Outcome | FollowUp | ErrorFacts:
            answer = self.call.provider.decode(response, request, self.follow_up)
            if isinstance(answer, FollowUp):
                _check_follow_up(answer)
            return _typed(answer, (Outcome, FollowUp, ErrorFacts))

        return _guarded(self.call.provider.name, "decode", decode, response)

    def _error_facts(self, response: WireResponse) -> ErrorFacts:
        if 300 <= response.status < 400 or self.wire.download:
            return ErrorFacts()  # not the service's own answer

        def decode_error() -> ErrorFacts:
            return _typed(self.call.provider.decode_error(response), (ErrorFacts,))

        return _guarded(self.call.provider.name, "decode_error", decode_error, response)


class _ContractError(Exception):
    """What a provider gave is not of the contract; the text is ours and safe to show."""


def _typed(answer: R, kinds: tuple[type, ...]) -> R:
    if not isinstance(answer, kinds):
        raise _ContractError(f"returned {type(answer).__name__}")
    return answer


def _check_follow_up(value: FollowUp) -> None:
    wait: object = value.wait
    is_number = isinstance(wait, int | float) and not isinstance(wait, bool)
    if not is_number or not 0 <= value.wait < math.inf:
        raise _ContractError("returned a FollowUp whose wait is no number of seconds")
    _typed(value.request, (WireRequest,))


def _guarded(
    provider: str,
    what: str,
    ask: Callable[[], R],
    response: WireResponse,
    *,
    passing: tuple[type[Exception], ...] = (),
) -> R:
    """What `ask` gives, which works on what a provider gave: it may be anybody's code.

    Raises:
        PluginError: it raised; the answer is kept in a file where it may have been paid for.
    """
    try:
        return ask()
    except passing:
        raise
    except _ContractError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001  # providers return facts and never raise
        problem = f"raised {type(error).__name__}{_place(error)}"
    # Raised here and not in the handler: the provider's error may hold parts of the request.
    message = f"the provider {provider!r} broke its contract: {what} {problem}"
    message += f" for HTTP {response.status}"
    if 200 <= response.status < 300:
        message += "; the answer may have been paid for"
        path = spool.keep_answer(response)
        message += f" and is kept in {path}" if path else ""
    raise PluginError(message, name=provider)


def _place(error: BaseException) -> str:
    """Where an error was raised: file name and line, nothing of its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    file = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f" ({file}, line {trace.tb_lineno})"
