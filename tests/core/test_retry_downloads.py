from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from genkit.errors import (
    ContentPolicyError,
    DeadlineExceededError,
    DownloadError,
    GenerationError,
    NoImageError,
    PluginError,
    ResponseDecodeError,
)
from genkit.retry import Call, RetryEngine, RetryPolicy
from genkit.testing.clock import run_virtual
from tests.core.retry_fakes import FAULTS, FakeTransport, make_call

Answers = list[Mapping[str, Any]]
MADE: Mapping[str, Any] = {"follow_up": {"download": True}}
"""The answer of a service that says where the picture is."""


def run(
    answers: Answers, policy: RetryPolicy | None = None
) -> tuple[str | Exception, Call[str], list[str]]:
    """Run one call in virtual time: what it came to, the call, and what was sent."""
    made: list[Any] = []

    async def body() -> str:
        transport = FakeTransport(list(answers))
        made.extend([make_call(policy), transport.sent])
        return await RetryEngine(transport, random=lambda: 1.0).run(made[0])

    try:
        return run_virtual(body()), made[0], made[1]
    except Exception as error:  # noqa: BLE001  # it is what is looked at
        return error, made[0], made[1]


def failure(answers: Answers, policy: RetryPolicy | None = None) -> tuple[GenerationError, int]:
    """Give the error of a call that submitted once, and how many downloads were tried."""
    error, _call, sent = run(answers, policy)
    assert isinstance(error, GenerationError)
    assert [one for one in sent if not one.startswith("download")] == ["POST submit"]
    return error, len(sent) - 1


def test_download_after_a_poll() -> None:
    """Submitted, polled, downloaded: the picture is paid for when there is one to download."""
    result, call, sent = run([{"follow_up": {}}, MADE, {}])
    assert result == "image"
    assert sent == ["POST submit", "GET poll", "download 1.png"]
    assert [attempt.charge for attempt in call.attempts] == ["maybe", "yes", "yes"]


@pytest.mark.parametrize(
    "first",
    [
        *({"fault": name} for name in ("dns", "connect", "send", "disconnect", "truncated")),
        {"takes": 1000},
        {"status": 404, "headers": {"x-should-retry": "true"}},
        *({"status": status} for status in (408, 429, 500, 502, 503, 504)),
        {"bad_image": 1},
        {"facts": {"kind": "malformed"}},
    ],
    ids=str,
)
def test_a_download_is_tried_again_by_itself(first: Mapping[str, Any]) -> None:
    """What passes by itself is tried again, and the generation is not."""
    result, call, sent = run([MADE, first, {}], RetryPolicy(deadline=10_000, timeout=500))
    assert result == "image"
    assert sent == ["POST submit", "download 1.png", "download 1.png"]
    assert call.attempts[0].charge == "yes"


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 409, 410])
def test_a_refused_download_ends(status: int) -> None:
    """An address that has expired is an error at once, whose status says so."""
    error, downloads = failure([MADE, {"status": status, "facts": {"kind": "authentication"}}])
    assert isinstance(error, DownloadError)
    assert (error.kind, error.status, error.charge) == ("status", status, "yes")
    assert (downloads, error.retryable) == (1, False)
    assert [attempt.outcome for attempt in error.attempts] == ["ok", "DownloadError"]
    assert f"pictures.invalid answered HTTP {status}" in str(error)
    assert "until it expires" in str(error)
    assert str(error).endswith("It was charged")


def test_a_download_that_always_fails() -> None:
    """After the last attempt the error says how often it was tried."""
    error, downloads = failure([MADE, *[{"status": 503}] * 3])
    assert isinstance(error, DownloadError)
    assert (downloads, error.status, error.retryable) == (3, 503, True)
    assert "Given up after 3 attempts" in str(error)
    assert error.charge == "yes"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"fault": "connect"}, "connection"),
        ({"fault": "tls"}, "connection"),
        ({"fault": "disconnect"}, "connection"),
        ({"fault": "truncated"}, "truncated"),
        ({"fault": "too-large"}, "too-large"),
        ({"takes": 200}, "timeout"),
        ({"bad_image": 1}, "bad-image"),
        ({"facts": {"kind": "malformed"}}, "malformed"),
    ],
    ids=str,
)
def test_kinds(answer: Mapping[str, Any], kind: str) -> None:
    """Whatever ends a download, it is a `DownloadError` of a picture that was paid for."""
    error, _ = failure([MADE, answer], RetryPolicy(attempts=1))
    assert isinstance(error, DownloadError)
    assert (error.kind, error.charge) == (kind, "yes")


@pytest.mark.parametrize("answer", [{"bad_image": 1}, {"facts": {"kind": "malformed"}}], ids=str)
def test_what_came_is_kept(answer: Mapping[str, Any]) -> None:
    """A download that is no picture stays in a file."""
    error, _ = failure([MADE, answer], RetryPolicy(attempts=1))
    assert Path(error.details["spool_path"]).is_file()
    assert error.details["spool_path"] in str(error)


def test_a_refused_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is not fetched from is an error at once, and no other advice is given."""
    refusal = DownloadError("10.0.0.1 is not an address of the public internet", kind="address")
    monkeypatch.setitem(cast(dict[str, GenerationError], FAULTS), "address", refusal)
    error, downloads = failure([MADE, {"fault": "address"}])
    assert isinstance(error, DownloadError)
    assert (error.kind, error.charge, downloads) == ("address", "yes", 1)
    assert "10.0.0.1" in str(error)
    assert "until it expires" not in str(error)


def test_the_deadline_passes_in_a_download() -> None:
    """The deadline is the deadline; the charge says that the picture was paid for."""
    error, _ = failure([MADE, {"takes": 100}], RetryPolicy(deadline=10))
    assert isinstance(error, DeadlineExceededError)
    assert error.charge == "yes"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [({"absence": "text"}, NoImageError), ({"refusal": "output"}, ContentPolicyError)],
)
def test_what_the_service_says_stays(answer: Mapping[str, Any], kind: type) -> None:
    """A refusal or an absence that the codec reads in a whole download is said as it is."""
    error, _ = failure([MADE, answer])
    assert isinstance(error, kind)


def test_the_provider_is_not_asked_about_another_host() -> None:
    """The error page of a host of pictures is not read as an error of the service."""
    error, _ = failure([MADE, {"status": 404, "raises": 1}])
    assert isinstance(error, DownloadError)
    broken, _call, _sent = run([{"status": 404, "raises": 1}])
    assert isinstance(broken, PluginError)


def test_errors_do_not_give_the_picture_away() -> None:
    """Nothing of an error shows the signature of the address, and it pickles whole."""
    for answer in ({"status": 403}, {"fault": "truncated"}, {"bad_image": 1}):
        error, _ = failure([MADE, answer], RetryPolicy(attempts=1))
        copy = pickle.loads(pickle.dumps(error))
        assert copy.kind == getattr(error, "kind", None)
        assert b"canary-signature" not in pickle.dumps(error)
        for text in (str(error), repr(error), repr(error.context), repr(error.details)):
            assert "canary-signature" not in text


def test_kinds_of_other_errors_are_not_lost() -> None:
    """Without a download, the errors of an answer stay what they are."""
    error, _ = failure([{"fault": "truncated"}], RetryPolicy(attempts=1))
    assert isinstance(error, ResponseDecodeError)
