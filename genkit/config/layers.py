"""The places that configuration comes from, each as one layer of raw values."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from genkit.errors import InvalidRequestError
from genkit.files import read_regular_file

__all__ = [
    "Layer",
    "candidates",
    "code_layer",
    "environment_layer",
    "file_layer",
    "files",
    "nearest",
]

FILE_NAME = "genkit.toml"
MAX_FILE_BYTES = 1024 * 1024

_PREFIX = "GENKIT_"
_CONFIG = "GENKIT_CONFIG"
_BASE_URL = "GENKIT_BASE_URL_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@attrs.frozen(kw_only=True)
class Layer:
    """Raw values of one origin, in the shape of the file."""

    origin: str
    """For people: ``"file PATH"``, ``"code"``; of an environment, see `origins`."""
    values: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    origins: Mapping[str, str] = attrs.field(factory=dict)
    """Of single values, by path, where they differ from `origin`."""
    folder: Path
    """Where relative paths begin."""
    in_code: bool = False
    """Whether it was written in code, where a key may be given as it is."""
    was_found: bool = False
    """Whether nobody named it: it stands in the working directory, which may be anybody's."""
    problems: tuple[str, ...] = ()
    """Why there are no values."""
    warnings: tuple[str, ...] = ()

    def origin_of(self, path: str) -> str:
        """Where the value at `path` comes from."""
        return self.origins.get(path, self.origin)


# -- files ------------------------------------------------------------------------------------


def candidates(
    explicit: Path | None, environ: Mapping[str, str], folder: Path
) -> Mapping[Path, bool]:
    """Every file that is looked for, the most general first, and whether it has to be there."""
    named = environ.get("GENKIT_CONFIG")
    candidates = {
        _resolved(_user_folder(environ) / FILE_NAME, folder): False,
        _resolved(folder / FILE_NAME, folder): False,
    }
    for path in (Path(named) if named else None, explicit):
        if path is not None:
            resolved = _resolved(path, folder)
            candidates.pop(resolved, None)  # so that it stands at the end
            candidates[resolved] = True
    return candidates


def files(explicit: Path | None, environ: Mapping[str, str], folder: Path) -> tuple[Layer, ...]:
    """The files there are, the most general first; a file that was named has to be there."""
    own = _resolved(_user_folder(environ) / FILE_NAME, folder)
    return tuple(
        attrs.evolve(file_layer(path), was_found=not is_required and path != own)
        for path, is_required in candidates(explicit, environ, folder).items()
        if is_required or path.is_file()
    )


def _resolved(path: Path, folder: Path) -> Path:
    return Path(os.path.abspath(folder / os.path.expanduser(path)))


def _user_folder(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or Path.home())
    if os.name == "nt" and environ.get("APPDATA"):
        return Path(environ["APPDATA"], "genkit")
    configured = Path(environ.get("XDG_CONFIG_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (configured if configured.is_absolute() else home / ".config") / "genkit"


def file_layer(path: Path) -> Layer:
    """What a TOML file holds, or why it cannot be read."""
    origin = f"file {path}"
    try:
        text = read_regular_file(path, max_bytes=MAX_FILE_BYTES, field="file").decode("utf-8-sig")
        values = tomllib.loads(text)
    except InvalidRequestError as error:
        problem = error.message.removeprefix("file: ").replace(repr(str(path)), "it")
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except ValueError as error:  # `tomllib.TOMLDecodeError`, or a number of too many digits
        problem = f"it is not TOML: {error}"
    except RecursionError:
        problem = "it is nested too deeply"
    else:
        return Layer(origin=origin, values=values, folder=path.parent)
    return Layer(origin=origin, folder=path.parent, problems=(f"{origin}: {problem}",))


# -- environment ------------------------------------------------------------------------------


def _number(text: str) -> object:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text  # the check says what is allowed


def _flag(text: str) -> object:
    return True if text.lower() in _TRUE else False if text.lower() in _FALSE else text


def _text(text: str) -> object:
    return text


_VARIABLES: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "GENKIT_MODEL": ("default", _text),
    "GENKIT_TIMEOUT": ("client.timeout", _number),
    "GENKIT_ATTEMPTS": ("client.attempts", _number),
    "GENKIT_DEADLINE": ("client.deadline", _number),
    "GENKIT_MAX_WAIT": ("client.max_wait", _number),
    "GENKIT_ADAPT": ("client.adapt", _text),
    "GENKIT_STRICT": ("client.strict", _flag),
    "GENKIT_TEMPLATE": ("client.template", _text),
    "GENKIT_CONCURRENCY": ("client.concurrency", _number),
    "GENKIT_CONNECT_TIMEOUT": ("client.connect_timeout", _number),
    "GENKIT_PROXY": ("client.proxy", _text),
    "GENKIT_PROXY_CREDENTIALS": ("client.proxy_credentials", _text),
    "GENKIT_CA_BUNDLE": ("client.ca_bundle", _text),
    "GENKIT_OUTPUT": ("client.output", _text),
}
"""Variable, path of the value, and how its text is read."""


def environment_layer(environ: Mapping[str, str], folder: Path, accounts: Iterable[str]) -> Layer:
    """What ``GENKIT_*`` variables say. Empty ones say nothing.

    ``GENKIT_BASE_URL_<NAME>`` is for the account of `accounts` whose name it is in capitals, with
    ``_`` for other signs, or else for the provider of that name in small letters.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings = []
    by_variable = {_as_variable(name): name for name in accounts}
    for variable in sorted(environ):
        text = environ[variable].strip()
        if not text or not variable.startswith(_PREFIX) or variable == _CONFIG:
            continue
        if variable in _VARIABLES:
            path, read = _VARIABLES[variable]
        elif variable.startswith(_BASE_URL) and variable != _BASE_URL:
            suffix = variable.removeprefix(_BASE_URL)
            path, read = f"providers.{by_variable.get(suffix, suffix.lower())}.base_url", _text
        else:
            if meant := nearest(variable, [*_VARIABLES, _CONFIG], cutoff=0.85):
                warnings.append(f"environment {variable}: this is no setting{meant}")
            continue
        origins[path] = f"environment {variable}"
        *tables, key = path.split(".", 2) if path.startswith("client") else _split(path)
        table = values
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = read(text)
    return Layer(
        origin="environment",
        values=values,
        origins=origins,
        folder=folder,
        warnings=tuple(warnings),
    )


def _split(path: str) -> list[str]:
    # A name may hold a dot, the table before it and the key after it do not.
    head, _, rest = path.partition(".")
    if not rest:
        return [head]
    name, _, key = rest.rpartition(".")
    return [head, name, key]


def _as_variable(name: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in name).upper()


# -- code -------------------------------------------------------------------------------------


def code_layer(values: Mapping[str, Any], folder: Path) -> Layer:
    """What code says; `None` says nothing."""
    return Layer(origin="code", values=_said(values), folder=folder, in_code=True)


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _said(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """`` (did you mean ...?)`` of the known name that is nearest, or nothing."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {near[0]!r}?)" if near else ""
