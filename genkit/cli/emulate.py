"""``genkit emulator``: the services' wires on this machine, with faults that can be scripted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from genkit.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from genkit.emulator import Fault

__all__ = ["emulator"]


@click.command(short_help="Serve made-up pictures on this machine: no key, no cost.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="0 takes any free one.")
@click.option(
    "--fail",
    multiple=True,
    metavar="NAME[=SECONDS]",
    help="Let the next paid request fail so; repeat it for the one after. SECONDS is the wait that"
    " the service asks for. `--fail list` names the faults.",
)
@click.option("--seed", type=int, default=0, help="Shifts the colours of all pictures.")
@click.option("--ledger", metavar="FILE", help="Add a line of JSON for each request.")
def emulator(port: int | None, fail: tuple[str, ...], seed: int, ledger: str | None) -> int:
    """Speak the wires of all providers on 127.0.0.1, until Ctrl-C."""
    try:
        from genkit.emulator import FAULTS, serve
        from genkit.emulator.serving import DEFAULT_PORT
    except ImportError as error:
        raise ConfigurationError(f"the emulator needs Pillow: {error}") from None

    if "list" in fail:
        width = max(map(len, FAULTS))
        for name, recipe in FAULTS.items():
            click.echo(f"{name:<{width}}  {recipe.description}")
        return 0
    faults = [_fault(text) for text in fail]
    number = DEFAULT_PORT if port is None else port
    try:
        serve(port=number, seed=seed, faults=faults, ledger=ledger)
    except OSError as error:
        if ledger is not None and error.filename is not None:
            reason = error.strerror or str(error)
            raise OutputError(f"cannot write {ledger!r}: {reason}", path=ledger) from None
        raise ConfigurationError(
            f"port {number} cannot be used: {error.strerror or error}; --port 0 takes a free one"
        ) from None
    return 0


def _fault(text: str) -> Fault:
    from genkit.emulator import Fault

    name, equals, wait = text.partition("=")
    try:
        seconds = float(wait) if equals else None
        return Fault(name, retry_after=seconds)  # type: ignore[arg-type]  # it checks the name
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--fail'") from None
