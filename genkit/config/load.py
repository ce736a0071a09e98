"""From raw values to checked settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from genkit.config import checks
from genkit.config.layers import Layer, code_layer, environment_layer, files, nearest
from genkit.config.settings import ClientSettings, ProviderConfig, Settings
from genkit.errors import ConfigurationError, GenkitError
from genkit.secrets import SecretSource

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["load_settings", "override_settings"]


def load_settings(
    path: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Settings:
    """The configuration.

    Args:
        path: A file that goes before every other file; it has to be there.
        environ: Stands for the process's environment, for keys too.
        overrides: What code says, in the shape of the file: ``{"client": {"timeout": 60}}``. It
            goes before everything; `None` says nothing. A key may be given as it is.
        cwd: Stands for the working directory.

    Raises:
        ConfigurationError: something is wrong; `problems` lists every mistake with where it is,
            what was given (never of a key) and what is allowed.
    """
    folder = Path(cwd or Path.cwd())
    reader = _Reader(environ)
    settings = Settings()
    for layer in files(Path(path) if path else None, reader.environ, folder):
        settings = reader.add(settings, layer)
    settings = reader.add(
        settings, environment_layer(reader.environ, folder, tuple(settings.providers))
    )
    settings = reader.add(settings, code_layer(overrides or {}, folder))
    problems = tuple(reader.problems)
    # They may hold keys, and a traceback may print local variables.
    del environ, overrides, reader
    if problems:
        raise ConfigurationError(problems=problems)
    return settings


def override_settings(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    """`settings` with what code says instead, in the shape of the file.

    Raises:
        ConfigurationError: something is wrong; see `load_settings`.
    """
    reader = _Reader(None)
    changed = reader.add(settings, code_layer(overrides, Path.cwd()))
    problems = tuple(reader.problems)
    del overrides, reader
    if problems:
        raise ConfigurationError(problems=problems)
    return changed


@attrs.frozen(kw_only=True)
class _Values:
    """The shape of a layer."""

    default: str | None = None
    client: ClientSettings = attrs.field(factory=ClientSettings)
    providers: Mapping[str, ProviderConfig] = attrs.field(factory=dict)
    templates: Mapping[str, str] = attrs.field(factory=dict)


class _Reader:
    """Checks layers and puts one over the other, collecting what is wrong."""

    def __init__(self, environ: Mapping[str, str] | None) -> None:
        self._given = environ
        self._converter: Converter | None = None
        self._layer = Layer(origin="", folder=Path())
        self.problems: list[str] = []

    @property
    def environ(self) -> Mapping[str, str]:
        return os.environ if self._given is None else self._given

    def add(self, settings: Settings, layer: Layer) -> Settings:
        """`settings` with those of `layer` over them."""
        self.problems += layer.problems
        settings = attrs.evolve(settings, warnings=settings.warnings + layer.warnings)
        if not layer.values:
            return settings
        values = self._checked(layer)
        return settings if values is None else _merged(settings, layer, values)

    def _checked(self, layer: Layer) -> _Values | None:
        from cattrs import BaseValidationError

        self._layer = layer
        converter = self._converter = self._converter or self._make_converter()
        try:
            return converter.structure(layer.values, _Values)
        except BaseValidationError as error:
            self.problems += [
                f"{layer.origin_of(path)}: {path}: {problem}"
                for path, problem in _problems(error, ())
            ]
            return None

    # -- how each value is checked ------------------------------------------------------------

    def _make_converter(self) -> Converter:
        from cattrs import Converter
        from cattrs.gen import make_dict_structure_fn, override

        converter = Converter(detailed_validation=True)

        def register(kind: type[Any], table: Mapping[str, checks.Check]) -> None:
            hooks: dict[str, Any] = {
                name: override(struct_hook=_hook(check)) for name, check in table.items()
            }
            if kind is ProviderConfig:
                hooks["name"] = override(omit=True)
            function = make_dict_structure_fn(
                kind, converter, _cattrs_forbid_extra_keys=True, **hooks
            )
            converter.register_structure_hook(kind, function)

        client: dict[str, checks.Check] = {
            "timeout": checks.seconds,
            "attempts": checks.count(1, 10),
            "deadline": checks.seconds,
            "max_wait": checks.seconds,
            "adapt": checks.choice("adjust", "refuse"),
            "strict": checks.flag,
            "template": checks.word,
            "concurrency": checks.count(1, 256),
            "connect_timeout": checks.seconds,
            "proxy": checks.proxy_url,
            "proxy_credentials": self._secret,
            "ca_bundle": self._path,
            "output": self._path,
        }
        provider: dict[str, checks.Check] = {
            "plugin": checks.account_name,
            "api_key": self._secret,
            "model": checks.word,
            "base_url": checks.base_url,
            "api": checks.word,
            "auth": checks.choice("key", "bearer"),
            "headers": checks.headers,
            "query": checks.query,
            "options": checks.mapping,
        }
        register(ClientSettings, client)
        register(ProviderConfig, provider)
        values: dict[str, checks.Check] = {
            "default": checks.word,
            "client": partial(_table, converter, ClientSettings),
            "providers": partial(_accounts, converter),
            "templates": checks.templates,
        }
        register(_Values, values)
        return converter

    def _path(self, value: object) -> str:
        if not isinstance(value, str | os.PathLike) or not str(value) or "\0" in str(value):
            raise checks.wrong("the path of a file or folder", value)
        return str(self._layer.folder / os.path.expanduser(value))

    def _secret(self, value: object) -> SecretSource:
        problem = "expected env:NAME, file:PATH or command:PROGRAM ARGUMENTS"
        try:
            if self._layer.in_code:
                return SecretSource.of(value)  # type: ignore[arg-type]
            if isinstance(value, str):
                source = SecretSource.parse(value, environ=self._given, folder=self._layer.folder)
                if source.kind == "command" and self._layer.was_found:
                    raise checks.Wrong(_NO_COMMAND)
                return source
        except GenkitError as error:
            problem = error.message
        raise checks.Wrong(problem)


_NO_COMMAND = (
    "a file that merely stands in the working directory may not run programs; put command: into"
    " your own file, or name this one (GENKIT_CONFIG, or config= in code)"
)


def _hook(check: checks.Check) -> Any:
    return lambda value, _kind: check(value)


def _table(converter: Converter, kind: type[Any], value: object) -> Any:
    return converter.structure(checks.mapping(value), kind)


def _accounts(converter: Converter, value: object) -> Mapping[str, ProviderConfig]:
    from cattrs import IterableValidationError
    from cattrs.errors import IterableValidationNote

    accounts, errors = {}, []
    for name, table in checks.mapping(value).items():
        for check in (partial(_named, name), partial(_table, converter, ProviderConfig)):
            try:
                accounts[name] = attrs.evolve(check(table), name=name)
            except Exception as error:  # noqa: BLE001 - all are collected, and told apart below
                error.add_note(IterableValidationNote("", name, ProviderConfig))
                errors.append(error)
    if errors:
        raise IterableValidationError("providers", errors, Mapping[str, ProviderConfig])
    return accounts


def _named(name: str, _table: object) -> ProviderConfig:
    return ProviderConfig(name=checks.account_name(name))


# -- what is wrong ----------------------------------------------------------------------------


def _problems(error: Exception, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The path of each wrong value in it, and what is wrong."""
    from cattrs import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
    from cattrs.errors import AttributeValidationNote

    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, others = error.group_exceptions()
        for inner, note in noted:
            name = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _problems(inner, (*path, str(name)))
        for inner in others:
            yield from _problems(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        for name in sorted(map(str, error.extra_fields)):
            yield ".".join((*path, name)), _unknown(name, error.cl)
    elif isinstance(error, checks.Several):
        for name, problem in error.problems.items():
            yield ".".join((*path, name)), problem
    else:
        yield ".".join(path), str(error)


def _unknown(name: str, kind: type[Any]) -> str:
    known = [field.name for field in attrs.fields(kind) if field.name != "name"]
    return f"there is no such setting{nearest(name, known)}; there are {', '.join(known)}"


# -- putting one layer over another -----------------------------------------------------------


def _merged(settings: Settings, layer: Layer, values: _Values) -> Settings:
    origins = dict(settings.origins)

    def given(raw: Mapping[str, Any], checked: object, path: Sequence[str]) -> dict[str, Any]:
        """The values that this layer really says, their origins noted."""
        for key in raw:
            full = ".".join((*path, key))
            origins[full] = layer.origin_of(full)
        return {key: getattr(checked, key) for key in raw}

    raw = layer.values
    client = given(raw.get("client", {}), values.client, ["client"])
    providers = dict(settings.providers)
    for name, account in values.providers.items():
        said = given(raw["providers"][name], account, ["providers", name])
        providers[name] = attrs.evolve(settings.provider(name), **said)
    for name in values.templates:
        origins[f"templates.{name}"] = layer.origin
    if "default" in raw:
        origins["default"] = layer.origin_of("default")
    return attrs.evolve(
        settings,
        default=values.default if "default" in raw else settings.default,
        client=attrs.evolve(settings.client, **client),
        providers=providers,
        templates={**settings.templates, **values.templates},
        origins=origins,
    )
