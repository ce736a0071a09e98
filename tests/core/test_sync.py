"""The blocking face."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import pytest

import genkit
from genkit.provider import ErrorFacts
from genkit.sync import SyncClient
from tests.core.memory import MemoryTransport, client_options


def client(transport: MemoryTransport) -> SyncClient:
    """A blocking client that speaks to `transport`."""
    return SyncClient("gemini", **client_options(transport))


def threads() -> list[str]:
    """Names of the loop threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name == "genkit-loop"]


def test_generate_refine_and_many_block() -> None:
    """The methods give what the asynchronous ones give."""
    transport = MemoryTransport()
    with client(transport) as blocking:
        first = blocking.generate("a banana", seed=3)
        second = blocking.refine(first, "bigger")
        many = list(blocking.generate_many(["a", "b"], concurrency=1))
        assert blocking.estimate("a").cost
        assert blocking.plan("a").slots
    assert first.seed == 3
    assert len(second.conversation.turns) == 4
    assert [one.index for one in many] == [0, 1]
    assert transport.closed == 1
    assert not threads()


def test_errors_come_through_typed() -> None:
    """What a call raises is raised where it was made."""
    transport = MemoryTransport(script=[ErrorFacts(kind="content-policy", stage="prompt")])
    with client(transport) as blocking, pytest.raises(genkit.ContentPolicyError):
        blocking.generate("a")


def test_it_works_inside_a_running_loop() -> None:
    """In a notebook, whose own loop is running, it blocks without a conflict."""

    async def cell() -> genkit.GenerationResponse:
        with client(MemoryTransport()) as blocking:
            return blocking.generate("a")

    assert asyncio.run(cell()).images


def test_several_threads_share_one_client() -> None:
    """Calls from many threads run side by side on the one loop."""
    transport = MemoryTransport()
    with client(transport) as blocking, ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(blocking.generate, ["a"] * 8))
    assert len({response.generation_id for response in responses}) == 8


def test_closing_ends_what_is_under_way() -> None:
    """A call in another thread is cancelled when the client is closed; closing again is nothing."""
    transport = MemoryTransport(script=[600.0])
    blocking = client(transport)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(blocking.generate, "a")
        while not transport.running:
            pass
        blocking.close()
        blocking.close()
        with pytest.raises(CancelledError):
            call.result(timeout=5)
    assert transport.running == 0
    with pytest.raises(RuntimeError, match="closed"):
        blocking.generate("a")


def test_breaking_off_many_leaves_nothing_running() -> None:
    """A generator that is left early cancels its requests."""
    transport = MemoryTransport(script=[0.0, 600.0])
    with client(transport) as blocking:
        outcomes: Any = blocking.generate_many(["a", "b"], concurrency=2)
        assert next(outcomes).response
        outcomes.close()
        assert transport.running == 0


def test_a_forgotten_client_stops_its_thread() -> None:
    """Without `close` the thread ends with the object."""
    blocking = client(MemoryTransport())
    assert threads()
    del blocking
    gc.collect()
    assert not threads()


@pytest.mark.parametrize("name", ["generate", "refine", "generate_many", "estimate", "plan"])
def test_the_two_faces_take_the_same_arguments(name: str) -> None:
    """No method of the blocking client differs from its twin in what it takes."""
    ours = inspect.signature(getattr(SyncClient, name)).parameters
    theirs = inspect.signature(getattr(genkit.Client, name)).parameters
    assert list(ours) == list(theirs)


def test_every_public_method_has_its_twin() -> None:
    """What the asynchronous client can do, the blocking one can."""

    def methods(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(genkit.Client) == methods(SyncClient)
