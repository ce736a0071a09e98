"""What a client holds: settings, plugins, providers, credentials, the transport and the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs

from genkit.calls import ENVELOPE_BYTES, IMAGE_BYTES, run_plan
from genkit.config import ProviderConfig, Settings, secret_source
from genkit.errors import (
    AuthenticationError,
    DeadlineExceededError,
    ErrorContext,
    GenerationError,
    GenkitError,
    UnsupportedOptionError,
)
from genkit.events import CallEnd, CallStart
from genkit.planning import Defaults, Plan, check_namespaces, plan_call
from genkit.plugins import Plugins
from genkit.prompts import PromptTemplates
from genkit.provider import ImageProvider, ListedModel, ListsModels
from genkit.references import resolve_model
from genkit.request import GenerationRequest
from genkit.response import GenerationResponse
from genkit.retry import Deadline, RetryEngine, RetryPolicy
from genkit.secrets import Secret, SecretSource
from genkit.transport import Transport

__all__ = ["Wiring"]


@attrs.define(kw_only=True)
class Wiring:
    """The parts of one client, put together; see `genkit.client` for what they are set to."""

    settings: Settings
    plugins: Plugins
    policy: RetryPolicy
    transport: Transport
    engine: RetryEngine
    has_own_timeout: bool = False
    """Whether somebody set the time for an attempt; otherwise the model's own goes first."""
    _providers: dict[str, ImageProvider] = attrs.field(factory=dict)
    _sources: dict[str, SecretSource] = attrs.field(factory=dict)

    def plan(self, request: GenerationRequest) -> Plan:
        """What would be sent for `request`; see `genkit.Client.plan`."""
        request = self.plugins.prepare_request(request)
        account, model = self.resolve(request.model)
        provider = self.provider(account)
        # Of accounts with one service, the options are the same.
        known = {*self.plugins.names(), provider.name}
        check_namespaces(request.provider_options, tuple(sorted(known)))
        return plan_call(
            request,
            provider,
            account=account,
            model=model or self.settings.provider(account).model or provider.default_model,
            defaults=_defaults(self.settings),
        )

    def resolve(self, reference: str | None) -> tuple[str, str | None]:
        """Account and bare model id (`None`: the account's default) that `reference` means."""
        return resolve_model(reference, self.settings, self.provider, self.plugins)

    def provider(self, account: str) -> ImageProvider:
        """The provider that serves `account`, loaded when first asked for."""
        if account not in self._providers:
            config = self.settings.provider(account)
            self._providers[account] = self.plugins.provider(config.provider, config.settings())
        return self._providers[account]

    async def run(self, plan: Plan) -> GenerationResponse:
        """Send what `plan` holds; see `genkit.Client.generate`."""
        facts: dict[str, Any] = {
            "generation_id": plan.generation_id,
            "provider": plan.provider.name,
            "model": plan.model,
        }
        self.engine.emit(CallStart(images=plan.request.n, **facts))
        try:
            response = await self._send(plan)
        except GenkitError as error:
            if isinstance(error, GenerationError):
                error.add_context(**facts)
                self.engine.emit(CallEnd(error=error, **facts))
            raise
        self.engine.emit(CallEnd(response=response, **facts))
        return response

    async def _send(self, plan: Plan) -> GenerationResponse:
        policy = self._policy(plan)
        deadline = Deadline(policy.deadline, asyncio.get_running_loop().time)
        credential = await self._credential(plan, deadline)
        try:
            return await run_plan(
                plan,
                self.engine,
                credential=credential,
                policy=policy,
                deadline=deadline,
                concurrency=self.settings.client.concurrency,
            )
        except AuthenticationError:
            # A token that has run out is read anew by the next call.
            self._source(plan.account).forget(credential)
            raise

    def _policy(self, plan: Plan) -> RetryPolicy:
        request = plan.request
        own = self.policy.timeout if self.has_own_timeout else plan.capabilities.attempt_timeout
        return attrs.evolve(
            self.policy,
            timeout=request.timeout or own or self.policy.timeout,
            deadline=request.deadline or self.policy.deadline,
        )

    async def _credential(self, plan: Plan, deadline: Deadline) -> Secret | None:
        if all(slot.wire.auth is None for slot in plan.slots):
            return None
        return await self._secret(plan.account, deadline)

    async def _secret(self, account: str, deadline: Deadline) -> Secret:
        source = self._source(account)
        try:
            async with asyncio.timeout(deadline.remaining()):
                return await source.resolve()
        except TimeoutError:
            raise DeadlineExceededError(
                f"the deadline passed while the key was read from {source.describe()};"
                " nothing was sent"
            ) from None

    def _source(self, account: str) -> SecretSource:
        if account not in self._sources:
            self._sources[account] = self._find_source(account)
        return self._sources[account]

    def _find_source(self, account: str) -> SecretSource:
        config = self.settings.provider(account)
        provider = self.provider(account)
        if found := secret_source(config, provider):
            return found
        raise AuthenticationError(
            f"no API key for {account}: {_advice(account, config, provider)}",
            context=ErrorContext(provider=provider.name),
        )

    async def list_models(self, account: str | None) -> tuple[ListedModel, ...]:
        """The models that the account's service lists; see `genkit.Client.list_models`."""
        name = account or self.resolve(None)[0]
        provider = self.provider(name)
        if not isinstance(provider, ListsModels):
            raise UnsupportedOptionError(
                f"models: the service of {name} has no list of its models", field="models"
            )
        deadline = Deadline(self.policy.deadline, asyncio.get_running_loop().time)
        credential = await self._secret(name, deadline)
        models: list[ListedModel] = []
        page: str | None = None
        while True:
            response = await self.engine.fetch(
                provider,
                provider.encode_list(page),
                credential=credential,
                policy=self.policy,
                deadline=deadline,
                max_bytes=IMAGE_BYTES + ENVELOPE_BYTES,
            )
            listed, following = provider.decode_list(response)
            models += listed
            if following is None or following == page:
                return tuple(models)
            page = following


def _defaults(settings: Settings) -> Defaults:
    return Defaults(
        adapt=settings.client.adapt,
        strict=settings.client.strict,
        template=settings.client.template,
        templates=PromptTemplates(settings.templates),
    )


def _advice(account: str, config: ProviderConfig, provider: ImageProvider) -> str:
    names = " or ".join(provider.key_variables)
    variables = f"set the environment variable {names}, or " if names else ""
    return (
        f'{variables}write api_key = "env:NAME", "file:PATH" or "command:PROGRAM" under'
        f" [providers.{config.name or account}] in genkit.toml. To try it without a key, use the"
        " emulator (genkit generate ... --emulator)"
    )
