"""Running a planned call: its slots side by side, and one response of what they gave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import attrs

from genkit import pictures
from genkit.assemble import Answer, read_outcome, signature_of, total_usage
from genkit.errors import (
    Charge,
    GenerationError,
    GenkitError,
    ModelNotFoundError,
    NoImageError,
)
from genkit.images import suffix_of
from genkit.planning import Plan, WireSlot
from genkit.pricing import cost_of
from genkit.provider import Outcome
from genkit.response import Attempt, GeneratedImage, GenerationResponse, Notice, Usage
from genkit.retry import Call, Deadline, RetryEngine, RetryPolicy
from genkit.secrets import Secret
from genkit.sniff import sniff
from genkit.transport import spool
from genkit.wire import WireResponse

__all__ = ["keep_pictures", "run_plan"]

_LOG = logging.getLogger("genkit")

IMAGE_BYTES = 64 * 1024 * 1024
"""Bytes of an answer that are allowed for each picture in it."""
ENVELOPE_BYTES = 1024 * 1024
"""Bytes of an answer that are allowed beside its pictures."""
_WORST: Mapping[Charge, int] = {"no": 0, "maybe": 1, "yes": 2}


@attrs.frozen(kw_only=True)
class _Done:
    """A slot that gave pictures."""

    slot: WireSlot
    answer: Answer
    attempts: tuple[Attempt, ...]
    usage: Usage | None
    """Of all its attempts."""


@attrs.frozen(kw_only=True)
class _Failed:
    """A slot that gave none."""

    slot: WireSlot
    error: GenkitError
    attempts: tuple[Attempt, ...]
    usage: Usage | None


async def run_plan(
    plan: Plan,
    engine: RetryEngine,
    *,
    credential: Secret | None,
    policy: RetryPolicy,
    deadline: Deadline,
    concurrency: int,
) -> GenerationResponse:
    """Send what `plan` holds and give the response.

    Every slot is run to its end: a failed one neither cancels nor discards the others.

    Raises:
        GenerationError: no slot gave a picture; the first slot's error, with all attempts.
    """
    started = asyncio.get_running_loop().time()
    places = asyncio.Semaphore(concurrency)
    done: list[_Done] = []
    failed: list[_Failed] = []

    async def run(slot: WireSlot) -> None:
        call = _call(plan, slot, credential, policy, deadline)
        async with places:
            try:
                answer = await engine.run(call)
            except GenkitError as error:
                tried = tuple(call.attempts)
                failed.append(_Failed(slot=slot, error=error, attempts=tried, usage=call.usage))
            else:
                tried = tuple(call.attempts)
                done.append(_Done(slot=slot, answer=answer, attempts=tried, usage=call.usage))

    try:
        await _all([run(slot) for slot in plan.slots])
        done.sort(key=lambda one: one.slot.slot)
        failed.sort(key=lambda one: one.slot.slot)
        if not done:
            raise _as_one(plan, failed)
        elapsed = asyncio.get_running_loop().time() - started
        return await _response(plan, done, failed, total_time_ms=elapsed * 1000)
    except asyncio.CancelledError:
        keep_pictures(plan.generation_id, [image for one in done for image in one.answer.images])
        raise


def keep_pictures(generation_id: str, images: Sequence[GeneratedImage]) -> None:
    """Keep pictures that were paid for and that nobody will be given, and log where they are."""
    kept = [spool.keep(image.data, suffix=suffix_of(image.media_type)) for image in images]
    paths = [path for path in kept if path]
    if paths:
        _LOG.warning(
            "%s was ended when %d of its pictures had come; they are kept in %s",
            generation_id,
            len(images),
            ", ".join(paths),
        )


def _call(
    plan: Plan,
    slot: WireSlot,
    credential: Secret | None,
    policy: RetryPolicy,
    deadline: Deadline,
) -> Call[Answer]:
    def finish(outcome: Outcome, response: WireResponse) -> Answer:
        return read_outcome(outcome, response, alternatives=slot.count > 1)

    return Call(
        provider=plan.provider,
        request=slot.request,
        wire=slot.wire,
        credential=credential,
        generation_id=plan.generation_id,
        slot=slot.slot,
        policy=policy,
        deadline=deadline,
        finish=finish,
        max_bytes=IMAGE_BYTES * slot.count + ENVELOPE_BYTES,
        estimated_cost=plan.estimate.per_image,
    )


async def _all(coroutines: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all to their end. Cancelled, it cancels every one and waits until they have ended."""
    if len(coroutines) == 1:
        await coroutines[0]
        return
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()


def _as_one(plan: Plan, failed: Sequence[_Failed]) -> GenkitError:
    """The first slot's error, speaking for all."""
    error = failed[0].error
    if isinstance(error, ModelNotFoundError):
        error.message += _known_models(plan)
    if isinstance(error, GenerationError) and len(failed) > 1:
        attempts = tuple(attempt for one in failed for attempt in one.attempts)
        charges = [attempt.charge for attempt in attempts]
        error.add_context(
            attempts=attempts,
            charge=max(charges, key=_WORST.__getitem__, default="no"),
            usage=total_usage(one.usage for one in failed),
        )
    return error


def _known_models(plan: Plan) -> str:
    instead = plan.capabilities.replacement
    hint = f" {plan.model} was replaced by {instead}." if instead else ""
    return f"{hint} Models known of {plan.provider.name}: {', '.join(plan.provider.models())}"


async def _response(
    plan: Plan, done: Sequence[_Done], failed: Sequence[_Failed], *, total_time_ms: float
) -> GenerationResponse:
    first = done[0]
    answers = [one.answer for one in done]
    originals = [image for answer in answers for image in answer.images]
    images, made = await _finished(plan, originals)
    ended: list[_Done | _Failed] = [*done, *failed]
    usage = total_usage(one.usage for one in ended)
    notices = [*plan.notices, *made]
    for answer in answers:
        notices += [notice for notice in answer.notices if notice not in notices]
    texts = [answer.text for answer in answers if answer.text]
    return GenerationResponse(
        images=images,
        drafts=tuple(draft for answer in answers for draft in answer.drafts),
        failures=_failures(done, failed),
        text="\n".join(texts) or None,
        prompt=plan.prompt,
        generation_id=plan.generation_id,
        request_id=first.answer.request_id,
        seed=first.slot.seed,
        inference_time_ms=first.attempts[-1].latency * 1000 if first.attempts else 0.0,
        total_time_ms=total_time_ms,
        thought_signature=signature_of(images),
        usage=usage,
        cost=cost_of(usage, plan.capabilities.prices),
        model=plan.model,
        provider=plan.provider.name,
        adjustments=plan.adjustments,
        notices=tuple(notices),
        attempts=tuple(attempt for one in ended for attempt in one.attempts),
        history=plan.history,
        answers=tuple(
            attrs.evolve(turn, author=f"{plan.account}:{plan.model}")
            for answer in answers
            for turn in answer.turns
        ),
        provider_metadata={plan.provider.name: first.answer.metadata},
        metadata=plan.request.metadata,
        request=plan.request,
        raw=first.answer.raw,
    )


def _failures(done: Sequence[_Done], failed: Sequence[_Failed]) -> dict[int, GenkitError]:
    failures: dict[int, GenkitError] = {}
    for one in failed:
        for number in range(one.slot.slot, one.slot.slot + one.slot.count):
            failures[number] = one.error
    for got in done:
        # Fewer pictures than asked for in one answer, or some that cannot be used.
        missing = range(got.slot.slot + len(got.answer.images), got.slot.slot + got.slot.count)
        for number, error in zip_longest(missing, got.answer.failures[: len(missing)]):
            failures[number] = error or NoImageError(
                "the service gave fewer pictures than were asked for",
                {"cause": "empty"},
                reason="missing",
            )
    return dict(sorted(failures.items()))


async def _finished(
    plan: Plan, originals: Sequence[GeneratedImage]
) -> tuple[tuple[GeneratedImage, ...], list[Notice]]:
    """The pictures in the size and format asked for. What cannot be made so is given as it is."""
    if plan.request.fit == "none" and plan.convert_to is None:
        return tuple(originals), []
    finished = []
    notices = []
    for image in originals:
        try:
            made = await asyncio.to_thread(_finish_one, plan, image)
        except ValueError as error:
            made = image
            notices.append(Notice("finish-failed", f"a picture is given as it came: {error}"))
        finished.append(made)
    if any(mine.data is not theirs.data for mine, theirs in zip(finished, originals, strict=True)):
        notices.append(
            Notice(
                "re-encoded",
                "pictures were fitted or converted here, so that metadata of the original, such as"
                " content credentials, is not in them; the conversation keeps the originals",
            )
        )
    return tuple(finished), notices


def _finish_one(plan: Plan, image: GeneratedImage) -> GeneratedImage:
    request = plan.request
    if request.fit != "none" and request.width and request.height:
        data = pictures.fit(image, request.width, request.height, request.fit, plan.convert_to)
        width, height = request.width, request.height
    else:
        data = pictures.convert(image, plan.convert_to or "png")
        width, height = image.width, image.height
    if data is image.data:
        return image
    header = sniff(data)
    media_type = header.media_type if header else image.media_type
    return attrs.evolve(image, data=data, media_type=media_type, width=width, height=height)
