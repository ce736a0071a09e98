from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import stat
import traceback
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from genkit.errors import GenerationError, NoImageError, PluginError, RateLimitError
from genkit.events import AttemptEnd, AttemptStart, CallStart, Event, GiveUp, RetryScheduled
from genkit.retry import Call, Deadline, RetryEngine, RetryPolicy
from genkit.testing.clock import run_virtual
from genkit.wire import WireRequest
from tests.core.retry_fakes import KEY, FakeProvider, FakeTransport, make_call

Answers = list[Mapping[str, Any]]


def run(
    answers: Answers, policy: RetryPolicy | None = None, **options: Any
) -> tuple[str | BaseException, Call[str], RetryEngine]:
    """Run one call in virtual time."""
    made: list[Any] = []

    async def body() -> str:
        engine = RetryEngine(FakeTransport(list(answers)), random=lambda: 1.0, **options)
        call = make_call(policy)
        made.extend([call, engine])
        return await engine.run(call)

    try:
        return run_virtual(body()), made[0], made[1]
    except BaseException as error:  # noqa: BLE001  # it is what is looked at
        return error, made[0], made[1]


def failure(answers: Answers, policy: RetryPolicy | None = None, **options: Any) -> GenerationError:
    """The error of a call."""
    error, _call, _engine = run(answers, policy, **options)
    assert isinstance(error, GenerationError)
    return error


# -- what an error knows ------------------------------------------------------------------------


def test_error_has_its_whole_context() -> None:
    """An error says which call it ended, what was tried and what it may have cost."""
    error = failure(
        [
            {"fault": "disconnect"},
            {
                "status": 429,
                "headers": {"x-request-id": "r9"},
                "facts": {
                    "kind": "quota-exhausted",
                    "code": "RESOURCE_EXHAUSTED",
                    "message": "gone",
                },
            },
        ]
    )
    context = error.context
    assert (context.provider, context.model, context.generation_id) == ("fake", "model-1", "g1")
    assert (context.status, context.code, context.request_id) == (429, "RESOURCE_EXHAUSTED", "r9")
    assert (context.charge, context.retryable) == ("maybe", False)
    assert [attempt.outcome for attempt in context.attempts] == [
        "AmbiguousError",
        "QuotaExhaustedError",
    ]
    assert str(error).endswith("It may have been charged")
    assert pickle.loads(pickle.dumps(error)).context == context


def test_error_that_the_client_raises_is_completed() -> None:
    """What the client raises for an outcome gets the status and the ids of the answer."""
    error = failure([{"absence": "text", "headers": {"x-request-id": "r1"}, "usage": 5}])
    assert isinstance(error, NoImageError)
    assert (error.status, error.request_id, error.provider) == (200, "r1", "fake")
    assert error.attempts[0].request_id == "r1"
    assert error.usage is not None
    assert error.usage.total_tokens == 5


def test_id_of_the_outcome_goes_before_the_header() -> None:
    """The service's id in the answer is the better one."""
    _, call, _ = run([{"headers": {"x-request-id": "r1"}, "request_id": "r2"}])
    assert call.attempts[0].request_id == "r2"


def test_usage_of_all_attempts_is_summed() -> None:
    """What failed attempts counted is not lost when a later one goes well."""
    result, call, _ = run([{"absence": "empty", "usage": 10}, {"usage": 32}])
    assert result == "image"
    assert call.usage is not None
    assert call.usage.total_tokens == 42


def test_slot_stands_on_every_attempt() -> None:
    """An attempt says which picture of several it was for."""

    async def body() -> Call[str]:
        call = make_call(slot=3)
        await RetryEngine(FakeTransport([{"status": 500}, {}])).run(call)
        return call

    assert {attempt.slot for attempt in run_virtual(body()).attempts} == {3}


# -- time ---------------------------------------------------------------------------------------


def test_attempts_get_what_the_deadline_leaves() -> None:
    """The timeout of an attempt is the policy's, or the rest of the deadline if that is less."""
    policy = RetryPolicy(timeout=30, deadline=50)

    async def body() -> list[float]:
        transport = FakeTransport([{"status": 500, "takes": 29}, {}])
        await RetryEngine(transport, random=lambda: 1.0).run(make_call(policy))
        return transport.timeouts

    assert run_virtual(body()) == [30, 20]


def test_deadline_that_has_passed_already() -> None:
    """A call that waited too long elsewhere sends nothing."""

    async def body() -> GenerationError:
        transport = FakeTransport([])
        call = make_call(RetryPolicy(deadline=5))
        await asyncio.sleep(6)
        with pytest.raises(GenerationError) as caught:
            await RetryEngine(transport).run(call)
        assert transport.sent == []
        return caught.value

    error = run_virtual(body())
    assert isinstance(error, TimeoutError)
    assert (error.charge, error.attempts, error.retryable) == ("no", (), True)
    assert "leaves no time to send anything" in str(error)


def test_calls_side_by_side_do_not_share_anything() -> None:
    """One engine runs many calls at a time, each with its own attempts and waits."""

    async def body() -> list[Any]:
        answers: Answers = [{"status": 500, "takes": 1}, {"fault": "disconnect", "takes": 2}]
        engine = RetryEngine(FakeTransport([*answers, {"takes": 9}, {"takes": 9}]))
        calls = [make_call(), make_call()]
        await asyncio.gather(*(engine.run(call) for call in calls))
        return [[attempt.outcome for attempt in call.attempts] for call in calls]

    assert run_virtual(body()) == [["ServerError", "ok"], ["AmbiguousError", "ok"]]


# -- events and logs ----------------------------------------------------------------------------


def test_events() -> None:
    """Observers hear each attempt, each wait with its reason, and the end."""
    seen: list[Event] = []
    failure(
        [{"status": 429, "headers": {"retry-after": 10}}, {"status": 401}],
        observers=[seen.append],
    )
    assert [type(event) for event in seen] == [
        AttemptStart,
        AttemptEnd,
        RetryScheduled,
        AttemptStart,
        AttemptEnd,
        GiveUp,
    ]
    assert {(event.generation_id, event.provider, event.model) for event in seen} == {
        ("g1", "fake", "model-1")
    }
    start, end, retry, _, last, give_up = seen
    assert isinstance(start, AttemptStart)
    assert (start.number, start.limit, start.step) == (1, 3, "submit")
    assert isinstance(end, AttemptEnd)
    assert end.attempt.delay == 11
    assert isinstance(retry, RetryScheduled)
    assert (retry.number, retry.delay, retry.reason, retry.hinted) == (
        2,
        11,
        "RateLimitError",
        True,
    )
    assert isinstance(last, AttemptEnd)
    assert (last.attempt.number, last.attempt.outcome) == (2, "AuthenticationError")
    assert isinstance(give_up, GiveUp)
    assert give_up.reason == "AuthenticationError"


def test_success_has_no_give_up() -> None:
    """A call that goes well ends with its last attempt."""
    seen: list[Event] = []
    run([{}], observers=[seen.append])
    assert [type(event) for event in seen] == [AttemptStart, AttemptEnd]


def test_observer_that_fails_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An observer's errors are logged once, without their text, and the others still hear all."""
    seen: list[Event] = []

    def broken(_event: Event) -> None:
        raise ValueError("canary-text")

    result, _, engine = run([{"status": 500}, {}], observers=[broken, seen.append])
    engine.emit(CallStart(generation_id="g1", provider="fake", model="model-1"))
    assert (result, len(seen)) == ("image", 6)
    complaints = [record for record in caplog.records if "observer" in record.getMessage()]
    assert len(complaints) == 1
    assert "ValueError" in complaints[0].getMessage()
    assert "canary-text" not in caplog.text


def test_log(caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt and its outcome is logged with the call's id, and why it goes on or not."""
    caplog.set_level(logging.DEBUG, logger="genkit")
    run([{"status": 503}, {}])
    failure([{"status": 401}])
    lines = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    name = "g1 fake:model-1 slot 0 submit attempt"
    assert [line[:2] for line in lines] == [
        ("genkit", level) for level in ("DEBUG", "WARNING", "DEBUG", "INFO", "DEBUG", "WARNING")
    ]
    assert [line[2] for line in lines] == [
        f"{name} 1 of 3 begins",
        f"{name} 1 of 3 ended after 0.00 s: OverloadedError, status 503, charged: no;"
        " trying again in 2.00 s",
        f"{name} 2 of 3 begins",
        f"{name} 2 of 3 ended after 0.00 s: ok, status 200, charged: yes",
        f"{name} 1 of 3 begins",
        f"{name} 1 of 3 ended after 0.00 s: AuthenticationError, status 401, charged: no;"
        " no further attempt (final)",
    ]


def test_library_below_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The retry library keeps quiet: the lines above are the only ones."""
    caplog.set_level(logging.DEBUG)
    failure([{"status": 500}] * 3)
    assert {record.name for record in caplog.records} <= {"genkit", "asyncio"}


# -- providers that break their contract --------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"raises": 1, "image": "A" * 5000}, "decode raised KeyError (retry_fakes.py, line "),
        ({"returns": "nothing good"}, "decode returned str"),
        ({"returns": None}, "decode returned NoneType"),
        ({"follow_up": {"wait": None}}, "decode returned a FollowUp whose wait is no number"),
        ({"follow_up": {"wait": -1}}, "decode returned a FollowUp whose wait is no number"),
        ({"facts": {"message": 5}}, "what it read of an error raised TypeError (text.py, line "),
        ({"facts": {"kind": ["overloaded"]}}, "what it read of an error raised TypeError"),
        ({"breaks_finish": 1}, "its outcome raised ZeroDivisionError (retry_fakes.py, line "),
    ],
)
def test_provider_that_breaks_its_contract(answer: dict[str, Any], problem: str) -> None:
    """It is named, nothing of its error's text is shown, and the paid answer is kept."""
    error, call, _ = run([answer])
    assert isinstance(error, PluginError)
    assert error.name == "fake"
    assert problem in str(error)
    assert "canary" not in "".join(traceback.format_exception(error))
    assert error.__context__ is error.__cause__ is None
    path = Path(str(error).rpartition(" is kept in ")[2])
    assert orjson.loads(path.read_bytes()) == answer
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [attempt] = call.attempts
    assert (attempt.outcome, attempt.charge, attempt.status) == ("PluginError", "maybe", 200)


def test_provider_that_cannot_read_an_error() -> None:
    """It is named, and there is nothing to keep: an error is not paid for."""
    error, _, _ = run([{"status": 500, "raises": 1}])
    assert isinstance(error, PluginError)
    assert "decode_error raised KeyError" in str(error)
    assert "HTTP 500" in str(error)
    assert "kept" not in str(error)


def test_other_exceptions_come_through() -> None:
    """What is no failure of a call, such as a cassette that does not fit, is not touched."""

    class MismatchError(Exception):
        pass

    class Replaying(FakeTransport):
        async def send(self, *arguments: Any, **options: Any) -> Any:
            raise MismatchError

    async def body() -> Call[str]:
        call = make_call()
        with pytest.raises(MismatchError):
            await RetryEngine(Replaying([])).run(call)
        return call

    assert [attempt.outcome for attempt in run_virtual(body()).attempts] == ["MismatchError"]


# -- paid answers are kept ----------------------------------------------------------------------


@pytest.mark.parametrize("answer", [{"bad_image": 1}, {"facts": {"kind": "malformed"}}])
def test_unusable_answer_is_kept(answer: dict[str, Any]) -> None:
    """A picture that is none, or an answer that is not the service's, stays in a file."""
    error = failure([answer], RetryPolicy(attempts=1))
    path = Path(str(getattr(error, "spool_path", None)))
    assert orjson.loads(path.read_bytes()) == answer
    assert str(path) in str(error)


def test_what_was_not_paid_for_is_not_kept() -> None:
    """A redirect and an answer of a refused request leave no file."""
    error = failure([{"status": 302}])
    assert getattr(error, "spool_path", "missing") is None


# -- fetching -----------------------------------------------------------------------------------


def fetch(answers: Answers) -> tuple[Any, list[str]]:
    """Fetch a list in virtual time: the document or the error, and what was sent."""

    async def body() -> tuple[Any, list[str]]:
        transport = FakeTransport(list(answers))
        try:
            response = await RetryEngine(transport, random=lambda: 1.0).fetch(
                FakeProvider(),
                WireRequest(method="GET", url="https://service.invalid/models"),
                credential=KEY,
                policy=RetryPolicy(),
                deadline=Deadline(60),
                max_bytes=1000,
            )
        except GenerationError as error:
            return error, transport.sent
        return response.document, transport.sent

    return run_virtual(body())


def test_fetch() -> None:
    """A request that costs nothing is repeated freely, and its answer comes undecoded."""
    answers: Answers = [{"fault": "disconnect"}, {"fault": "truncated"}, {"models": []}]
    assert fetch(answers) == ({"models": []}, ["GET models"] * 3)


def test_fetch_that_fails() -> None:
    """Its errors are those of any call, and it was not charged."""
    error, sent = fetch([{"status": 401}])
    assert (type(error).__name__, error.charge, len(sent)) == ("AuthenticationError", "no", 1)
    error, sent = fetch([{"fault": "disconnect"}] * 3)
    assert (type(error).__name__, error.charge, len(sent)) == ("AmbiguousError", "no", 3)
    assert error.model is None


# -- nothing is said or held that must not be ---------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        [{"status": 500}] * 3,
        [{"fault": "disconnect"}] * 2,
        [{"status": 429, "headers": {"retry-after": 1000}}],
        [{"absence": "text"}],
        [{"follow_up": {"wait": 1000}}],
        [{"raises": 1}],
    ],
)
def test_no_key_and_no_prompt_anywhere(answers: Answers, caplog: pytest.LogCaptureFixture) -> None:
    """No log line, chain, frame variable, pickle or event holds the key or the prompt."""
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    error, call, _ = run(answers, observers=[events.append])
    assert isinstance(error, Exception)
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = [*trace.format(), caplog.text, repr(events), repr(call), repr(error)]
    shown += [repr(vars(error)), repr(pickle.loads(pickle.dumps(error)))]
    assert error.__context__ is None
    assert "canary" not in "".join(shown)


@pytest.mark.parametrize("answer", [{"status": 500}, {"absence": "text"}, {"fault": "tls"}])
def test_failed_calls_are_freed_at_once(answer: dict[str, Any]) -> None:
    """Neither an error nor a frame holds the call and its answer until the garbage collector."""
    policy = RetryPolicy(attempts=1)

    async def body() -> weakref.ref[Any]:
        engine = RetryEngine(FakeTransport([answer]))

        async def call_it() -> weakref.ref[Any]:
            call = make_call(policy)
            with contextlib.suppress(GenerationError):
                await engine.run(call)
            return weakref.ref(call)

        return await call_it()

    gc.collect()
    gc.disable()
    try:
        assert run_virtual(body())() is None
    finally:
        gc.enable()


def test_rate_limit_is_caught_as_programs_do() -> None:
    """The error that programs sleep by has a number, and is the base class's child."""
    error = failure([{"status": 429, "headers": {"retry-after": 500}}])
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 500
