"""``genkit config``: what the configuration says, and where each value comes from."""

from __future__ import annotations

from typing import Any

import click

from genkit.cli.documents import VERSION
from genkit.cli.screen import Screen

__all__ = ["config"]

config_option = click.option("--config", metavar="FILE", help="The configuration file to use.")


@click.group(short_help="Show the configuration and where each value comes from.")
def config() -> None:
    """The configuration: genkit.toml, environment, defaults."""


@config.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Also what nobody set.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def show(config: str | None, everything: bool, as_json: bool) -> None:
    """Show each value and where it comes from. Of keys only the source is shown."""
    from genkit.config import load_settings

    settings = load_settings(config)
    rows = [row for row in settings.describe() if everything or row[2] != "default"]
    screen = Screen(json=as_json)
    if as_json:
        values = [{"path": path, "value": value, "origin": origin} for path, value, origin in rows]
        document: dict[str, Any] = {"version": VERSION, "values": values}
        screen.document(document | {"warnings": list(settings.all_warnings())})
    elif rows:
        screen.table(("NAME", "VALUE", "FROM"), rows)
    else:
        screen.out("Nothing is set: all values are the defaults (--all shows them).")
    for warning in settings.all_warnings():
        screen.say(f"Warning: {warning}", "yellow")


@config.command()
@config_option
def path(config: str | None) -> None:
    """Show which files are looked for, in rising order, and which of them are there."""
    import os
    from pathlib import Path

    from genkit.config.layers import candidates

    found = candidates(Path(config) if config else None, os.environ, Path.cwd())
    rows = [(str(path), "read" if path.is_file() else "not there") for path in found]
    Screen().table(("FILE", "STATE"), rows)
