from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkit.emulation import EmulatedRequest
from genkit.provider import Absence, ErrorFacts, ErrorKind
from genkit_openai.emulation import OpenAIEmulation
from genkit_openai.models import IN_SERVICE, MODELS
from tests.emulator.openai_service import (
    KEY,
    MODEL,
    SERVICE,
    File,
    Service,
    asked,
    data_url,
    picture,
)

RETIRED = OpenAIEmulation(serves_retired=True)
GIVEN = [{"image_url": data_url(picture())}]


def refused(answered: tuple[int, Any], service: Service) -> tuple[str | None, str | None]:
    """Give parameter and code of an answer of 400, which costs nothing."""
    status, answer = answered
    assert status == 400, answer
    error = answer["error"]
    assert error.keys() >= {"message", "type", "param", "code"}
    assert error["message"]
    assert not service.last.charged
    assert service.drawings == []
    assert re.fullmatch("req_[0-9a-f]{32}", service.last.headers["x-request-id"])
    return error["param"], error["code"]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": " "}, "prompt", "string_below_min_length"),
        ({"prompt": 3}, "prompt", "invalid_type"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
        ({"model": 3}, "model", "invalid_type"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"n": 11}, "n", "integer_above_max_value"),
        ({"n": "2"}, "n", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"size": "512x512"}, "size", "invalid_value"),
        ({"size": "1000x1000"}, "size", "invalid_value"),
        ({"size": "3856x1024"}, "size", "invalid_value"),
        ({"size": "3072x1008"}, "size", "invalid_value"),
        ({"size": "3840x3840"}, "size", "invalid_value"),
        ({"size": "big"}, "size", "invalid_value"),
        ({"size": 1024}, "size", "invalid_value"),
        ({"model": "gpt-image-1.5", "size": "1536x864"}, "size", "invalid_value"),
        ({"quality": "hd"}, "quality", "invalid_value"),
        ({"model": "gpt-image-2", "quality": "max"}, "quality", "invalid_value"),
        ({"background": "pink"}, "background", "invalid_value"),
        (
            {"background": "transparent", "output_format": "jpeg"},
            "background",
            "invalid_value",
        ),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"output_format": ["png"]}, "output_format", "invalid_value"),
        ({"output_compression": 101}, "output_compression", "integer_above_max_value"),
        ({"output_compression": 50}, "output_compression", "invalid_value"),
        ({"moderation": "high"}, "moderation", "invalid_value"),
        ({"partial_images": 4}, "partial_images", "integer_above_max_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"response_format": "b64_json"}, "response_format", "unknown_parameter"),
        ({"seed": 1}, "seed", "unknown_parameter"),
        ({"style": "vivid"}, "style", "unknown_parameter"),
        ({"input_fidelity": "high"}, "input_fidelity", "unknown_parameter"),
        ({"images": []}, "images", "unknown_parameter"),
        ({"edit_body": "json"}, "edit_body", "unknown_parameter"),
        ({"aspect_ratio": "1:1"}, "aspect_ratio", "unknown_parameter"),
    ],
)
def test_bad_fields(fields: dict[str, Any], param: str, code: str) -> None:
    """What the service does not take is answered with 400 that names parameter and reason."""
    service = Service()
    assert refused(service.generate(asked(**fields)), service) == (param, code)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": "dall-e-2", "quality": "standard"}, "quality", "unknown_parameter"),
        ({"model": "dall-e-2", "background": "opaque"}, "background", "unknown_parameter"),
        ({"model": "dall-e-2", "size": "1024x1536"}, "size", "invalid_value"),
        ({"model": "dall-e-2", "size": "auto"}, "size", "invalid_value"),
        ({"model": "dall-e-3", "n": 2}, "n", "integer_above_max_value"),
        ({"model": "dall-e-3", "style": "grim"}, "style", "invalid_value"),
        ({"model": "dall-e-3", "quality": "high"}, "quality", "invalid_value"),
        ({"model": "dall-e-3", "prompt": "x" * 4001}, "prompt", "string_above_max_length"),
        ({"model": "dall-e-3", "response_format": "png"}, "response_format", "invalid_value"),
    ],
)
def test_bad_fields_of_old_models(fields: dict[str, Any], param: str, code: str) -> None:
    """Old models have rules of their own."""
    service = Service(RETIRED)
    assert refused(service.generate(asked(**fields)), service) == (param, code)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "images", "missing_required_parameter"),
        ({"images": "x"}, "images", "invalid_type"),
        ({"images": GIVEN * 17}, "images", "array_above_max_length"),
        ({"images": [{}]}, "images[0]", "invalid_value"),
        ({"images": ["x"]}, "images[0]", "invalid_value"),
        ({"images": [{**GIVEN[0], "file_id": "f"}]}, "images[0]", "invalid_value"),
        ({"images": [{"file_id": "f"}]}, "images[0].file_id", "image_file_not_found"),
        ({"images": [{"image_url": 3}]}, "images[0].image_url", "invalid_type"),
        ({"images": [{"image_url": "https://a.invalid/1.png"}]}, "url", "invalid_value"),
        (
            {"images": [{"image_url": "data:image/png;base64,?"}]},
            "images[0].image_url",
            "invalid_base64_image",
        ),
        (
            {"images": [{"image_url": "data:image/png;base64," + "A" * 20_971_520}]},
            "images[0].image_url",
            "string_above_max_length",
        ),
        (
            {"images": [*GIVEN, {"image_url": data_url(b"nothing")}]},
            "images[1].image_url",
            "invalid_image_file",
        ),
        (
            {"images": [{"image_url": data_url(picture()[:-4])}]},
            "images[0].image_url",
            "invalid_image_file",
        ),
        (
            {"images": [{"image_url": data_url(b"<svg/>", "image/svg+xml")}]},
            "images[0].image_url",
            "unsupported_file_mimetype",
        ),
        (
            {"images": GIVEN, "mask": {"image_url": data_url(picture(kind="JPEG"))}},
            "mask.image_url",
            "invalid_image_file",
        ),
        (
            {"images": GIVEN, "mask": {"image_url": data_url(picture(8, 9, mode="RGBA"))}},
            "mask.image_url",
            "invalid_value",
        ),
        (
            {"images": GIVEN, "mask": GIVEN[0]},
            "mask.image_url",
            "invalid_mask_image_format",
        ),
        ({"images": GIVEN, "image": "x"}, "image", "unknown_parameter"),
        ({"images": GIVEN, "input_fidelity": "high"}, "input_fidelity", "unknown_parameter"),
    ],
)
def test_bad_edits(fields: dict[str, Any], param: str, code: str) -> None:
    """Pictures and masks that the service cannot use are refused by name."""
    service = Service()
    assert refused(service.edit(asked(**fields)), service) == (param, code)


PROMPT = ("prompt", "x")
NAMED = ("model", MODEL)
IMAGE = ("image", File(picture()))


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ([NAMED, IMAGE], "prompt", "missing_required_parameter"),
        ([NAMED, PROMPT], "image", "missing_required_parameter"),
        ([NAMED, PROMPT, ("image", "text")], "image[0]", "invalid_type"),
        (
            [NAMED, PROMPT, ("image", File(b"<svg/>", "image/svg+xml"))],
            "image[0]",
            "unsupported_file_mimetype",
        ),
        (
            [NAMED, PROMPT, ("image", File(picture(), None))],
            "image[0]",
            "unsupported_file_mimetype",
        ),
        ([NAMED, PROMPT, IMAGE, IMAGE], "image", "duplicate_parameter"),
        ([NAMED, PROMPT, IMAGE, ("image[]", IMAGE[1])], "image", "invalid_value"),
        ([NAMED, PROMPT, IMAGE, ("n", "many")], "n", "invalid_type"),
        ([NAMED, PROMPT, IMAGE, ("n", "0")], "n", "integer_below_min_value"),
        ([NAMED, PROMPT, IMAGE, ("moderation", "low")], "moderation", "unknown_parameter"),
        ([NAMED, PROMPT, IMAGE, ("images", "x")], "images", "unknown_parameter"),
        ([NAMED, PROMPT, PROMPT, IMAGE], "prompt", "unknown_parameter"),
        ([NAMED, PROMPT, IMAGE, ("mask", IMAGE[1])], "mask", "invalid_mask_image_format"),
        (
            [NAMED, PROMPT, IMAGE, ("mask", File(b"\0" * 4 * 1024 * 1024))],
            "mask",
            "invalid_value",
        ),
    ],
)
def test_bad_forms(fields: list[Any], param: str, code: str) -> None:
    """Forms are checked like JSON, and by their own rules."""
    service = Service()
    assert refused(service.edit_form(*fields), service) == (param, code)


def test_old_models_edit_little() -> None:
    """What an old model cannot edit is refused: no JSON, no other shape, not by every model."""
    service = Service(RETIRED)
    edit = service.edit(asked(model="dall-e-2", images=GIVEN))
    assert refused(edit, service) == ("model", "unsupported_model")
    fields = (PROMPT, ("model", "dall-e-3"), IMAGE)
    assert refused(service.edit_form(*fields), service) == ("model", "unsupported_model")
    for data in (picture(8, 9), picture(kind="JPEG")):
        fields = (PROMPT, ("model", "dall-e-2"), ("image", File(data)))
        assert refused(service.edit_form(*fields), service) == ("image[0]", "invalid_image_file")


@pytest.mark.parametrize(
    "changes",
    [
        {"document": None, "body": b"{"},
        {"document": []},
        {"headers": {**KEY, "content-type": "text/plain"}},
        {"headers": KEY},
        {"headers": {**KEY, "content-type": "multipart/form-data; boundary=x"}},
    ],
)
def test_bad_bodies(changes: dict[str, Any]) -> None:
    """A body that is no JSON object, or not called so, is answered with 400."""
    service = Service()
    refused(service.generate(asked(), **changes), service)
    refused(service.edit(asked(), **changes), service)


# -- callers, paths, models -------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer x"},
        {"authorization": "bearer  x "},
        {"api-key": "x"},
    ],
)
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/images/generations", {}),
        ("/openai/v1/images/generations", {"api-version": "preview"}),
        (f"/openai/deployments/{MODEL}/images/generations", {"api-version": "2025-04-01-preview"}),
        (f"/deployments/{MODEL}/images/generations", {"api-version": "2025-04-01-preview"}),
    ],
)
def test_good_callers_and_paths(headers: dict[str, str], path: str, query: dict[str, str]) -> None:
    """Both forms of the key are taken, at the service's paths and at Azure's."""
    service = Service()
    headers = {**headers, "content-type": "application/json"}
    fields = {"prompt": "x"} if "deployments" in path else asked()
    assert service.generate(fields, path=path, query=query, headers=headers)[0] == 200
    assert service.last.facts["model"] == MODEL
    assert SERVICE.handles(EmulatedRequest(method="POST", path=path))


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/models", "/v1/images/variations"])
def test_bad_callers(path: str) -> None:
    """Without a good key there is 401, and how to do better."""
    for headers in ({}, {"authorization": "Bearer invalid"}, {"authorization": "Basic x"}):
        service = Service()
        status, answer = service.generate(asked(), path=path, headers=headers)
        assert (status, answer["error"]["type"]) == (401, "invalid_request_error")
        is_wrong = "Bearer" in headers.get("authorization", "")
        assert answer["error"]["code"] == ("invalid_api_key" if is_wrong else None)
        assert service.last.headers["www-authenticate"] == 'Bearer realm="OpenAI API"'


def test_bad_callers_of_azure() -> None:
    """Azure writes the status as the code."""
    service = Service()
    path = f"/openai/deployments/{MODEL}/images/generations"
    for headers in ({}, {"api-key": "invalid"}):
        status, answer = service.generate(asked(), path=path, headers=headers)
        assert (status, answer["error"]["code"]) == (401, "401")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"path": "/v1/images/variations"}, 404),
        ({"path": "/v1/images"}, 404),
        ({"path": "/v2/images/generations"}, 404),
        ({"path": f"/openai/deployments/{MODEL}/images/generations"}, 404),
        ({"path": "/deployments/mine/images/edits", "query": {"api-version": "1"}}, 404),
        ({"path": "/v1/models"}, 404),
        ({"method": "GET"}, 405),
    ],
)
def test_bad_paths(changes: dict[str, Any], status: int) -> None:
    """What is not served is not found, or not allowed."""
    assert Service().generate(asked(), **changes)[0] == status


@pytest.mark.parametrize(
    "model", ["gpt-image-9", "gpt-5.4", *(model for model in MODELS if model not in IN_SERVICE)]
)
def test_models_that_are_not_there(model: str) -> None:
    """A model that makes no pictures, was shut down or never was is not found."""
    status, answer = Service().generate(asked(model=model))
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert answer["error"]["param"] == "model"
    assert Service().generate({"prompt": "x"})[0] == 404  # the service's own default is gone


def test_lists_models() -> None:
    """The list names models of every kind, without those that were shut down."""

    def get(path: str, emulation: OpenAIEmulation = SERVICE) -> tuple[int, Any]:
        request = EmulatedRequest(method="GET", path=path, headers=KEY)
        assert emulation.handles(request)
        return Service(emulation).request(request)

    status, answer = get("/v1/models")
    names = [model["id"] for model in answer["data"]]
    assert (status, answer["object"]) == (200, "list")
    assert set(IN_SERVICE) < set(names)
    assert "dall-e-2" not in names
    assert "dall-e-2" in [model["id"] for model in get("/v1/models", RETIRED)[1]["data"]]
    assert get(f"/v1/models/{MODEL}")[1]["id"] == MODEL
    assert get("/v1/models/dall-e-2")[0] == 404


def test_streams_are_not_emulated() -> None:
    """A stream that was asked for is answered with 501."""
    assert Service().generate(asked(stream=True))[0] == 501
    assert Service().edit_form(NAMED, PROMPT, IMAGE, ("stream", "true"))[0] == 501


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image_url", "file_id", "x"]), inner, max_size=2)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "prompt",
        "n",
        "size",
        "quality",
        "background",
        "images",
        "mask",
        "stream",
        "user",
        "style",
        "output_format",
        "output_compression",
        "moderation",
        "partial_images",
        "input_fidelity",
    ]
)


@settings(max_examples=300)
@given(
    JSON | st.dictionaries(NAMES, JSON, max_size=6),
    st.sampled_from([MODEL, "gpt-image-1", "dall-e-2", "dall-e-3"]),
)
def test_any_json_is_answered(document: Any, model: str) -> None:
    """Any JSON is answered, well or with 400; nothing breaks the service."""
    if isinstance(document, dict):
        document = {"prompt": "x", **document, "model": model}
    for path in ("/v1/images/generations", "/v1/images/edits"):
        headers = {**KEY, "content-type": "application/json"}
        request = EmulatedRequest(method="POST", path=path, headers=headers, document=document)
        assert Service(RETIRED).request(request)[0] in (200, 400, 501)


# -- errors in the service's forms ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "type_", "code"),
    [
        ("invalid-request", 400, "invalid_request_error", "invalid_value"),
        ("unsupported-option", 400, "invalid_request_error", "unsupported_parameter"),
        ("session-state", 400, "invalid_request_error", "previous_response_not_found"),
        ("authentication", 401, "invalid_request_error", "invalid_api_key"),
        ("permission-denied", 403, "invalid_request_error", None),
        ("model-not-found", 404, "invalid_request_error", "model_not_found"),
        ("conflict", 409, "invalid_request_error", "resource_conflict"),
        ("content-policy", 400, "image_generation_user_error", "moderation_blocked"),
        ("rate-limited", 429, "requests", "rate_limit_exceeded"),
        ("quota-exhausted", 429, "insufficient_quota", "insufficient_quota"),
        ("server-error", 500, "server_error", None),
        (None, 500, "server_error", None),
        ("overloaded", 503, "service_unavailable_error", "server_is_overloaded"),
        ("deadline", 504, "server_error", "timeout"),
    ],
)
def test_errors_have_their_status(
    kind: ErrorKind | None, status: int, type_: str, code: str | None
) -> None:
    """Each kind of error has the service's status, type and code, and is not charged."""
    answer = SERVICE.render_error(ErrorFacts(kind=kind))
    error = answer.body["error"]
    assert (answer.status, error["type"], error["code"]) == (status, type_, code)
    assert error["message"]
    assert answer.headers["x-request-id"]
    assert not answer.charged


@pytest.mark.parametrize(("stage", "said"), [("prompt", "input"), ("output", "output")])
def test_blocks_say_why(stage: Any, said: str) -> None:
    """A refusal names its stage and categories; not even one of the picture is charged."""
    facts = ErrorFacts(kind="content-policy", stage=stage, categories=("self-harm",))
    answer = SERVICE.render_error(facts)
    assert answer.body["error"]["moderation_details"] == {
        "moderation_stage": said,
        "categories": ["self-harm"],
    }
    assert not answer.charged


def test_facts_are_said() -> None:
    """Message, code, parameter, id and wait of the facts stand in the answer."""
    answer = SERVICE.render_error(
        ErrorFacts(
            kind="rate-limited",
            code="slow_down",
            message="Slowly",
            field="n",
            request_id="req_1",
            retry_after=1.5,
            details={"type": "rate_limit_error"},
        )
    )
    assert answer.body["error"] == {
        "message": "Slowly",
        "type": "rate_limit_error",
        "param": "n",
        "code": "slow_down",
    }
    assert (answer.headers["retry-after"], answer.headers["x-request-id"]) == ("1.5", "req_1")
    assert "retry-after" not in SERVICE.render_error(ErrorFacts(kind="rate-limited")).headers


def test_what_is_no_answer() -> None:
    """An answer that is not the service's is not JSON; one without a picture is, and is paid."""
    assert isinstance(SERVICE.render_error(ErrorFacts(kind="malformed")).body, bytes)
    answer = SERVICE.render_error(Absence(cause="other"))
    assert (answer.status, answer.body["data"], answer.charged) == (200, [], True)
