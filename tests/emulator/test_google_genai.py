"""The service's own SDK, pointed at the emulator, sees the service."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import PIL.Image
import pytest
from google import genai
from google.genai import errors, types

from genkit.emulator import Emulator
from genkit.sniff import sniff
from genkit_gemini.emulation import GeminiEmulation

MODEL = "gemini-nano-banana-2.1"
BOTH = types.GenerateContentConfig(
    response_modalities=["TEXT", "IMAGE"],
    image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"),
    seed=5,
)
Result = TypeVar("Result")

# The SDK subclasses aiohttp's session.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Run an emulator of Gemini."""
    async with Emulator([GeminiEmulation()]) as running:
        yield running


def make_client(emulator: Emulator, key: str = "made-up") -> genai.Client:
    """Give the SDK's client, pointed at the emulator."""
    options = types.HttpOptions(base_url=emulator.url, api_version="v1beta")
    return genai.Client(api_key=key, http_options=options)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[genai.Client]:
    """Give a blocking client."""
    with make_client(emulator) as blocking:
        yield blocking


async def blocking(call: Callable[[], Result]) -> Result:
    """Run a blocking call beside the emulator."""
    return await asyncio.to_thread(call)


def parts_of(response: types.GenerateContentResponse) -> list[types.Part]:
    """Give the parts of the first candidate."""
    assert response.candidates
    content = response.candidates[0].content
    assert content is not None
    assert content.parts is not None
    return content.parts


def image_of(response: types.GenerateContentResponse) -> types.Blob:
    """Give the only picture."""
    (image,) = [part.inline_data for part in parts_of(response) if part.inline_data]
    return image


async def test_generates(client: genai.Client) -> None:
    """A prompt gives a text and a picture of the ratio, type and size that the service gives."""
    response = await blocking(
        lambda: client.models.generate_content(model=MODEL, contents="A banana", config=BOTH)
    )
    text, picture = parts_of(response)
    assert text.text
    assert picture.inline_data is not None
    assert picture.inline_data.data is not None
    header = sniff(picture.inline_data.data)
    assert header is not None
    assert picture.inline_data.mime_type == header.media_type == "image/jpeg"
    assert (header.width, header.height) == (1376, 768)
    assert len(text.thought_signature or b"") == len(picture.thought_signature or b"") == 16384
    usage = response.usage_metadata
    assert usage is not None
    assert usage.candidates_tokens_details is not None
    assert usage.candidates_tokens_details[0].token_count == 1120
    assert (response.model_version, bool(response.response_id)) == (MODEL, True)


async def test_generates_asynchronously(emulator: Emulator) -> None:
    """The asynchronous client is served alike, and the same seed draws the same picture."""
    async with make_client(emulator).aio as client:
        first, second = [
            await client.models.generate_content(model=MODEL, contents="A cat", config=BOTH)
            for _ in range(2)
        ]
    assert image_of(first).data == image_of(second).data
    assert len(emulator.ledger.delivered) == 2


async def test_edits_a_picture(emulator: Emulator, client: genai.Client) -> None:
    """A picture that comes with the prompt is counted, and gives its ratio to the answer."""
    given = io.BytesIO()
    PIL.Image.new("RGB", (300, 200), "yellow").save(given, "PNG")
    contents: list[types.PartUnionDict] = [
        "Make it blue",
        types.Part.from_bytes(data=given.getvalue(), mime_type="image/png"),
    ]
    response = await blocking(
        lambda: client.models.generate_content(model=MODEL, contents=contents)
    )
    header = sniff(image_of(response).data or b"")
    assert header is not None
    assert (header.width, header.height) == (1264, 848)
    assert emulator.ledger.requests[0].facts["references"] == 1


async def test_continues_a_conversation(emulator: Emulator, client: genai.Client) -> None:
    """A chat sends the model's parts back signed, and each turn gives another picture."""
    chat = client.chats.create(model=MODEL)
    first = await blocking(lambda: chat.send_message("A banana"))
    second = await blocking(lambda: chat.send_message("Now with a hat"))
    assert image_of(first).data != image_of(second).data
    facts = emulator.ledger.requests[-1].facts
    assert (facts["turn"], facts["signatures"]) == (2, 2)


async def test_a_conversation_without_signatures(client: genai.Client) -> None:
    """A chat whose history lost its signatures gets the service's 400."""
    chat = client.chats.create(model=MODEL)
    response = await blocking(lambda: chat.send_message("A banana"))
    for part in parts_of(response):
        part.thought_signature = None
    with pytest.raises(errors.ClientError, match="thought_signature") as caught:
        await blocking(lambda: chat.send_message("Now with a hat"))
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


async def test_thoughts(client: genai.Client) -> None:
    """Asked for its thoughts, the model shows a draft that is marked as one."""
    thinking = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True)
    )
    response = await blocking(
        lambda: client.models.generate_content(model=MODEL, contents="A banana", config=thinking)
    )
    drafts = [part for part in parts_of(response) if part.thought and part.inline_data]
    finals = [part for part in parts_of(response) if not part.thought and part.inline_data]
    assert (len(drafts), len(finals)) == (1, 1)
    assert drafts[0].inline_data != finals[0].inline_data


async def test_lists_models(client: genai.Client) -> None:
    """The models are listed over several pages, without those that were shut down."""
    config = types.ListModelsConfig(page_size=2)
    names = await blocking(lambda: [model.name for model in client.models.list(config=config)])
    assert names[0] == f"models/{MODEL}"
    assert len(names) == len(set(names)) > 2
    assert "models/gemini-2.5-flash-image" not in names
    model = await blocking(lambda: client.models.get(model=MODEL))
    assert model.name == f"models/{MODEL}"


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", "gemini-9-image"])
async def test_unknown_models(client: genai.Client, model: str) -> None:
    """A model that was shut down, or never was, is not found."""
    with pytest.raises(errors.ClientError) as caught:
        await blocking(lambda: client.models.generate_content(model=model, contents="x"))
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


async def test_bad_keys(emulator: Emulator) -> None:
    """A key that is not valid is answered with 400 and the reason in the details."""
    with (
        make_client(emulator, key="invalid") as client,
        pytest.raises(errors.ClientError) as caught,
    ):
        await blocking(lambda: client.models.generate_content(model=MODEL, contents="x"))
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_rate_limits(emulator: Emulator) -> None:
    """A rate limit names the wait in its details; the next request passes."""
    emulator.fail("rate-limited", retry_after=34.4)
    async with make_client(emulator).aio as client:
        with pytest.raises(errors.ClientError) as caught:
            await client.models.generate_content(model=MODEL, contents="x")
        assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
        kinds = {
            detail.pop("@type").rpartition(".")[2]: detail
            for detail in caught.value.details["error"]["details"]
        }
        assert kinds["RetryInfo"] == {"retryDelay": "34.4s"}
        (violation,) = kinds["QuotaFailure"]["violations"]
        assert "PerMinute" in violation["quotaId"]
        assert violation["quotaDimensions"]["model"] == MODEL
        assert image_of(await client.models.generate_content(model=MODEL, contents="x")).data


async def test_overload(emulator: Emulator, client: genai.Client) -> None:
    """Overload is a server's error."""
    emulator.fail("overloaded")
    with pytest.raises(errors.ServerError) as caught:
        await blocking(lambda: client.models.generate_content(model=MODEL, contents="x"))
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


async def test_blocks(emulator: Emulator, client: genai.Client) -> None:
    """A block of the prompt or of the picture comes with 200 and the service's reasons."""
    emulator.fail("block")
    emulator.fail("block-output")
    emulator.fail("no-image")
    prompt, output, absent = [
        await blocking(lambda: client.models.generate_content(model=MODEL, contents="x"))
        for _ in range(3)
    ]
    assert prompt.candidates is None
    assert prompt.prompt_feedback is not None
    assert prompt.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert output.candidates
    assert output.candidates[0].finish_reason == types.FinishReason.IMAGE_SAFETY
    assert any(rating.blocked for rating in output.candidates[0].safety_ratings or ())
    assert absent.candidates
    assert absent.candidates[0].finish_reason == types.FinishReason.NO_IMAGE
    assert len(emulator.ledger.charged) == 2


async def test_vertex(emulator: Emulator) -> None:
    """The SDK in its Vertex form reaches the same service."""
    options = types.HttpOptions(base_url=emulator.url, api_version="v1beta1")
    with genai.Client(vertexai=True, api_key="made-up", http_options=options) as client:
        config = types.GenerateContentConfig(
            image_config=types.ImageConfig(aspect_ratio="1:1", person_generation="ALLOW_NONE")
        )
        response = await blocking(
            lambda: client.models.generate_content(model=MODEL, contents="A cat", config=config)
        )
    assert image_of(response).data
    assert emulator.ledger.requests[0].path.endswith(
        f"/publishers/google/models/{MODEL}:generateContent"
    )
