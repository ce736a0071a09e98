"""The service's own SDK, pointed at the emulator."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import aiohttp
import openai
import pytest
from openai.types import ImagesResponse
from yarl import URL

from genkit.emulator import Emulator
from genkit.emulator.faults import FaultName
from genkit.sniff import ImageHeader, sniff
from genkit_openai.emulation import OpenAIEmulation
from tests.emulator.openai_service import MODEL, picture

Result = TypeVar("Result")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Run an emulator of OpenAI."""
    async with Emulator([OpenAIEmulation(serves_retired=True)]) as running:
        yield running


def options(emulator: Emulator, key: str = "made-up") -> dict[str, Any]:
    """Give what the SDK's clients are made with; without retries, so that errors show."""
    return {"api_key": key, "base_url": emulator.base_url("openai"), "max_retries": 0}


@pytest.fixture
def client(emulator: Emulator) -> Iterator[openai.OpenAI]:
    """Give a blocking client."""
    with openai.OpenAI(**options(emulator)) as blocking_client:
        yield blocking_client


async def blocking(call: Callable[[], Result]) -> Result:
    """Run a blocking call beside the emulator."""
    return await asyncio.to_thread(call)


def headers_of(response: ImagesResponse) -> list[ImageHeader]:
    """Give what the headers of the pictures say."""
    found = [sniff(base64.b64decode(item.b64_json or "")) for item in response.data or ()]
    return [header for header in found if header is not None]


async def test_generates(client: openai.OpenAI) -> None:
    """A prompt gives pictures of the size and format asked for, and the usage."""
    response = await blocking(
        lambda: client.images.generate(
            model=MODEL,
            prompt="A banana",
            n=2,
            size="1536x1024",
            quality="low",
            output_format="webp",
            output_compression=80,
            moderation="low",
            user="somebody",
        )
    )
    found = [(header.media_type, header.width, header.height) for header in headers_of(response)]
    assert found == [("image/webp", 1536, 1024)] * 2
    assert (response.size, response.quality) == ("1536x1024", "low")
    assert (response.output_format, response.background) == ("webp", "opaque")
    assert response.usage is not None
    assert response.usage.output_tokens == 2 * round(196 * 1.5)
    assert response.usage.input_tokens_details.text_tokens == 2
    assert (response._request_id or "").startswith("req_")


async def test_generates_asynchronously(emulator: Emulator) -> None:
    """The asynchronous client is served alike."""
    async with openai.AsyncOpenAI(**options(emulator)) as client:
        responses = [
            await client.images.generate(model=MODEL, prompt="A cat", quality="low")
            for _ in range(2)
        ]
    assert responses[0].data != responses[1].data
    assert len(emulator.ledger.delivered) == 2


async def test_edits(emulator: Emulator, client: openai.OpenAI) -> None:
    """One picture, with a mask, and several are edited by form."""
    mask = ("mask.png", picture(12, 8, mode="RGBA"), "image/png")
    one = await blocking(
        lambda: client.images.edit(
            model="gpt-image-1.5",
            prompt="Make it blue",
            image=("a.png", picture(12, 8), "image/png"),
            mask=mask,
            input_fidelity="high",
            n=1,
        )
    )
    assert (one.size, len(headers_of(one))) == ("1536x1024", 1)
    many = await blocking(
        lambda: client.images.edit(
            model=MODEL,
            prompt="Both on a beach",
            image=[
                ("a.png", picture(), "image/png"),
                ("b.jpg", picture(kind="JPEG"), "image/jpeg"),
                ("c.webp", picture(kind="WEBP"), "image/webp"),
            ],
            size="1024x1024",
            output_format="jpeg",
        )
    )
    assert [header.media_type for header in headers_of(many)] == ["image/jpeg"]
    facts = [entry.facts for entry in emulator.ledger.requests]
    assert [(fact["references"], fact["masked"]) for fact in facts] == [(1, True), (3, False)]
    assert many.usage is not None
    assert many.usage.input_tokens_details.image_tokens == 3 * 194


async def test_addresses(client: openai.OpenAI) -> None:
    """An old model gives addresses below the emulator, which can be opened without a key."""
    response = await blocking(
        lambda: client.images.generate(model="dall-e-3", prompt="A lion", size="1024x1792")
    )
    assert response.data
    url = response.data[0].url or ""
    assert response.data[0].revised_prompt == "A lion"
    async with aiohttp.ClientSession() as session, session.get(URL(url, encoded=True)) as answer:
        header = sniff(await answer.read())
    assert header is not None
    assert (header.width, header.height) == (1024, 1792)


async def test_lists_models(client: openai.OpenAI) -> None:
    """Models are listed and shown."""
    names = await blocking(lambda: [model.id for model in client.models.list()])
    assert MODEL in names
    assert (await blocking(lambda: client.models.retrieve(MODEL))).owned_by == "openai"
    with pytest.raises(openai.NotFoundError):
        await blocking(lambda: client.models.retrieve("gpt-image-9"))


async def test_bad_requests(client: openai.OpenAI) -> None:
    """What the service does not take is an error with code and parameter."""
    with pytest.raises(openai.BadRequestError) as caught:
        await blocking(
            lambda: client.images.generate(model=MODEL, prompt="x", response_format="b64_json")
        )
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", "response_format")
    with pytest.raises(openai.BadRequestError) as caught:
        await blocking(
            lambda: client.images.edit(model=MODEL, prompt="x", image=("a.svg", b"<svg/>"))
        )
    assert (caught.value.code, caught.value.param) == ("unsupported_file_mimetype", "image[0]")
    with pytest.raises(openai.BadRequestError) as caught:
        await blocking(
            lambda: client.images.edit(
                model=MODEL,
                prompt="x",
                image=("a.png", picture(), "image/png"),
                mask=("m.png", picture(9, 9, mode="RGBA"), "image/png"),
            )
        )
    assert (caught.value.code, caught.value.param) == ("invalid_value", "mask")


async def test_unknown_models(client: openai.OpenAI) -> None:
    """A model that never was is not found."""
    with pytest.raises(openai.NotFoundError) as caught:
        await blocking(lambda: client.images.generate(model="gpt-image-9", prompt="x"))
    assert caught.value.code == "model_not_found"


async def test_bad_keys(emulator: Emulator) -> None:
    """A key that is not valid is answered with 401."""
    with (
        openai.OpenAI(**options(emulator, "invalid")) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        await blocking(lambda: client.images.generate(model=MODEL, prompt="x"))
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("fault", "kind", "status", "code"),
    [
        ("rate-limited", openai.RateLimitError, 429, "rate_limit_exceeded"),
        ("overloaded", openai.InternalServerError, 503, "server_is_overloaded"),
        ("server-error", openai.InternalServerError, 500, None),
        ("authentication", openai.AuthenticationError, 401, "invalid_api_key"),
        ("block", openai.BadRequestError, 400, "moderation_blocked"),
        ("block-output", openai.BadRequestError, 400, "moderation_blocked"),
    ],
)
async def test_faults(
    emulator: Emulator,
    fault: FaultName,
    kind: type[openai.APIStatusError],
    status: int,
    code: str | None,
) -> None:
    """Each scripted fault is the SDK's own error for it, is not charged, and passes."""
    emulator.fail(fault)
    async with openai.AsyncOpenAI(**options(emulator)) as client:
        with pytest.raises(kind) as caught:
            await client.images.generate(model=MODEL, prompt="x")
        assert (caught.value.status_code, caught.value.code) == (status, code)
        assert caught.value.request_id
        assert emulator.ledger.charged == ()
        assert (await client.images.generate(model=MODEL, prompt="x", quality="low")).data


async def test_waits(emulator: Emulator) -> None:
    """The wait of a rate limit is in a header that the SDK obeys when it retries."""
    emulator.fail("rate-limited", retry_after=0.2)
    async with openai.AsyncOpenAI(**{**options(emulator), "max_retries": 1}) as client:
        began = asyncio.get_running_loop().time()
        assert (await client.images.generate(model=MODEL, prompt="x", quality="low")).data
    assert asyncio.get_running_loop().time() - began >= 0.2
    assert [entry.answer and entry.answer.status for entry in emulator.ledger] == [429, 200]


async def test_answers_that_do_not_come(emulator: Emulator) -> None:
    """No answer, half of one, or one without a picture: all are charged."""
    for fault in ("no-image", "cut", "hang"):
        emulator.fail(fault)
    async with openai.AsyncOpenAI(**options(emulator)) as client:
        empty = await client.images.generate(model=MODEL, prompt="x", quality="low")
        assert empty.data == []
        with pytest.raises(openai.APIConnectionError):
            await client.images.generate(model=MODEL, prompt="x", quality="low")
        with pytest.raises(openai.APITimeoutError):
            await client.images.generate(model=MODEL, prompt="x", quality="low", timeout=0.3)
    assert len(emulator.ledger.charged) == 3


async def test_azure(emulator: Emulator) -> None:
    """The SDK's client for Azure reaches the same service by its deployments."""
    azure = openai.AsyncAzureOpenAI(
        api_key="made-up",
        api_version="2025-04-01-preview",
        azure_endpoint=emulator.url,
        max_retries=0,
    )
    async with azure as client:
        made = await client.images.generate(model=MODEL, prompt="x", quality="low")
        assert made.data
        edited = await client.images.edit(
            model=MODEL, prompt="x", image=("a.png", picture(), "image/png"), quality="low"
        )
        assert edited.data
    assert [entry.path for entry in emulator.ledger] == [
        f"/openai/deployments/{MODEL}/images/generations",
        f"/openai/deployments/{MODEL}/images/edits",
    ]
    assert all(entry.headers["api-key"] == "***" for entry in emulator.ledger)
