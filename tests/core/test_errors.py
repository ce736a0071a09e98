"""The family of errors: what they are, carry, print and survive."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import math
import pickle
import traceback
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genkit.errors
from genkit import errors
from genkit.errors import (
    AmbiguousError,
    AttemptTimeoutError,
    ConfigurationError,
    ContentPolicyError,
    DeadlineExceededError,
    ErrorContext,
    GenerationError,
    GenkitError,
    InvalidRequestError,
    ModelNotFoundError,
    NoImageError,
    OutputError,
    OverloadedError,
    PluginError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    SessionStateError,
    UnsupportedOptionError,
    brief,
    printable,
)
from genkit.response import Attempt, Usage

FAMILY: list[type[GenkitError]] = sorted(
    (
        value
        for name in genkit.errors.__all__
        if inspect.isclass(value := getattr(genkit.errors, name)) and issubclass(value, GenkitError)
    ),
    key=lambda kind: kind.__name__,
)

CONTEXT = ErrorContext(
    provider="gemini",
    model="gemini-3-pro-image",
    status=429,
    code="RESOURCE_EXHAUSTED",
    request_id="request-1",
    generation_id="generation-1",
    attempts=(Attempt(number=1, provider="gemini", model="m", status=429, charge="no"),),
    charge="maybe",
    retryable=True,
    usage=Usage(total_tokens=5, raw={"a": [1]}),
)

OWN_FACTS: Mapping[str, Mapping[str, Any]] = {
    "ConfigurationError": {"problems": ("a: is wrong", "b: is missing")},
    "PluginError": {"name": "broken"},
    "OutputError": {"path": "x.png"},
    "InvalidRequestError": {"field": "width"},
    "UnsupportedOptionError": {"field": "mask"},
    "ModelNotFoundError": {"field": "model"},
    "SessionStateError": {"position": "turn 2, part 1"},
    "ContentPolicyError": {"reason": "SAFETY", "stage": "output", "categories": ("violence",)},
    "RateLimitError": {"retry_after": 45.8},
    "ConnectionFailedError": {"phase": "tls"},
    "AttemptTimeoutError": {"phase": "body"},
    "ResponseDecodeError": {"kind": "truncated", "spool_path": "spool.bin"},
    "NoImageError": {"reason": "NO_IMAGE", "text": "I would rather not."},
}


def make(kind: type[GenkitError]) -> GenkitError:
    """An error of `kind` with every fact that it can carry."""
    facts: dict[str, Any] = dict(OWN_FACTS.get(kind.__name__, {}))
    if issubclass(kind, GenerationError):
        facts |= {"details": {"quota": ["per-day"]}, "context": CONTEXT}
    error = kind("it broke", **facts)
    error.add_note("a note")
    return error


def facts_of(error: GenkitError) -> dict[str, Any]:
    """Everything that an error carries."""
    return {"args": error.args, "text": str(error), **vars(error)}


def test_family_is_whole() -> None:
    """The classes stand under each other as documented, and none is missing."""
    assert {(kind.__name__, kind.__bases__[0].__name__) for kind in FAMILY} == {
        ("GenkitError", "Exception"),
        ("ConfigurationError", "GenkitError"),
        ("PluginError", "GenkitError"),
        ("OutputError", "GenkitError"),
        ("LimiterUnavailableError", "GenkitError"),
        ("GenerationError", "GenkitError"),
        ("InvalidRequestError", "GenerationError"),
        ("UnsupportedOptionError", "InvalidRequestError"),
        ("ModelNotFoundError", "InvalidRequestError"),
        ("SessionStateError", "InvalidRequestError"),
        ("AuthenticationError", "GenerationError"),
        ("PermissionDeniedError", "GenerationError"),
        ("ConflictError", "GenerationError"),
        ("ContentPolicyError", "GenerationError"),
        ("RateLimitError", "GenerationError"),
        ("QuotaExhaustedError", "GenerationError"),
        ("BudgetExceededError", "GenerationError"),
        ("ServerError", "GenerationError"),
        ("OverloadedError", "ServerError"),
        ("ConnectionFailedError", "GenerationError"),
        ("AmbiguousError", "GenerationError"),
        ("AttemptTimeoutError", "AmbiguousError"),
        ("ResponseDecodeError", "GenerationError"),
        ("NoImageError", "GenerationError"),
        ("DownloadError", "GenerationError"),
        ("DeadlineExceededError", "GenerationError"),
        ("CircuitOpenError", "GenerationError"),
        ("RetryBudgetExhaustedError", "GenerationError"),
    }


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_with_its_facts(kind: type[GenkitError], protocol: int) -> None:
    """An error comes back from a pickle as it was, facts and notes included."""
    error = make(kind)
    loaded = pickle.loads(pickle.dumps(error, protocol))
    assert type(loaded) is kind
    assert facts_of(loaded) == facts_of(error)
    assert loaded.__notes__ == ["a note"]


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copies(kind: type[GenkitError], duplicate: Any) -> None:
    """A copy of an error is another error that carries the same."""
    error = make(kind)
    copied = duplicate(error)
    assert copied is not error
    assert type(copied) is kind
    assert facts_of(copied) == facts_of(error)


def test_deep_copy_shares_nothing() -> None:
    """Changing the details of a deep copy leaves the original alone."""
    error = GenerationError("m", {"list": [1]})
    copy.deepcopy(error).details["list"].append(2)
    assert error.details == {"list": [1]}


@pytest.mark.parametrize("kind", FAMILY)
def test_needs_no_argument(kind: type[GenkitError]) -> None:
    """Every class can be made without arguments, and still says something."""
    error = kind()
    assert str(error)
    assert type(pickle.loads(pickle.dumps(error))) is kind


@pytest.mark.parametrize("kind", FAMILY)
def test_prints_on_one_safe_line(kind: type[GenkitError]) -> None:
    """No text of a service moves the cursor, turns the text or fills the screen."""
    hostile = (
        "first\nsecond\r\t\x1b]52;c;Zm9v\x07 \x9b31m \u202etxt.exe \u2028\u0085\ud800" + "x" * 9999
    )
    error = kind(hostile)
    for shown in (str(error), repr(error), error.message, *traceback.format_exception_only(error)):
        assert shown.rstrip("\n").isprintable()
        assert len(shown.encode()) < 2300
    assert len(str(error).encode()) <= 2048
    assert str(error).startswith(r"first\nsecond\r\t\x1b]52;c;Zm9v\x07 \x9b31m \u202etxt.exe")
    assert str(error).endswith("...")
    assert kind.__name__ in repr(error)
    assert all(not isinstance(part, str) or part.isprintable() for part in error.args)


@pytest.mark.parametrize("kind", FAMILY)
def test_logging_an_error_is_safe(
    kind: type[GenkitError], caplog: pytest.LogCaptureFixture
) -> None:
    """An error passed to a log call as an argument stays on one line."""
    logging.getLogger("test").warning("failed: %s", kind("a\nb"))
    assert caplog.messages == [r"failed: a\nb"]


@given(st.text(), st.integers(0, 80))
def test_printable_keeps_its_promise(text: str, limit: int) -> None:
    """Any text fits in the limit, encodes, has no controls, and is stable when done again."""
    shown = printable(text, limit)
    assert len(shown.encode()) <= limit
    assert not set(shown) & set("\x1b\n\r\t\x7f\x9b\u202e\u2066\u2028\u200f\ufeff")
    assert printable(shown, limit) == shown


@pytest.mark.parametrize(
    "text", ["", "plain", "Grüße, 世界 🎨", "no-break\u00a0space", "C:\\new", "a" * 2048]
)
def test_printable_leaves_harmless_text(text: str) -> None:
    """What is safe and short is shown as it is, in any script."""
    assert printable(text) == text


def test_printable_cuts_between_characters() -> None:
    """A cut text has no half character at its end."""
    assert printable("世界世界", 10) == "世界..."
    assert printable("x" * 11, 10) == "x" * 7 + "..."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", "'a b'"),
        ("x" * 100, "'" + "x" * 60 + "'..."),
        ("\x1b[2J\n", r"'\x1b[2J\n'"),
        ("\ud800", r"'\ud800'"),
        (7, "7"),
        (True, "True"),
        (math.nan, "nan"),
        (None, "None"),
        pytest.param(10**5000, "an integer of 16610 bits", id="huge"),
        (b"secret", "bytes"),
        ({"prompt": "secret"}, "dict"),
        ([], "list"),
    ],
)
def test_brief(value: object, shown: str) -> None:
    """A value in a message is short, safe, and of large or private things only the type."""
    assert brief(value) == shown


def test_message_need_not_be_text() -> None:
    """Code that passes another error or a number as message gets an error that prints."""
    assert str(GenerationError(ValueError("inner"))) == "inner"  # type: ignore[arg-type]
    assert str(GenkitError(5)) == "5"  # type: ignore[arg-type]


def test_constructors_of_the_single_file_client() -> None:
    """The three errors that programs in the wild construct take the arguments that they pass."""
    limited = RateLimitError(retry_after=60)
    assert limited.retry_after == 60
    assert str(limited) == "rate limited; try again in 60 s"
    refused = ContentPolicyError(reason="x")
    assert refused.reason == "x"
    assert "x" in str(refused)
    failed = GenerationError("m", {"a": 1})
    assert (str(failed), failed.message, failed.details) == ("m", "m", {"a": 1})
    for error in (limited, refused, failed):
        with pytest.raises(GenerationError) as caught:
            raise error
        assert caught.value is error


def test_refusal_by_position_is_its_reason() -> None:
    """A refusal made with one text has it as message and as reason."""
    error = ContentPolicyError("violence")
    assert (error.message, error.reason) == ("violence", "violence")


@pytest.mark.parametrize("given_delay", [None, math.nan, -1])
def test_retry_after_is_always_a_number(given_delay: float | None) -> None:
    """Without a delay that can be waited, a rate limit says the usual minute."""
    error = RateLimitError("slow down", retry_after=given_delay)
    assert error.retry_after == 60
    assert RateLimitError(retry_after=0).retry_after == 0


@pytest.mark.parametrize("kind", [AttemptTimeoutError, DeadlineExceededError])
def test_timeouts_are_timeouts(kind: type[GenerationError]) -> None:
    """Whoever catches Python's own timeout gets ours too, with our message and no errno."""
    error = kind("took too long", {"a": 1}, context=CONTEXT)
    with pytest.raises(TimeoutError):
        raise error
    with pytest.raises(asyncio.TimeoutError):
        raise error
    assert str(error) == "took too long"
    assert isinstance(error, OSError)
    assert (error.errno, error.strerror, error.filename) == (None, None, None)
    assert error.details == {"a": 1}
    assert error.provider == "gemini"


def test_timeout_of_an_attempt_is_ambiguous() -> None:
    """A timeout after sending may have been charged; that of the whole call is no ambiguity."""
    assert issubclass(AttemptTimeoutError, AmbiguousError)
    assert not issubclass(DeadlineExceededError, AmbiguousError)
    assert AttemptTimeoutError(phase="body").phase == "body"


def test_context_is_readable_from_the_error() -> None:
    """What is known of the call can be read from the error itself."""
    error = ServerError("m", context=CONTEXT)
    for name in attrs.fields_dict(ErrorContext):
        assert getattr(error, name) == getattr(CONTEXT, name)


def test_context_without_a_call_is_empty() -> None:
    """An error that was made by hand knows of no attempt and of no charge."""
    error = GenerationError("m")
    assert error.attempts == ()
    assert error.charge == "no"
    assert error.retryable is False
    assert (error.provider, error.status, error.usage) == (None, None, None)


def test_context_is_filled_in_later() -> None:
    """The engine adds what it knows and leaves the rest."""
    error = ServerError("m", context=ErrorContext(code="INTERNAL"))
    error.add_context(provider="gemini", status=500)
    assert (error.provider, error.status, error.code) == ("gemini", 500, "INTERNAL")
    with pytest.raises(TypeError):
        error.add_context(nonsense=1)


def test_details_are_the_errors_own() -> None:
    """Changing the mapping that an error was made of does not change the error."""
    details = {"a": 1}
    error = GenerationError("m", details)
    details["a"] = 2
    assert error.details == {"a": 1}


def test_chains() -> None:
    """An error can be raised from another, which is shown, and from none."""
    with pytest.raises(OverloadedError) as caught:
        raise OverloadedError("busy") from ValueError("cause")
    assert isinstance(caught.value.__cause__, ValueError)
    text = "".join(traceback.format_exception(caught.value))
    assert "ValueError: cause" in text
    assert "OverloadedError: busy" in text


def test_groups() -> None:
    """Errors stand in exception groups and are caught there by class."""
    caught: list[BaseException] = []
    try:
        raise ExceptionGroup("several", [RateLimitError(), DeadlineExceededError("late")])
    except* TimeoutError as group:
        caught += group.exceptions
    except* GenkitError as group:
        caught += group.exceptions
    assert {type(error) for error in caught} == {RateLimitError, DeadlineExceededError}


def test_own_facts_have_defaults() -> None:
    """The facts of single classes are there when nobody gave them."""
    assert InvalidRequestError("m").field is None
    assert ModelNotFoundError("m").field is None
    assert UnsupportedOptionError("m", field="mask").field == "mask"
    state = SessionStateError("m", position="turn 2")
    assert (state.field, state.position) == ("conversation", "turn 2")
    assert (OutputError("m").path, PluginError("m").name) == (None, None)
    assert ResponseDecodeError("m").kind == "malformed"
    nothing = NoImageError(reason="NO_IMAGE")
    assert str(nothing) == "the answer has no image: NO_IMAGE"
    assert nothing.text is None
    refusal = ContentPolicyError()
    assert (refusal.reason, refusal.stage, refusal.categories) == (None, "prompt", ())


def test_configuration_lists_its_problems() -> None:
    """All mistakes of a configuration are in the message and one by one in `problems`."""
    error = ConfigurationError(problems=("a: wrong", "b: missing"))
    assert str(error) == "a: wrong; b: missing"
    assert error.problems == ("a: wrong", "b: missing")


def test_everything_documented_is_public() -> None:
    """Every class of the module is exported, so that it can be caught by name."""
    defined = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, GenkitError)
    }
    assert defined == {kind.__name__ for kind in FAMILY}
