"""What is said at the end of a call: where the pictures are, and a short table of the rest."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from genkit.cli.outputs import Saved
from genkit.cli.screen import Screen
from genkit.cli.words import (
    adjustment_words,
    attempts_words,
    estimated,
    file_size,
    seconds,
    waits_seconds,
)
from genkit.response import GenerationResponse, Notice

__all__ = ["show_response"]


def show_response(
    response: GenerationResponse,
    saved: Sequence[Saved],
    screen: Screen,
    *,
    notices: Sequence[Notice] = (),
) -> None:
    """Print the paths on standard output, and the table on standard error."""
    for one in saved:
        screen.out(str(one.path))
    screen.facts([*_pictures(saved), *_call(response), *_remarks(response, saved, notices)])


def _pictures(saved: Sequence[Saved]) -> list[tuple[str, str]]:
    return [
        (
            one.path.name,
            f"{one.file.width}x{one.file.height}  {one.file.media_type}"
            f"  {file_size(len(one.file.data))}",
        )
        for one in saved
    ]


def _call(response: GenerationResponse) -> list[tuple[str, str]]:
    waited = waits_seconds(response.attempts)
    rows: list[tuple[str, str | None]] = [
        ("model", f"{response.provider}:{response.model}"),
        ("attempts", attempts_words(response.attempts)),
        ("waits", seconds(waited) if waited else "none"),
        ("time", seconds(response.total_time_ms / 1000)),
        ("cost", estimated(response.cost)),
        ("seed", _seed(response)),
        ("generation id", response.generation_id),
        ("request id", response.request_id),
        ("drafts", f"{len(response.drafts)} not saved" if response.drafts else None),
        ("the model said", response.text),
    ]
    return [(name, value) for name, value in rows if value]


def _seed(response: GenerationResponse) -> str:
    if response.seed is None:
        return "the model takes none"
    several = len(response.images) + len(response.failures) > 1
    return f"{response.seed}{', and one more for each picture' if several else ''}"


def _remarks(
    response: GenerationResponse, saved: Sequence[Saved], notices: Sequence[Notice]
) -> list[tuple[str, str]]:
    rows = [("adjusted", adjustment_words(adjustment)) for adjustment in response.adjustments]
    rows += [("note", notice.message) for notice in (*response.notices, *notices)]
    rows += [
        (f"picture {slot + 1} failed", str(error)) for slot, error in response.failures.items()
    ]
    rows += [
        ("not as asked", f"{one.elsewhere}; this picture is {one.path}")
        for one in saved
        if one.elsewhere
    ]
    if first := next((one.path for one in saved if one.conversation), None):
        rows.append(("to go on", f"genkit refine {shlex.quote(str(first))} PROMPT"))
    return rows
