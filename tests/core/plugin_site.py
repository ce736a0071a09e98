"""Distributions with plugins, installed into a folder for a test."""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from textwrap import dedent
from typing import Any

from genkit.hookspecs import PLUGIN_GROUP, PROVIDER_GROUP
from genkit.plugins import Plugins
from genkit.provider import ProviderSettings

PROVIDER = """
from genkit.hookspecs import hookimpl


class Provider:
    name = "{name}"
    spec_version = 1
    default_model = "{name}-1"
    key_variables = ("KEY",)

    def __init__(self, settings):
        self.settings = settings
        self.base_url = settings.base_url or "https://service.invalid"

    def models(self): return (self.default_model,)
    def capabilities(self, model): ...
    def encode(self, request, context): ...
    def decode(self, response, request, step): ...
    def decode_error(self, response): ...
    def stream_decoder(self, request): return None


class Emulation:
    name = "{name}"
    base_path = "/v1"

    def handles(self, request): return True
    def answer(self, request, store, draw): ...
    def render_error(self, facts): ...


@hookimpl
def genkit_providers():
    return {{"{name}": Provider}}


@hookimpl
def genkit_emulations():
    return [Emulation()]
"""

HOOKIMPL = "from genkit.hookspecs import hookimpl\n"


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        distribution: str,
        source: str,
        *,
        name: str,
        group: str = PROVIDER_GROUP,
        version: str = "1.2",
    ) -> str:
        """Install a distribution of one module behind one entry point; give the module's name."""
        module = f"plugin_{distribution.replace('-', '_')}"
        (self.folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry = f"[{group}]\n{name} = {module}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        importlib.invalidate_caches()
        return module

    def provider(self, name: str, *changes: tuple[str, str]) -> str:
        """Install a provider called `name`, its source changed; give the module's name."""
        source = PROVIDER.format(name=name)
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        return self.install(f"genkit-provider-{name}", source, name=name)

    def plugin(self, name: str, source: str) -> str:
        """Install a plugin called `name`; give the module's name."""
        return self.install(
            f"genkit-{name}", HOOKIMPL + dedent(source), name=name, group=PLUGIN_GROUP
        )

    def entry_points(self) -> list[EntryPoint]:
        """Return the entry points of everything that is installed."""
        found = distributions(path=[str(self.folder)])
        return [entry for distribution in found for entry in distribution.entry_points]

    def plugins(self) -> Plugins:
        """Return the plugins that are installed by now."""
        return Plugins(entry_points=self.entry_points())


def settings(name: str, **fields: Any) -> ProviderSettings:
    """Return settings for a provider."""
    return ProviderSettings(name=name, **fields)


def problems(plugins: Plugins) -> dict[str, str]:
    """Return the errors of a manager by plugin name."""
    return {problem.name: problem.error for problem in plugins.problems}
