"""``genkit generate``."""

from __future__ import annotations

from typing import Any

import click

from genkit.cli.drawing import draw
from genkit.cli.options import CallCommand, CallOptions

__all__ = ["generate"]


@click.command(cls=CallCommand, short_help="Draw pictures for a prompt.")
@click.argument("prompt")
def generate(prompt: str, **options: Any) -> int:
    """Draw what PROMPT says; `-` reads it from standard input.

    \b
    genkit generate "A cute cartoon banana mascot waving" --size 512x512 -o banana.png
    genkit generate "The same as a pencil drawing" -i banana.png
    genkit generate "A banana" -n 4 --aspect 16:9 --dry-run

    Paths of the pictures go to standard output, everything else to standard error. Beside each
    picture its conversation is saved, which `genkit refine` goes on from.
    """  # noqa: D301
    return draw(prompt, CallOptions(**options))
