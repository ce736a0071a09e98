"""Trying plugins, each in a process of its own: what it breaks, hangs or prints, it breaks there.

Run as ``python -m genkit.cli.probe GROUP NAME CONFIG``; the answer is one line of JSON on standard
output.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import orjson

__all__ = ["PROBE_SECONDS", "probe", "probe_all", "unanswering"]

PROBE_SECONDS = 15.0
"""Seconds that a plugin may take to be imported and asked."""


def probe(
    group: str, name: str, config: str | None = None, *, limit: float = PROBE_SECONDS
) -> dict[str, Any]:
    """What is known of a plugin after trying it; ``problem`` says what is broken, if anything."""
    command = [sys.executable, "-m", "genkit.cli.probe", group, name, config or ""]
    # A file and no pipe: a process that the plugin left behind could hold a pipe open for ever.
    with tempfile.TemporaryFile() as answer:
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return {"problem": f"it took longer than {limit:g} s to load"}
        answer.seek(0)
        written = answer.read()
    try:
        found: dict[str, Any] = orjson.loads(written)
    except orjson.JSONDecodeError:
        return {"problem": f"loading it ended the process, with status {done.returncode}"}
    return found


def probe_all(
    plugins: Iterable[tuple[str, str]], config: str | None = None
) -> list[dict[str, Any]]:
    """What `probe` gives for each group and name, in that order; several are tried at once."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(lambda plugin: probe(plugin[0], plugin[1], config), plugins))


def unanswering(names: Iterable[str], config: str | None = None) -> Mapping[str, str]:
    """Which of the providers `names` must not be imported here, and why.

    One that hangs, or ends its process, would do so to us; one that only raises would not.
    """
    from genkit.hookspecs import PROVIDER_GROUP

    names = tuple(names)
    results = probe_all([(PROVIDER_GROUP, name) for name in names], config)
    return {
        name: result["problem"]
        for name, result in zip(names, results, strict=True)
        if "name" not in result
    }


def _try(group: str, name: str, config: str | None) -> dict[str, Any]:
    from importlib.metadata import entry_points

    from genkit.errors import GenkitError, printable
    from genkit.hookspecs import PROVIDER_GROUP
    from genkit.plugins import Plugins

    plugins = Plugins(entry_points=entry_points(group=group, name=name))
    facts: dict[str, Any] = {}
    problem: str | None = None
    try:
        if group == PROVIDER_GROUP:
            facts = _try_provider(plugins, name, config)
        else:
            _try_plugin(plugins)
    except GenkitError as error:
        problem = printable(str(error), 500)
    info, *_others = plugins.describe()
    # A later success forgets a problem of before, so look at both.
    noted = "; ".join(one.error for one in plugins.problems)
    return {**attrs.asdict(info), **facts, "problem": problem or noted or None}


def _try_provider(plugins: Any, name: str, config: str | None) -> dict[str, Any]:
    from genkit.config import Settings, load_settings
    from genkit.errors import ConfigurationError

    try:
        settings = load_settings(config)
    except ConfigurationError:  # said elsewhere
        settings = Settings()
    accounts = [one.name for one in settings.providers.values() if one.provider == name]
    tried = [_try_account(plugins, settings.provider(one)) for one in accounts or [name]]
    return {
        "emulated": name in [emulation.name for emulation in plugins.emulations()],
        "accounts": tried,
    }


def _try_account(plugins: Any, config: Any) -> dict[str, Any]:
    """What an account's provider is like, and whether its key can be read; never the key."""
    from genkit.config import secret_source

    provider = plugins.provider(config.provider, config.settings())
    source = secret_source(config, provider)
    return {
        "name": config.name,
        "default_model": config.model or provider.default_model,
        "models": list(provider.models()),
        "key": source.describe() if source else None,
        "key_kind": source.kind if source else None,
        "key_problem": source.check() if source else None,
        "key_variables": list(provider.key_variables),
    }


def _try_plugin(plugins: Any) -> None:
    from genkit.cli.app import Added

    plugins.load_all()
    plugins.observers()
    plugins.add_commands(Added("genkit"))


def _main(arguments: Sequence[str]) -> None:
    # What the plugin prints must not get into the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    group, name, config = arguments
    with answer:
        answer.write(orjson.dumps(_try(group, name, config or None)))


if __name__ == "__main__":
    _main(sys.argv[1:])
