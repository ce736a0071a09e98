"""Errors: told apart by their structured codes, with what else they say that is of use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genkit.errors import (
    AuthenticationError,
    ContentPolicyError,
    GenkitError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    ServerError,
)
from genkit.retry.classify import classify
from tests.providers.openai.support import answer, error, facts, provider

USER = "image_generation_user_error"
INVALID = "invalid_request_error"

# Status, type, code, the error that the core makes of it, whether it is tried again.
TABLE: list[tuple[int, str | None, str | None, type[GenkitError], bool]] = [
    (400, USER, "moderation_blocked", ContentPolicyError, False),
    (400, INVALID, "content_policy_violation", ContentPolicyError, False),
    (400, USER, "invalid_image_file", InvalidRequestError, False),
    (400, INVALID, "unsupported_file_mimetype", InvalidRequestError, False),
    (400, INVALID, "invalid_value", InvalidRequestError, False),
    (400, INVALID, "unknown_parameter", InvalidRequestError, False),
    (400, USER, "a_code_of_next_year", InvalidRequestError, False),
    (400, INVALID, "billing_hard_limit_reached", QuotaExhaustedError, False),
    (400, INVALID, "model_not_found", ModelNotFoundError, False),
    (404, INVALID, "model_not_found", ModelNotFoundError, False),
    (401, INVALID, "invalid_api_key", AuthenticationError, False),
    (401, INVALID, None, AuthenticationError, False),
    (403, INVALID, None, PermissionDeniedError, False),
    (403, INVALID, "unsupported_country_region_territory", PermissionDeniedError, False),
    (429, "requests", "rate_limit_exceeded", RateLimitError, True),
    (429, "tokens", "rate_limit_exceeded", RateLimitError, True),
    (429, None, None, RateLimitError, True),
    (429, "insufficient_quota", "insufficient_quota", QuotaExhaustedError, False),
    (429, "insufficient_quota", "credit_balance_exhausted", QuotaExhaustedError, False),
    (429, "insufficient_quota", "organization_spend_limit_exceeded", QuotaExhaustedError, False),
    (429, "insufficient_quota", "project_spend_limit_exceeded", QuotaExhaustedError, False),
    (429, "insufficient_quota", "organization_usage_limit_exceeded", QuotaExhaustedError, False),
    (429, "insufficient_quota", "a_code_of_next_year", QuotaExhaustedError, False),
    (429, "rate_limit_error", "slow_down", OverloadedError, True),
    (500, "server_error", None, ServerError, True),
    (503, "service_unavailable_error", "server_is_overloaded", OverloadedError, True),
    # Azure's.
    (400, None, "content_filter", ContentPolicyError, False),
    (400, None, "contentFilter", ContentPolicyError, False),
    (401, None, "401", AuthenticationError, False),
    (404, None, "DeploymentNotFound", ModelNotFoundError, False),
    (429, None, "429", RateLimitError, True),
    (429, None, "RateLimitReached", RateLimitError, True),
]


@pytest.mark.parametrize(("status", "type_", "code", "kind", "again"), TABLE)
def test_the_table(
    status: int, type_: str | None, code: str | None, kind: type[GenkitError], again: bool
) -> None:
    """Each code is its own error, and what can never pass is not tried again."""
    response = answer(error(type=type_, code=code), status)
    verdict = classify(response, provider().decode_error(response), provider="openai")
    assert type(verdict.error) is kind
    assert (verdict.retry != "never") is again


def test_words_decide_nothing() -> None:
    """A message that speaks of safety or of quotas is only a message."""
    body = error(message="safety system, insufficient_quota, Request too large", type=INVALID)
    assert facts(body, 400).kind is None
    assert facts(body, 429).kind is None


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("input", "prompt"), ("output", "output"), ("unknown", None), ("later", None), (None, None)],
)
def test_stage_and_categories_of_a_refusal(stage: str | None, expected: str | None) -> None:
    """Where the service says what it refused and why, the error says so too."""
    details = {"moderation_stage": stage, "categories": ["violence", "self-harm", 3]}
    found = facts(error(code="moderation_blocked", moderation_details=details), 400)
    assert (found.kind, found.code) == ("content-policy", "moderation_blocked")
    assert found.stage == expected
    assert found.categories == ("violence", "self-harm")
    assert found.details["moderation_details"] == details


def test_a_refusal_without_details() -> None:
    """Older refusals say no more than that they are."""
    found = facts(error(code="content_policy_violation", type=INVALID), 400)
    assert (found.kind, found.stage, found.categories) == ("content-policy", None, ())
    assert found.details == {"type": INVALID}


@pytest.mark.parametrize("name", ["innererror", "inner_error"])
def test_azure_says_which_filter_it_was(name: str) -> None:
    """The categories stand in an error within the error."""
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {
            "hate": {"filtered": False, "severity": "safe"},
            "sexual": {"filtered": True, "severity": "medium"},
            "jailbreak": {"detected": True, "filtered": True},
        },
    }
    for code in ("content_filter", "content_policy_violation", None, "400"):
        found = facts(error(code=code, **{name: inner}), 400)
        assert (found.kind, found.categories) == ("content-policy", ("sexual", "jailbreak"))
        assert found.details["inner_code"] == "ResponsibleAIPolicyViolation"


# -- limits -----------------------------------------------------------------------------------


def limited(resource: str = "tokens", **headers: str) -> dict[str, str]:
    """Rate limit headers, of a resource that is whole unless told otherwise."""
    facts_of = {"limit": "2000000", "remaining": "1999998", "reset": "0s", **headers}
    return {f"X-RateLimit-{name}-{resource}": value for name, value in facts_of.items()}


def too_large(headers: dict[str, str], type_: str = "tokens") -> bool:
    """Whether a rate limit is one that this request alone is over."""
    found = facts(error(type=type_, code="rate_limit_exceeded"), 429, headers)
    assert found.kind in ("rate-limited", "invalid-request")
    assert (found.details.get("over_limit") == type_) is (found.kind == "invalid-request")
    return found.kind == "invalid-request"


def test_a_request_that_is_over_the_limit_by_itself() -> None:
    """Refused for a resource of which all is there: it can never pass, and is not tried again."""
    assert too_large(limited())
    assert too_large(limited("input-images", limit="5", remaining="5"), "input-images")
    response = answer(error(type="tokens", code="rate_limit_exceeded"), 429, limited())
    verdict = classify(response, provider().decode_error(response), provider="openai")
    assert (verdict.retry, type(verdict.error)) == ("never", InvalidRequestError)


@pytest.mark.parametrize(
    ("headers", "type_"),
    [
        ({}, "tokens"),
        (limited(remaining="1000000"), "tokens"),
        (limited(reset="20s"), "tokens"),
        (limited(limit="x"), "tokens"),
        (limited(limit="0", remaining="0"), "tokens"),
        (limited("requests"), "tokens"),
        # One request is over no limit of requests.
        (limited("requests"), "requests"),
    ],
)
def test_other_rate_limits_pass_with_time(headers: dict[str, str], type_: str) -> None:
    """Without the facts that show it, a rate limit is one, and is waited for."""
    assert not too_large(headers, type_)


def test_limits_are_told() -> None:
    """What the headers say stands in the details: numbers, and seconds of Go's durations."""
    headers = {
        **limited("tokens", reset="6m0s"),
        **limited("requests", limit="5000", remaining="4999", reset="12ms"),
        "x-ratelimit-reset-input-images": "soon",
        "x-ratelimit-odd": "1",
    }
    found = facts(error(code="rate_limit_exceeded", type="requests"), 429, headers)
    assert found.details["rate_limits"] == {
        "tokens": {"limit": 2_000_000, "remaining": 1_999_998, "reset": 360.0},
        "requests": {"limit": 5000, "remaining": 4999, "reset": 0.012},
    }


def test_azure_asks_for_no_wait_and_for_a_second() -> None:
    """Of two hints the longer one counts, so that zero milliseconds are no hammering."""
    headers = {"Retry-After": "1", "Retry-After-Ms": "0"}
    response = answer(error(code="429"), 429, headers)
    verdict = classify(response, provider().decode_error(response), provider="azure")
    assert isinstance(verdict.error, RateLimitError)
    assert verdict.hint == 1.0


# -- what else --------------------------------------------------------------------------------


def test_the_field_is_told() -> None:
    """The option that is wrong is named where the service names it."""
    found = facts(error(code="unknown_parameter", type=INVALID, param="response_format"), 400)
    assert found.field == "response_format"
    assert found.message == "no"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("invalid_api_key", "Incorrect API key provided: made-up-canary. See the docs."),
        (None, "The key sk-proj-made-up-canary is disabled"),
        (None, "sk-****************************nary"),
    ],
)
def test_a_key_is_not_repeated(code: str | None, message: str) -> None:
    """Services quote keys, whole or in part; errors of ours do not."""
    found = facts(error(code=code, message=message), 401)
    assert "nary" not in json.dumps([found.message, dict(found.details)])
    assert code is None or found.message is None


@pytest.mark.parametrize(
    ("body", "status", "kind", "message"),
    [
        ({"error": "too bad"}, 400, None, "too bad"),
        ({"message": "from a gateway", "statusCode": 401}, 401, None, "from a gateway"),
        ({"code": "model_not_found", "error": "no such"}, 404, "model-not-found", "no such"),
        ({"error": {"code": 429, "message": "x"}}, 429, None, "x"),
        ([], 500, None, None),
        (b"<html>", 502, None, None),
        (b"", 503, None, None),
    ],
)
def test_bodies_of_other_shapes(body: Any, status: int, kind: str | None, message: str) -> None:
    """What other hosts answer is read as far as it goes; for the rest there is the status."""
    found = facts(body, status)
    assert (found.kind, found.message) == (kind, message)


def test_details_stay_small() -> None:
    """However much a service says, an error carries little of it."""
    noise = {f"n{i}": ["x" * 100] * 100 for i in range(100)}
    found = facts(
        error(code="moderation_blocked", message="x" * 10_000, moderation_details=noise, **noise),
        400,
        {f"x-ratelimit-limit-{'a' * i}": "1" for i in range(1, 60)},
    )
    assert found.message is not None
    assert len(found.message) == 2048
    assert len(json.dumps(dict(found.details))) < 4096
