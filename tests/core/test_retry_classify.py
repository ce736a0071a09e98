from __future__ import annotations

import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit import errors
from genkit.errors import (
    ContentPolicyError,
    GenerationError,
    InvalidRequestError,
    NoImageError,
    RateLimitError,
    ResponseDecodeError,
)
from genkit.provider import ErrorFacts, ErrorKind
from genkit.response import Usage
from genkit.retry.classify import RAISED, ROWS, Verdict, classify, judge
from genkit.wire import WireResponse


def verdict(status: int, headers: dict[str, str] | None = None, **facts: Any) -> Verdict:
    """What an answer of this status and these facts means."""
    response = WireResponse(status=status, headers=headers or {})
    return classify(response, ErrorFacts(**facts), provider="fake")


def short(found: Verdict) -> tuple[str, str, str, str]:
    """A verdict in four words."""
    return type(found.error).__name__, found.retry, found.charge, found.base


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (100, ("ResponseDecodeError", "ambiguous", "maybe", "transient")),
        (200, ("ResponseDecodeError", "ambiguous", "maybe", "transient")),
        (204, ("ResponseDecodeError", "ambiguous", "maybe", "transient")),
        (301, ("ResponseDecodeError", "never", "no", "transient")),
        (307, ("ResponseDecodeError", "never", "no", "transient")),
        (400, ("InvalidRequestError", "never", "no", "transient")),
        (401, ("AuthenticationError", "never", "no", "transient")),
        (402, ("QuotaExhaustedError", "never", "no", "transient")),
        (403, ("PermissionDeniedError", "never", "no", "transient")),
        (404, ("InvalidRequestError", "never", "no", "transient")),
        (407, ("ConnectionFailedError", "never", "no", "transient")),
        (408, ("ServerError", "yes", "no", "transient")),
        (409, ("ConflictError", "never", "no", "transient")),
        (413, ("InvalidRequestError", "never", "no", "transient")),
        (415, ("InvalidRequestError", "never", "no", "transient")),
        (418, ("InvalidRequestError", "never", "no", "transient")),
        (422, ("InvalidRequestError", "never", "no", "transient")),
        (425, ("ServerError", "yes", "no", "transient")),
        (429, ("RateLimitError", "yes", "no", "throttle")),
        (500, ("ServerError", "yes", "no", "transient")),
        (502, ("ServerError", "ambiguous", "maybe", "transient")),
        (503, ("OverloadedError", "yes", "no", "throttle")),
        (504, ("ServerError", "ambiguous", "maybe", "transient")),
        (520, ("ServerError", "ambiguous", "maybe", "transient")),
        (524, ("ServerError", "ambiguous", "maybe", "transient")),
        (529, ("OverloadedError", "yes", "no", "throttle")),
        (599, ("ServerError", "ambiguous", "maybe", "transient")),
    ],
)
def test_by_status(status: int, expected: tuple[str, str, str, str]) -> None:
    """Where the provider knows no more than the status, the status decides."""
    assert short(verdict(status)) == expected


KINDS = {
    "invalid-request": ("InvalidRequestError", "never", "no", "transient"),
    "unsupported-option": ("UnsupportedOptionError", "never", "no", "transient"),
    "model-not-found": ("ModelNotFoundError", "never", "no", "transient"),
    "session-state": ("SessionStateError", "never", "no", "transient"),
    "authentication": ("AuthenticationError", "never", "no", "transient"),
    "permission-denied": ("PermissionDeniedError", "never", "no", "transient"),
    "conflict": ("ConflictError", "never", "no", "transient"),
    "content-policy": ("ContentPolicyError", "never", "no", "transient"),
    "rate-limited": ("RateLimitError", "yes", "no", "throttle"),
    "quota-exhausted": ("QuotaExhaustedError", "never", "no", "transient"),
    "server-error": ("ServerError", "yes", "no", "transient"),
    "overloaded": ("OverloadedError", "yes", "no", "throttle"),
    "deadline": ("ServerError", "ambiguous", "maybe", "transient"),
    "malformed": ("ResponseDecodeError", "ambiguous", "maybe", "transient"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_by_kind(kind: str, status: int) -> None:
    """The kind that the provider read goes before the status."""
    assert short(verdict(status, kind=kind)) == KINDS[kind]


def test_every_kind_has_a_row() -> None:
    """No kind of the contract is without a row, here or in the table."""
    kinds = set(typing.get_args(ErrorKind))
    assert kinds == set(KINDS)
    assert kinds <= set(ROWS)


@pytest.mark.parametrize("status", [502, 504, 520])
def test_server_error_of_a_gateway_is_ambiguous(status: int) -> None:
    """A provider that says no more than that the server failed does not know what it did."""
    assert verdict(status, kind="server-error").charge == "maybe"
    assert verdict(500, kind="server-error").charge == "no"


def test_kind_of_a_newer_contract() -> None:
    """A kind that is not known says nothing, and the status decides."""
    assert short(verdict(429, kind="enchanted")) == short(verdict(429))


RAISES: list[tuple[GenerationError, tuple[str, str]]] = [
    *(
        (errors.ConnectionFailedError(phase=phase), ("yes", "no"))
        for phase in ("dns", "connect", "proxy", "send")
    ),
    (errors.ConnectionFailedError(phase="tls"), ("never", "no")),
    (errors.ConnectionFailedError("", {"proxy_status": 407}, phase="proxy"), ("never", "no")),
    (errors.ConnectionFailedError("", {"proxy_status": 502}, phase="proxy"), ("yes", "no")),
    (errors.AmbiguousError(), ("ambiguous", "maybe")),
    (errors.AttemptTimeoutError(phase="headers"), ("ambiguous", "maybe")),
    (errors.AttemptTimeoutError(phase="body"), ("ambiguous", "maybe")),
    (ResponseDecodeError(kind="truncated"), ("ambiguous", "maybe")),
    (ResponseDecodeError(kind="malformed"), ("ambiguous", "maybe")),
    (ResponseDecodeError(kind="protocol"), ("ambiguous", "maybe")),
    (ResponseDecodeError(kind="bad-image"), ("ambiguous", "yes")),
    (ResponseDecodeError(kind="too-large"), ("never", "maybe")),
    (ResponseDecodeError(kind="redirect"), ("never", "no")),
    (NoImageError("", {"cause": "empty"}), ("once", "yes")),
    (NoImageError("", {"cause": "other"}), ("once", "yes")),
    (NoImageError("", {"cause": "text"}), ("never", "yes")),
    (NoImageError("", {"cause": "limit"}), ("never", "yes")),
    (NoImageError(), ("never", "yes")),
    (ContentPolicyError(stage="prompt"), ("never", "no")),
    (ContentPolicyError(stage="output"), ("never", "maybe")),
    (errors.DownloadError(), ("never", "maybe")),
    (InvalidRequestError(), ("never", "maybe")),
]


@pytest.mark.parametrize(
    ("error", "expected"),
    RAISES,
    ids=lambda value: repr(value) + repr(getattr(value, "details", "")),
)
def test_raised(error: GenerationError, expected: tuple[str, str]) -> None:
    """Errors that were raised are judged by their class and by how far the request got."""
    found = judge(error)
    assert (found.error, found.retry, found.charge) == (error, *expected)


def test_every_row_for_raised_errors_is_needed() -> None:
    """Each row decides at least one of the cases above."""
    deciding = set()
    for error, _ in RAISES:
        for number, row in enumerate(RAISED):
            value = getattr(error, row.fact or "", error.details.get(row.fact or ""))
            if isinstance(error, row.error) and (row.fact is None or value in row.values):
                deciding.add(number)
                break
    assert deciding == set(range(len(RAISED)))


@pytest.mark.parametrize(
    ("found", "charge"),
    [
        (judge(ContentPolicyError(stage="output")), "maybe"),
        (
            judge(
                ContentPolicyError(
                    stage="output", context=errors.ErrorContext(usage=Usage(total_tokens=1))
                )
            ),
            "yes",
        ),
        (verdict(200, kind="content-policy", stage="output", usage=Usage()), "yes"),
        (verdict(200, kind="content-policy", stage="output"), "maybe"),
        (verdict(400, kind="content-policy", stage="output"), "no"),
        (verdict(200, kind="content-policy", stage="prompt", usage=Usage()), "no"),
        (verdict(200, kind="malformed", usage=Usage()), "yes"),
        (verdict(429, usage=Usage()), "no"),
    ],
)
def test_usage_makes_a_charge_certain(found: Verdict, charge: str) -> None:
    """What may have been charged was, when the service says what it counted."""
    assert found.charge == charge


def test_facts_stand_on_the_error() -> None:
    """Status, code, ids, field, usage and details of the answer are on the error."""
    usage = Usage(total_tokens=3)
    found = verdict(
        400,
        {"x-request-id": "r1"},
        kind="unsupported-option",
        code="bad_size",
        field="size",
        usage=usage,
        details={"quota_id": "q"},
    ).error
    assert isinstance(found, InvalidRequestError)
    assert (found.status, found.code, found.request_id) == (400, "bad_size", "r1")
    assert (found.field, found.usage, found.details) == ("size", usage, {"quota_id": "q"})
    assert verdict(400, {"x-request-id": "r1"}, request_id="r2").error.request_id == "r2"


def test_refusal_says_where_and_why() -> None:
    """A refusal has its stage, its reason and its categories."""
    found = verdict(
        400, kind="content-policy", code="blocked", stage="output", categories=("violence",)
    ).error
    assert isinstance(found, ContentPolicyError)
    assert (found.stage, found.reason, found.categories) == ("output", "blocked", ("violence",))
    assert typing.cast(ContentPolicyError, verdict(400, kind="content-policy").error).stage == (
        "prompt"
    )


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "7"}, 7.0), ({}, 60.0)])
def test_rate_limit_always_names_a_number(headers: dict[str, str], seconds: float) -> None:
    """A program that sleeps `retry_after` always can."""
    found = verdict(429, headers).error
    assert isinstance(found, RateLimitError)
    assert found.retry_after == seconds


def test_message() -> None:
    """It says what happened, gives the service's words, and says what to do."""
    message = str(verdict(429, code="RESOURCE_EXHAUSTED", message="Slow down, please.").error)
    assert message == (
        "fake limits the rate of requests (HTTP 429, RESOURCE_EXHAUSTED): Slow down, please."
        " Wait, and send fewer at a time"
    )
    assert str(verdict(401).error) == (
        "fake does not accept the API key (HTTP 401). Check the key and where it is set;"
        " `genkit doctor` shows which one is used"
    )


def test_message_of_a_talkative_service() -> None:
    """Long and hostile words are cut and escaped, and the advice still stands behind them."""
    message = str(verdict(500, message="\x1b]52;c;AAAA\a" + "é" * 5000, code="x\r\n" * 99).error)
    assert "\x1b" not in message
    assert message.isprintable()
    assert len(message.encode()) <= 2048
    assert message.endswith(". Try again later")


def test_rows_are_complete() -> None:
    """Every row says what happened and what to do."""
    for name, row in ROWS.items():
        assert row.said, name
        assert row.advice, name
        assert not row.advice.endswith("."), name


@given(
    status=st.integers(100, 999),
    facts=st.builds(
        ErrorFacts,
        kind=st.one_of(st.none(), st.sampled_from(typing.get_args(ErrorKind))),
        code=st.one_of(st.none(), st.text(max_size=20)),
        message=st.one_of(st.none(), st.text(max_size=50)),
        retry_after=st.one_of(st.none(), st.floats()),
    ),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "x-should-retry", "retry-after-ms"]), st.text(max_size=20)
    ),
)
def test_any_answer(status: int, facts: ErrorFacts, headers: dict[str, str]) -> None:
    """Any answer gives a typed error, and what policy refuses or points elsewhere stays final."""
    found = classify(WireResponse(status=status, headers=headers), facts, provider="fake")
    assert isinstance(found.error, GenerationError)
    assert found.error.status == status
    if isinstance(found.error, ContentPolicyError):
        assert found.retry == "never"
    if found.charge != "no" and found.retry != "never":
        assert found.retry == "ambiguous"
