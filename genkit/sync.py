"""The blocking face: the same client, driven from plain code.

One thread with an event loop runs the asynchronous client, so that this works in scripts, in
threads and in notebooks, whose own loop is already running. No method's logic is repeated here.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar, Unpack

from genkit.client import Client, ClientOptions, ManyOutcome
from genkit.planning import Plan
from genkit.pricing import Estimate
from genkit.provider import ListedModel
from genkit.request import GenerationRequest, RequestFields
from genkit.response import GenerationResponse

__all__ = ["SyncClient"]

Result = TypeVar("Result")


class SyncClient:
    """`genkit.Client` for code that is not asynchronous; the same arguments and methods.

    May be used from several threads at once. Close it, or use it as a context manager.
    """

    def __init__(self, provider: str | None = None, **options: Unpack[ClientOptions]) -> None:
        self._client = Client(provider, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="genkit-loop", daemon=True
        )
        self._thread.start()
        # Also at exit and when forgotten: the loop must not outlive its client.
        self._shutdown = weakref.finalize(self, _stop_loop, self._loop, self._thread, self._client)

    def generate(
        self, request: str | GenerationRequest, **fields: Unpack[RequestFields]
    ) -> GenerationResponse:
        """As `genkit.Client.generate`, blocking."""
        return self._run(self._client.generate(request, **fields))

    def refine(
        self,
        response: GenerationResponse,
        prompt: str,
        image: int = 0,
        **fields: Unpack[RequestFields],
    ) -> GenerationResponse:
        """As `genkit.Client.refine`, blocking."""
        return self._run(self._client.refine(response, prompt, image, **fields))

    def generate_many(
        self, requests: Iterable[str | GenerationRequest], *, concurrency: int | None = None
    ) -> Iterator[ManyOutcome]:
        """As `genkit.Client.generate_many`: outcomes as they finish."""
        outcomes = self._client.generate_many(requests, concurrency=concurrency)

        async def advance() -> ManyOutcome | None:
            return await anext(outcomes, None)

        try:
            while (outcome := self._run(advance())) is not None:
                yield outcome
        finally:
            self._run(outcomes.aclose())

    def estimate(
        self, request: str | GenerationRequest, **fields: Unpack[RequestFields]
    ) -> Estimate:
        """As `genkit.Client.estimate`."""
        return self._client.estimate(request, **fields)

    def plan(self, request: str | GenerationRequest, **fields: Unpack[RequestFields]) -> Plan:
        """As `genkit.Client.plan`."""
        return self._client.plan(request, **fields)

    def run(self, plan: Plan) -> GenerationResponse:
        """As `genkit.Client.run`, blocking."""
        return self._run(self._client.run(plan))

    def list_models(self, provider: str | None = None) -> tuple[ListedModel, ...]:
        """As `genkit.Client.list_models`, blocking."""
        return self._run(self._client.list_models(provider))

    def close(self) -> None:
        """End what is under way and free the connections; closing again does nothing."""
        self._shutdown()

    def __enter__(self) -> SyncClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        if not self._shutdown.alive:
            coroutine.close()
            raise RuntimeError("the client is closed; make a new one")
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("called from the client's own loop, which it would block for ever")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            # An interrupt ends the call itself, not only the waiting for it.
            future.cancel()
            raise


def _stop_loop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, client: Client) -> None:
    async def end() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await client.close()

    if thread.is_alive():
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    loop.close()
