"""The command ``genkit``: its commands, loaded when they are asked for, and how each ends."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

import click

from genkit.cli.documents import error_document
from genkit.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from genkit.cli.failures import show_error
from genkit.cli.interruption import Interrupted
from genkit.cli.screen import Screen
from genkit.errors import GenkitError

__all__ = ["Added", "Commands", "cli", "run"]

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "generate": "generate:generate",
        "refine": "refine:refine",
        "models": "catalog:models",
        "providers": "catalog:providers",
        "config": "settings:config",
        "doctor": "doctor:doctor",
        "emulator": "emulate:emulator",
        "new-provider": "new_provider:new_provider",
    }
)
"""Where each command is: its module in this package, and its name there."""

EPILOG = "Exit codes:\n\n\b\n" + "\n".join(f"{code:4d}  {MEANINGS[code]}" for code in ExitCode)


class Added(click.Group):
    """What plugins add their commands to: none of them may stand for another."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Take a plugin's command.

        Raises:
            ValueError: there is one of that name.
        """
        name = name or cmd.name or ""
        if name in _COMMANDS or name in self.commands:
            raise ValueError(f"there is a command {name!r} already")
        super().add_command(cmd, name)


class Commands(click.Group):
    """Our commands, and those of plugins. Plugins are loaded only where one may be meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, ours first."""
        return [*_COMMANDS, *sorted(_added(ctx).commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in _COMMANDS:
            return _added(ctx).commands.get(cmd_name)
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"genkit.cli.{module}"), name)
        return command


def _added(ctx: click.Context) -> Added:
    """The commands of plugins, asked for once. One that fails to add its own is only named."""
    from genkit.plugins import Plugins

    group = ctx.meta.get("genkit.added")
    if not isinstance(group, Added):
        plugins = Plugins()
        group = ctx.meta["genkit.added"] = Added("genkit")
        plugins.add_commands(group)
        for problem in plugins.problems:
            Screen().insist(f"Warning: plugin {problem.name!r} is broken: see genkit doctor")
    return group


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    package_name="genkit-core", prog_name="genkit", message="%(prog)s %(version)s"
)
def cli() -> None:
    """Generate, edit and refine images with AI services.

    \b
    genkit generate "A cute cartoon banana mascot waving" --size 512x512 -o banana.png
    genkit refine banana.png "Give it sunglasses"

    Without a key, add --emulator: made-up pictures, no cost. What is installed and what is broken
    says `genkit doctor`.
    """  # noqa: D301


def run(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name, and give its exit code."""
    options = list(arguments)
    options = options[: options.index("--")] if "--" in options else options
    screen = Screen(json="--json" in options)
    try:
        result = cli.main(list(arguments), prog_name="genkit", standalone_mode=False)
    except click.ClickException as error:
        return _usage(error, screen)
    except (click.Abort, KeyboardInterrupt):
        return _end(Interrupted("no", (), sent=False), screen)
    except BrokenPipeError:
        # Whoever read our output has gone: the interpreter must not try again at its end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.UNEXPECTED
    except (GenkitError, Interrupted) as error:
        return _end(error, screen)
    except Exception as error:  # noqa: BLE001 - the last place that can say something useful
        traceback.print_exc()
        return _end(error, screen)
    return result if isinstance(result, int) else ExitCode.OK


def _end(error: BaseException, screen: Screen) -> int:
    """Say what ended a command, and give its exit code."""
    if screen.json:
        screen.document(error_document(error))
    if isinstance(error, GenkitError):
        show_error(error, screen)
    elif isinstance(error, Interrupted):
        screen.insist(f"{error}"[:1].upper() + f"{error}."[1:])
    else:
        screen.insist(
            f"Error: unexpected {type(error).__name__}; this is a defect, of genkit or of a plugin"
        )
    return exit_code_of(error)


def _usage(error: click.ClickException, screen: Screen) -> int:
    if screen.json:
        document = error_document(error)
        document["error"] |= {"message": error.format_message(), "exit_code": error.exit_code}
        screen.document(document)
    error.show()
    return error.exit_code
