from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from genkit import cli
from tests.cli.conftest import Genkit
from tests.core.plugin_site import Site

COMMANDS = ["generate", "refine", "models", "providers", "config", "doctor", "emulator"]


def loaded_after(*arguments: str) -> set[str]:
    """Return the modules that the command has loaded in a process of its own."""
    program = (
        "import json, sys; from genkit.cli import main; main(sys.argv[1:]);"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["--version"], ["generate", "--help"], ["config", "show"], ["providers"]]
)
def test_starting_is_light(arguments: list[str]) -> None:
    """What draws nothing loads no network library, no terminal library and no Pillow."""
    loaded = loaded_after(*arguments)
    assert "click" in loaded
    assert loaded & {"aiohttp", "rich", "PIL"} == set()


def test_the_version(genkit: Genkit) -> None:
    """`--version` says the version of the distribution."""
    said = genkit("--version")
    assert (said.code, said.out) == (0, f"genkit {version('genkit-core')}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, genkit: Genkit) -> None:
    """Each command is listed and says what it does, with `-h` too."""
    assert f"\n  {command} " in genkit("--help").out
    said = genkit(command, "-h")
    assert said.code == 0
    assert said.out.startswith(f"Usage: genkit {command} ")


def test_options_stand_in_sections(genkit: Genkit) -> None:
    """The many options of `generate` are shown in sections, each exactly once."""
    said = genkit("generate", "--help").out
    sections = [line for line in said.splitlines() if line.endswith(":") and line[0] != " "]
    assert sections == ["Picture:", "Prompt:", "Call:", "Result:", "Help:"]
    for option in ("--size", "--var", "--dry-run", "--force", "--emulator", "--config"):
        named = [line for line in said.splitlines() if re.match(rf"  (-\w, )?{option} ", line)]
        assert len(named) == 1


def test_without_a_command_there_is_help(genkit: Genkit) -> None:
    """`genkit` alone says how it is used, and that something was missing."""
    said = genkit()
    assert said.code == 2
    assert "Usage: genkit" in said.err


def test_the_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without click the command says which extra brings it, and ends with 2."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "click" else 1)
    assert cli.main(["providers"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "needs click" in said.err
    assert "pip install 'genkit-core[cli]'" in said.err


def test_a_plugin_adds_a_command(site: Site, genkit: Genkit) -> None:
    """A plugin's command stands beside ours and ends with the code that it gives."""
    site.plugin(
        "gallery",
        """
        import click

        @hookimpl
        def genkit_commands(cli):
            @cli.command()
            @click.option("--code", type=int)
            def gallery(code):
                "Show all pictures."
                click.echo("pictures")
                return code
        """,
    )
    assert re.search(r"  gallery +Show all pictures\.\n", genkit("--help").out)
    said = genkit("gallery", "--code", "7")
    assert (said.code, said.out) == (7, "pictures\n")


def test_a_broken_plugin_is_in_nobodys_way(site: Site, genkit: Genkit) -> None:
    """A plugin that raises costs its own command only; the help names it."""
    site.plugin("broken", "raise RuntimeError('by design')")
    site.plugin(
        "whole",
        """
        @hookimpl
        def genkit_commands(cli):
            @cli.command()
            def whole(): ...
        """,
    )
    said = genkit("--help")
    assert said.code == 0
    assert "  whole" in said.out
    assert "plugin 'broken' is broken" in said.err
    assert genkit("whole").code == 0
    said = genkit("providers")
    assert (said.code, said.err) == (0, "")


def test_a_plugin_cannot_stand_for_a_command_of_ours(site: Site, genkit: Genkit) -> None:
    """A plugin that would replace `doctor` is broken, and `doctor` stays ours."""
    site.plugin(
        "greedy",
        """
        @hookimpl
        def genkit_commands(cli):
            @cli.command()
            def doctor():
                raise SystemExit("not ours")
        """,
    )
    assert "plugin 'greedy' is broken" in genkit("--help").err
    assert genkit("doctor", "--help").code == 0


def test_an_unknown_command(genkit: Genkit) -> None:
    """An unknown command ends with 2 and says so."""
    said = genkit("draw")
    assert said.code == 2
    assert "No such command 'draw'" in said.err


def test_a_wrong_option_is_a_document_too(genkit: Genkit) -> None:
    """With `--json` wrong usage is a JSON document as any other error."""
    said = genkit("generate", "a banana", "--api-key", "x", "--json")
    assert said.code == 2
    assert said.error["class"] == "NoSuchOption"
    assert said.error["exit_code"] == 2
    assert "--api-key" in said.error["message"]
    assert "No such option" in said.err


def test_json_after_two_dashes_is_a_prompt(genkit: Genkit) -> None:
    """`--json` behind `--` is an argument and asks for no document."""
    said = genkit("generate", "--", "--json", "more")
    assert (said.code, said.out) == (2, "")


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    """A closed pipe ends the command without a traceback."""
    command = f"{sys.executable} -m genkit.cli models --json | :"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
