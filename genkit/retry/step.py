"""One wire request of a call, and what its answer holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from genkit.errors import Charge, GenerationError, PluginError
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
            return self._refused(response, self._error_facts(response), record)
        request = self.call.request
        if request is None:
            return Attempted(result=self.call.finish(Outcome(), response))
        decoded = self._decode(response, request)
        record.usage = decoded.usage
        if isinstance(decoded, ErrorFacts):
            return self._refused(response, decoded, record)
        if isinstance(decoded, FollowUp):
            return Attempted(follow_up=decoded)
        record.request_id = decoded.request_id or record.request_id
        return Attempted(result=self.call.finish(decoded, response))

    def charge_of(self, attempted: Attempted, usage: Usage | None) -> Charge:
        """Whether an attempt that went well was paid for."""
        if self.call.request is None:
            return "no"
        if attempted.follow_up is None or usage is not None:
            return "yes"
        # Accepted, and whether it will be paid for shows later.
        return "maybe" if self.may_cost else "no"

    def _refused(self, response: WireResponse, facts: ErrorFacts, record: Record) -> Verdict:
        record.code = facts.code
        record.request_id = facts.request_id or record.request_id
        record.usage = facts.usage
        return classify(response, facts, provider=self.call.provider.name)

    def _decode(
        self, response: WireResponse, request: GenerationRequest
    ) -> Outcome | FollowUp | ErrorFacts:
        return self._ask(
            "decode",
            lambda: self.call.provider.decode(response, request, self.follow_up),
            (Outcome, FollowUp, ErrorFacts),
            response,
        )

    def _error_facts(self, response: WireResponse) -> ErrorFacts:
        if 300 <= response.status < 400:
            return ErrorFacts()
        return self._ask(
            "decode_error",
            lambda: self.call.provider.decode_error(response),
            (ErrorFacts,),
            response,
        )

    def _ask(
        self,
        method: str,
        ask: Callable[[], R],
        kinds: tuple[type, ...],
        response: WireResponse,
    ) -> R:
        """What the provider says, checked: it may be anybody's code."""
        try:
            answer = ask()
        except Exception as error:  # noqa: BLE001  # a provider returns facts and never raises
            problem = f"raised {type(error).__name__}{_place(error)}"
        else:
            if isinstance(answer, kinds):
                return answer
            problem = f"returned {type(answer).__name__}"
        # Raised here and not in the handler: the provider's error may hold parts of the request.
        raise _broken(self.call.provider.name, f"{method} {problem}", response)


def _broken(name: str, problem: str, response: WireResponse) -> PluginError:
    message = f"the provider {name!r} broke its contract: {problem} for HTTP {response.status}"
    if 200 <= response.status < 300:
        path = spool.keep_answer(response)
        message += "; the answer may have been paid for" + (
            f" and is kept in {path}" if path else ""
        )
    return PluginError(message, name=name)


def _place(error: BaseException) -> str:
    """Where an error was raised: file name and line, nothing of its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    file = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f" ({file}, line {trace.tb_lineno})"
