"""``genkit new-provider``: a provider of one's own, complete, to be made real."""

from __future__ import annotations

import click

from genkit.cli.documents import VERSION
from genkit.cli.screen import Screen
from genkit.errors import InvalidRequestError

__all__ = ["new_provider"]


@click.command("new-provider", short_help="Write the distribution of a new provider.")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="The folder to write, which must not exist; genkit-provider-NAME if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def new_provider(name: str, output: str | None, as_json: bool) -> int:
    """Write a complete provider called NAME, with a made-up service in the place of yours.

    It installs, passes its own tests and draws on the emulator at once: change it file by file.
    """
    from genkit.plugins import Plugins
    from genkit.scaffold import ProviderNames, write_provider

    names = ProviderNames(name)
    installed = {_like(other): other for other in Plugins().names()}
    if (other := installed.get(_like(name))) is not None:
        raise InvalidRequestError(
            f"name: a provider called {other!r} is installed already; choose another name",
            field="name",
        )
    folder, files = write_provider(name, output)
    screen = Screen(json=as_json)
    if as_json:
        paths = [str(file) for file in files]
        screen.document(
            {"version": VERSION, "provider": name, "folder": str(folder), "files": paths}
        )
        return 0
    screen.out(str(folder))
    screen.say(f"{len(files)} files of {names.distribution}, with tests that pass. Next:")
    for line in (
        f"cd {folder}",
        "pip install -e '.[test]'",
        "pytest",
        f'genkit generate "a red kite" -m {name}:{name}-1 --emulator',
    ):
        screen.say(f"    {line}")
    screen.say("Then make it speak your service's wire: README.md says where.")
    return 0


def _like(name: str) -> str:
    """Two names of which this is the same would share a package."""
    return name.replace("-", "_")
