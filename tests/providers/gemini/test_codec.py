"""Requests to Gemini's wire and answers from it, by example."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from genkit.conversation import (
    Conversation,
    ImagePart,
    OpaquePart,
    ProviderState,
    TextPart,
    Turn,
)
from genkit.errors import ConfigurationError, InvalidRequestError
from genkit.lifted import Lifted
from genkit.provider import (
    Absence,
    Context,
    ErrorFacts,
    ListedModel,
    ListsModels,
    Outcome,
    ProviderSettings,
    Refusal,
    ResolvedSize,
    WireImage,
)
from genkit.response import Usage
from genkit_gemini import GeminiProvider, genkit_providers
from tests.providers.gemini.support import (
    MODEL,
    answer,
    candidate,
    document,
    encode,
    inline,
    outcome,
    picture,
    provider,
    request,
)

SAFETY = [
    {"category": f"HARM_CATEGORY_{name}", "threshold": "BLOCK_MEDIUM_AND_ABOVE"}
    for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
]
VERTEX = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google"


def state(data: Any, *, model: str = MODEL) -> ProviderState:
    """A state of our provider's own."""
    return ProviderState("gemini", model, data)


def continued(*turns: Turn) -> Any:
    """The contents of a request that continues these turns, without the new one."""
    *before, last = encode(context=Context(model=MODEL, conversation=Conversation(turns)))[
        "contents"
    ]
    assert last == {"role": "user", "parts": [{"text": "a banana"}]}
    return before


# -- requests: the whole ----------------------------------------------------------------------


def test_smallest_request() -> None:
    """A prompt alone becomes these very bytes."""
    wire = provider().encode(request(), Context(model=MODEL))
    assert wire.body is not None
    assert wire.body.to_bytes() == (
        b'{"contents":[{"role":"user","parts":[{"text":"a banana"}]}],'
        b'"generationConfig":{"responseModalities":["TEXT","IMAGE"]},"safetySettings":['
        b'{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_MEDIUM_AND_ABOVE"},'
        b'{"category":"HARM_CATEGORY_HATE_SPEECH","threshold":"BLOCK_MEDIUM_AND_ABOVE"},'
        b'{"category":"HARM_CATEGORY_SEXUALLY_EXPLICIT","threshold":"BLOCK_MEDIUM_AND_ABOVE"},'
        b'{"category":"HARM_CATEGORY_DANGEROUS_CONTENT","threshold":"BLOCK_MEDIUM_AND_ABOVE"}]}'
    )
    assert wire.method == "POST"
    assert wire.url == (
        "https://generativelanguage.googleapis.com/v1beta/models/"
        "gemini-nano-banana-2.1:generateContent"
    )
    assert wire.body.content_type == "application/json"
    assert wire.auth is not None
    assert (wire.auth.name, wire.auth.prefix) == ("x-goog-api-key", "")
    assert wire.notices == ()


def test_everything_the_core_decides() -> None:
    """Size, seed and references stand where the wire has them, the text before the pictures."""
    first, second = picture(), picture(8, 8, "JPEG")
    size = ResolvedSize(aspect_ratio="16:9", tier="2K")
    sent = encode(
        request(input_image=first, references=[second]),
        Context(model=MODEL, size=size, seed=0),
    )
    assert sent["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
        "seed": 0,
    }
    text, one, two = sent["contents"][0]["parts"]
    assert text == {"text": "a banana"}
    for part, image in ((one, first), (two, second)):
        assert part["inlineData"]["mimeType"] == image.media_type
        assert base64.b64decode(part["inlineData"]["data"], validate=True) == image.data
    assert sent["safetySettings"] == SAFETY


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        (
            MODEL,
            ResolvedSize(aspect_ratio="1:8", tier="4K"),
            {"aspectRatio": "1:8", "imageSize": "4K"},
        ),
        (MODEL, ResolvedSize(aspect_ratio="1:1"), {"aspectRatio": "1:1"}),
        (MODEL, None, None),
        (
            "gemini-2.5-flash-image",
            ResolvedSize(aspect_ratio="3:2", tier="1K"),
            {"aspectRatio": "3:2"},
        ),
        ("gemini-2.0-flash-exp", ResolvedSize(aspect_ratio="3:2", tier="1K"), None),
    ],
)
def test_size(model: str, size: ResolvedSize | None, expected: dict[str, str] | None) -> None:
    """Ratio and tier are sent where the model knows them, and nothing else is."""
    sent = encode(context=Context(model=model, size=size))
    assert sent["generationConfig"].get("imageConfig") == expected


@pytest.mark.parametrize(
    ("model", "in_url"),
    [
        ("models/gemini-3-pro-image", "gemini-3-pro-image"),
        ("publishers/google/models/gemini-3-pro-image", "gemini-3-pro-image"),
        ("../../v1/tuned", "..%2F..%2Fv1%2Ftuned"),
        ("a b?key=c#d", "a%20b%3Fkey%3Dc%23d"),
    ],
)
def test_model_in_the_url(model: str, in_url: str) -> None:
    """A model id is one segment of the path, whatever it holds."""
    wire = provider().encode(request(), Context(model=model))
    assert wire.url.endswith(f"/v1beta/models/{in_url}:generateContent")


def test_headers_and_query_of_the_settings() -> None:
    """What the configuration adds goes with generating and with listing."""
    made = provider(
        base_url="http://127.0.0.1:8080/v1beta/", headers={"X-Team": "art"}, query={"trace": "a b"}
    )
    wire = made.encode(request(), Context(model=MODEL))
    assert wire.url == f"http://127.0.0.1:8080/v1beta/models/{MODEL}:generateContent?trace=a+b"
    assert wire.headers == {"x-team": "art"}
    listing = made.encode_list("next/page")
    assert listing.method == "GET"
    assert listing.body is None
    assert listing.url == (
        "http://127.0.0.1:8080/v1beta/models?trace=a+b&pageSize=100&pageToken=next%2Fpage"
    )
    assert listing.headers == {"x-team": "art"}


def test_vertex() -> None:
    """A Vertex address takes a bearer token, and lists models outside of the project."""
    made = provider(base_url=VERTEX)
    wire = made.encode(request(), Context(model=MODEL))
    assert wire.url == f"{VERTEX}/models/{MODEL}:generateContent"
    assert wire.auth is not None
    assert (wire.auth.name, wire.auth.prefix) == ("authorization", "Bearer ")
    assert made.key_variables == ()
    assert made.encode_list(None).url == (
        "https://aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=100"
    )


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "x-goog-api-key"),
        ({"auth": "bearer"}, "authorization"),
        ({"auth": "key", "base_url": VERTEX}, "x-goog-api-key"),
        ({"base_url": "https://aiplatform.googleapis.com/v1/publishers/google"}, "x-goog-api-key"),
    ],
)
def test_which_header_takes_the_credential(settings: dict[str, str], name: str) -> None:
    """Keys and tokens each have their header; the settings can say which it is."""
    auth = provider(**settings).encode(request(), Context(model=MODEL)).auth
    assert auth is not None
    assert auth.name == name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api": "interactions"}, "api: must be 'generate-content'"),
        ({"base_url": "ftp://example.com"}, "absolute"),
        ({"base_url": "https://example.com/v1?x=1"}, "base_url: must end with its path"),
        ({"query": {"key": "k"}}, "a key travels in a header"),
        ({"headers": {"x": "a\nb"}}, "line break"),
        ({"options": {"temperatur": 1}}, "did you mean temperature?"),
        ({"options": {"top_k": 0}}, "options.top_k: must be a whole number"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    """A setting that cannot work is refused when the provider is made, by name."""
    with pytest.raises(ConfigurationError) as caught:
        genkit_providers()["gemini"](ProviderSettings(**{"name": "mine", **settings}))
    assert message in caught.value.message
    assert "provider 'mine'" in caught.value.message


def test_all_problems_of_the_settings_are_told_at_once() -> None:
    """Two mistakes are two problems."""
    with pytest.raises(ConfigurationError) as caught:
        provider(api="x", query={"key": "k"})
    assert len(caught.value.problems) == 2


def test_what_the_provider_says_of_itself() -> None:
    """Name, default, keys and models are what the core and the command line go by."""
    made = provider(name="vertex", api="generate-content")
    assert made.name == "vertex"
    assert made.spec_version == 1
    assert made.default_model == MODEL
    assert made.key_variables == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert made.models()[0] == MODEL
    assert made.stream_decoder(request()) is None
    assert isinstance(made, ListsModels)


# -- requests: conversations ------------------------------------------------------------------


def test_answers_go_back_as_they_came() -> None:
    """Each part keeps its place, its flag and everything the service put beside it."""
    first, draft = picture(), picture(2, 2)
    signature = "c2ln" * 2000
    call = {"functionCall": {"name": "f", "args": {"x": [1]}}, "thoughtSignature": "AAAA"}
    before = continued(
        Turn("user", (TextPart("draw"), ImagePart(first))),
        Turn(
            "model",
            (
                TextPart("hm", thought=True),
                ImagePart(draft, thought=True),
                OpaquePart(state(call)),
                TextPart("here", state({"thoughtSignature": Lifted(signature), "extra": None})),
                ImagePart(
                    first,
                    state(
                        {
                            "thoughtSignature": "c2ln",
                            "partMetadata": {"a": 1},
                            "inlineData": {"mimeType": "image/x-odd", "displayName": "d"},
                        }
                    ),
                ),
                TextPart("bye"),
            ),
        ),
    )
    user, model = before
    assert user["role"] == "user"
    assert model["role"] == "model"
    thought, drawn, opaque, text, image, last = model["parts"]
    assert thought == {"text": "hm", "thought": True}
    assert drawn["thought"] is True
    assert drawn["inlineData"]["mimeType"] == "image/png"
    assert opaque == call
    assert text == {"text": "here", "thoughtSignature": signature, "extra": None}
    assert image == {
        "inlineData": {
            "mimeType": "image/x-odd",
            "displayName": "d",
            "data": user["parts"][1]["inlineData"]["data"],
        },
        "thoughtSignature": "c2ln",
        "partMetadata": {"a": 1},
    }
    assert last == {"text": "bye"}


@pytest.mark.parametrize("signature", ["c2lnbmF0dXJl", "a-_b", "not base64 \u00e4", "x" * 9000])
def test_a_signature_keeps_every_character(signature: str) -> None:
    """What came as a signature goes back character by character, lifted or not."""
    data = candidate(inline(data=png_text(), thoughtSignature=signature))
    part = outcome(data).parts[0]
    assert isinstance(part, WireImage)
    (content,) = continued(Turn("model", (ImagePart(picture(), part.state),)))
    assert content["role"] == "model"
    assert content["parts"][0]["thoughtSignature"] == signature


def png_text() -> str:
    """The base64 of a small picture."""
    return str(
        encode(request(input_image=picture()))["contents"][0]["parts"][1]["inlineData"]["data"]
    )


def test_unsigned_answers_go_back_as_the_users() -> None:
    """Where a model wants signatures, a turn without them is the user's, and that is said."""
    turns = (
        Turn("user", (TextPart("draw"),)),
        Turn(
            "model",
            (
                TextPart("thinking", thought=True),
                TextPart("here"),
                ImagePart(picture()),
                ImagePart(picture(2, 2), thought=True),
                OpaquePart(state({"executableCode": {}})),
            ),
        ),
        Turn("model", (ImagePart(picture()),)),
    )
    wire = provider().encode(request(), Context(model=MODEL, conversation=Conversation(turns)))
    contents = document(wire)["contents"]
    assert [content["role"] for content in contents] == ["user"] * 4
    assert [list(part) for part in contents[1]["parts"]] == [["text"], ["inlineData"]]
    (notice,) = wire.notices
    assert notice.code == "history-resent-as-user"
    assert "2 earlier answers" in notice.message


def test_one_unsigned_picture_makes_the_turn_the_users() -> None:
    """A turn whose pictures are not all signed would be refused, so no state of it is sent."""
    signed = state({"thoughtSignature": "c2ln"})
    turn = Turn("model", (TextPart("here", signed), ImagePart(picture())))
    (content,) = continued(turn)
    assert content["role"] == "user"
    assert content["parts"][0] == {"text": "here"}


@pytest.mark.parametrize("key", ["thoughtSignature", "thought_signature"])
def test_later_texts_need_no_signature(key: str) -> None:
    """The service signs pictures and the first part; a turn like that stays the model's."""
    signed = state({key: "c2ln"})
    turn = Turn("model", (ImagePart(picture(), signed), TextPart("anything else?")))
    (content,) = continued(turn)
    assert content["role"] == "model"
    assert content["parts"][1] == {"text": "anything else?"}


def test_models_without_signatures_keep_the_role() -> None:
    """Older models sign nothing and want nothing signed."""
    conversation = Conversation((Turn("model", (ImagePart(picture()),)),))
    wire = provider().encode(
        request(), Context(model="gemini-2.5-flash-image", conversation=conversation)
    )
    assert document(wire)["contents"][0]["role"] == "model"
    assert wire.notices == ()


def test_nothing_empty_is_sent() -> None:
    """Empty texts, parts and contents are refused by the service, so they are left out."""
    assert continued(
        Turn("user", (TextPart(""),)),
        Turn("user", (OpaquePart(state({})), OpaquePart(state("odd")), TextPart("x"))),
    ) == [{"role": "user", "parts": [{"text": "x"}]}]
    (content,) = continued(Turn("model", (TextPart("", state({"thoughtSignature": "c2ln"})),)))
    assert content["parts"] == [{"text": "", "thoughtSignature": "c2ln"}]


def test_what_cannot_be_written_is_refused() -> None:
    """A text that JSON has no form for is named before anything is sent."""
    turn = Turn("user", (TextPart("\ud800"),))
    with pytest.raises(InvalidRequestError) as caught:
        continued(turn)
    assert caught.value.field == "conversation"


# -- answers ----------------------------------------------------------------------------------


def test_parts_in_order() -> None:
    """Text, drafts, pictures and unknown kinds come in order, each with its state."""
    decoded = outcome(
        candidate(
            {"text": "plan", "thought": True},
            inline("QUFB", "image/jpeg", thought=True),
            {"text": "here", "thoughtSignature": "c2ln"},
            inline("QkJC", "image/png", thoughtSignature="c2lnMg=="),
            {"executableCode": {"code": "1"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}},
            {"fileData": {"fileUri": "gs://x"}, "futureField": [1]},
        )
    )
    assert decoded.parts == (
        TextPart("plan", None, thought=True),
        WireImage(data="QUFB", declared_media_type="image/jpeg", thought=True),
        TextPart("here", state({"thoughtSignature": "c2ln"})),
        WireImage(
            data="QkJC",
            declared_media_type="image/png",
            state=state({"thoughtSignature": "c2lnMg==", "inlineData": {"mimeType": "image/png"}}),
        ),
        OpaquePart(state({"executableCode": {"code": "1"}})),
        OpaquePart(state({"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}})),
        OpaquePart(state({"fileData": {"fileUri": "gs://x"}, "futureField": [1]})),
    )
    assert decoded.refusal is None
    assert decoded.absence is None
    assert decoded.notices == ()


def test_long_strings_stay_lifted() -> None:
    """Pictures and signatures are handed on without being copied out."""
    decoded = outcome(candidate(inline("A" * 8000, thoughtSignature="B" * 8000)))
    (image,) = decoded.parts
    assert isinstance(image, WireImage)
    assert image.data == Lifted("A" * 8000)
    assert image.state is not None
    assert image.state.data["thoughtSignature"] == Lifted("B" * 8000)


def test_snake_case_is_read_and_echoed() -> None:
    """Proxies that spell names their own way give the same outcome as the service."""
    camel = outcome(candidate(inline("QUFB", thoughtSignature="c2ln", displayName="x")))
    snake = outcome(
        {
            "candidates": [
                {
                    "content": {
                        "role": "model",
                        "parts": [
                            {
                                "inline_data": {"mime_type": "image/png", "data": "QUFB"},
                                "thought_signature": "c2ln",
                                "display_name": "x",
                            }
                        ],
                    },
                    "finish_reason": "STOP",
                }
            ],
            "response_id": "r",
            "usage_metadata": {"total_token_count": 3},
        }
    )
    assert snake.parts == camel.parts
    assert snake.request_id == "r"
    assert snake.usage is not None
    assert snake.usage.total_tokens == 3


@pytest.mark.parametrize(
    ("part", "data", "declared"),
    [
        ({"inlineData": {"mimeType": "image/png"}}, "", "image/png"),
        ({"inlineData": {"mimeType": "image/png", "data": None}}, "", "image/png"),
        ({"inlineData": {"data": "QQ=="}}, "QQ==", None),
        ({"inlineData": {"data": "QQ==", "mimeType": 5}}, "QQ==", None),
        ({"inlineData": {"data": "QQ==", "mimeType": "IMAGE/PNG"}}, "QQ==", "IMAGE/PNG"),
        (
            {"inlineData": {"data": "QQ==", "mimeType": "application/octet-stream"}},
            "QQ==",
            "application/octet-stream",
        ),
    ],
)
def test_odd_pictures(part: Any, data: str, declared: str | None) -> None:
    """What may be a picture is one; whether it is, the core sees from the bytes."""
    assert outcome(candidate(part)).parts == (WireImage(data=data, declared_media_type=declared),)


@pytest.mark.parametrize(
    "part", [None, "text", 5, [], {}, {"text": 5}, {"inlineData": 5}, {"inlineData": {"data": 5}}]
)
def test_odd_parts_are_kept(part: Any) -> None:
    """A part that is nothing we know is kept as it is, and never sent as something else."""
    decoded = outcome(candidate(part))
    assert decoded.parts == (OpaquePart(state(part)),)
    (opaque,) = decoded.parts
    assert isinstance(opaque, OpaquePart)
    sent = continued(Turn("user", (opaque,)))
    assert sent == ([{"role": "user", "parts": [part]}] if isinstance(part, dict) and part else [])


def test_a_part_nested_too_deeply_loses_its_state() -> None:
    """What could not be written again is not carried along."""
    nest: Any = []
    for _ in range(120):
        nest = [nest]
    decoded = outcome(candidate({"text": "x", "odd": nest}))
    assert decoded.parts == (TextPart("x", state({})),)


def test_several_candidates() -> None:
    """All parts of all candidates are there, in order."""
    one, two = candidate(inline("QUFB")), candidate({"text": "t"}, inline("QkJC"))
    decoded = outcome({"candidates": one["candidates"] + [{}, None] + two["candidates"]})
    kinds = [type(part).__name__ for part in decoded.parts]
    assert kinds == ["WireImage", "TextPart", "WireImage"]
    assert decoded.absence is None


def test_facts_of_an_answer() -> None:
    """Ids and what only this service says are there; long strings are not."""
    body = candidate(
        inline(),
        finishMessage="fine",
        safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
        groundingMetadata={
            "webSearchQueries": ["q"],
            "searchEntryPoint": {"renderedContent": "<div>" + "x" * 5000},
        },
    )
    body |= {"responseId": "r-1", "modelVersion": "gemini-x-001"}
    decoded = outcome(body, {"X-Gemini-Service-Tier": "priority"})
    assert decoded.request_id == "r-1"
    assert decoded.model_version == "gemini-x-001"
    assert decoded.metadata == {
        "finishReason": "STOP",
        "finishMessage": "fine",
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
        "groundingMetadata": {"webSearchQueries": ["q"], "searchEntryPoint": {}},
        "modelVersion": "gemini-x-001",
        "serviceTier": "priority",
    }
    json.dumps(decoded.metadata)


# -- answers without a picture ----------------------------------------------------------------


def blocked(**fields: Any) -> Any:
    """A candidate with these fields alone, and usage."""
    return {"candidates": [fields], "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}


RATING = {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "LOW", "blocked": True}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        pytest.param(
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
            Refusal(stage="prompt", reason="PROHIBITED_CONTENT"),
            id="no candidates, a block reason",
        ),
        pytest.param(
            {
                "candidates": [],
                "promptFeedback": {"blockReason": "OTHER", "safetyRatings": [RATING]},
            },
            Refusal(stage="prompt", reason="OTHER", categories=("HARM_CATEGORY_HATE_SPEECH",)),
            id="empty candidates, ratings",
        ),
        pytest.param(
            {"promptFeedback": {"blockReason": "MODEL_ARMOR", "blockReasonMessage": "by template"}},
            Refusal(stage="prompt", reason="MODEL_ARMOR", message="by template"),
            id="model armor on the prompt",
        ),
        pytest.param(
            {"promptFeedback": {"blockReason": 77}},
            Refusal(stage="prompt", reason="77"),
            id="a block reason of the future, as a number",
        ),
        pytest.param(
            {"promptFeedback": {"safetyRatings": [RATING]}},
            Refusal(
                stage="prompt",
                reason="BLOCKED_REASON_UNSPECIFIED",
                categories=("HARM_CATEGORY_HATE_SPEECH",),
            ),
            id="blocked ratings alone",
        ),
        pytest.param(
            blocked(content={}, finishReason="SAFETY", safetyRatings=[RATING]),
            Refusal(stage="output", reason="SAFETY", categories=("HARM_CATEGORY_HATE_SPEECH",)),
            id="empty content",
        ),
        pytest.param(
            blocked(
                content={"role": "model"},
                finishReason="IMAGE_PROHIBITED_CONTENT",
                finishMessage="Support codes: 1",
            ),
            Refusal(stage="output", reason="IMAGE_PROHIBITED_CONTENT", message="Support codes: 1"),
            id="content without parts",
        ),
        pytest.param(
            blocked(finishReason="MODEL_ARMOR"),
            Refusal(stage="output", reason="MODEL_ARMOR"),
            id="no content",
        ),
        pytest.param(
            blocked(content={"parts": None}, finishReason="IMAGE_SAFETY"),
            Refusal(stage="output", reason="IMAGE_SAFETY"),
            id="parts null",
        ),
        pytest.param(
            blocked(content=None, finishReason="IMAGE_RECITATION"),
            Refusal(stage="output", reason="IMAGE_RECITATION"),
            id="content null, recitation",
        ),
        pytest.param(
            blocked(finishReason="NEW_POLICY", safetyRatings=[RATING]),
            Refusal(stage="output", reason="NEW_POLICY", categories=("HARM_CATEGORY_HATE_SPEECH",)),
            id="an unknown reason with a blocked rating",
        ),
        pytest.param(
            candidate(inline(thought=True), reason="IMAGE_SAFETY"),
            Refusal(stage="output", reason="IMAGE_SAFETY"),
            id="a draft came, the picture was refused",
        ),
    ],
)
def test_refusals(body: Any, refusal: Refusal) -> None:
    """Every shape of a block is a refusal with its stage and the service's own words."""
    decoded = outcome(body)
    assert decoded.refusal == refusal
    assert decoded.absence is None


@pytest.mark.parametrize(
    ("body", "absence"),
    [
        pytest.param(
            candidate({"text": "I would rather not."}),
            Absence(cause="text", reason="STOP"),
            id="words",
        ),
        pytest.param(
            candidate({"text": "hm", "thought": True}),
            Absence(cause="empty", reason="STOP"),
            id="a thought is no answer",
        ),
        pytest.param(candidate(), Absence(cause="empty", reason="STOP"), id="nothing"),
        pytest.param({"candidates": [{}]}, Absence(cause="empty"), id="an empty candidate"),
        pytest.param({"candidates": []}, Absence(cause="empty"), id="no candidates"),
        pytest.param(
            {"usageMetadata": {"totalTokenCount": 1}}, Absence(cause="empty"), id="usage alone"
        ),
        pytest.param(
            blocked(content={"role": "model"}, finishReason="MAX_TOKENS"),
            Absence(cause="limit", reason="MAX_TOKENS"),
            id="the token limit",
        ),
        pytest.param(
            candidate({"text": "half"}, reason="MAX_TOKENS"),
            Absence(cause="limit", reason="MAX_TOKENS"),
            id="the token limit after words",
        ),
        pytest.param(
            blocked(finishReason="NO_IMAGE", finishMessage="none"),
            Absence(cause="other", reason="NO_IMAGE", message="none"),
            id="no image",
        ),
        pytest.param(
            candidate({"text": "sorry"}, reason="NO_IMAGE"),
            Absence(cause="text", reason="NO_IMAGE"),
            id="no image, but words",
        ),
        pytest.param(
            blocked(finishReason="IMAGE_OTHER"),
            Absence(cause="other", reason="IMAGE_OTHER"),
            id="image other",
        ),
        pytest.param(
            candidate({"text": "x"}, reason="OTHER"),
            Absence(cause="other", reason="OTHER"),
            id="other",
        ),
        pytest.param(
            blocked(finishReason="A_REASON_OF_THE_FUTURE"),
            Absence(cause="other", reason="A_REASON_OF_THE_FUTURE"),
            id="an unknown reason",
        ),
        pytest.param(
            {"candidates": [{"finishReason": "STOP"}, {"finishReason": "LANGUAGE"}]},
            Absence(cause="other", reason="LANGUAGE"),
            id="the candidate that says why",
        ),
    ],
)
def test_absences(body: Any, absence: Absence) -> None:
    """No picture and no refusal: the cause says whether to try again."""
    decoded = outcome(body)
    assert decoded.absence == absence
    assert decoded.refusal is None


def test_only_a_draft() -> None:
    """A single picture that is flagged as a draft is for the core to promote."""
    decoded = outcome(candidate(inline(thought=True)))
    assert (decoded.refusal, decoded.absence) == (None, None)


def test_a_picture_that_came_outweighs_an_odd_end() -> None:
    """A picture is never thrown away; how its answer ended is said."""
    decoded = outcome(candidate(inline(), reason="MAX_TOKENS"))
    assert (decoded.refusal, decoded.absence) == (None, None)
    assert [notice.code for notice in decoded.notices] == ["finish-reason"]
    assert "MAX_TOKENS" in decoded.notices[0].message


def test_a_refusal_keeps_text_and_usage() -> None:
    """What was said and counted before a refusal is there for the error."""
    body = candidate({"text": "I began"}, reason="SAFETY")
    body["usageMetadata"] = {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1120,
        "totalTokenCount": 1125,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    decoded = outcome(body)
    assert decoded.refusal is not None
    assert decoded.parts == (TextPart("I began"),)
    assert decoded.usage is not None
    assert decoded.usage.output_image_tokens == 1120


# -- usage ------------------------------------------------------------------------------------


def usage(metadata: Any, *parts: Any) -> Usage | None:
    """The usage of an answer with these parts; one picture where none are given."""
    body = candidate(*(parts or (inline(),)))
    return outcome({**body, "usageMetadata": metadata}).usage


def test_usage_by_kind() -> None:
    """Details that fall short leave the rest to text, and thinking counts as text."""
    metadata = {
        "promptTokenCount": 1100,
        "candidatesTokenCount": 1780,
        "thoughtsTokenCount": 529,
        "toolUsePromptTokenCount": 10,
        "totalTokenCount": 3419,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 8},
            {"modality": "IMAGE", "tokenCount": 1088},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    assert usage(metadata) == Usage(
        input_text_tokens=22,
        input_image_tokens=1088,
        output_text_tokens=1189,
        output_image_tokens=1120,
        total_tokens=3419,
        images=1,
        raw=metadata,
    )


def test_usage_without_details_is_not_guessed() -> None:
    """With a picture and no details, nobody can tell text from picture."""
    known = usage({"promptTokenCount": 5, "candidatesTokenCount": 1300, "totalTokenCount": 1305})
    assert known is not None
    assert known.total_tokens == 1305
    assert known.output_text_tokens is None
    assert known.output_image_tokens is None
    assert known.input_text_tokens is None


def test_usage_of_words_alone() -> None:
    """Without a picture, what came out is text, details or not."""
    known = usage({"candidatesTokenCount": 30, "thoughtsTokenCount": 4}, {"text": "no"})
    assert known is not None
    assert known.output_text_tokens == 34
    assert known.images == 0


@pytest.mark.parametrize("number", [-1, 2**31, 1.5, "12", True, None, [], {}])
def test_impossible_counts_are_unknown(number: Any) -> None:
    """A count that no service can mean is not passed on to the sums."""
    known = usage(
        {
            "promptTokenCount": number,
            "totalTokenCount": number,
            "candidatesTokenCount": 1120,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": number}],
        }
    )
    assert known is not None
    assert known.total_tokens is None
    assert known.output_image_tokens is None
    assert known.output_text_tokens is None


def test_details_that_exceed_their_total() -> None:
    """What is left for text cannot be negative; then it is not known."""
    known = usage(
        {
            "candidatesTokenCount": 10,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        }
    )
    assert known is not None
    assert (known.output_image_tokens, known.output_text_tokens) == (1120, None)


@pytest.mark.parametrize("metadata", [None, {}, [], "x", 5])
def test_no_usage(metadata: Any) -> None:
    """An answer without usage has none, rather than zeros."""
    assert usage(metadata) is None


# -- answers that are none --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b'{"candidates": [{"content',
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"17",
        b'{"predictions": []}',
        b'{"candidates": "none"}',
        b'{"candidates": 0}',
        b'{"candidates": [1, null]}',
    ],
)
def test_malformed(body: bytes) -> None:
    """A 2xx that is not the service's answer is malformed, so that the core keeps its bytes."""
    decoded = provider().decode(answer(body), request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}, "overloaded"),
        ({"error": {"code": 429}}, "rate-limited"),
        ({"error": {"message": "odd"}}, "server-error"),
        ({"error": "odd"}, "server-error"),
        ([{"error": {"status": "INTERNAL"}}], "server-error"),
    ],
)
def test_an_error_inside_a_success(body: Any, kind: str) -> None:
    """An error that came with 200 is that error, and always of some kind."""
    decoded = provider().decode(answer(body), request(), None)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == kind


def test_an_answer_in_a_list() -> None:
    """One answer in a list is that answer."""
    decoded = outcome([candidate(inline("QUFB"))])
    assert len(decoded.parts) == 1


def test_state_is_tagged_with_name_and_model() -> None:
    """The core leaves out states of others by the provider's configured name and the model."""
    made = GeminiProvider(ProviderSettings(name="vertex"))
    body = answer(candidate({"text": "x", "thoughtSignature": "c2ln"}))
    for model, tagged in (("gemini-3-pro-image", "gemini-3-pro-image"), (None, MODEL)):
        decoded = made.decode(body, request(model=model), None)
        assert isinstance(decoded, Outcome)
        (part,) = decoded.parts
        assert isinstance(part, TextPart)
        assert part.state == ProviderState("vertex", tagged, {"thoughtSignature": "c2ln"})


# -- the service's list -----------------------------------------------------------------------


def test_list_of_models() -> None:
    """The list gives bare ids, and says of pictures what can be known."""
    body = {
        "models": [
            {
                "name": "models/gemini-nano-banana-2.1",
                "description": "Draws",
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            },
            {"name": "models/embedding-1", "supportedGenerationMethods": ["embedContent"]},
            {
                "name": "models/new",
                "displayName": "New",
                "supportedGenerationMethods": ["generateContent"],
            },
            {"name": "models/silent"},
            {"description": "nameless"},
            None,
        ],
        "nextPageToken": "t" * 300,
    }
    rows, page = provider().decode_list(answer(body))
    assert rows == (
        ListedModel(id="gemini-nano-banana-2.1", description="Draws", makes_images=True),
        ListedModel(id="embedding-1", description=None, makes_images=False),
        ListedModel(id="new", description="New"),
        ListedModel(id="silent"),
    )
    assert page == "t" * 300


def test_list_of_vertex() -> None:
    """Vertex names its list and its models otherwise."""
    body = {"publisherModels": [{"name": "publishers/google/models/gemini-3-pro-image"}]}
    rows, page = provider(base_url=VERTEX).decode_list(answer(body))
    assert [(row.id, row.makes_images) for row in rows] == [("gemini-3-pro-image", True)]
    assert page is None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"models": 5, "nextPageToken": 5}', b"null"])
def test_a_list_that_is_none(body: bytes) -> None:
    """What is no list of models holds none."""
    assert provider().decode_list(answer(body)) == ((), None)
