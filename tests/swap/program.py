"""One program for every provider: which one draws, only its configuration file says.

It names no provider and no model, and takes no branch by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

import genkit
from genkit.emulator import Emulator


@attrs.frozen(kw_only=True)
class Report:
    """What the program met on its way."""

    generated: genkit.GenerationResponse
    edited: genkit.GenerationResponse
    refined: genkit.GenerationResponse
    refined_again: genkit.GenerationResponse
    blocked: genkit.ContentPolicyError
    limited: genkit.GenerationResponse
    """After a rate limit that was waited for."""
    several: genkit.GenerationResponse
    """Three, of which one is refused."""


async def run(config: Path, references: Sequence[genkit.Image], emulator: Emulator) -> Report:
    """Generate, edit, refine twice, be blocked, be limited, and get two of three."""
    async with genkit.Client(config=config) as client:
        generated = await client.generate("A fox in the snow", width=1024, height=1024, seed=7)
        edited = await client.generate("The fox sits on the chair", references=references)
        refined = await client.refine(generated, "Let it be night")
        refined_again = await client.refine(refined, "Add a lantern")
        emulator.fail("block")
        try:
            await client.generate("Something that is not allowed")
        except genkit.ContentPolicyError as error:
            blocked = error
        emulator.fail("rate-limited", retry_after=0.05)
        limited = await client.generate("A fox in a hurry")
        emulator.fail("block-one")
        several = await client.generate("Three foxes, one at a time", n=3, seed=7)
    return Report(
        generated=generated,
        edited=edited,
        refined=refined,
        refined_again=refined_again,
        blocked=blocked,
        limited=limited,
        several=several,
    )
