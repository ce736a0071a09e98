"""The emulator as a program: what ``genkit emulator`` runs."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from genkit.emulation import Emulation
from genkit.emulator.faults import Fault
from genkit.emulator.ledger import Entry
from genkit.emulator.server import Emulator
from genkit.errors import printable

__all__ = ["DEFAULT_PORT", "instructions", "request_line", "serve"]

DEFAULT_PORT = 8765


def serve(
    *,
    port: int = DEFAULT_PORT,
    seed: int = 0,
    faults: Iterable[Fault] = (),
    ledger: str | os.PathLike[str] | None = None,
    emulations: Iterable[Emulation] | None = None,
    output: TextIO | None = None,
) -> None:
    """Serve the emulated services on 127.0.0.1 until Ctrl-C, with a line for each request.

    Args:
        port: 0 for any free one.
        seed: Shifts the colours of all pictures.
        faults: What falls on the first paid requests.
        ledger: A file that a line of JSON is added to for each request; no keys, no prompts.
        emulations: The services; `None` for those of all installed providers.
        output: Where the lines for people go; `None` for standard error.

    Raises:
        OSError: the port is taken, or the ledger cannot be written.
    """
    screen = sys.stderr if output is None else output

    def show(text: str) -> None:
        screen.write(text + "\n")
        screen.flush()

    path = None if ledger is None else Path(ledger)
    if path is not None:
        # Now, not at the first request: a path that cannot be written is said at once.
        path.open("ab").close()

    def on_answer(entry: Entry) -> None:
        show(request_line(entry))
        if path is not None:
            with path.open("ab") as file:
                file.write(entry.to_json() + b"\n")

    emulator = Emulator(emulations, port=port, seed=seed, keep_documents=False, on_answer=on_answer)
    for fault in faults:
        emulator.fail(fault)
    try:
        asyncio.run(_run(emulator, show))
    except KeyboardInterrupt:
        show("The emulator has ended.")


async def _run(emulator: Emulator, show: Callable[[str], None]) -> None:
    async with emulator:
        show(instructions(emulator))
        await asyncio.Event().wait()


def instructions(emulator: Emulator) -> str:
    """Where the services are, and what a configuration has to say to reach them."""
    names = emulator.providers
    lines = [f"The emulator is at {emulator.url}. It costs nothing; any made-up key will do."]
    for name in names:
        url = emulator.base_url(name)
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper())
        lines += [
            "",
            f"For {name}, in genkit.toml:",
            "",
            f"    [providers.{name}]",
            f'    base_url = "{url}"',
            "",
            "or in the environment:",
            "",
            f"    export GENKIT_BASE_URL_{variable}={url}",
        ]
    if not names:
        lines += ["", "No installed provider brings an emulation: genkit doctor says more."]
    return "\n".join([*lines, "", "Requests are shown below; Ctrl-C ends it."])


def request_line(entry: Entry) -> str:
    """What happened, in a line for people."""
    answer = entry.answer
    pieces = [
        time.strftime("%H:%M:%S", time.localtime(entry.time)),
        f"#{entry.number}",
        entry.method,
        entry.path,
    ]
    if answer is not None:
        pieces.append("no answer" if answer.status is None else str(answer.status))
        if answer.images:
            pieces.append(f"{answer.images} image{'s' if answer.images > 1 else ''}")
        pieces.append(f"{answer.size / 1024:.0f} KiB in {answer.seconds * 1000:.0f} ms")
        if answer.charged:
            pieces.append("charged")
        if answer.fault:
            pieces.append(f"fault: {answer.fault}")
    if entry.refused:
        pieces.append(f"refused: {entry.refused}")
    # The path is the client's own words.
    return printable("  ".join(pieces), 400)
