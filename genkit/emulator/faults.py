"""The faults that can be scripted, as data: what each does to the answer it falls on.

A fault falls on the next paid request: one that the service would have answered with a charge. With
`Fault.path` it falls on the next request to there, paid or not: a poll, a download.
What it says comes from the provider's emulation, in the service's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from genkit.emulation import Answer, Emulation, HoldsBack
from genkit.provider import Absence, ErrorFacts, ErrorKind

__all__ = ["FAULTS", "Delivery", "Fault", "FaultName", "Recipe"]

FaultName: TypeAlias = Literal[
    "rate-limited",
    "overloaded",
    "server-error",
    "authentication",
    "block",
    "block-output",
    "block-one",
    "no-image",
    "hang",
    "cut",
]


def _known(_fault: Fault, _attribute: object, name: str) -> None:
    if name not in FAULTS:
        raise ValueError(f"there is no fault {name!r}; there are: {', '.join(FAULTS)}")


def _waitable(fault: Fault, _attribute: object, seconds: float | None) -> None:
    if seconds is None:
        return
    if not FAULTS[fault.name].takes_retry_after:
        raise ValueError(f"retry_after: the fault {fault.name!r} gives no such hint")
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"retry_after: must be a number of seconds from 0, not {seconds!r}")


@attrs.frozen
class Fault:
    """One of `FAULTS`, to fall on the next paid requests.

    Raises:
        ValueError: there is no such fault, or it cannot be had in this way.
    """

    name: FaultName = attrs.field(validator=_known)
    provider: str | None = attrs.field(default=None, kw_only=True)
    """Only requests to this provider; `None` for any."""
    times: int = attrs.field(default=1, kw_only=True, validator=attrs.validators.ge(1))
    """On how many requests it falls."""
    path: str | None = attrs.field(default=None, kw_only=True)
    """Only requests whose path holds this, whether they are paid for or not; `None` for any that
    is paid for."""
    retry_after: float | None = attrs.field(default=None, kw_only=True, validator=_waitable)
    """Seconds that the service asks to wait, for ``rate-limited`` and ``overloaded``; `None` for
    the usual: 1 and no hint."""

    def falls_on(self, provider: str, path: str, *, charged: bool) -> bool:
        """Whether it falls on a request to this provider and path."""
        if self.provider not in (None, provider):
            return False
        return charged if self.path is None else self.path in path


@attrs.frozen
class Delivery:
    """What happens on the wire: an answer, and how much of it is sent."""

    answer: Answer
    """What the service made, and charged for if `answer.charged`."""
    manner: Literal["whole", "cut", "never"] = "whole"
    """``cut``: half of the body, then the connection is closed. ``never``: nothing is sent."""
    fault: FaultName | None = None
    """The fault that it comes from."""


Perform: TypeAlias = Callable[[Fault, Answer, Emulation], Delivery]
"""What becomes of the answer that the service would have given."""


@attrs.frozen
class Recipe:
    """How a fault is done."""

    description: str
    perform: Perform = attrs.field(repr=False)
    takes_retry_after: bool = False


def _error(
    kind: ErrorKind,
    *,
    stage: Literal["prompt", "output"] | None = None,
    usual_retry_after: float | None = None,
) -> Perform:
    def perform(fault: Fault, answer: Answer, emulation: Emulation) -> Delivery:
        wait = usual_retry_after if fault.retry_after is None else fault.retry_after
        facts = ErrorFacts(kind=kind, stage=stage, retry_after=wait, details=_details(answer))
        return _instead(answer, emulation.render_error(facts))

    return perform


_block_output = _error("content-policy", stage="output")


def _block_one(fault: Fault, answer: Answer, emulation: Emulation) -> Delivery:
    if answer.images > 1 and isinstance(emulation, HoldsBack):
        return Delivery(emulation.hold_back(answer))
    return _block_output(fault, answer, emulation)


def _no_image(_fault: Fault, answer: Answer, emulation: Emulation) -> Delivery:
    return _instead(answer, emulation.render_error(Absence(cause="other")))


def _hang(_fault: Fault, answer: Answer, _emulation: Emulation) -> Delivery:
    return Delivery(answer, "never")


def _cut(_fault: Fault, answer: Answer, _emulation: Emulation) -> Delivery:
    return Delivery(answer, "cut")


def _details(answer: Answer) -> dict[str, Any]:
    return {"model": answer.facts["model"]} if "model" in answer.facts else {}


def _instead(answer: Answer, fault: Answer) -> Delivery:
    """The answer of a fault, with what was understood of the request."""
    return Delivery(attrs.evolve(fault, facts={**answer.facts, **fault.facts}))


FAULTS: Mapping[FaultName, Recipe] = MappingProxyType(
    {
        "rate-limited": Recipe(
            "429, with the wait that the service asks for",
            _error("rate-limited", usual_retry_after=1.0),
            takes_retry_after=True,
        ),
        "overloaded": Recipe(
            "503, the service has no capacity", _error("overloaded"), takes_retry_after=True
        ),
        "server-error": Recipe("500, the service failed", _error("server-error")),
        "authentication": Recipe("the key is not valid", _error("authentication")),
        "block": Recipe(
            "the prompt is refused by policy", _error("content-policy", stage="prompt")
        ),
        "block-output": Recipe("the picture is refused by policy, and charged", _block_output),
        "block-one": Recipe("the same for one picture; others in the answer are given", _block_one),
        "no-image": Recipe("an answer without a picture, and without a reason", _no_image),
        "hang": Recipe("no answer ever comes, though the service charges", _hang),
        "cut": Recipe("the connection closes in the middle of the body, charged", _cut),
    }
)
"""Every fault by name."""
