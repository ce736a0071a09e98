"""How a program uses genkit, as a type checker sees it: checked, never run.

A line that must not type-check carries an ignore, and an ignore that is not needed is an error. So
this fails when a name goes, when a type becomes `Any`, and when a mistake is no longer seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_type

import genkit
from genkit.events import AttemptEnd, Event


async def generating() -> None:
    """A call, its fields and what it gives."""
    async with genkit.Client("gemini", api_key="env:GEMINI_API_KEY", timeout=60) as client:
        response = await client.generate(
            "a banana", width=512, height=512, n=2, seed=0, fit="crop", strict=False
        )
        assert_type(response, genkit.GenerationResponse)
        assert_type(response.images, tuple[genkit.GeneratedImage, ...])
        assert_type(response.images[0].data, bytes)
        assert_type(response.images[0].width, int)
        assert_type(response.images[0].sha256, str)
        assert_type(response.image_data, bytes)
        assert_type(response.drafts, tuple[genkit.GeneratedImage, ...])
        assert_type(response.failures, Mapping[int, genkit.GenkitError])
        assert_type(response.text, str | None)
        assert_type(response.seed, int | None)
        assert_type(response.cost, float | None)
        assert_type(response.usage, genkit.Usage | None)
        assert_type(response.thought_signature, bytes | None)
        assert_type(response.attempts, tuple[genkit.Attempt, ...])
        assert_type(response.adjustments, tuple[genkit.Adjustment, ...])
        assert_type(response.notices, tuple[genkit.Notice, ...])
        assert_type(response.conversation, genkit.Conversation)
        assert_type(response.save("banana.png"), Path)

        await client.generate("a banana", wide=512)  # type: ignore[call-arg]
        await client.generate("a banana", width="512")  # type: ignore[arg-type]
        await client.generate("a banana", fit="stretch")  # type: ignore[arg-type]
        await client.generate()  # type: ignore[call-arg]


async def refining(client: genkit.Client, first: genkit.GenerationResponse) -> None:
    """A picture changed, and a conversation carried on."""
    second = await client.refine(first, "more glow", image=1, aspect_ratio="16:9")
    assert_type(second, genkit.GenerationResponse)
    await client.generate("and a hat", conversation=second.conversation)
    await client.refine("more glow", first)  # type: ignore[arg-type]


async def many(client: genkit.Client) -> None:
    """Many requests, in whatever form, and their outcomes."""
    dog = genkit.GenerationRequest("a dog", width=512, height=512)
    requests: list[str | genkit.GenerationRequest] = ["a cat", dog]
    async for outcome in client.generate_many(requests, concurrency=4):
        assert_type(outcome, genkit.ManyOutcome)
        assert_type(outcome.index, int)
        assert_type(outcome.response, genkit.GenerationResponse | None)
        assert_type(outcome.error, genkit.GenkitError | None)


def blocking() -> None:
    """The same, without a loop."""
    with genkit.SyncClient("gemini", attempts=2, deadline=120.0) as client:
        response = client.generate("a banana", aspect_ratio="16:9")
        assert_type(response, genkit.GenerationResponse)
        assert_type(client.refine(response, "bigger"), genkit.GenerationResponse)
        assert_type(client.generate_many(["a", "b"]), Iterator[genkit.ManyOutcome])
        assert_type(client.estimate("a banana"), genkit.Estimate)
        client.generate("a banana", wide=512)  # type: ignore[call-arg]


def clients() -> None:
    """The options of a client are checked as well."""

    def observe(event: Event) -> None:
        if isinstance(event, AttemptEnd):
            assert_type(event.attempt, genkit.Attempt)

    genkit.Client(model="gemini:gemini-nano-banana-2.1", observers=[observe], config=Path("x.toml"))
    genkit.Client("gemini", atempts=3)  # type: ignore[call-arg]
    genkit.Client("gemini", timeout="60")  # type: ignore[arg-type]


def requests(image: genkit.Image, mask: genkit.Mask) -> None:
    """Requests are positional as programs rely on it, and frozen."""
    request = genkit.GenerationRequest("a banana", 512, 512, "gemini:some-model", 7)
    assert_type(request.prompt, str)
    assert_type(request.images, tuple[genkit.Image, ...])
    genkit.GenerationRequest("a banana", input_image=image, mask=mask, references=[image])
    request.prompt = "an apple"  # type: ignore[misc]
    genkit.GenerationRequest()  # type: ignore[call-arg]


async def failing(client: genkit.Client) -> None:
    """One family of errors, each with its facts."""
    try:
        await client.generate("a banana")
    except genkit.RateLimitError as error:
        assert_type(error.retry_after, float)
    except genkit.ContentPolicyError as error:
        assert_type(error.categories, tuple[str, ...])
    except genkit.GenerationError as error:
        assert_type(error.attempts, tuple[genkit.Attempt, ...])
        assert_type(error.generation_id, str | None)
    except genkit.GenkitError as error:
        raise SystemExit(str(error)) from error


async def single_file_client(signature: bytes) -> None:
    """Programs of the single-file client."""
    client = genkit.AIGenerationClient(api_key="made-up", timeout=120, max_retries=3)
    request = genkit.GenerationRequest(
        prompt="a banana",
        width=512,
        height=512,
        conversation_history=[
            {"role": "user", "text": "a banana"},
            {"role": "model", "image_data": b"", "thought_signature": signature},
        ],
    )
    response = await client.generate(request)
    assert_type(response.image_data, bytes)
    assert_type(response.inference_time_ms, float)
    await client.close()
    genkit.RateLimitError(retry_after=60)
    genkit.ContentPolicyError(reason="no")
    genkit.GenerationError("no", {"status": 500})
