"""The client at the emulated OpenAI: pictures that come as addresses, above all."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import genkit
from genkit.emulator import Emulator
from genkit.errors import ContentPolicyError, DownloadError, InvalidRequestError
from genkit.images import MaskMeaning
from genkit.retry import RetryPolicy
from genkit_openai.emulation import OpenAIEmulation
from tests.emulator.openai_service import picture

KEY = "canary-key-2718281828"
ADDRESSES = {"openai": {"response_format": "url"}}


@asynccontextmanager
async def running(**emulation: Any) -> AsyncIterator[tuple[Emulator, genkit.Client]]:
    """Run an emulator and a client of it."""
    service = OpenAIEmulation(serves_retired=True, **emulation)
    async with (
        Emulator([service]) as emulator,
        genkit.Client(
            "openai",
            api_key=KEY,
            config=None,
            base_url=emulator.base_url("openai"),
            model="openai:dall-e-2",
            retry=RetryPolicy(wait=(0.01,)),
        ) as client,
    ):
        yield emulator, client


def told(emulator: Emulator) -> list[tuple[str, int | None]]:
    """Give method and status of everything that reached the emulator."""
    return [
        (entry.method, entry.answer.status if entry.answer else None) for entry in emulator.ledger
    ]


async def generate(client: genkit.Client, **fields: Any) -> genkit.GenerationResponse:
    """Ask for small pictures as addresses."""
    return await client.generate(
        "a banana", width=256, height=256, provider_options=ADDRESSES, **fields
    )


async def test_pictures_as_addresses() -> None:
    """Each picture is fetched within the call, without the key, and the call is paid for once."""
    async with running() as (emulator, client):
        response = await generate(client, n=2)
        ledger = emulator.ledger.requests
    assert [(image.width, image.height) for image in response.images] == [(256, 256)] * 2
    assert response.images[0].data != response.images[1].data
    assert [entry.method for entry in ledger] == ["POST", "GET", "GET"]
    assert "authorization" in ledger[0].headers
    for entry in ledger[1:]:
        assert entry.headers.keys() == {
            "host",
            "accept",
            "accept-encoding",
            "connection",
            "user-agent",
        }
    assert len(emulator.ledger.charged) == 1
    assert [attempt.step for attempt in response.attempts] == ["submit", "follow-up", "follow-up"]


async def test_a_download_that_fails_at_first() -> None:
    """A download is tried again, and the generation is not."""
    async with running(failing_downloads=1) as (emulator, client):
        response = await generate(client)
        assert told(emulator) == [("POST", 200), ("GET", 503), ("GET", 200)]
    assert [attempt.charge for attempt in response.attempts] == ["yes", "no", "yes"]


@pytest.mark.parametrize(("status", "tried"), [(503, 3), (403, 1), (404, 1)])
async def test_a_download_that_never_comes(
    status: int, tried: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The error says that the picture is paid for, and shows neither signature nor key."""
    caplog.set_level(logging.DEBUG)
    async with running(failing_downloads=100, download_status=status) as (emulator, client):
        with pytest.raises(DownloadError) as caught:
            await generate(client)
        assert told(emulator) == [("POST", 200), *[("GET", status)] * tried]
        assert len(emulator.ledger.charged) == 1
    error = caught.value
    assert (error.kind, error.status, error.charge) == ("status", status, "yes")
    for text in (str(error), repr(error), caplog.text):
        assert "sig=" not in text
        assert KEY not in text


async def test_pictures_as_bytes() -> None:
    """The newer models give the picture itself: there is nothing to fetch."""
    async with running() as (emulator, client):
        response = await client.generate(
            "a banana", model="openai:gpt-image-2", width=1024, height=1024, quality="low"
        )
        assert told(emulator) == [("POST", 200)]
    [image] = response.images
    assert (image.media_type, image.width, image.height) == ("image/png", 1024, 1024)
    assert response.usage is not None
    assert response.usage.output_image_tokens == 196


@pytest.mark.parametrize("form", ["multipart", "json"])
async def test_edits(form: str) -> None:
    """Several references are edited, by form and by JSON, with options and a mask."""
    options = {"openai": {"edit_body": form}}
    async with running() as (emulator, client):
        response = await client.generate(
            "both on a beach",
            model="openai:gpt-image-2.5-flare",
            references=[picture(64, 64), picture(64, 64, kind="JPEG")],
            width=1024,
            height=1024,
            provider_options=options,
        )
        [entry] = emulator.ledger.requests
    assert response.image_data
    assert (entry.facts["form"], entry.facts["references"]) == (form == "multipart", 2)


@pytest.mark.parametrize("form", ["multipart", "json"])
@pytest.mark.parametrize(
    ("mask", "meaning"),
    [
        (picture(64, 48, mode="RGBA"), "transparent-is-edit"),
        (picture(64, 48, mode="L", color=255), "white-is-edit"),
    ],
    ids=["transparent", "white"],
)
async def test_masks(form: str, mask: bytes, meaning: MaskMeaning) -> None:
    """A mask of either meaning reaches the service as the service reads it."""
    async with running() as (emulator, client):
        await client.generate(
            "a hat here",
            model="openai:gpt-image-2.5-flare",
            references=[picture(64, 48)],
            mask=genkit.Mask(image=genkit.Image.from_bytes(mask), meaning=meaning),
            provider_options={"openai": {"edit_body": form}},
        )
        [entry] = emulator.ledger.requests
    assert (entry.facts["masked"], entry.facts["form"]) == (True, form == "multipart")


async def test_refusals() -> None:
    """A block names its stage and categories; what the service does not know is refused."""
    async with running() as (emulator, client):
        emulator.fail("block")
        with pytest.raises(ContentPolicyError) as blocked:
            await client.generate("x", model="openai:gpt-image-2")
        assert (blocked.value.stage, blocked.value.charge) == ("prompt", "no")
        assert blocked.value.code == "moderation_blocked"
        with pytest.raises(InvalidRequestError):
            await client.generate("x", model="openai:gpt-image-9")
        assert told(emulator) == [("POST", 400), ("POST", 404)]
