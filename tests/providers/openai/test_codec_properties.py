"""What holds for every answer, whatever it is, and for every request."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genkit.body import Raw
from genkit.lifted import Lifted
from genkit.provider import (
    Capabilities,
    Context,
    ErrorFacts,
    FollowUp,
    ListedModel,
    Outcome,
    WireImage,
)
from genkit.request import GenerationRequest
from genkit.wire import WireResponse
from tests.providers.openai.asking import askings
from tests.providers.openai.support import (
    answer,
    document,
    files,
    form,
    picture,
    provider,
    request,
    texts,
)

NAMES = st.sampled_from(
    [
        *("data", "b64_json", "url", "revised_prompt", "created", "background", "output_format"),
        *("quality", "size", "usage", "input_tokens", "output_tokens", "total_tokens", "model"),
        *("input_tokens_details", "output_tokens_details", "text_tokens", "image_tokens"),
        *("error", "message", "type", "param", "code", "innererror", "inner_error", "id"),
        *("moderation_details", "moderation_stage", "categories", "content_filter_results"),
        *("filtered", "respect_moderation", "owned_by", "shutdown_date"),
    ]
)
WORDS = st.sampled_from(
    [
        *("png", "low", "https://a.example/b?c=d", "data:image/png;base64,QQ==", "QQ==", ""),
        *("moderation_blocked", "insufficient_quota", "rate_limit_exceeded", "slow_down"),
        *("tokens", "input"),
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"),
            *("x-ratelimit-reset-tokens", "x-request-id", "openai-processing-ms", "retry-after"),
        ]
    ),
    st.text(max_size=8) | st.sampled_from(["12ms", "6m0s", "100", "0s"]),
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=8)
    | st.just("x" * 5000),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)

REALISTIC: dict[str, Any] = {
    "created": 1_787_000_000,
    "background": "opaque",
    "data": [
        {"b64_json": "A" * 5000, "revised_prompt": "better"},
        {"b64_json": "QQ=="},
        {"url": "https://files.example/a.png?sig=x"},
        {"content_filter_results": {"hate": {"filtered": True}}},
    ],
    "output_format": "png",
    "quality": "low",
    "size": "1024x1024",
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 10},
        "output_tokens": 196,
        "output_tokens_details": {"image_tokens": 196, "text_tokens": 0},
        "total_tokens": 206,
    },
}
REFUSED: dict[str, Any] = {
    "error": {
        "message": "no",
        "type": "image_generation_user_error",
        "param": "prompt",
        "code": "moderation_blocked",
        "moderation_details": {"moderation_stage": "output", "categories": ["violence"]},
        "innererror": {"code": "x", "content_filter_result": {"hate": {"filtered": True}}},
    }
}
DOWNLOADED = WireResponse(status=200, body=picture().data)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values of a document stand."""
    found = [here] if here else []
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += paths(inner, (*here, key))
    return found


def check(response: WireResponse) -> None:
    """Decode it as an answer, an error and a list, and see that nothing else comes of it."""
    made = provider()
    before = copy.deepcopy(response.document)
    check_error(made.decode_error(response))
    rows, page = made.decode_list(response)
    assert all(isinstance(row, ListedModel) for row in rows)
    assert page is None
    decoded = made.decode(response, request(), None)
    assert made.decode(response, request(), None) == decoded
    steps = 0
    while isinstance(decoded, FollowUp):
        check_step(decoded)
        steps += 1
        assert steps <= 16
        decoded = made.decode(DOWNLOADED, request(), decoded)
    if isinstance(decoded, Outcome):
        check_outcome(decoded)
    else:
        check_error(decoded)
        # Of other statuses, `decode` is never asked.
        assert decoded.kind is not None or response.status >= 300
    assert response.document == before


def check_step(step: FollowUp) -> None:
    """What every download is: without credential, its state JSON but for lifted strings."""
    assert step.request.download
    assert (step.request.auth, step.request.body) == (None, None)

    def lifted(value: object) -> str:
        assert isinstance(value, Lifted)
        return value.text

    json.dumps(step.state, default=lifted)


def check_outcome(decoded: Outcome) -> None:
    """What every outcome is: consistent in itself, and small beside its parts."""
    if any(isinstance(part, WireImage) for part in decoded.parts):
        assert (decoded.refusal, decoded.absence) == (None, None)
    else:
        assert (decoded.refusal is None) != (decoded.absence is None)
    assert len(json.dumps(dict(decoded.metadata))) < 200_000
    if (usage := decoded.usage) is not None:
        json.dumps(dict(usage.raw))
        counts = (usage.input_text_tokens, usage.output_text_tokens, usage.output_image_tokens)
        assert all(count is None or count >= 0 for count in counts)


def check_error(facts: ErrorFacts) -> None:
    """What every error's facts are: small, and fit to be stored."""
    assert isinstance(facts, ErrorFacts)
    assert len(json.dumps(dict(facts.details))) < 50_000
    assert facts.message is None or len(facts.message) <= 2048


@given(JSON, HEADERS)
def test_any_json(body: Any, headers: dict[str, str]) -> None:
    """Any JSON gives an outcome, a step or one error, never an exception."""
    check(answer(body, headers=headers))


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Any bytes give an outcome, a step or one error, never an exception."""
    check(answer(body))


def mutated(body: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """A document with values replaced, or taken out where the new one is the ellipsis."""
    body = copy.deepcopy(body)
    for path, value in changes:
        place = body
        try:
            for key in path[:-1]:
                place = place[key]
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    return body


@given(
    st.lists(
        st.tuples(st.sampled_from(paths(REALISTIC)), JSON | st.just(...)), min_size=1, max_size=4
    )
)
def test_mutated_answers(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """A realistic answer with values replaced or taken out is still one of the three."""
    check(answer(mutated(REALISTIC, changes)))


@given(
    st.lists(
        st.tuples(st.sampled_from(paths(REFUSED)), JSON | st.just(...)), min_size=1, max_size=4
    ),
    st.sampled_from([200, 400, 401, 429, 500]),
    HEADERS,
)
def test_mutated_errors(
    changes: list[tuple[tuple[Any, ...], Any]], status: int, headers: dict[str, str]
) -> None:
    """A realistic error with values replaced or taken out is still an error."""
    check(answer(mutated(REFUSED, changes), status, headers))


WRITTEN = json.dumps(REALISTIC).encode()


@given(st.integers(0, len(WRITTEN) - 1))
def test_truncated_answers(length: int) -> None:
    """An answer that is cut anywhere is malformed, whatever of it can be seen."""
    response = answer(WRITTEN[:length])
    check(response)
    decoded = provider().decode(response, request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"


@given(st.integers(0, len(WRITTEN) - 1), st.integers(0, 255))
def test_answers_with_a_wrong_byte(position: int, byte: int) -> None:
    """One wrong byte makes another outcome or an error, never an exception."""
    check(answer(WRITTEN[:position] + bytes([byte]) + WRITTEN[position + 1 :]))


@given(JSON, JSON)
def test_any_state_of_a_step(state: Any, body: Any) -> None:
    """Whatever a stored step holds, its answer gives one of the three."""
    step = FollowUp(request=provider().encode_list(None), state=state)
    for response in (DOWNLOADED, answer(body)):
        decoded = provider().decode(response, request(), step)
        assert isinstance(decoded, Outcome | FollowUp | ErrorFacts)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(askings())
def test_requests(asking: tuple[GenerationRequest, Context]) -> None:
    """A request is the same bytes each time, leaves its arguments alone, and is all there."""
    asked, decided = asking
    before = copy.deepcopy(asking)
    wire, again = provider().encode(asked, decided), provider().encode(asked, decided)
    assert wire == again
    assert wire.body is not None
    assert again.body is not None
    assert wire.body.to_bytes() == again.body.to_bytes()
    assert len(wire.body.to_bytes()) == wire.body.length
    assert asking == before
    if wire.body.content_type == "application/json":
        sent = document(wire)
    else:
        parts = form(wire)
        sent = texts(parts)
        given_images = [*asked.images, *([asked.mask.image] if asked.mask else [])]
        assert [part.content for part in files(parts)] == [image.data for image in given_images]
        referred = [part.image for part in wire.body.segments if isinstance(part, Raw)]
        assert all(mine is theirs for mine, theirs in zip(referred, given_images, strict=True))
    assert (sent["model"], str(sent["n"])) == (decided.model, str(decided.count))
    if wire.body.content_type == "application/json" or "\r" not in asked.prompt:
        assert sent["prompt"] == asked.prompt
    size = decided.size
    assert sent.get("size") == (f"{size.width}x{size.height}" if size else None)
    for name in ("quality", "background", "output_format"):
        assert sent.get(name) == getattr(asked, name)
    for name, value in asked.provider_options["openai"].items():
        assert name == "edit_body" or str(sent[name]) == str(value)


@given(st.text(max_size=40))
def test_capabilities_of_any_id(model: str) -> None:
    """Any text is a model id that something can be said of."""
    able = provider().capabilities(model)
    assert isinstance(able, Capabilities)
    assert able.model == model
