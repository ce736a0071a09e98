"""The client: wiring of configuration, plugins, planning, the engine and the transport."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Mapping,
    Sequence,
)
from types import TracebackType
from typing import Any, TypedDict, Unpack

import attrs

from genkit.calls import keep_pictures
from genkit.config import Settings, load_settings, override_settings
from genkit.errors import GenkitError, InvalidRequestError
from genkit.events import Observer
from genkit.planning import Plan
from genkit.plugins import Plugins
from genkit.pricing import Estimate
from genkit.provider import ListedModel
from genkit.request import Adapt, GenerationRequest, RequestFields
from genkit.response import GenerationResponse
from genkit.retry import RetryEngine, RetryPolicy
from genkit.secrets import Secret, SecretSource
from genkit.transport import Transport, TransportSettings
from genkit.wiring import Wiring

__all__ = ["Client", "ClientOptions", "ManyOutcome"]

_LOG = logging.getLogger("genkit")


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of `Client`; what is left out follows the configuration."""

    model: str | None
    """Default model: a bare id, or ``"provider:model"``."""
    api_key: str | Secret | SecretSource | None
    """The key of the client's provider, or ``"env:NAME"``, ``"file:PATH"``, ``"command:..."``."""
    config: str | os.PathLike[str] | Settings | None
    """A configuration file, or settings that were loaded already."""
    timeout: float | None
    """Seconds for one attempt."""
    attempts: int | None
    """Attempts in all, the first included."""
    deadline: float | None
    """Seconds for a whole call: queueing, attempts and waits."""
    retry: RetryPolicy | None
    """A whole policy, instead of the three above."""
    adapt: Adapt | None
    strict: bool | None
    template: str | None
    templates: Mapping[str, str]
    """Prompt templates by name, beside those of the configuration."""
    base_url: str | None
    """Where the client's provider is, such as an emulator's or a proxy's URL."""
    concurrency: int | None
    """Wire requests under way at once in `generate_many` and for an `n` > 1."""
    observers: Sequence[Observer]
    plugins: Plugins | None
    transport: Transport | None


@attrs.frozen(kw_only=True)
class ManyOutcome:
    """How one request of `Client.generate_many` ended: `response` or `error` is set."""

    index: int
    """Its place among the requests, from 0."""
    request: str | GenerationRequest = attrs.field(repr=False)
    response: GenerationResponse | None = None
    error: GenkitError | None = None


class Client:
    """Generates, edits and refines images with whatever provider the configuration names.

    An asynchronous context manager. One client may serve many calls at once, and event loops one
    after the other: each has its own connections. Making a client sends nothing.

    Args:
        provider: The provider's name, ``"gemini"``, or ``"provider:model"``; `None` for the
            configuration's default.
        options: See `ClientOptions`.

    Raises:
        ConfigurationError: the configuration cannot be used; every mistake is listed.
    """

    def __init__(self, provider: str | None = None, **options: Unpack[ClientOptions]) -> None:
        self._wiring = _wire(provider, options)
        self._closed = False

    async def generate(
        self, request: str | GenerationRequest, **fields: Unpack[RequestFields]
    ) -> GenerationResponse:
        """The pictures for a prompt or a request; `fields` go before the request's own.

        Raises:
            InvalidRequestError: the request cannot be right, or the model cannot do it; nothing
                was sent.
            ContentPolicyError: the service refused; it is not retried.
            RateLimitError: the service names a wait that is longer than this call may take.
            GenerationError: any other way to fail; see `genkit.errors`.
        """
        return await self.run(self.plan(request, **fields))

    async def run(self, plan: Plan) -> GenerationResponse:
        """Send what `plan` holds, exactly as it stands there, and give the response.

        A plan is one call: run again, it is paid for again, under the same generation id.

        Raises:
            GenerationError: as `generate`.
        """
        self._check_open()
        return await self._wiring.run(plan)

    async def refine(
        self,
        response: GenerationResponse,
        prompt: str,
        image: int = 0,
        **fields: Unpack[RequestFields],
    ) -> GenerationResponse:
        """Change picture number `image` of `response` as `prompt` says.

        The conversation so far is sent along. Size, fit and the other options are those of the
        request that made `response`, where `fields` does not change them. Another client may
        refine: what only the first provider understands is then left out, with a notice.

        Raises:
            IndexError: `response` has no picture of that number.
            GenerationError: as `generate`.
        """
        return await self.generate(_refinement(response, prompt, image, self._wiring), **fields)

    async def generate_many(
        self,
        requests: Iterable[str | GenerationRequest] | AsyncIterable[str | GenerationRequest],
        *,
        concurrency: int | None = None,
    ) -> AsyncGenerator[ManyOutcome, None]:
        """The outcome of each request as it finishes, at most `concurrency` under way at once.

        A request that fails is an outcome with its `error`; it ends no other. Requests are taken
        from the iterable as there is room for them.
        """
        limit = concurrency if concurrency is not None else self._wiring.settings.client.concurrency
        if limit < 1:
            raise InvalidRequestError(
                f"concurrency: must be at least 1, not {limit}", field="concurrency"
            )
        waiting = _numbered(requests)
        running: set[asyncio.Task[ManyOutcome]] = set()
        ended: list[ManyOutcome] = []
        more = True
        try:
            while more or running:
                while more and len(running) < limit:
                    try:
                        index, request = await anext(waiting)
                    except StopAsyncIteration:
                        more = False
                    else:
                        running.add(asyncio.ensure_future(self._outcome(index, request)))
                if running:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    ended = sorted((task.result() for task in done), key=lambda one: one.index)
                while ended:
                    yield ended.pop(0)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            # Whoever left early has not seen these, and they were paid for.
            for outcome in ended:
                if outcome.response is not None:
                    keep_pictures(outcome.response.generation_id, outcome.response.images)

    def plan(self, request: str | GenerationRequest, **fields: Unpack[RequestFields]) -> Plan:
        """What `generate` would send, and what it would cost; sends nothing and needs no key.

        Raises:
            InvalidRequestError: the request cannot be right, or the model cannot do it.
        """
        self._check_open()
        return self._wiring.plan(_request(request, fields))

    def estimate(
        self, request: str | GenerationRequest, **fields: Unpack[RequestFields]
    ) -> Estimate:
        """What the call is likely to cost, in USD, where prices are known; sends nothing."""
        return self.plan(request, **fields).estimate

    async def list_models(self, provider: str | None = None) -> tuple[ListedModel, ...]:
        """The models that the service itself lists.

        Raises:
            UnsupportedOptionError: the provider's service has no such list.
            GenerationError: the service could not be asked.
        """
        self._check_open()
        return await self._wiring.list_models(provider)

    async def close(self) -> None:
        """Free this event loop's connections. Calls after it raise `RuntimeError`."""
        self._closed = True
        await self._wiring.transport.close()

    async def __aenter__(self) -> Client:
        self._check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the client is closed; make a new one")

    async def _outcome(self, index: int, request: str | GenerationRequest) -> ManyOutcome:
        try:
            response = await self.generate(request)
        except GenkitError as error:
            return ManyOutcome(index=index, request=request, error=error)
        return ManyOutcome(index=index, request=request, response=response)


def _wire(reference: str | None, options: ClientOptions) -> Wiring:
    """The parts of a client as its options and the configuration say."""
    config = options.get("config")
    if isinstance(config, Settings):
        settings = config
    else:
        settings = load_settings(config)
        for warning in settings.all_warnings():
            _LOG.warning("%s", warning)
    settings = override_settings(settings, _overrides(reference, options, settings))
    plugins = options.get("plugins") or Plugins()
    plugins.load_all()
    transport = options.get("transport") or _http_transport(settings)
    observers = (*options.get("observers", ()), *plugins.observers())
    wiring = Wiring(
        settings=settings,
        plugins=plugins,
        policy=options.get("retry") or _policy(settings),
        transport=transport,
        engine=RetryEngine(transport, observers=observers),
        has_own_timeout=bool(options.get("retry") or settings.client.timeout),
    )
    account = {"api_key": options.get("api_key"), "base_url": options.get("base_url")}
    if any(account.values()):
        name, _model = wiring.resolve(None)
        wiring.settings = override_settings(settings, {"providers": {name: account}})
    return wiring


def _overrides(
    reference: str | None, options: ClientOptions, settings: Settings
) -> dict[str, object]:
    """What the client's arguments say, in the shape of a configuration file."""
    names = ("timeout", "attempts", "deadline", "adapt", "strict", "template", "concurrency")
    return {
        "default": _default_model(reference, options.get("model"), settings),
        "client": {name: options.get(name) for name in names},
        "templates": dict(options.get("templates", {})),
    }


def _default_model(reference: str | None, model: str | None, settings: Settings) -> str | None:
    if model is None or ":" in model:
        return model or reference
    account = (reference or settings.default or "").partition(":")[0]
    return f"{account}:{model}" if account else model


def _policy(settings: Settings) -> RetryPolicy:
    """The usual retry policy, with what is configured changed."""
    configured = settings.client
    changes: dict[str, Any] = {
        "timeout": configured.timeout,
        "attempts": configured.attempts,
        "deadline": configured.deadline,
        "hint_limit": configured.max_wait,
    }
    return attrs.evolve(RetryPolicy(), **{name: value for name, value in changes.items() if value})


def _http_transport(settings: Settings) -> Transport:
    # The HTTP library takes longer to load than all the rest, and a plan does not need it.
    from genkit.transport import HttpTransport

    configured = settings.client
    usual = TransportSettings()
    chosen = attrs.evolve(
        usual,
        connect_timeout=configured.connect_timeout or usual.connect_timeout,
        proxy=configured.proxy,
        proxy_credentials=configured.proxy_credentials,
        ca_bundle=configured.ca_bundle,
    )
    return HttpTransport(chosen)


def _request(request: str | GenerationRequest, fields: RequestFields) -> GenerationRequest:
    if isinstance(request, GenerationRequest):
        return attrs.evolve(request, **fields) if fields else request
    return GenerationRequest(request, **fields)


def _refinement(
    response: GenerationResponse, prompt: str, image: int, wiring: Wiring
) -> GenerationRequest:
    """The request that changes picture number `image` of `response`."""
    if not -len(response.images) <= image < len(response.images):
        raise IndexError(f"image {image}: the response has {len(response.images)}, counted from 0")
    # Only what makes the picture look as it does is kept; what it was made of is in the history.
    before = response.request or GenerationRequest(prompt)
    account, _model_of_client = wiring.resolve(None)
    same = wiring.provider(account).name == response.provider
    return attrs.evolve(
        before,
        prompt=prompt,
        model=f"{account}:{response.model}" if same else None,
        seed=None,
        n=1,
        input_image=None,
        references=(),
        mask=None,
        template=None,
        variables={},
        conversation_history=(),
        conversation=response.conversation_with(image),
    )


async def _numbered(
    requests: Iterable[str | GenerationRequest] | AsyncIterable[str | GenerationRequest],
) -> AsyncIterator[tuple[int, str | GenerationRequest]]:
    index = 0
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield index, request
            index += 1
    else:
        for request in requests:
            yield index, request
            index += 1
