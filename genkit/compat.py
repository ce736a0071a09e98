"""For programs of the single-file client: they run unchanged but for their import.

``from genkit.compat import AIGenerationClient, GenerationRequest, RateLimitError, ...``. New
programs use `genkit.Client`, which this is a thin layer over.
"""

from __future__ import annotations

from types import TracebackType

import attrs

from genkit.client import Client
from genkit.conversation import Conversation
from genkit.errors import ContentPolicyError, GenerationError, RateLimitError
from genkit.request import GenerationRequest
from genkit.response import GenerationResponse
from genkit.retry import RetryPolicy

__all__ = [
    "AIGenerationClient",
    "ContentPolicyError",
    "Conversation",
    "GenerationError",
    "GenerationRequest",
    "GenerationResponse",
    "RateLimitError",
]

WAITS = (1.0, 2.0, 4.0)
"""Seconds between attempts, as that client waited; a longer wait that the service names goes
before."""
MAX_ATTEMPTS = 3
WAITING_SECONDS = 120.0
"""Seconds that a service may ask to wait before each further attempt."""


class AIGenerationClient:
    """The client of that name, over `genkit.Client`.

    `timeout` is in seconds for each attempt, `max_retries` the attempts in all, three at most.
    PNG is asked for, and made here where the service gives something else and Pillow is installed.
    A call after `close` opens it again.
    """

    def __init__(
        self, api_key: str | None = None, timeout: float = 120, max_retries: int = 3
    ) -> None:
        attempts = max(1, min(int(max_retries), MAX_ATTEMPTS))
        policy = RetryPolicy(
            attempts=attempts,
            timeout=timeout,
            deadline=attempts * (timeout + WAITING_SECONDS),
            wait=WAITS,
        )

        def opened() -> Client:
            return Client("gemini", api_key=api_key, retry=policy)

        # Kept as a function, so that the key is in no attribute that could be printed.
        self._open = opened
        self._client: Client | None = opened()

    async def generate(self, request: GenerationRequest) -> GenerationResponse:
        """The picture for `request`; see `genkit.Client.generate`."""
        if self._client is None:
            self._client = self._open()
        if request.output_format is None:
            request = attrs.evolve(request, output_format="png")
        return await self._client.generate(request)

    async def close(self) -> None:
        """Free the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def __aenter__(self) -> AIGenerationClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
