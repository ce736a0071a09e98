"""From a request to the wire requests that will be sent: everything that happens before money."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping

import attrs

from genkit.adapt import Adapted, adapt
from genkit.conversation import Conversation, ImagePart, TextPart, Turn
from genkit.errors import BudgetExceededError, InvalidRequestError, UnsupportedOptionError
from genkit.masks import prepare_mask
from genkit.pixels import has_pillow
from genkit.pricing import Estimate, estimate
from genkit.prompts import PromptTemplates
from genkit.provider import Capabilities, Context, ImageProvider, ResolvedSize
from genkit.request import Adapt, GenerationRequest
from genkit.response import Adjustment, Notice
from genkit.wire import WireRequest

__all__ = ["Defaults", "Plan", "WireSlot", "check_namespaces", "plan_call"]

_INT32 = 2**31


@attrs.frozen(kw_only=True)
class Defaults:
    """What the configuration says where a request says nothing."""

    adapt: Adapt = "adjust"
    strict: bool = True
    template: str | None = None
    templates: PromptTemplates


@attrs.frozen(kw_only=True)
class WireSlot:
    """One wire request, and which of the call's pictures it makes."""

    slot: int
    """Number of its first picture, from 0."""
    count: int
    """How many pictures it makes."""
    seed: int | None
    request: GenerationRequest = attrs.field(repr=False)
    """The prepared request, as the provider's codec is given it."""
    wire: WireRequest


@attrs.frozen(kw_only=True)
class Plan:
    """A call, decided and encoded, and not yet sent. `genkit.Client.plan` makes one."""

    generation_id: str
    """Our id of the call."""
    provider: ImageProvider = attrs.field(repr=False)
    account: str
    """The provider's name in the configuration."""
    model: str
    """Bare model id."""
    capabilities: Capabilities = attrs.field(repr=False)
    request: GenerationRequest
    """As the caller meant it."""
    prompt: str = attrs.field(repr=False)
    """As it is sent, template included."""
    template: str
    """Name of the template that made it."""
    size: ResolvedSize | None
    convert_to: str | None
    """Output format that pictures are converted to here."""
    history: Conversation = attrs.field(repr=False)
    """What was said before, and the request."""
    slots: tuple[WireSlot, ...]
    estimate: Estimate
    adjustments: tuple[Adjustment, ...]
    notices: tuple[Notice, ...]


def plan_call(
    request: GenerationRequest,
    provider: ImageProvider,
    *,
    account: str,
    model: str,
    defaults: Defaults,
) -> Plan:
    """Everything that is decided before sending.

    Raises:
        UnsupportedOptionError: the model cannot do what is asked.
        InvalidRequestError: the request cannot be right.
        BudgetExceededError: it would cost more than the request allows.
    """
    capabilities = provider.capabilities(model)
    model = capabilities.model  # without the prefixes that the service's own lists have
    policy = request.adapt or defaults.adapt
    refinement = bool(request.history().turns)
    adapted = adapt(request, capabilities, policy)
    converted = _without_pillow(adapted, policy)
    rendered = defaults.templates.render(
        adapted.request,
        strict=defaults.strict if request.strict is None else request.strict,
        template=request.template or (None if request.strict is False else defaults.template),
        refinement=refinement,
        size=adapted.size,
    )
    _check_prompt(rendered.text, capabilities)
    masked, mask_notices = prepare_mask(adapted.request, capabilities)
    history, left_out = adapted.request.history().without_foreign_state(provider.name, model)
    notices = [*adapted.notices, *mask_notices]
    if left_out:
        notices.append(
            Notice(
                "foreign-state-left-out",
                f"{left_out} opaque states of another provider or model are not sent to"
                f" {provider.name}:{model}; text and pictures are",
            )
        )
    prepared = attrs.evolve(
        masked,
        prompt=rendered.text,
        model=model,
        conversation=history,
        conversation_history=(),
    )
    slots = _slots(provider, prepared, capabilities, adapted.size)
    for slot in slots:
        notices += [notice for notice in slot.wire.notices if notice not in notices]
    expected = estimate(
        capabilities,
        prompt=rendered.text,
        references=len(prepared.images) + sum(len(turn.images) for turn in history.turns),
        images=request.n,
        size=adapted.size,
        quality=adapted.request.quality,
    )
    _check_cost(request, expected)
    return Plan(
        generation_id=uuid.uuid4().hex,
        provider=provider,
        account=account,
        model=model,
        capabilities=capabilities,
        request=request,
        prompt=rendered.text,
        template=rendered.template_name,
        size=adapted.size,
        convert_to=converted.convert_to,
        # With all states, though some are not sent: whoever made them may go on with it later.
        history=request.history().add(_user_turn(rendered.text, request)),
        slots=slots,
        estimate=expected,
        adjustments=converted.adjustments,
        notices=tuple(notices),
    )


def _without_pillow(adapted: Adapted, policy: Adapt) -> Adapted:
    """What cannot be done here without Pillow is said or refused before anything is paid."""
    if has_pillow():
        return adapted
    if adapted.request.fit != "none":
        raise UnsupportedOptionError(
            f"fit: {adapted.request.fit!r} needs Pillow: install genkit-core[imaging]", field="fit"
        )
    if adapted.convert_to is None:
        return adapted
    reason = "the service chooses the format; converting needs Pillow (genkit-core[imaging])"
    if policy == "refuse":
        raise UnsupportedOptionError(f"output_format: {reason}", field="output_format")
    adjustment = Adjustment("output_format", adapted.convert_to, None, reason)
    return attrs.evolve(adapted, convert_to=None, adjustments=(*adapted.adjustments, adjustment))


def _check_cost(request: GenerationRequest, expected: Estimate) -> None:
    """Keep to `max_cost`, as far as list prices tell beforehand."""
    if request.max_cost is None:
        return
    if expected.cost is None:
        raise UnsupportedOptionError(
            f"max_cost: {expected.basis}, so that no limit can be kept; leave it out, or use a"
            " model whose price is known",
            field="max_cost",
        )
    if expected.cost > request.max_cost:
        raise BudgetExceededError(
            f"the call is estimated at {expected.cost:.4f} USD ({expected.basis}); max_cost is"
            f" {request.max_cost:g} USD. Nothing was sent; ask for fewer or smaller pictures, or"
            " raise max_cost",
            {"estimate": expected.cost, "max_cost": request.max_cost},
        )


def _check_prompt(prompt: str, capabilities: Capabilities) -> None:
    limit = capabilities.max_prompt_characters
    if limit is not None and len(prompt) > limit:
        raise InvalidRequestError(
            f"prompt: {len(prompt)} characters with its template; {capabilities.model} takes at"
            f" most {limit}",
            field="prompt",
        )


def _slots(
    provider: ImageProvider,
    prepared: GenerationRequest,
    capabilities: Capabilities,
    size: ResolvedSize | None,
) -> tuple[WireSlot, ...]:
    seed = prepared.seed
    if seed is None and capabilities.seed:
        seed = secrets.randbelow(_INT32)
    slots = []
    each = max(1, capabilities.max_images_per_call)
    for slot in range(0, prepared.n, each):
        count = min(each, prepared.n - slot)
        own_seed = None if seed is None else _wrapped(seed + slot)
        request = attrs.evolve(prepared, seed=own_seed, n=count)
        context = Context(
            model=capabilities.model,
            size=size,
            seed=own_seed,
            count=count,
            slot=slot,
            conversation=prepared.conversation or Conversation(),
        )
        wire = provider.encode(request, context)
        _check_length(wire, capabilities, prepared)
        slots.append(WireSlot(slot=slot, count=count, seed=own_seed, request=request, wire=wire))
    return tuple(slots)


def _wrapped(seed: int) -> int:
    """`seed` within int32: counting on from the largest begins again at the smallest."""
    return (seed + _INT32) % (2 * _INT32) - _INT32


def _check_length(
    wire: WireRequest, capabilities: Capabilities, request: GenerationRequest
) -> None:
    limit = capabilities.max_request_bytes
    if limit is None or wire.body is None or wire.body.length <= limit:
        return
    field = "conversation" if request.history().turns else "references"
    raise InvalidRequestError(
        f"{field}: the request has {wire.body.length} bytes; {capabilities.model} takes at most"
        f" {limit}. Send fewer or smaller pictures"
        + (", or begin a new conversation" if field == "conversation" else ""),
        field=field,
    )


def _user_turn(prompt: str, request: GenerationRequest) -> Turn:
    return Turn("user", (TextPart(prompt), *map(ImagePart, request.images)))


def check_namespaces(options: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Check that every namespace of `provider_options` belongs to a provider.

    Raises:
        InvalidRequestError: one does not; the message lists those there are.
    """
    for name in options:
        if name not in known:
            raise InvalidRequestError(
                f"provider_options: no provider is called {name!r}; there are"
                f" {', '.join(known) or 'none'}",
                field="provider_options",
            )
