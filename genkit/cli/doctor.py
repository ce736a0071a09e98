"""``genkit doctor``: what is installed, what is found, and what is broken and why."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs
import click

from genkit.cli.documents import VERSION
from genkit.cli.exit_codes import ExitCode
from genkit.cli.probe import probe_all
from genkit.cli.screen import Screen
from genkit.errors import ConfigurationError
from genkit.hookspecs import PROVIDER_GROUP

if TYPE_CHECKING:
    from genkit.config import Settings
    from genkit.plugins import PluginInfo

__all__ = ["Finding", "doctor", "examine"]

Level: TypeAlias = Literal["ok", "note", "broken"]

OURS = "genkit-core"
INSTALL_PROVIDER = "pip install -e providers/gemini, from a checkout of genkit"
NEEDED = ("aiohttp", "attrs", "orjson", "pluggy", "pybase64", "click", "rich")


@attrs.frozen
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    text: str


@click.command(short_help="Say what is installed, and what is broken and why.")
@click.option("--config", metavar="FILE", help="The configuration file to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def doctor(config: str | None, as_json: bool) -> int:
    """Look at the installation, the configuration, the keys and every plugin.

    Each plugin is tried in a process of its own. Keys are looked for and never shown. The exit
    code is 1 if something is broken.
    """
    screen = Screen(json=as_json)
    findings = list(examine(config))
    broken = [finding for finding in findings if finding.level == "broken"]
    if as_json:
        document: dict[str, Any] = {"version": VERSION, "broken": len(broken)}
        screen.document(document | {"findings": [attrs.asdict(finding) for finding in findings]})
    else:
        words = {"ok": "ok", "note": "note", "broken": "BROKEN"}
        for finding in findings:
            screen.out(f"{words[finding.level]:<6}  {finding.subject:<10}  {finding.text}")
        things = "1 thing is" if len(broken) == 1 else f"{len(broken)} things are"
        screen.say(f"\n{things} broken." if broken else "\nNothing is broken.")
    return ExitCode.UNEXPECTED if broken else ExitCode.OK


def examine(config: str | None = None) -> Iterator[Finding]:
    """Everything that `genkit doctor` looks at, in order."""
    yield from _python()
    yield from _package()
    yield from _libraries()
    settings = None
    try:
        settings = _settings(config)
    except ConfigurationError as error:
        for problem in error.problems or (str(error),):
            yield Finding("broken", "config", problem)
    else:
        yield from _configuration(settings)
    yield from _plugins(config)
    if settings is not None:
        yield from _accounts(settings)


def _python() -> Iterator[Finding]:
    yield Finding("ok", "python", f"{platform.python_version()} ({sys.executable})")


def _package() -> Iterator[Finding]:
    """Who owns the package `genkit`: its name on the package index is another project's."""
    import genkit

    folder = Path(genkit.__file__ or ".").parent
    version = _version(OURS)
    if version is None:
        yield Finding("broken", "package", f"{OURS} is not installed; genkit comes from {folder}")
    else:
        yield Finding("ok", "package", f"{OURS} {version} ({folder})")
    for name in _other_owners():
        yield Finding(
            "broken",
            "package",
            f"the distribution {name!r} has a package `genkit` too, and the two overwrite each"
            f" other: pip uninstall {name} {OURS}, then install {OURS} again",
        )


def _other_owners() -> list[str]:
    owners = set()
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name == OURS:
            continue
        if name == "genkit" or any(
            file.parts[:1] == ("genkit",) for file in distribution.files or ()
        ):
            owners.add(name)
    return sorted(owners)


def _libraries() -> Iterator[Finding]:
    found = [f"{name} {version}" for name in NEEDED if (version := _version(name))]
    missing = [name for name in NEEDED if _version(name) is None]
    yield Finding("ok", "libraries", ", ".join(found))
    if missing:
        yield Finding("broken", "libraries", f"not installed: {', '.join(missing)}")
    pillow = _version("Pillow")
    if pillow:
        yield Finding("ok", "pillow", pillow)
    else:
        text = "not installed: --fit, conversions and --emulator need it (genkit-core[imaging])"
        yield Finding("note", "pillow", text)


def _settings(config: str | None) -> Settings:
    from genkit.config import load_settings

    return load_settings(config)


def _configuration(settings: Settings) -> Iterator[Finding]:
    origins = dict.fromkeys(settings.origins.values())
    yield Finding("ok", "config", ", ".join(origins) or "nothing is set: all values are defaults")
    for warning in settings.all_warnings():
        yield Finding("note", "config", warning)


def _plugins(config: str | None) -> Iterator[Finding]:
    from genkit.plugins import Plugins

    infos = Plugins().describe()
    if not any(info.group == PROVIDER_GROUP for info in infos):
        yield Finding("note", "provider", f"none is installed: {INSTALL_PROVIDER}")
    unique = list({(info.group, info.name): info for info in infos}.values())
    results = probe_all([(info.group, info.name) for info in unique], config)
    for info, result in zip(unique, results, strict=True):
        yield _plugin(info, result)
        for account in result.get("accounts", ()):
            yield _key(account)


def _plugin(info: PluginInfo, result: dict[str, Any]) -> Finding:
    subject = "provider" if info.group == PROVIDER_GROUP else "plugin"
    brought = " ".join(word for word in (info.distribution, info.version) if word)
    where = result.get("file") or info.module
    text = f"{info.name}, of {brought or 'unknown origin'} ({where})"
    if result.get("problem"):
        return Finding("broken", subject, f"{text}: {result['problem']}")
    emulated = "" if result.get("emulated") or subject == "plugin" else "; not emulated"
    return Finding("ok", subject, text + emulated)


def _key(account: dict[str, Any]) -> Finding:
    name, source, problem = account["name"], account["key"], account["key_problem"]
    if source is None:
        variables = " or ".join(account["key_variables"])
        return Finding("note", "key", f"{name}: none found; set {variables}, or use --emulator")
    if problem is not None:
        return Finding("broken", "key", f"{name}: {problem}")
    unread = " (not run to look)" if account["key_kind"] == "command" else " (found, not shown)"
    return Finding("ok", "key", f"{name}: {source}{unread}")


def _accounts(settings: Settings) -> Iterator[Finding]:
    from genkit.plugins import Plugins

    names = Plugins().names()
    for account in settings.providers.values():
        if account.provider not in names:
            text = f"{account.name}: no provider {account.provider!r} is installed"
            yield Finding("broken", "account", f"{text}; installed: {', '.join(names) or 'none'}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
