"""What the service's errors become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.gemini.support import facts

RPC = "type.googleapis.com/google.rpc."


def error(
    status: str | None, *details: Any, code: Any = 400, message: Any = "words"
) -> dict[str, Any]:
    """An error of the service."""
    body = {"code": code, "message": message, "status": status, "details": list(details)}
    return {"error": {name: value for name, value in body.items() if value is not None}}


def quota(**violation: Any) -> dict[str, Any]:
    """The detail that names a quota."""
    return {"@type": f"{RPC}QuotaFailure", "violations": [violation]}


def retry(delay: Any) -> dict[str, Any]:
    """The detail that names a delay."""
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


def info(reason: str, **metadata: str) -> dict[str, Any]:
    """The detail that names a reason."""
    return {"@type": f"{RPC}ErrorInfo", "reason": reason, "metadata": metadata}


@pytest.mark.parametrize(
    ("http", "status", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid-request"),
        (400, "FAILED_PRECONDITION", "permission-denied"),
        (400, "OUT_OF_RANGE", "invalid-request"),
        (401, "UNAUTHENTICATED", "authentication"),
        (403, "PERMISSION_DENIED", "permission-denied"),
        (404, "NOT_FOUND", "model-not-found"),
        (409, "ABORTED", "conflict"),
        (409, "ALREADY_EXISTS", "conflict"),
        (429, "RESOURCE_EXHAUSTED", "rate-limited"),
        (499, "CANCELLED", "server-error"),
        (500, "INTERNAL", "server-error"),
        (500, "UNKNOWN", "server-error"),
        (501, "UNIMPLEMENTED", "invalid-request"),
        (503, "UNAVAILABLE", "overloaded"),
        (504, "DEADLINE_EXCEEDED", "deadline"),
    ],
)
def test_canonical_codes(http: int, status: str, kind: str) -> None:
    """The canonical code decides, in a list or not."""
    found = facts(error(status, code=http), http)
    assert (found.kind, found.code, found.message) == (kind, status, "words")
    assert facts([error(status, code=http)], http) == found
    assert facts(error(status, code=None), 418).kind == kind


@pytest.mark.parametrize(
    ("http", "kind"),
    [
        (400, "invalid-request"),
        (401, "authentication"),
        (403, "permission-denied"),
        (404, "model-not-found"),
        (429, "rate-limited"),
        (503, "overloaded"),
        (504, "deadline"),
        (500, None),
        (502, None),
        (418, None),
    ],
)
def test_numbers_where_there_is_no_canonical_code(http: int, kind: str | None) -> None:
    """Without a canonical code the number says what it can; the rest is the core's."""
    assert facts(error(None, code=http), http).kind == kind
    assert facts(error(None, code=None), http).kind == kind
    assert facts(error("NEW", code="odd"), http).kind == kind


@pytest.mark.parametrize(
    "reason", ["API_KEY_INVALID", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING"]
)
def test_a_wrong_credential(reason: str) -> None:
    """A wrong key comes as 400 INVALID_ARGUMENT; its reason tells."""
    found = facts(error("INVALID_ARGUMENT", info(reason)), 400)
    assert (found.kind, found.code) == ("authentication", "INVALID_ARGUMENT")
    assert found.details == {"reason": reason}


def test_words_decide_nothing() -> None:
    """A message that speaks of keys, safety or signatures does not change what an error is."""
    for message in (
        "API key not valid",
        "blocked for safety",
        "Image part is missing a thought_signature in content position 2, part position 1",
        "quota exceeded, limit: 0",
    ):
        assert facts(error("INVALID_ARGUMENT", message=message), 400).kind == "invalid-request"


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("48s", 48.0), ("45.837906927s", 45.837906927), ("0s", 0.0), ("soon", None), (5, None)],
)
def test_rate_limit_with_delay(delay: Any, seconds: float | None) -> None:
    """The delay stands in the body, in seconds with up to nine decimals."""
    minute = quota(
        quotaId="RequestsPerMinutePerProject", quotaMetric="example.com/requests", quotaValue="10"
    )
    found = facts(error("RESOURCE_EXHAUSTED", minute, retry(delay), code=429), 429)
    assert found.kind == "rate-limited"
    assert found.retry_after == seconds
    assert found.details == {
        "quota_id": "RequestsPerMinutePerProject",
        "quota_metric": "example.com/requests",
        "quota_value": "10",
    }


@pytest.mark.parametrize(
    ("violation", "quota_id"),
    [
        ({"quotaId": "RequestsPerDayPerProject-FreeTier"}, "RequestsPerDayPerProject-FreeTier"),
        ({"quotaId": "RequestsPerMinute", "quotaValue": "0"}, "RequestsPerMinute"),
        ({"quotaId": "RequestsPerMinute", "quotaValue": 0}, "RequestsPerMinute"),
    ],
)
def test_a_quota_that_waiting_does_not_help(violation: Any, quota_id: str) -> None:
    """A day's quota, or one of zero, is used up; the short delay beside it is not passed on."""
    minute = {"quotaId": "TokensPerMinute", "quotaValue": "1000"}
    detail = {"@type": f"{RPC}QuotaFailure", "violations": [minute, violation]}
    found = facts(error("RESOURCE_EXHAUSTED", detail, retry("25s"), code=429), 429)
    assert found.kind == "quota-exhausted"
    assert found.retry_after is None
    assert found.details["quota_id"] == quota_id


def test_a_quota_named_in_the_error_info() -> None:
    """Other services of Google name the quota in the reason's metadata."""
    spent = info(
        "RATE_LIMIT_EXCEEDED", quota_limit="ImagesPerMinutePerProject", quota_limit_value="0"
    )
    found = facts(error("RESOURCE_EXHAUSTED", spent, code=429), 429)
    assert found.kind == "quota-exhausted"
    assert found.details == {
        "reason": "RATE_LIMIT_EXCEEDED",
        "quota_id": "ImagesPerMinutePerProject",
        "quota_value": "0",
    }


def test_rate_limit_without_details() -> None:
    """Shared capacity of Vertex runs out without a word of which."""
    found = facts(error("RESOURCE_EXHAUSTED", code=429), 429)
    assert (found.kind, found.retry_after, found.details) == ("rate-limited", None, {})


def test_a_wrong_field() -> None:
    """The field that the service names is passed on."""
    detail = {
        "@type": f"{RPC}BadRequest",
        "fieldViolations": [
            {"description": "x"},
            {"field": "generation_config.image_config", "description": "x"},
        ],
    }
    found = facts(error("INVALID_ARGUMENT", detail), 400)
    assert found.field == "generation_config.image_config"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>502</title></html>",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"[[]]",
        b"{}",
        b'"busy"',
        b"5",
        b'{"error": null}',
        b'{"error": "busy"}',
        b'{"error": []}',
        b'{"message": "busy"}',
    ],
)
def test_bodies_that_say_nothing(body: bytes) -> None:
    """A gateway's own body leaves the decision to the status."""
    found = facts(body, 502)
    assert found.kind is None
    assert found.message in (None, "busy")


def test_a_huge_message_is_cut() -> None:
    """What an error carries stays small, lifted or not."""
    for length in (3000, 500_000):
        found = facts(error("INTERNAL", message="x" * length, code=500), 500)
        assert found.message == "x" * 2048


def test_a_key_in_a_message_is_masked() -> None:
    """Some messages name the key in full; it goes no further."""
    key = "AIza" + "Sy0123456789_-abcdefghijklmnopqrstu"
    message = f"Consumer 'api_key:{key}' has been suspended."
    found = facts(error("PERMISSION_DENIED", message=message, code=403), 403)
    assert found.message == "Consumer 'api_key:[key]' has been suspended."
    assert key not in json.dumps(dict(found.details))


def test_odd_details_are_read_past() -> None:
    """Details of any kind never hide those that can be read."""
    odd: list[Any] = [None, 5, "x", [], {}, quota(), {"violations": 5}, {"fieldViolations": [5]}]
    found = facts(error("RESOURCE_EXHAUSTED", *odd, retry("7s"), code=429), 429)
    assert (found.kind, found.retry_after, found.details) == ("rate-limited", 7.0, {})
