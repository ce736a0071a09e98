"""The main job, shown: draw, meet a rate limit, refine and save, against a local emulator.

    python scripts/demo.py [FOLDER]

Everything but the service is real: the command line in a process of its own, the Gemini provider,
HTTP. It needs no key, costs nothing, and leaves its pictures in `demo-output/` or the FOLDER.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from rich import box
from rich.console import Console
from rich.table import Table

from genkit.emulator import Emulator
from genkit.sniff import sniff

OUTPUT = Path(__file__).resolve().parent.parent / "demo-output"

CONFIGURATION = """\
default = "gemini"

[providers.gemini]
base_url = "{url}"
api_key = "env:DEMO_KEY"
"""
WIDTH = 124
"""Characters of a line where there is no terminal."""
WAIT_SECONDS = 2.0
"""What the scripted rate limit asks to wait."""


class DemoError(Exception):
    """Something did not come out as it should."""


@attrs.frozen(kw_only=True)
class Step:
    """One command, and the picture that it has to leave."""

    title: str
    verb: str
    noun: str
    arguments: tuple[str, ...]
    name: str
    width: int
    height: int
    is_limited: bool = False
    """Whether the service refuses the first attempt with 429."""


STEPS = (
    Step(
        title="A mascot",
        verb="genkit generate",
        noun="generating",
        arguments=(
            "generate",
            "A cute cartoon banana mascot waving",
            *("--size", "512x512", "--fit", "crop"),
        ),
        name="banana.png",
        width=512,
        height=512,
    ),
    Step(
        title="A thumbnail; its first attempt meets a rate limit",
        verb="genkit generate",
        noun="generating",
        arguments=(
            "generate",
            "A gaming thumbnail with the bold text EPIC WIN",
            *("--size", "1280x720", "--fit", "crop"),
        ),
        name="thumbnail.png",
        width=1280,
        height=720,
        is_limited=True,
    ),
    Step(
        title="The thumbnail, refined",
        verb="genkit refine",
        noun="refining",
        arguments=(
            "refine",
            "thumbnail.png",
            "Make the text bigger and add more glow",
        ),
        name="thumbnail-refined.png",
        width=1280,
        height=720,
    ),
)


@contextmanager
def emulator_in_thread() -> Iterator[Emulator]:
    """Run an emulator on an event loop of its own."""
    ready: threading.Event = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, Emulator]] = []

    async def serve() -> None:
        ending = asyncio.Event()
        async with Emulator() as emulator:
            loops.append((asyncio.get_running_loop(), ending, emulator))
            ready.set()
            await ending.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="emulator")
    thread.start()
    ready.wait()
    if not loops:
        raise DemoError("the emulator did not start")
    loop, ending, emulator = loops[0]
    try:
        yield emulator
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()


@attrs.frozen(kw_only=True)
class Stage:
    """Where the demonstration plays."""

    output: Path
    """The folder of the pictures, which the commands run in."""
    home: Path
    """A home without settings of anybody's."""
    emulator: Emulator
    console: Console

    def configure(self) -> None:
        """Write the only configuration there is."""
        folder = self.home / "genkit"
        folder.mkdir()
        text = CONFIGURATION.format(url=self.emulator.base_url("gemini"))
        (folder / "genkit.toml").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """The environment of the commands, without settings and keys of one's own."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GENKIT_") and name not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")
        }
        home = str(self.home)
        return kept | {"XDG_CONFIG_HOME": home, "APPDATA": home, "DEMO_KEY": "made-up"}

    def command(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Run the real command line, its progress on the screen, and give its JSON document."""
        done = subprocess.run(
            [sys.executable, "-m", "genkit.cli", *arguments, "--json"],
            cwd=self.output,
            env=self.environment(),
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode != 0:
            raise DemoError(f"genkit {arguments[0]} ended with {done.returncode}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def play(self, step: Step) -> dict[str, Any]:
        """Do one step and check the picture that it left."""
        if step.is_limited:
            self.emulator.fail("rate-limited", provider="gemini", retry_after=WAIT_SECONDS)
        arguments = [*step.arguments, "-o", step.name, "--force"]
        self.console.print(f"\n{step.title}", style="bold")
        shown = (f'"{word}"' if " " in word else word for word in arguments)
        self.console.print(f"$ genkit {' '.join(shown)}", style="dim", soft_wrap=True)
        document = self.command(arguments)
        header = sniff((self.output / step.name).read_bytes())
        found = header and (header.media_type, header.width, header.height)
        expected = ("image/png", step.width, step.height)
        if found != expected:
            raise DemoError(f"{step.name} is {found} and not {expected}")
        if step.is_limited and document["waits_seconds"] < WAIT_SECONDS:
            raise DemoError(f"{step.name}: only {document['waits_seconds']} s were waited")
        return document


def table_of(documents: Sequence[dict[str, Any]]) -> Table:
    """What was made, how, and what it would have cost: a column for each picture."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("image", no_wrap=True)
    for step in STEPS:
        table.add_column(step.name, overflow="fold")
    rows = {
        "made by": [step.verb for step in STEPS],
        "pixels": [f"{step.width}x{step.height}" for step in STEPS],
        "generation id": [document["generation_id"] for document in documents],
        "model": [f"{document['provider']}:{document['model']}" for document in documents],
        "attempts": [_attempts(document) for document in documents],
        "waits": [f"{document['waits_seconds']:.1f} s" for document in documents],
        "cost": [f"${document['cost']:.4f} for {step.noun}" for step, document in pairs(documents)],
        "adjustments": [_adjustments(document) for document in documents],
    }
    for head, cells in rows.items():
        table.add_row(head, *cells)
    return table


def pairs(documents: Sequence[dict[str, Any]]) -> Iterator[tuple[Step, dict[str, Any]]]:
    """Each step with what it gave."""
    return zip(STEPS, documents, strict=True)


def _attempts(document: dict[str, Any]) -> str:
    answers = [str(attempt["status"]) for attempt in document["attempts"]]
    return f"{len(answers)} ({', then '.join(answers)})"


def _adjustments(document: dict[str, Any]) -> str:
    made = [f"{one['field']}: {one['used']}, {one['reason']}" for one in document["adjustments"]]
    return "; ".join(made) or "none"


def leave_table(table: Table, path: Path) -> None:
    """Leave the table beside the pictures."""
    with path.open("w", encoding="utf-8") as file:
        Console(file=file, highlight=False, markup=False, width=WIDTH).print(table)


def show_ledger(emulator: Emulator, console: Console) -> None:
    """What the service counted itself, and whether it is what it should be."""
    ledger = emulator.ledger
    faults = [entry.answer.fault for entry in ledger if entry.answer and entry.answer.fault]
    console.print(
        f"\nThe service's own ledger: {len(ledger)} requests, {len(ledger.charged)} charged,"
        f" {len(ledger.delivered)} pictures delivered; scripted faults met:"
        f" {', '.join(faults) or 'none'}."
    )
    counts = (len(ledger), len(ledger.charged), len(ledger.delivered))
    limited = sum(step.is_limited for step in STEPS)
    expected = (len(STEPS) + limited, len(STEPS), len(STEPS))
    if counts != expected:
        raise DemoError(f"the ledger should say {expected} and says {counts}")


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=WIDTH)
    output = Path(arguments[0]) if arguments else OUTPUT
    output.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="genkit-demo-") as home:
            with emulator_in_thread() as emulator:
                stage = Stage(output=output, home=Path(home), emulator=emulator, console=console)
                stage.configure()
                console.print(f"A local emulator of Gemini is at {emulator.url}: no key, no cost.")
                documents = [stage.play(step) for step in STEPS]
            table = table_of(documents)
            console.print()
            console.print(table)
            show_ledger(emulator, console)
            leave_table(table, output / "table.txt")
    except DemoError as error:
        console.print(f"The demonstration failed: {error}", style="bold red")
        return 1
    console.print(
        f"The pictures and the table are in {output.name}{os.sep}; run it as often as you like."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
