"""What a subclass of the kit says of its provider, and how the checks drive it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NoReturn

import attrs
import pytest

from genkit.assemble import Answer as Assembled
from genkit.assemble import read_outcome
from genkit.emulation import Emulation
from genkit.errors import GenerationError
from genkit.planning import Defaults, Plan, plan_call
from genkit.prompts import PromptTemplates
from genkit.provider import (
    Capabilities,
    Context,
    ErrorFacts,
    ErrorKind,
    FollowUp,
    ImageProvider,
    Outcome,
    ProviderSettings,
)
from genkit.request import GenerationRequest
from genkit.retry.classify import Verdict, classify, judge
from genkit.testing.conformance.samples import (
    AbsenceSample,
    ErrorSample,
    GoldenRequest,
    RefusalSample,
    Success,
    WireAnswer,
)
from genkit.wire import WireRequest, WireResponse

__all__ = ["Step", "Subject", "fail", "require", "same"]

PROMPT = "a red kite over the sea"


@attrs.frozen(kw_only=True)
class Step:
    """One answer of a sample's chain: what it answered, and what the codec made of it."""

    follow_up: FollowUp | None
    """What the codec was given as `step`."""
    response: WireResponse
    decoded: Outcome | FollowUp | ErrorFacts


def fail(message: str) -> NoReturn:
    """End the check with a message and without a trace of the kit's inside."""
    pytest.fail(message, pytrace=False)


def require(condition: object, message: str) -> None:
    """Fail the check where the condition does not hold."""
    if not condition:
        fail(message)


def same(what: str, actual: object, expected: object) -> None:
    """Fail the check where two values differ, and show both."""
    if actual != expected:
        fail(f"{what} differs\n  expected: {expected!r:.2000}\n  actual:   {actual!r:.2000}")


class Subject:
    """The data of a conformance suite. `ProviderConformance` says what each is for."""

    plugin: ModuleType
    settings: ProviderSettings
    golden: tuple[GoldenRequest, ...]
    successes: tuple[Success, ...]
    refusals: tuple[RefusalSample, ...]
    errors: tuple[ErrorSample, ...]
    absences: tuple[AbsenceSample, ...] = ()
    options: Mapping[str, Any] = {}
    indistinct: Mapping[ErrorKind, ErrorKind] = {}
    examples: int = 60

    # -- the provider -------------------------------------------------------------------------

    def make(self, **changes: Any) -> ImageProvider:
        """A provider of its own, with `settings` changed."""
        factories = self.plugin.genkit_providers()
        name = self.settings.name
        require(
            name in factories, f"genkit_providers() offers {sorted(factories)}, and not {name!r}"
        )
        provider: ImageProvider = factories[name](attrs.evolve(self.settings, **changes))
        return provider

    @property
    def provider(self) -> ImageProvider:
        """A fresh provider."""
        return self.make()

    @property
    def emulation(self) -> Emulation | None:
        """The emulation that the plugin offers under the provider's name, if it does."""
        hook = getattr(self.plugin, "genkit_emulations", None)
        offered: Iterator[Emulation] = iter(hook() or ()) if hook else iter(())
        return next((one for one in offered if one.name == self.settings.name), None)

    def able(self, model: str) -> Capabilities:
        """What a model can do."""
        return self.provider.capabilities(model)

    # -- requests -----------------------------------------------------------------------------

    def prepared(self, request: GenerationRequest | None = None) -> GenerationRequest:
        """A request as `encode` and `decode` are given it."""
        asked = GenerationRequest(PROMPT) if request is None else request
        return attrs.evolve(asked, model=asked.model or self.provider.default_model)

    def context(self, golden: GoldenRequest) -> Context:
        """What the core decided for a golden request."""
        return golden.context or Context(model=golden.request.model or self.provider.default_model)

    def encode(self, golden: GoldenRequest) -> WireRequest:
        """The wire of a golden request, by a fresh provider."""
        context = self.context(golden)
        request = attrs.evolve(golden.request, model=context.model)
        return self.provider.encode(request, context)

    def plan(self, request: GenerationRequest, model: str | None = None) -> Plan:
        """What the core would send for a request.

        Raises:
            InvalidRequestError: it refuses the request.
        """
        provider = self.provider
        return plan_call(
            request,
            provider,
            account=provider.name,
            model=model or provider.default_model,
            defaults=Defaults(templates=PromptTemplates()),
        )

    # -- answers ------------------------------------------------------------------------------

    def drive(
        self, answers: tuple[WireAnswer, ...], request: GenerationRequest | None = None
    ) -> tuple[Step, ...]:
        """What the codec makes of a chain of answers, each given to it with the step before."""
        provider, prepared = self.provider, self.prepared(request)
        steps: list[Step] = []
        follow_up: FollowUp | None = None
        for number, answer in enumerate(answers, start=1):
            response = answer.response()
            decoded: Outcome | FollowUp | ErrorFacts
            if 200 <= response.status < 300:
                decoded = provider.decode(response, prepared, follow_up)
            else:
                decoded = provider.decode_error(response)
            steps.append(Step(follow_up=follow_up, response=response, decoded=decoded))
            if not isinstance(decoded, FollowUp):
                require(
                    number == len(answers),
                    f"answer {number} of {len(answers)} ended it already: {decoded!r:.500}",
                )
                break
            follow_up = decoded
        return tuple(steps)

    def verdict(self, response: WireResponse, facts: ErrorFacts) -> Verdict:
        """What the core makes of an error's facts."""
        return classify(response, facts, provider=self.settings.name)

    def error_of(self, answers: tuple[WireAnswer, ...]) -> Verdict:
        """The error that a caller gets of a chain of answers, and what the core does about it."""
        last = self.drive(answers)[-1]
        if isinstance(last.decoded, ErrorFacts):
            return self.verdict(last.response, last.decoded)
        if isinstance(last.decoded, FollowUp):
            fail(f"the last answer became a follow-up: {last.decoded!r:.500}")
        try:
            read_outcome(last.decoded, last.response, alternatives=False)
        except GenerationError as error:
            return judge(error)
        fail(f"the answer became pictures: {last.decoded!r:.500}")

    def assembled(self, success: Success) -> tuple[Outcome, Assembled]:
        """The outcome of a success, and what the core makes of it for a caller."""
        last = self.drive(success.answers, success.request)[-1]
        if not isinstance(last.decoded, Outcome):
            fail(f"the last answer became no outcome but {last.decoded!r:.1000}")
        try:
            answer = read_outcome(
                last.decoded, last.response, alternatives=self.prepared(success.request).n > 1
            )
        except GenerationError as error:
            fail(f"there is no picture in it: {error!r}")
        return last.decoded, answer

    def chains(self) -> Iterator[tuple[WireAnswer, ...]]:
        """The answers of every sample that is no error."""
        yield from (success.answers for success in self.successes)
        yield from (refusal.answers for refusal in self.refusals)
        yield from (absence.answers for absence in self.absences)

    def follow_ups(self) -> Iterator[tuple[FollowUp, WireAnswer]]:
        """Every follow-up of the samples, and the answer to it."""
        for answers in self.chains():
            steps = self.drive(answers)
            for step, answer in zip(steps, answers[1:], strict=False):
                if isinstance(step.decoded, FollowUp):
                    yield step.decoded, answer
