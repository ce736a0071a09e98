"""One call from the command line: from options to pictures on disk, or to the error that says why.

Everything that can be wrong is found before anything is sent, where the output goes included.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from genkit.cli.accounts import account_names, provider_for_model
from genkit.cli.documents import response_document
from genkit.cli.dry_run import plan_document, show_plan
from genkit.cli.exit_codes import ExitCode
from genkit.cli.interruption import Interrupted
from genkit.cli.options import CallOptions, read_prompt
from genkit.cli.outputs import Target
from genkit.cli.progress import Progress, showing
from genkit.cli.refining import Refinement
from genkit.cli.screen import Screen
from genkit.cli.summary import show_response
from genkit.cli.words import money
from genkit.errors import ConfigurationError, UnsupportedOptionError
from genkit.request import GenerationRequest
from genkit.response import GenerationResponse, Notice

if TYPE_CHECKING:
    from genkit.client import Client
    from genkit.config import Settings
    from genkit.emulator import Emulator
    from genkit.planning import Plan

__all__ = ["draw"]


def draw(prompt: str, options: CallOptions, refinement: Refinement | None = None) -> int:
    """Do what `genkit generate` and `genkit refine` do; gives the exit code.

    Raises:
        GenkitError: it failed; nothing was sent unless the error says so.
        Interrupted: somebody pressed Ctrl-C.
    """
    screen = Screen(quiet=options.quiet, json=options.json)
    _log_to(screen, options.verbose)
    job = _Job.of(prompt, options, refinement, screen)
    try:
        return asyncio.run(job.run())
    except KeyboardInterrupt:
        raise Interrupted.after(job.progress) from None


@attrs.define
class _Job:
    """One call, ready to be made."""

    options: CallOptions
    settings: Settings
    provider: str
    """The provider of the account that draws; with `--emulator` no other is loaded."""
    request: GenerationRequest
    target: Target
    screen: Screen
    progress: Progress
    notices: list[Notice]

    @classmethod
    def of(
        cls, prompt: str, options: CallOptions, refinement: Refinement | None, screen: Screen
    ) -> _Job:
        """What the options mean, checked as far as that goes without a provider."""
        from genkit.config import load_settings
        from genkit.plugins import Plugins

        settings = load_settings(options.config)
        if refinement is not None and options.model is None:
            options = attrs.evolve(options, model=refinement.model)
        fields = refinement.fields(options) if refinement else {}
        _account, provider = provider_for_model(options.model, settings, Plugins())
        request = options.request(read_prompt(prompt), provider.name, fields)
        target = Target.of(
            options.out,
            folder=Path(settings.client.output or "."),
            count=request.n,
            force=options.force,
            conversation=options.conversation,
            beside=refinement.path if refinement else None,
        )
        return cls(
            options=options,
            settings=settings,
            provider=provider.name,
            request=attrs.evolve(
                request,
                model=options.model,
                output_format=target.format(options.output_format),
            ),
            target=target,
            screen=screen,
            progress=Progress(say=screen.say, brief=screen.is_live),
            notices=list(refinement.notices) if refinement else [],
        )

    async def run(self) -> int:
        """Plan it, and unless it is a dry run, send it and save what comes."""
        from genkit.client import Client

        for warning in self.settings.all_warnings():
            self.screen.say(f"Warning: {warning}", "yellow")
        async with contextlib.AsyncExitStack() as stack:
            emulator, settings = None, self.settings
            if self.options.emulator:
                emulator = await stack.enter_async_context(_emulator(self.provider))
                settings = _emulated(settings, emulator)
            client = await stack.enter_async_context(
                Client(config=settings, attempts=self.options.attempts, observers=[self.progress])
            )
            plan = client.plan(self.request)
            if emulator is not None:
                _require_emulated(plan, emulator)
                self.screen.say("Emulated: the pictures are made up, nothing is paid.", "yellow")
            if self.options.dry_run:
                self._show(plan)
                return ExitCode.OK
            self.target.check()
            response = await self._send(client, plan)
            return self._finish(response, plan)

    def _show(self, plan: Plan) -> None:
        if self.screen.json:
            self.screen.document(plan_document(plan))
        else:
            show_plan(plan, self.screen)

    async def _send(self, client: Client, plan: Plan) -> GenerationResponse:
        pictures = "1 picture" if self.request.n == 1 else f"{self.request.n} pictures"
        cost = f"about {money(plan.estimate.cost)}" if plan.estimate.cost else "price not known"
        self.screen.say(f"{plan.provider.name}:{plan.model}, {pictures}, {cost}")
        with showing(self.progress, self.screen):
            return await client.run(plan)

    def _finish(self, response: GenerationResponse, plan: Plan) -> int:
        """Save and say everything. Nothing is awaited here, so Ctrl-C cannot lose a picture."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            saved = self.target.save(response)
        self.notices += [Notice("warning", str(warning.message)) for warning in caught]
        notices = self.notices
        if self.screen.json:
            response = attrs.evolve(response, notices=(*response.notices, *notices))
            self.screen.document(response_document(response, saved, template=plan.template))
        else:
            show_response(response, saved, self.screen, notices=notices)
        if any(one.elsewhere for one in saved):
            return ExitCode.OUTPUT
        return ExitCode.PARTIAL if response.failures else ExitCode.OK


# -- the emulator -----------------------------------------------------------------------------


def _emulator(provider: str) -> Emulator:
    from genkit.plugins import Plugins

    try:
        from genkit.emulator import Emulator
    except ImportError as error:
        raise ConfigurationError(f"the emulator needs Pillow: {error}") from None
    return Emulator(Plugins().emulations([provider]))


def _emulated(settings: Settings, emulator: Emulator) -> Settings:
    """`settings` with every account at the emulator, and no key or header of one's own."""
    from genkit.plugins import Plugins
    from genkit.secrets import SecretSource

    accounts = {}
    for name in account_names(settings, Plugins()):
        account = settings.provider(name)
        if account.provider in emulator.providers:
            accounts[name] = attrs.evolve(
                account,
                base_url=emulator.base_url(account.provider),
                api_key=SecretSource.literal("emulator"),
                api=None,
                auth=None,
                headers={},
                query={},
            )
    client = attrs.evolve(settings.client, proxy=None, proxy_credentials=None)
    return attrs.evolve(settings, providers={**settings.providers, **accounts}, client=client)


def _require_emulated(plan: Plan, emulator: Emulator) -> None:
    """What is not emulated would be sent to the real service, and be paid."""
    if not all(slot.wire.url.startswith(f"{emulator.url}/") for slot in plan.slots):
        known = ", ".join(emulator.providers) or "none"
        raise UnsupportedOptionError(
            f"emulator: {plan.account} is not emulated; there are: {known}", field="emulator"
        )


# -- logging ----------------------------------------------------------------------------------


class _ToScreen(logging.Handler):
    """Log records as lines on the screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        self.screen.insist(f"{record.levelname.lower()}: {record.getMessage()}", "dim")


def _log_to(screen: Screen, verbose: int) -> None:
    logger = logging.getLogger("genkit")
    for handler in [one for one in logger.handlers if isinstance(one, _ToScreen)]:
        logger.removeHandler(handler)
    logger.addHandler(_ToScreen(screen))
    # What is retried is on the screen anyway, so by default only what is not is logged.
    logger.setLevel([logging.ERROR, logging.INFO, logging.DEBUG][min(verbose, 2)])
    logger.propagate = False
