"""``genkit refine``."""

from __future__ import annotations

from typing import Any

import click

from genkit.cli.drawing import draw
from genkit.cli.options import CallCommand, CallOptions
from genkit.cli.refining import Refinement

__all__ = ["refine"]


@click.command(cls=CallCommand, short_help="Change a picture that was drawn before.")
@click.argument("image")
@click.argument("prompt")
def refine(image: str, prompt: str, **options: Any) -> int:
    """Change IMAGE as PROMPT says; `-` reads it from standard input.

    \b
    genkit refine banana.png "Give it sunglasses"

    The conversation beside the picture (banana.genkit-conversation) goes along, so that the model
    knows what was said before; without one, the picture is edited as a reference. The result has
    the size of IMAGE and goes to the next free name beside it (banana-2.png) unless options say
    otherwise.
    """  # noqa: D301
    return draw(prompt, CallOptions(**options), Refinement.of(image))
