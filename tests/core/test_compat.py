"""Programs of the single-file client, run as they stand but for their import."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from genkit import client as client_module
from genkit.compat import (
    AIGenerationClient,
    ContentPolicyError,
    GenerationError,
    GenerationRequest,
    GenerationResponse,
    RateLimitError,
)
from genkit.errors import AttemptTimeoutError, ErrorContext
from genkit.provider import ErrorFacts
from genkit.sniff import sniff
from genkit.testing.clock import run_virtual
from tests.core.memory import MemoryTransport


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> MemoryTransport:
    """The service, in place of every client's own connection."""
    service = MemoryTransport()
    monkeypatch.setattr(client_module, "_http_transport", lambda _settings: service)
    return service


def test_the_usual_program_runs(transport: MemoryTransport) -> None:
    """Two turns with a history of dicts, and every field that such programs read."""

    async def program() -> tuple[GenerationResponse, GenerationResponse]:
        client = AIGenerationClient(api_key="canary-key", timeout=120, max_retries=3)
        try:
            first = await client.generate(
                GenerationRequest(prompt="A cute cartoon banana", width=512, height=512)
            )
            second = await client.generate(
                GenerationRequest(
                    prompt="Make it bigger",
                    width=512,
                    height=512,
                    conversation_history=[
                        {"role": "user", "text": "A cute cartoon banana"},
                        {"role": "model", "image_data": first.image_data},
                        {"role": "user", "text": ""},
                    ],
                )
            )
        finally:
            await client.close()
        return first, second

    first, second = run_virtual(program())
    header = sniff(first.image_data)
    assert header is not None
    assert header.media_type == "image/png"
    assert isinstance(first.generation_id, str)
    assert isinstance(first.seed, int)
    assert first.inference_time_ms >= 0
    assert isinstance(first.thought_signature, bytes)
    assert second.image_data != first.image_data
    contents = transport.documents[-1]["contents"]
    # A model's picture without its signature is what newer models refuse: it is the user's.
    assert [turn["role"] for turn in contents] == ["user", "user", "user"]
    assert any("inlineData" in part for part in contents[1]["parts"])
    assert any(notice.code == "history-resent-as-user" for notice in second.notices)
    assert transport.keys == ["canary-key", "canary-key"]


def test_the_first_fields_of_a_request_are_positional() -> None:
    """The order that programs rely on."""
    request = GenerationRequest("a", 512, 256, "gemini:x", 3, None, [{"role": "user", "text": "b"}])
    assert (request.prompt, request.width, request.height) == ("a", 512, 256)
    assert (request.model, request.seed) == ("gemini:x", 3)
    assert len(request.history().turns) == 1


def test_three_attempts_wait_one_and_two_seconds(transport: MemoryTransport) -> None:
    """At most three attempts, after waits of 1 and 2 seconds."""
    transport.script = [ErrorFacts(kind="server-error")] * 5

    async def program() -> float:
        client = AIGenerationClient("canary-key", 120, 5)
        with pytest.raises(GenerationError):
            await client.generate(GenerationRequest("a"))
        return asyncio.get_running_loop().time()

    assert run_virtual(program()) == pytest.approx(3.0)
    assert len(transport.requests) == 3


def test_a_longer_wait_of_the_service_goes_before(transport: MemoryTransport) -> None:
    """The fixed waits never shorten what the service asks for."""
    transport.script = [ErrorFacts(kind="rate-limited", retry_after=30.0)]

    async def program() -> float:
        async with AIGenerationClient("canary-key") as client:
            await client.generate(GenerationRequest("a"))
        return asyncio.get_running_loop().time()

    assert run_virtual(program()) >= 30.0


def test_a_call_after_close_opens_it_again(transport: MemoryTransport) -> None:
    """As with the client of old, `close` is no end."""

    async def program() -> None:
        client = AIGenerationClient("canary-key")
        await client.generate(GenerationRequest("a"))
        await client.close()
        await client.close()
        await client.generate(GenerationRequest("a"))
        await client.close()

    run_virtual(program())
    assert transport.closed == 2


def test_timeouts_are_caught_as_before(transport: MemoryTransport) -> None:
    """`asyncio.TimeoutError` catches an attempt that took too long."""
    late = AttemptTimeoutError("late", context=ErrorContext(charge="maybe"))
    transport.script = [late, late, late]

    async def program() -> None:
        async with AIGenerationClient("canary-key", timeout=30) as client:
            await client.generate(GenerationRequest("a"))

    with pytest.raises(asyncio.TimeoutError):
        run_virtual(program())


def test_errors_are_made_as_before() -> None:
    """The constructors that programs call, for their own tests above all."""
    limited = RateLimitError(retry_after=60)
    refused = ContentPolicyError(reason="SAFETY")
    failed = GenerationError("broken", {"status": 500})
    errors: list[Any] = [limited, refused, failed]
    for error in errors:
        with pytest.raises(GenerationError):
            raise error
    assert limited.retry_after == 60
    assert refused.reason == "SAFETY"
    assert (failed.message, failed.details) == ("broken", {"status": 500})


def test_the_key_is_in_no_attribute() -> None:
    """Printing the client or its attributes shows no key."""
    client = AIGenerationClient("canary-key")
    assert "canary-key" not in f"{client!r} {vars(client)!r}"
