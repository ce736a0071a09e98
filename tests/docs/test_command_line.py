from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from genkit.cli.app import cli
from genkit.cli.exit_codes import EXIT_CODES, MEANINGS
from genkit.emulator.serving import DEFAULT_PORT
from genkit.errors import GenkitError
from tests.docs.examples import opened, run_genkit
from tests.docs.markdown import DOCS, literals_of, prose_of, rows_of, section

PAGE = DOCS / "reference" / "cli.md"


def commands(
    group: click.Command = cli, name: str = "genkit"
) -> Iterator[tuple[str, click.Command]]:
    """Give every command with its whole name."""
    if not isinstance(group, click.Group):
        yield name, group
        return
    context = click.Context(group)
    for own in group.list_commands(context):
        command = group.get_command(context, own)
        assert command is not None
        yield from commands(command, f"{name} {own}")


COMMANDS = dict(commands())


def options_of(command: click.Command) -> list[str]:
    """Give the options of a command as the table has them."""
    return [
        ", ".join((*option.opts, *option.secondary_opts))
        for option in command.params
        if isinstance(option, click.Option)
    ]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "genkit refine"])
def test_every_option(name: str) -> None:
    """Every command has a section with exactly its options and all its arguments."""
    command = COMMANDS[name]
    text = section(PAGE, name)
    assert sorted(row[0] for row in rows_of(text)) == sorted(options_of(command))
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            assert (parameter.name or "").upper() in " ".join(literals_of(text))


def test_options_of_refine() -> None:
    """As the page says, `refine` has all options of `generate` and no other."""
    assert options_of(COMMANDS["genkit refine"]) == options_of(COMMANDS["genkit generate"])
    assert rows_of(section(PAGE, "genkit refine")) == []


def test_no_other_option() -> None:
    """The page names no option that no command has."""
    known = {
        word
        for command in COMMANDS.values()
        for option in command.params
        for word in (*option.opts, *option.secondary_opts)
    } | {"-h", "--help", "--version", "-vv"}
    named = {
        word.partition("=")[0]
        for literal in literals_of(prose_of(PAGE))
        for word in literal.split()
        if re.match("--?[a-z]", word)
    }
    assert named <= known
    assert f"{DEFAULT_PORT} by default" in section(PAGE, "genkit emulator")


def test_exit_codes() -> None:
    """The exit codes are those of the command line, each with its meaning and its errors."""
    expected = [
        (
            str(int(code)),
            meaning.replace("`", ""),
            ", ".join(
                kind.__name__
                for kind, of in EXIT_CODES.items()
                if of == code and issubclass(kind, GenkitError)
            ),
        )
        for code, meaning in MEANINGS.items()
    ]
    assert rows_of(section(PAGE, "Exit codes")) == expected


FREE = {"error.details", "failures", "requests[].headers", "requests[].body"}
"""Fields whose own fields are not the command line's to name."""


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Give the path of every field of a document."""
    if isinstance(value, dict) and value and path not in FREE:
        for name, item in value.items():
            yield from paths(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for item in value:
            yield from paths(item, f"{path}[]")
    else:
        yield path


def told(heading: str) -> set[str]:
    """Give the fields that a section of the page explains."""
    names = ", ".join(row[0] for row in rows_of(section(PAGE, heading)))
    return {name.strip() for name in names.split(",")}


def test_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents of `--json` have exactly the fields that the page explains."""
    call = ["generate", "A kite", "--size", "640x480", "--fit", "crop", "-o", "kite.png", "--json"]
    with opened(PAGE, tmp_path, monkeypatch):
        pictures, dry_run, error = (
            document(*call),
            document(*call, "--force", "--dry-run"),
            document("generate", "A kite", "--json", "-m", "nothing-known"),
        )
    for found, heading in (
        (pictures, "Pictures"),
        (dry_run, "A dry run"),
        (error, "An error"),
    ):
        fields = set(paths(found))
        as_above = {"adjustments", "notices"} if heading == "A dry run" else set()
        fields = {name for name in fields if name.partition("[")[0] not in as_above} | as_above
        fields = {"drafts[]" if name == "drafts" else name for name in fields}
        assert fields == told(heading)


def document(*words: str) -> Any:
    """Give the document that a command prints."""
    _code, printed = run_genkit(list(words))
    return json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
