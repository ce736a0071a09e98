"""What holds for every answer, whatever it is, and for every request."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genkit.conversation import Conversation, ImagePart, Part, ProviderState, TextPart, Turn
from genkit.images import Image
from genkit.lifted import decode_base64
from genkit.provider import (
    Capabilities,
    Context,
    ErrorFacts,
    ListedModel,
    Outcome,
    ResolvedSize,
    WireImage,
)
from genkit.request import GenerationRequest
from genkit.wire import WireResponse
from genkit_gemini.models import MODELS
from tests.providers.gemini.support import (
    MODEL,
    answer,
    document,
    encode,
    picture,
    provider,
    request,
)

PICTURE = picture()
PICTURE_TEXT: str = encode(request(input_image=PICTURE))["contents"][0]["parts"][1]["inlineData"][
    "data"
]

NAMES = st.sampled_from(
    [
        *("candidates", "content", "parts", "text", "thought", "inlineData", "data", "mimeType"),
        *("thoughtSignature", "finishReason", "finishMessage", "safetyRatings", "blocked"),
        *("category", "promptFeedback", "blockReason", "usageMetadata", "promptTokenCount"),
        *("candidatesTokensDetails", "modality", "tokenCount", "responseId", "modelVersion"),
        *("groundingMetadata", "inline_data", "mime_type", "usage_metadata", "role"),
        *("error", "status", "code", "message", "details", "reason", "retryDelay", "violations"),
        *("quotaId", "models", "name", "nextPageToken", "supportedGenerationMethods"),
    ]
)
WORDS = st.sampled_from(["STOP", "SAFETY", "MAX_TOKENS", "IMAGE", "TEXT", "image/png", "QQ==", ""])


def json_values(integers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """Any JSON, often with names that the wire has."""
    leaves = (
        st.none()
        | st.booleans()
        | integers
        | st.floats(allow_nan=False, allow_infinity=False)
        | WORDS
        | st.text(max_size=8)
        | st.just("x" * 5000)
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=5)
        ),
        max_leaves=20,
    )


JSON = json_values(st.integers())
# Numbers of the wire are of 64 bits at most; larger ones come through as floats.
WIRE_JSON = json_values(st.integers(-(2**63), 2**64 - 1))

REALISTIC: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "plan", "thought": True},
                    {"text": "Here it is.", "thoughtSignature": "c2ln"},
                    {
                        "inlineData": {"mimeType": "image/png", "data": PICTURE_TEXT},
                        "thoughtSignature": "A" * 5000,
                    },
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
            "groundingMetadata": {"webSearchQueries": ["q"]},
        }
    ],
    "promptFeedback": {"safetyRatings": []},
    "usageMetadata": {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1200,
        "thoughtsTokenCount": 40,
        "totalTokenCount": 1245,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    },
    "modelVersion": MODEL,
    "responseId": "abc",
}


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values of a document stand."""
    found = [here] if here else []
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += paths(inner, (*here, key))
    return found


PATHS = st.sampled_from(paths(REALISTIC))


def check(response: WireResponse) -> Outcome | ErrorFacts:
    """Decode it as an answer and as an error, and see that nothing else comes of it."""
    made = provider()
    before = copy.deepcopy(response.document)
    error = made.decode_error(response)
    assert isinstance(error, ErrorFacts)
    assert len(json.dumps(dict(error.details))) < 4096
    rows, page = made.decode_list(response)
    assert all(isinstance(row, ListedModel) for row in rows)
    assert page is None or isinstance(page, str)
    decoded = made.decode(response, request(), None)
    assert isinstance(decoded, Outcome | ErrorFacts)
    if isinstance(decoded, Outcome):
        check_outcome(decoded)
    else:
        assert decoded.kind is not None
    assert response.document == before
    assert made.decode(response, request(), None) == decoded
    return decoded


def check_outcome(decoded: Outcome) -> None:
    """What every outcome is: consistent in itself, small beside its parts, fit to be continued."""
    pictures = [part for part in decoded.parts if isinstance(part, WireImage)]
    if any(not picture.thought for picture in pictures):
        assert decoded.refusal is None
        assert decoded.absence is None
    elif not pictures:
        assert (decoded.refusal is None) != (decoded.absence is None)
    json.dumps(dict(decoded.metadata))
    usage = decoded.usage
    if usage is not None:
        json.dumps(dict(usage.raw))
        counts = (usage.input_text_tokens, usage.output_text_tokens, usage.output_image_tokens)
        assert all(count is None or count >= 0 for count in counts)
    turn = Turn("model", tuple(map(kept, decoded.parts)))
    json.dumps(encode(context=Context(model=MODEL, conversation=Conversation((turn,)))))


def kept(part: Any) -> Part:
    """The part as the core keeps it."""
    if isinstance(part, WireImage):
        return ImagePart(PICTURE, part.state, part.thought)
    kept_part: Part = part
    return kept_part


@given(JSON)
def test_any_json(body: Any) -> None:
    """Any JSON gives an outcome or one error, never an exception."""
    check(answer(body))


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Any bytes give an outcome or one error, never an exception."""
    check(answer(body))


@given(st.lists(st.tuples(PATHS, JSON | st.just(...)), min_size=1, max_size=4))
def test_mutated_answers(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """A realistic answer with values replaced or taken out is still an outcome or an error."""
    body = copy.deepcopy(REALISTIC)
    for path, value in changes:
        place: Any = body
        for key in path[:-1]:
            try:
                place = place[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            change(place, path[-1], value)
    check(answer(body))


def change(place: Any, key: Any, value: Any) -> None:
    """Replace the value at `key`, or take it out when the new one is the ellipsis."""
    if isinstance(place, dict) and isinstance(key, str):
        if value is ...:
            place.pop(key, None)
        else:
            place[key] = value
    elif isinstance(place, list) and isinstance(key, int) and key < len(place):
        if value is ...:
            del place[key]
        else:
            place[key] = value


WRITTEN = json.dumps(REALISTIC).encode()


@given(st.integers(0, len(WRITTEN) - 1))
def test_truncated_answers(length: int) -> None:
    """An answer that is cut anywhere is malformed, whatever of it can be seen."""
    decoded = check(answer(WRITTEN[:length]))
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"


@given(st.integers(0, len(WRITTEN) - 1), st.integers(0, 255))
def test_answers_with_a_wrong_byte(position: int, byte: int) -> None:
    """One wrong byte makes another outcome or an error, never an exception."""
    check(answer(WRITTEN[:position] + bytes([byte]) + WRITTEN[position + 1 :]))


EXTRA = st.dictionaries(
    st.sampled_from(["thoughtSignature", "partMetadata", "mediaResolution", "futureField"]),
    st.text(max_size=6) | st.integers(0, 9) | st.just("s" * 6000) | st.dictionaries(WORDS, WORDS),
    min_size=1,
)
SERVICE_PARTS = st.builds(
    lambda text, thought, extra: {"text": text, **thought, **extra},
    st.text(max_size=6) | st.just("t" * 5000),
    st.sampled_from([{}, {"thought": True}]),
    EXTRA,
) | st.builds(
    lambda thought, blob, extra: {
        "inlineData": {"mimeType": "image/png", "data": PICTURE_TEXT, **blob},
        **thought,
        **extra,
    },
    st.sampled_from([{}, {"thought": True}]),
    st.sampled_from([{}, {"displayName": "d"}]),
    EXTRA,
)


@given(st.lists(SERVICE_PARTS | st.fixed_dictionaries({"functionCall": WIRE_JSON}), min_size=1))
def test_answers_go_back_as_they_came(parts: list[dict[str, Any]]) -> None:
    """Whatever stood beside a text or a picture stands there again when the turn goes back."""
    parts = [{"text": "first", "thoughtSignature": "c2ln"}, *parts]
    for part in parts:
        if "inlineData" in part and not part.get("thought"):
            part["thoughtSignature"] = "c2ln"
    body = {"candidates": [{"content": {"role": "model", "parts": parts}}]}
    decoded = provider().decode(answer(body), request(), None)
    assert isinstance(decoded, Outcome)
    assert len(decoded.parts) == len(parts)
    turn = Turn("model", tuple(map(kept, decoded.parts)))
    contents = encode(context=Context(model=MODEL, conversation=Conversation((turn,))))["contents"]
    assert contents[0] == {"role": "model", "parts": parts}


TURNS = st.lists(
    st.builds(
        Turn,
        st.sampled_from(["user", "model"]),
        st.lists(
            st.builds(TextPart, st.text(st.characters(codec="utf-8"), max_size=6))
            | st.builds(
                ImagePart,
                st.just(PICTURE),
                st.none()
                | st.just(ProviderState("gemini", MODEL, {"thoughtSignature": "c2ln"}))
                | st.just(ProviderState("gemini", MODEL, b"odd")),
                st.booleans(),
            ),
            max_size=3,
        ).map(tuple),
    ),
    max_size=3,
).map(lambda turns: Conversation(tuple(turns)))

CONTEXTS = st.builds(
    Context,
    model=st.sampled_from([*MODELS, "unknown"]),
    size=st.none()
    | st.builds(
        ResolvedSize,
        aspect_ratio=st.none() | st.sampled_from(["1:1", "16:9"]),
        tier=st.none() | st.sampled_from(["1K", "4K"]),
    ),
    seed=st.none() | st.integers(-(2**31), 2**31 - 1),
    conversation=TURNS,
)
REQUESTS = st.builds(
    GenerationRequest,
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(
        str.strip
    ),
    references=st.lists(st.just(PICTURE), max_size=2),
)


@given(REQUESTS, CONTEXTS)
def test_requests(asked: GenerationRequest, context: Context) -> None:
    """A request is the same bytes each time, leaves its arguments alone, and is all there."""
    before = copy.deepcopy((asked, context))
    wire, again = provider().encode(asked, context), provider().encode(asked, context)
    assert wire == again
    assert wire.body is not None
    assert again.body is not None
    assert wire.body.to_bytes() == again.body.to_bytes()
    assert len(wire.body.to_bytes()) == wire.body.length
    assert (asked, context) == before
    sent = document(wire)
    *history, last = sent["contents"]
    assert last["role"] == "user"
    assert last["parts"][0] == {"text": asked.prompt}
    assert [decode_base64(part["inlineData"]["data"]) for part in last["parts"][1:]] == [
        image.data for image in asked.images
    ]
    assert all(content["parts"] for content in history)
    assert sent["generationConfig"].get("seed") == context.seed
    assert "None" not in wire.url


@given(st.text(max_size=40))
def test_capabilities_of_any_id(model: str) -> None:
    """Any text is a model id that something can be said of."""
    assert isinstance(provider().capabilities(model), Capabilities)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_any_id_is_one_segment_of_the_path(model: str) -> None:
    """No model id leads the request to another path, host or query."""
    wire = provider().encode(request(), Context(model=model))
    start, end = "https://generativelanguage.googleapis.com/v1beta/models/", ":generateContent"
    assert wire.url.startswith(start)
    assert wire.url.endswith(end)
    assert not set(wire.url.removeprefix(start).removesuffix(end)) & set("/?#\\ ")


def test_the_picture_of_these_tests() -> None:
    """The realistic answer holds a picture that can be read."""
    assert Image.from_bytes(decode_base64(PICTURE_TEXT)) == PICTURE
