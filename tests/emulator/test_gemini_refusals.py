from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkit.emulation import EmulatedRequest
from genkit.provider import Absence, ErrorFacts, ErrorKind
from genkit_gemini.models import IN_SERVICE, MODELS
from tests.emulator.gemini import KEY, MODEL, SHORT, Service, contents, made, refused


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**contents("x"), "content": []}, ""),
        (contents("x", imageSize="2K"), "generation_config"),
        (contents("x", imageConfig={"size": "2K"}), "generation_config.image_config"),
        (
            contents("x", imageConfig={"personGeneration": "ALLOW_ALL"}),
            "generation_config.image_config",
        ),
        (contents("x", seed=2**31), "generation_config.seed"),
        (contents("x", seed="x"), "generation_config.seed"),
        (contents("x", responseModalities=["PICTURE"]), "generation_config.response_modalities[0]"),
        (contents("x", responseModalities=["AUDIO"]), "generation_config.response_modalities"),
        (
            contents("x", imageConfig={"aspectRatio": "7:5"}),
            "generation_config.image_config.aspect_ratio",
        ),
        (
            contents("x", imageConfig={"imageSize": "512"}),
            "generation_config.image_config.image_size",
        ),
        (contents("x", candidateCount=2), "generation_config.candidate_count"),
        (
            {**contents("x"), "safetySettings": [{"category": "HARM_CATEGORY_TOXICITY"}]},
            "safety_settings[0].category",
        ),
        (contents(), "contents"),
        (contents({"role": "model", "parts": [{"functionCall": {}}]}), "contents"),
        (contents({"role": "system", "parts": [{"text": "x"}]}), "contents[0].role"),
        (contents({"role": "user", "parts": []}), "contents[0].parts"),
        (contents({"parts": [{}]}), "contents[0].parts[0]"),
        (
            contents({"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}),
            "contents[0].parts[0].inline_data.data",
        ),
        (
            contents({"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}),
            "contents[0].parts[0]",
        ),
        (
            contents({"parts": [{"inlineData": {"mimeType": "text/html", "data": "AAAA"}}]}),
            "contents[0].parts[0]",
        ),
    ],
)
def test_bad_bodies(document: Any, field: str) -> None:
    """What the service does not take is answered with 400 that names the field."""
    (detail,) = refused(document)["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [violation["field"] for violation in detail["fieldViolations"]] == [field]


def test_bodies_that_are_no_object() -> None:
    """A body that is not a JSON object is answered with 400."""
    documents: list[Any] = [None, [], "x", 3]
    for document in documents:
        assert "JSON" in refused(document)["message"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"headers": {}}, 403, "PERMISSION_DENIED"),
        ({"headers": {"x-goog-api-key": ""}}, 403, "PERMISSION_DENIED"),
        ({"headers": {"x-goog-api-key": "invalid"}}, 400, "INVALID_ARGUMENT"),
        ({"headers": {"authorization": "Bearer invalid"}}, 401, "UNAUTHENTICATED"),
        ({"path": "/v1beta/elsewhere"}, 404, "NOT_FOUND"),
        ({"path": f"/v1beta/models/{MODEL}:predict"}, 404, "NOT_FOUND"),
        ({"path": f"/v1beta/models/{MODEL}"}, 404, "NOT_FOUND"),
        ({"path": f"/v1beta/models/{MODEL}:streamGenerateContent"}, 501, "UNIMPLEMENTED"),
    ],
)
def test_bad_callers_and_paths(changes: dict[str, Any], status: int, code: str) -> None:
    """Callers without a good key and paths that are not served get the service's errors."""
    service = Service()
    answered, answer = service.generate(contents("x"), **changes)
    assert (answered, answer["error"]["status"]) == (status, code)
    assert service.last is not None
    assert not service.last.charged
    assert service.store == {}


@pytest.mark.parametrize(
    "headers", [{"authorization": "Bearer token"}, {"x-goog-api-key": "anything"}]
)
@pytest.mark.parametrize(
    "prefix",
    [
        "/v1beta",
        "/v1beta1/projects/p/locations/global/publishers/google",
        "/v1/publishers/google",
    ],
)
def test_good_callers_and_paths(headers: dict[str, str], prefix: str) -> None:
    """Keys and tokens are taken at both forms of the path."""
    path = f"{prefix}/models/{MODEL}:generateContent"
    made(contents("x"), headers=headers, path=path)
    assert SHORT.handles(EmulatedRequest(method="POST", path=path))


@pytest.mark.parametrize("model", [model for model in MODELS if model not in IN_SERVICE])
def test_retired_models_are_gone(model: str) -> None:
    """A model that was shut down is not found."""
    status, answer = Service().generate(contents("x"), model=model)
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("query", [{"pageToken": "x"}, {"pageToken": "99"}, {"pageSize": "-1"}])
def test_bad_pages(query: dict[str, str]) -> None:
    """A page that is not there is answered with 400."""
    request = EmulatedRequest(method="GET", path="/v1beta/models", headers=KEY, query=query)
    assert Service().request(request)[0] == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "contents",
                    "parts",
                    "role",
                    "text",
                    "inline_data",
                    "data",
                    "mimeType",
                    "thoughtSignature",
                    "generationConfig",
                    "imageConfig",
                    "imageSize",
                    "seed",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_is_answered(document: Any) -> None:
    """Any JSON is answered, well or with 400; nothing breaks the service."""
    request = EmulatedRequest(
        method="POST",
        path=f"/v1beta/models/{MODEL}:generateContent",
        headers=KEY,
        document=document,
    )
    status, _ = Service().request(request)
    assert status in (200, 400)


# -- errors in the service's forms ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("invalid-request", 400, "INVALID_ARGUMENT"),
        ("unsupported-option", 400, "INVALID_ARGUMENT"),
        ("session-state", 400, "INVALID_ARGUMENT"),
        ("authentication", 400, "INVALID_ARGUMENT"),
        ("permission-denied", 403, "PERMISSION_DENIED"),
        ("model-not-found", 404, "NOT_FOUND"),
        ("conflict", 409, "ABORTED"),
        ("rate-limited", 429, "RESOURCE_EXHAUSTED"),
        ("quota-exhausted", 429, "RESOURCE_EXHAUSTED"),
        ("server-error", 500, "INTERNAL"),
        ("overloaded", 503, "UNAVAILABLE"),
        ("deadline", 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors_have_their_status(kind: ErrorKind, status: int, code: str) -> None:
    """Each kind of error has the service's status and code, and is not charged."""
    answer = SHORT.render_error(ErrorFacts(kind=kind))
    error = answer.body["error"]
    assert (answer.status, error["code"], error["status"]) == (status, status, code)
    assert error["message"]
    assert not answer.charged


@pytest.mark.parametrize(
    ("seconds", "delay"), [(7, "7s"), (34.4, "34.4s"), (0, "0s"), (45.837906927, "45.837906927s")]
)
def test_waits_are_written_as_durations(seconds: float, delay: str) -> None:
    """A wait is written in the form of the service's durations."""
    answer = SHORT.render_error(ErrorFacts(kind="overloaded", retry_after=seconds))
    assert answer.body["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    ]


def test_a_used_up_quota_is_of_the_day() -> None:
    """A quota that is used up names the day in its id."""
    answer = SHORT.render_error(ErrorFacts(kind="quota-exhausted", retry_after=25))
    kinds = [detail["@type"].rpartition(".")[2] for detail in answer.body["error"]["details"]]
    assert kinds == ["Help", "QuotaFailure", "RetryInfo"]
    (violation,) = answer.body["error"]["details"][1]["violations"]
    assert "PerDay" in violation["quotaId"]


@pytest.mark.parametrize(
    ("facts", "finish", "charged"),
    [
        (ErrorFacts(kind="content-policy", stage="output"), "IMAGE_SAFETY", True),
        (ErrorFacts(kind="content-policy", stage="output", code="SPII"), "SPII", True),
        (Absence(cause="other"), "NO_IMAGE", True),
        (Absence(cause="limit"), "MAX_TOKENS", True),
        (Absence(cause="empty"), "STOP", True),
        (Absence(cause="text"), "STOP", True),
    ],
)
def test_answers_without_a_picture(facts: ErrorFacts | Absence, finish: str, charged: bool) -> None:
    """Refusals of the picture and empty answers come with 200, a finish reason and usage."""
    answer = SHORT.render_error(facts)
    (candidate,) = answer.body["candidates"]
    assert (answer.status, candidate["finishReason"], answer.charged) == (200, finish, charged)
    assert bool(candidate["content"].get("parts")) == (facts == Absence(cause="text"))
    assert answer.body["usageMetadata"]["totalTokenCount"] > 0


def test_malformed_answers() -> None:
    """A malformed answer has the status of a good one and is no JSON."""
    answer = SHORT.render_error(ErrorFacts(kind="malformed"))
    assert answer.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.body)
