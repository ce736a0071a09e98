"""The codec alone: what each answer becomes, byte for byte and without a network."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from genkit.errors import ConfigurationError, InvalidRequestError, UnsupportedOptionError
from genkit.provider import (
    Context,
    ErrorFacts,
    FollowUp,
    Outcome,
    ProviderSettings,
    ResolvedSize,
    WireImage,
)
from genkit.request import GenerationRequest
from genkit.wire import WireResponse
from genkit_bfl.codec import BlackForestLabsProvider

POLLING_URL = "https://api.us1.bfl.ai/v1/get_result?id=7"
SAMPLE = "https://delivery-us1.bfl.ai/results/7.png?se=2026&sig=abc%2B"
REQUEST = GenerationRequest("A cup", model="flux-kontext-pro")


def provider(**settings: Any) -> BlackForestLabsProvider:
    """Give a provider with these settings."""
    return BlackForestLabsProvider(ProviderSettings(name="bfl", **settings))


def answer(document: Any, status: int = 200) -> WireResponse:
    """Give an answer of JSON."""
    return WireResponse.from_bytes(status, {}, orjson.dumps(document))


def submitted(**settings: Any) -> FollowUp:
    """Give the first poll of a task."""
    document = {"id": "7", "polling_url": POLLING_URL, "cost": 4}
    step = provider(**settings).decode(answer(document), REQUEST, None)
    assert isinstance(step, FollowUp)
    return step


# -- requests ---------------------------------------------------------------------------------


def test_a_submission() -> None:
    """The prompt and what the core decided go into one JSON object; the key's header is named."""
    request = GenerationRequest(
        "A cup", output_format="jpeg", provider_options={"bfl": {"safety_tolerance": 1}}
    )
    context = Context(model="flux-kontext-max", size=ResolvedSize(aspect_ratio="16:9"), seed=0)
    wire = provider().encode(request, context)
    assert (wire.method, wire.url) == ("POST", "https://api.bfl.ai/v1/flux-kontext-max")
    assert wire.auth is not None
    assert (wire.auth.name, wire.auth.prefix) == ("x-key", "")
    assert wire.body is not None
    assert orjson.loads(wire.body.to_bytes()) == {
        "prompt": "A cup",
        "aspect_ratio": "16:9",
        "seed": 0,
        "output_format": "jpeg",
        "safety_tolerance": 1,
    }


def test_settings_go_with_every_request() -> None:
    """Headers and query of the configuration go with the submission and the polls."""
    settings: dict[str, Any] = {"headers": {"X-Team": "a"}, "query": {"tag": "b c"}}
    made = provider(**settings, options={"prompt_upsampling": True})
    wire = made.encode(REQUEST, Context(model="flux-pro-1.1"))
    assert wire.url == "https://api.bfl.ai/v1/flux-pro-1.1?tag=b+c"
    assert wire.body is not None
    assert b'"prompt_upsampling":true' in wire.body.to_bytes()
    poll = submitted(**settings).request
    assert poll.url == f"{POLLING_URL}&tag=b+c"
    assert [wire.headers["x-team"], poll.headers["x-team"]] == ["a", "a"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"prompt_upsample": True}, UnsupportedOptionError),
        ({"prompt_upsampling": 1}, InvalidRequestError),
        ({"safety_tolerance": 7}, InvalidRequestError),
        ({"safety_tolerance": True}, InvalidRequestError),
    ],
)
def test_wrong_options(options: dict[str, Any], error: type[InvalidRequestError]) -> None:
    """A wrong option is refused before anything is sent, and the field is named."""
    request = GenerationRequest("A cup", provider_options={"bfl": options})
    with pytest.raises(error) as caught:
        provider().encode(request, Context(model="flux-kontext-pro"))
    assert caught.value.field == f"provider_options.bfl.{next(iter(options))}"


def test_wrong_settings() -> None:
    """All mistakes in the settings are told at once."""
    with pytest.raises(ConfigurationError) as caught:
        provider(api="v2", auth="bearer", base_url="no url", options={"x": 1})
    words = [problem.split(": ")[1] for problem in caught.value.problems]
    assert words == ["api", "auth", "options.x", "base_url, headers or query"]


# -- steps ------------------------------------------------------------------------------------


def test_the_chain() -> None:
    """Submission, polls with growing waits, download and picture follow from each other."""
    poll = submitted()
    assert (poll.request.method, poll.request.url) == ("GET", POLLING_URL)
    assert poll.request.auth is not None
    assert poll.wait == 0.5
    waits = [poll.wait]
    for status in ("Pending", "Pending", "A status of next year"):
        step = provider().decode(answer({"id": "7", "status": status}), REQUEST, poll)
        assert isinstance(step, FollowUp)
        assert step.request == poll.request
        poll = step
        waits.append(poll.wait)
    assert waits == sorted(set(waits))
    ready = {"id": "7", "status": "Ready", "result": {"sample": SAMPLE, "seed": 42}}
    download = provider().decode(answer(ready), REQUEST, poll)
    assert isinstance(download, FollowUp)
    assert (download.request.url, download.request.download) == (SAMPLE, True)
    assert (download.request.auth, dict(download.request.headers)) == (None, {})
    headers = {"content-type": "image/png; charset=binary"}
    picture = WireResponse.from_bytes(200, headers, b"\x89PNG and so on")
    outcome = provider().decode(picture, REQUEST, download)
    assert isinstance(outcome, Outcome)
    assert outcome.parts == (WireImage(data=b"\x89PNG and so on", declared_media_type="image/png"),)
    assert (outcome.request_id, dict(outcome.metadata)) == (
        "7",
        {"id": "7", "cost": 4, "seed": 42},
    )
    for step in (poll, download):
        assert orjson.loads(orjson.dumps(step.state)) == step.state


@pytest.mark.parametrize(
    "base", ["https://api.bfl.ai/v1", "https://api.eu.bfl.ai/v1", "https://gateway.test:444/bfl"]
)
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/v1/get_result?id=7",
        "http://api.bfl.ai/v1/get_result?id=7",
        "https://api.bfl.ai:8443/v1/get_result?id=7",
        "https://bfl.ai.evil.test/v1/get_result",
        "https://evilbfl.ai/v1/get_result",
        "https://api.bfl.ai@evil.test/",
        "https://evil.test@api.bfl.ai/",
        "https://evil.test%2f.bfl.ai/",
        "https://evil.test#.bfl.ai/",
        "https://evil.test\\.bfl.ai/",
        "https://evil.test/\t.bfl.ai/",
        "https://[::1]/v1/get_result",
        "https://169.254.169.254/latest",
        "https://gateway.test/v1/get_result",
        "http://gateway.test:444/v1/get_result",
        "https://api.bfl.ai:99999/",
        "https://api.bfl.ai:x/",
        "https:///v1/get_result",
        "/v1/get_result?id=7",
        "",
        7,
        None,
    ],
)
def test_the_key_is_not_sent_elsewhere(base: str, url: Any) -> None:
    """A polling_url that leads away from the service is refused, however it is written."""
    decoded = provider(base_url=base).decode(answer({"polling_url": url}), REQUEST, None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"
    assert "evil" not in (decoded.message or "")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.bfl.ai/v1", "https://api.bfl.ai/v1/get_result?id=7"),
        ("https://api.bfl.ai/v1", "https://API.us1.bfl.ai:443/v1/get_result?id=7"),
        ("https://api.eu.bfl.ai/v1", "https://api.eu1.bfl.ai/v1/get_result?id=7"),
        ("https://gateway.test:444/bfl", "https://gateway.test:444/elsewhere"),
        ("http://127.0.0.1:8765/bfl/v1", "http://127.0.0.1:8765/bfl/v1/get_result?id=7"),
    ],
)
def test_the_service_is_polled_where_it_says(base: str, url: str) -> None:
    """Regions of the service, and a gateway's own addresses, are polled."""
    decoded = provider(base_url=base).decode(answer({"polling_url": url}), REQUEST, None)
    assert isinstance(decoded, FollowUp)
    assert decoded.request.url == url


@pytest.mark.parametrize(
    ("status", "stage"), [("Request Moderated", "prompt"), ("Content Moderated", "output")]
)
def test_refusals(status: str, stage: str) -> None:
    """The two statuses of moderation are refusals of different stages."""
    details = {"Moderation Reasons": ["Derivative Works Filter", 7, None]}
    document = {"id": "7", "status": status, "result": None, "details": details}
    outcome = provider().decode(answer(document), REQUEST, submitted())
    assert isinstance(outcome, Outcome)
    assert outcome.refusal is not None
    assert (outcome.refusal.stage, outcome.refusal.reason) == (stage, status)
    assert outcome.refusal.categories == ("Derivative Works Filter",)
    assert outcome.request_id == "7"


@pytest.mark.parametrize("status", ["Error", "Failed", "Task not found"])
def test_failed_tasks(status: str) -> None:
    """A task that will never be ready is the service's failure, in an answer of any status."""
    document = {"id": "7", "status": status, "details": "out of memory"}
    facts = [
        provider().decode(answer(document), REQUEST, submitted()),
        provider().decode_error(answer(document, 404)),
    ]
    expected = ErrorFacts(kind="server-error", code=status, message="out of memory", request_id="7")
    assert facts == [expected, expected]


def test_ready_without_a_picture() -> None:
    """A task that is ready and has no picture is the absence of one, and not asked again."""
    for result in (None, {}, {"sample": None}):
        document = {"id": "7", "status": "Ready", "result": result}
        outcome = provider().decode(answer(document), REQUEST, submitted())
        assert isinstance(outcome, Outcome)
        assert outcome.absence is not None


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        "x",
        7,
        {},
        {"id": "7"},
        {"status": "Pending"},
        {"status": "Ready", "result": {"sample": "no address"}},
        {"status": "Ready", "result": {"sample": 7}},
        {"status": "Ready", "result": {"sample": "https://x.test/" + "a" * 20_000}},
        {"status": ["Ready"], "polling_url": {"a": 1}},
    ],
)
def test_what_is_no_answer(document: Any) -> None:
    """What the service would not say is malformed, and nothing raises."""
    facts = provider().decode(answer(document), REQUEST, None)
    assert isinstance(facts, ErrorFacts)
    assert facts.kind == "malformed"


def test_json_is_no_picture() -> None:
    """An error document that was downloaded with status 200 is not taken for a picture."""
    ready = answer({"status": "Ready", "result": {"sample": SAMPLE}})
    download = provider().decode(ready, REQUEST, None)
    assert isinstance(download, FollowUp)
    facts = provider().decode(answer({"error": "gone"}), REQUEST, download)
    assert isinstance(facts, ErrorFacts)


# -- errors -----------------------------------------------------------------------------------


def test_validation_errors() -> None:
    """A 422 names the field in the caller's words, and never repeats what was given."""
    complaint = {"loc": ["body", "width"], "msg": "too large", "type": "le", "input": "a secret"}
    facts = provider().decode_error(answer({"detail": [complaint, "x"]}, 422))
    assert facts == ErrorFacts(
        kind="invalid-request", code="le", message="width: too large", field="width"
    )
    for name, field in (
        ("input_image_2", "references"),
        ("safety_tolerance", "provider_options.bfl.safety_tolerance"),
    ):
        document = {"detail": [{"loc": ["body", name], "msg": "no"}]}
        assert provider().decode_error(answer(document, 422)).field == field


def test_other_errors() -> None:
    """Otherwise the status decides, in the service's own meaning of it."""
    assert provider().decode_error(answer({"detail": "Slow down"}, 429)) == ErrorFacts(
        message="Slow down"
    )
    assert provider().decode_error(answer({"detail": "Not Found"}, 404)).kind == "model-not-found"
    assert provider().decode_error(answer({"detail": "No"}, 403)).kind == "authentication"
    for body in (b"", b"<html>", b"[]", b'{"detail": [{}, {"loc": 7, "msg": 8}]}'):
        response = WireResponse.from_bytes(500, {}, body)
        assert provider().decode_error(response).message is None
