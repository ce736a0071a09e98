"""The main job, shown: draw, meet a rate limit, refine and save, against a local emulator.

    python scripts/demo.py

Everything but the service is real: the command line in a process of its own, the Gemini provider,
HTTP. It needs no key, costs nothing, and leaves its pictures in `demo-output/`.
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
from rich.console import Console
from rich.table import Table

from genkit.emulator import Emulator
from genkit.sniff import sniff

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "demo-output"

CONFIGURATION = """\
default = "gemini"

[providers.gemini]
base_url = "{url}"
api_key = "env:DEMO_KEY"
"""
WAIT_SECONDS = 2.0
"""What the scripted rate limit asks to wait."""


class DemoError(Exception):
    """Something did not come out as it should."""


@attrs.frozen(kw_only=True)
class Step:
    """One command, and the picture that it has to leave."""

    title: str
    verb: str
    arguments: tuple[str, ...]
    name: str
    width: int
    height: int
    is_limited: bool = False
    """Whether the service refuses the first attempt with 429."""


STEPS = (
    Step(
        title="A mascot",
        verb="generated",
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
        verb="generated",
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
        verb="refined",
        arguments=(
            "refine",
            str(Path("demo-output", "thumbnail.png")),
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


def run_command(arguments: Sequence[str], config: Path) -> dict[str, Any]:
    """Run the real command line, its progress on the screen, and give its JSON document."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GENKIT_") and name not in ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    }
    done = subprocess.run(
        [sys.executable, "-m", "genkit.cli", *arguments, "--json", "--config", str(config)],
        cwd=ROOT,
        env=environment | {"DEMO_KEY": "made-up"},
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(f"genkit {arguments[0]} ended with {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def run_step(step: Step, emulator: Emulator, config: Path, console: Console) -> dict[str, Any]:
    """Do one step and check the picture that it left."""
    if step.is_limited:
        emulator.fail("rate-limited", provider="gemini", retry_after=WAIT_SECONDS)
    path = Path("demo-output", step.name)
    arguments = [*step.arguments, "-o", str(path), "--force"]
    console.print(f"\n{step.title}", style="bold")
    shown = (f'"{word}"' if " " in word else word for word in arguments)
    console.print(f"$ genkit {' '.join(shown)}", style="dim", soft_wrap=True)
    document = run_command(arguments, config)
    header = sniff((ROOT / path).read_bytes())
    found = header and (header.media_type, header.width, header.height)
    expected = ("image/png", step.width, step.height)
    if found != expected:
        raise DemoError(f"{path} is {found} and not {expected}")
    if step.is_limited and document["waits_seconds"] < WAIT_SECONDS:
        raise DemoError(f"{path}: the service's wait was cut to {document['waits_seconds']} s")
    return document


def table_of(documents: Sequence[dict[str, Any]]) -> Table:
    """What was made, how, and what it would have cost."""
    table = Table(title="What was made", title_justify="left", title_style="bold", pad_edge=False)
    for head in ("image", "", "generation id and model", "attempts", "waits", "cost", "adjusted"):
        is_number = head in ("attempts", "waits", "cost")
        table.add_column(
            head,
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=head in ("image", "cost", "waits"),
        )
    for step, document in zip(STEPS, documents, strict=True):
        adjusted = "; ".join(
            f"{one['field']} {one['requested']} as {one['used']}" for one in document["adjustments"]
        )
        table.add_row(
            step.name,
            f"{step.verb}, {step.width}x{step.height}",
            f"{document['generation_id']} {document['provider']}:{document['model']}",
            str(len(document["attempts"])),
            f"{document['waits_seconds']:.1f} s",
            f"${document['cost']:.4f}",
            adjusted or "-",
        )
    return table


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


def main() -> int:
    """Run the demonstration."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=120)
    OUTPUT.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="genkit-demo-") as folder:
            with emulator_in_thread() as emulator:
                config = Path(folder, "genkit.toml")
                config.write_text(CONFIGURATION.format(url=emulator.base_url("gemini")))
                console.print(f"A local emulator of Gemini is at {emulator.url}: no key, no cost.")
                documents = [run_step(step, emulator, config, console) for step in STEPS]
            console.print()
            console.print(table_of(documents))
            show_ledger(emulator, console)
    except DemoError as error:
        console.print(f"The demonstration failed: {error}", style="bold red")
        return 1
    console.print(f"The pictures are in {OUTPUT.name}{os.sep}; run it again as often as you like.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
