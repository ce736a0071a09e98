"""A local server that speaks the providers' wires, with scripted faults and a ledger.

`Emulator` is an asynchronous context manager for tests and programs, `serve` what the command
line runs. Nothing is drawn by a model, nothing costs anything, and nothing leaves the machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genkit.emulator.drawing import Painter
    from genkit.emulator.faults import FAULTS, Fault
    from genkit.emulator.ledger import Entry, Ledger, LedgerAnswer
    from genkit.emulator.server import Emulator
    from genkit.emulator.serving import serve

__all__ = ["FAULTS", "Emulator", "Entry", "Fault", "Ledger", "LedgerAnswer", "Painter", "serve"]

_ROOMS = {
    "FAULTS": "faults",
    "Emulator": "server",
    "Entry": "ledger",
    "Fault": "faults",
    "Ledger": "ledger",
    "LedgerAnswer": "ledger",
    "Painter": "drawing",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
