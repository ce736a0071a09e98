"""The class that a provider's suite inherits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import pytest

from genkit.provider import ErrorKind
from genkit.testing.conformance.answer_checks import AnswerChecks
from genkit.testing.conformance.conversation_checks import ConversationChecks
from genkit.testing.conformance.emulation_checks import EmulationChecks
from genkit.testing.conformance.follow_up_checks import FollowUpChecks
from genkit.testing.conformance.hostile_checks import HostileChecks
from genkit.testing.conformance.model_checks import ModelChecks
from genkit.testing.conformance.mutations import FIELDS
from genkit.testing.conformance.overrides import check_overrides
from genkit.testing.conformance.purity_checks import PurityChecks
from genkit.testing.conformance.request_checks import RequestChecks

__all__ = ["ProviderConformance"]

NEEDED = ("plugin", "settings", "golden", "successes", "refusals", "errors")


class ProviderConformance(
    RequestChecks,
    AnswerChecks,
    HostileChecks,
    ConversationChecks,
    FollowUpChecks,
    PurityChecks,
    ModelChecks,
    EmulationChecks,
):
    """All standard checks; inherit it as ``class TestConformance(ProviderConformance)``.

    The subclass says what its provider is and does, as class attributes.

    Attributes:
        plugin: The provider's module, with its hooks.
        settings: `ProviderSettings` whose `name` is the entry point's. A second class with other
            settings checks another flavour of the service.
        golden: `GoldenRequest`s: requests, and exactly what goes over the wire for them.
        successes: `Success`es: answers that end in pictures.
        refusals: `RefusalSample`s: answers by which the service refuses; ``()`` if it never does.
        errors: `ErrorSample`s: at least a wrong key, a wrong request, a rate limit and a failure.
        absences: `AbsenceSample`s: answers without a picture that are no refusal.
        options: By name in `capabilities(model).options`, a valid value that is not the default,
            or an `OptionSample`.
        indistinct: By kind of error that the service has no words of its own for, the kind that it
            is read as: ``{"unsupported-option": "invalid-request"}``.
        examples: How many answers hypothesis makes up for each check.

    The hostile answers are the kit's own. A standard check (a method whose name begins with
    ``test_``) is overridden only with ``@xfail(reason=...)``; tests of your own have other names.

    Raises:
        TypeError: where the subclass is made: data is missing, or a check is overridden silently.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_overrides(cls, ProviderConformance)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make one test of each sample, model, field and kind. Called by pytest."""
        kit = type(self)
        check_overrides(kit, ProviderConformance)  # also what was set after the class was made
        if missing := [name for name in NEEDED if not hasattr(kit, name)]:
            raise TypeError(
                f"{kit.__name__} says nothing of: {', '.join(missing)}."
                " See genkit.testing.conformance.ProviderConformance"
            )
        named = {
            "golden": self.golden,
            "success": self.successes,
            "refusal": self.refusals,
            "absence": self.absences,
            "error": self.errors,
        }
        for argument, samples in named.items():
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, samples, ids=_names(samples))
        if "model" in metafunc.fixturenames:
            metafunc.parametrize("model", self.provider.models())
        if "field" in metafunc.fixturenames:
            metafunc.parametrize("field", tuple(FIELDS))
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", get_args(ErrorKind))

    def test_there_are_samples(self) -> None:
        """There is at least one golden request, one success and one error."""
        empty = [name for name in ("golden", "successes", "errors") if not getattr(self, name)]
        if empty:
            pytest.fail(
                f"the kit has nothing to go by: {', '.join(empty)} are empty", pytrace=False
            )


def _names(samples: Iterable[Any]) -> list[str]:
    return [sample.name.replace(" ", "-") for sample in samples]
