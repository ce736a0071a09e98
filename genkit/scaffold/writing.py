"""Filling in the templates, and writing the project whole or not at all."""

from __future__ import annotations

import datetime
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from genkit.errors import OutputError, brief
from genkit.provider import SPEC_VERSION
from genkit.scaffold.names import ProviderNames

__all__ = ["rendered", "write_provider"]

SUFFIX = ".tmpl"
"""Of a file with placeholders; others are copied."""
DOT = "dot-"
"""What a name begins with that begins with a dot in the project."""


def write_provider(
    name: str, folder: str | os.PathLike[str] | None = None, *, today: datetime.date | None = None
) -> tuple[Path, tuple[Path, ...]]:
    """Write the distribution of a provider called `name`.

    `folder` must not exist; without one it is ``genkit-provider-NAME`` in the working directory.
    `today` is the date in the table of models. Gives the folder, and the files in it.

    Raises:
        InvalidRequestError: the name cannot be a provider's; its `field` is ``name``.
        OutputError: the folder exists, or cannot be written. Nothing is left behind.
    """
    names = ProviderNames(name)
    target = Path(folder) if folder is not None else Path(names.distribution)
    if os.path.lexists(target):
        raise OutputError(
            f"{brief(str(target), 200)} exists already; name another folder with --output",
            path=str(target),
        )
    day = today or datetime.datetime.now(datetime.UTC).date()
    contents = rendered(names, day)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".genkit-", dir=target.parent))
        try:
            project = made / target.name
            for path, text in contents.items():
                file = project / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", newline="\n")
            project.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"cannot write {brief(str(target), 200)}: {reason}", path=str(target)
        ) from None
    return target, tuple(target / path for path in sorted(contents))


def rendered(names: ProviderNames, today: datetime.date) -> Mapping[PurePosixPath, str]:
    """The project's files by path, filled in."""
    core = version("genkit-core").split(".")
    values = {
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "Class": names.class_prefix,
        "title": names.title,
        "variable": names.key_variable,
        "host": names.host,
        "today": today.isoformat(),
        "spec_version": str(SPEC_VERSION),
        "core_from": ".".join(core[:2]),
        "core_below": f"{core[0]}.{int(core[1]) + 1}",
    }
    contents = {}
    for path, file in _templates(files(__package__) / "templates", PurePosixPath()):
        text = file.read_text(encoding="utf-8")
        is_template = path.name.endswith(SUFFIX)
        contents[_named(path, names)] = Template(text).substitute(values) if is_template else text
    return contents


def _named(path: PurePosixPath, names: ProviderNames) -> PurePosixPath:
    parts = (part.removesuffix(SUFFIX) for part in path.parts)
    dotted = (f".{part.removeprefix(DOT)}" if part.startswith(DOT) else part for part in parts)
    return PurePosixPath(*(names.package if part == "package" else part for part in dotted))


def _templates(
    folder: Traversable, above: PurePosixPath
) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = above / item.name
        if item.is_dir():
            if item.name != "__pycache__":
                yield from _templates(item, path)
        else:
            yield path, item
