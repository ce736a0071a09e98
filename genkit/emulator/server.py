"""The emulator: a server on loopback that owns sockets, faults and the ledger."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from types import TracebackType
from typing import Self

import attrs
from aiohttp import web

from genkit.emulation import EmulatedRequest, Emulation, Store
from genkit.emulator.drawing import Painter
from genkit.emulator.exchange import REAL_KEY, body_of, hang_up, receive, refusal, send
from genkit.emulator.faults import FAULTS, Delivery, Fault, FaultName
from genkit.emulator.guard import holds_real_key
from genkit.emulator.ledger import Entry, Ledger, LedgerAnswer
from genkit.provider import ErrorFacts

__all__ = ["Emulator"]

logger = logging.getLogger("genkit.emulator")

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 2.0
"""Seconds that answers under way are given when the emulator ends."""


@attrs.define
class _Service:
    """An emulated service and what it remembers."""

    emulation: Emulation
    store: Store = attrs.field(factory=dict)
    turn: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    """One answer after the other: each is given what the one before it remembered."""


class Emulator:
    """Speaks the wires of providers on a port of 127.0.0.1, and of no other address.

    Each service is found under its name (``base_url("gemini")``), and at the root where its paths
    show whose they are. Use it as an asynchronous context manager; afterwards `ledger` stays.

    Args:
        emulations: The services; `None` for those of all installed providers.
        port: 0 for any free one.
        seed: Shifts the colours of all pictures.
        keep_documents: Whether the ledger keeps the parsed bodies, prompts included, in memory.
        on_answer: Called with the ledger's entry after each answer.

    Raises:
        ValueError: two services have the same name.
        OSError: on entering, when the port is taken.
    """

    def __init__(
        self,
        emulations: Iterable[Emulation] | None = None,
        *,
        port: int = 0,
        seed: int = 0,
        keep_documents: bool = True,
        on_answer: Callable[[Entry], None] | None = None,
    ) -> None:
        self.ledger = Ledger()
        self._services = _by_name(_installed() if emulations is None else emulations)
        self._port = port
        self._draw = Painter(seed)
        self._keep_documents = keep_documents
        self._on_answer = on_answer
        self._faults: list[Fault] = []
        self._faults_lock = Lock()
        self._runner: web.ServerRunner | None = None
        self._ending = asyncio.Event()

    # -- life -------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("this emulator runs, or has run; make another one")
        self._runner = web.ServerRunner(
            web.Server(self._serve, access_log=None), shutdown_timeout=SHUTDOWN_SECONDS
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port; 0 before it is known."""
        return self._port

    @property
    def url(self) -> str:
        """Where the emulator is, without a trailing slash."""
        return f"http://{HOST}:{self._port}"

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the emulated services."""
        return tuple(self._services)

    def base_url(self, provider: str) -> str:
        """What the provider's base URL has to be set to.

        Raises:
            ValueError: no such service is emulated.
        """
        if provider not in self._services:
            raise ValueError(
                f"{provider!r} is not emulated; there are: {', '.join(self._services) or 'none'}"
            )
        return f"{self.url}/{provider}{self._services[provider].emulation.base_path}"

    # -- faults -----------------------------------------------------------------------------

    def fail(
        self,
        fault: Fault | FaultName,
        *,
        provider: str | None = None,
        times: int = 1,
        retry_after: float | None = None,
        path: str | None = None,
    ) -> None:
        """Let a fault fall on the next paid requests, after those that were asked for before.

        With `path`, on the next requests whose path holds it, paid or not.
        A `Fault` says all by itself; with a name, the other arguments are its fields.

        Raises:
            ValueError: there is no such fault or service.
        """
        if not isinstance(fault, Fault):
            fault = Fault(fault, provider=provider, times=times, retry_after=retry_after, path=path)
        if fault.provider is not None:
            self.base_url(fault.provider)
        with self._faults_lock:
            self._faults += [attrs.evolve(fault, times=1)] * fault.times

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that have not fallen yet, one entry for each request."""
        with self._faults_lock:
            return tuple(self._faults)

    def _take_fault(self, provider: str, path: str, *, charged: bool) -> Fault | None:
        with self._faults_lock:
            for index, fault in enumerate(self._faults):
                if fault.falls_on(provider, path, charged=charged):
                    return self._faults.pop(index)
        return None

    # -- a request --------------------------------------------------------------------------

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        started = time.monotonic()
        entry, received = await receive(request, self._port)
        service, received = self._find(received)
        entry = self.ledger.open(
            attrs.evolve(
                entry,
                provider=service.emulation.name if service else None,
                document=received.document if self._keep_documents else None,
            )
        )
        try:
            entry, delivery = await self._decide(entry, service, received)
            body = body_of(delivery.answer)
        except Exception as error:  # noqa: BLE001 - a plugin's emulation may raise anything
            # Its message may hold the prompt.
            logger.error("the emulation of %s raised %s", entry.provider, type(error).__name__)
            delivery = Delivery(refusal("failed"))
            body = body_of(delivery.answer)
        answer = LedgerAnswer(
            status=None if delivery.manner == "never" else delivery.answer.status,
            size=body.length,
            images=delivery.answer.images,
            charged=delivery.answer.charged,
            fault=delivery.fault,
            seconds=time.monotonic() - started,
        )
        entry = attrs.evolve(entry, facts=dict(delivery.answer.facts), answer=answer)
        self.ledger.write(entry)
        if self._on_answer is not None:
            self._on_answer(entry)
        if delivery.manner == "never":
            await self._ending.wait()
            hang_up(request)
            return web.Response()

        def delivered() -> None:
            self.ledger.write(attrs.evolve(entry, answer=attrs.evolve(answer, delivered=True)))

        cut = delivery.manner == "cut"
        return await send(request, delivery.answer, body, cut=cut, before_end=delivered)

    def _find(self, request: EmulatedRequest) -> tuple[_Service | None, EmulatedRequest]:
        """Whose path it is, and the request as that service sees it."""
        name, _, rest = request.path.removeprefix("/").partition("/")
        if name in self._services:
            return self._services[name], attrs.evolve(request, path=f"/{rest}")
        for service in self._services.values():
            if service.emulation.handles(request):
                return service, request
        return None, request

    async def _decide(
        self, entry: Entry, service: _Service | None, request: EmulatedRequest
    ) -> tuple[Entry, Delivery]:
        """What is answered, and the entry with the reason where it is refused here."""
        if entry.refused:
            return entry, Delivery(refusal(entry.refused))
        if holds_real_key(request.headers, request.query.values()):
            facts = ErrorFacts(kind="permission-denied", message=f"genkit: {REAL_KEY}")
            answer = service.emulation.render_error(facts) if service else refusal("real-key")
            return attrs.evolve(entry, refused="real-key"), Delivery(answer)
        if service is None:
            return attrs.evolve(entry, refused="unknown-path"), Delivery(refusal("unknown-path"))
        return entry, await self._ask(service, request)

    async def _ask(self, service: _Service, request: EmulatedRequest) -> Delivery:
        """What the service answers, or what the next fault makes of it."""
        emulation = service.emulation
        async with service.turn:
            # Painting takes a while, and the client may live on this event loop too.
            answer, service.store = await asyncio.to_thread(
                emulation.answer, request, service.store, self._draw
            )
        fault = self._take_fault(emulation.name, request.path, charged=answer.charged)
        if fault is None:
            return Delivery(answer)
        delivery = FAULTS[fault.name].perform(fault, answer, emulation)
        return attrs.evolve(delivery, fault=fault.name)


def _by_name(emulations: Iterable[Emulation]) -> Mapping[str, _Service]:
    services: dict[str, _Service] = {}
    for emulation in emulations:
        if emulation.name in services:
            raise ValueError(f"two emulations have the name {emulation.name!r}")
        services[emulation.name] = _Service(emulation)
    return services


def _installed() -> Iterable[Emulation]:
    # Loading plugins is for those who ask for all of them.
    from genkit.plugins import Plugins

    return Plugins().emulations()
