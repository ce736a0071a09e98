from __future__ import annotations

import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from genkit.cli import probe
from genkit.hookspecs import PLUGIN_GROUP
from tests.cli.conftest import Ended, Genkit
from tests.core.plugin_site import Site

KEY = "canary-4f1d-AbC9"


def findings(said: Ended, subject: str) -> list[tuple[str, str]]:
    """Level and text of what was found about a subject."""
    return [
        (found["level"], found["text"])
        for found in said.document["findings"]
        if found["subject"] == subject
    ]


def test_a_whole_installation(genkit: Genkit) -> None:
    """Nothing is broken here: package, libraries, provider; a missing key is only a note."""
    said = genkit("doctor")
    assert said.code == 0
    assert "Nothing is broken." in said.err
    assert "BROKEN" not in said.out
    for word in ("python", "genkit-core", "aiohttp", "pillow", "gemini, of genkit-provider-gemini"):
        assert word in said.out
    assert (
        "note    key         gemini: none found; set GEMINI_API_KEY or GOOGLE_API_KEY" in said.out
    )


def test_a_key_is_found_and_not_shown(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a key only the variable is shown."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    for arguments in ([], ["--json"]):
        said = genkit("doctor", *arguments)
        assert said.code == 0
        assert "gemini: env:GEMINI_API_KEY (found, not shown)" in said.out
        assert KEY not in said.out + said.err


def test_a_key_that_cannot_be_read_is_broken(folder: Path, genkit: Genkit) -> None:
    """A key that is configured and not there is broken; a command is not run to look."""
    (folder / "genkit.toml").write_text(
        """
        [providers.gemini]
        api_key = "file:nowhere"
        """
    )
    said = genkit("doctor", "--json")
    assert said.code == 1
    (text,) = [text for level, text in findings(said, "key") if level == "broken"]
    assert "nowhere" in text

    ran = folder / "ran"
    config = folder / "mine.toml"
    config.write_text(f"[providers.gemini]\napi_key = 'command:touch {ran}'\n")
    said = genkit("doctor", "--json", "--config", config)
    assert ("ok", "gemini: command:touch (not run to look)") in findings(said, "key")
    assert not ran.exists()


BROKEN_PLUGINS = {
    "raises when imported": ("raise RuntimeError('by design')", "RuntimeError: by design"),
    "ends the process": ("import os; os._exit(3)", "ended the process, with status 3"),
    "exits": ("raise SystemExit('by design')", "by design"),
    "has no hook": ("", "no hook"),
    "fails to add its command": (
        "@hookimpl\ndef genkit_commands(cli):\n    raise KeyError('by design')\n",
        "genkit_commands raised KeyError",
    ),
    "stands for a command of ours": (
        "import click\n@hookimpl\ndef genkit_commands(cli):\n"
        "    cli.add_command(click.Command('doctor'))\n",
        "there is a command 'doctor' already",
    ),
    "fails to give its observers": (
        "@hookimpl\ndef genkit_observers():\n    return [1]\n",
        "an observer that cannot be called",
    ),
}


@pytest.mark.parametrize("kind", BROKEN_PLUGINS)
def test_what_a_plugin_does_wrong_is_found(kind: str, site: Site) -> None:
    """Whatever a plugin does wrong is found, with the reason, in a process of its own."""
    source, reason = BROKEN_PLUGINS[kind]
    site.plugin("odd", source)
    assert reason in probe.probe(PLUGIN_GROUP, "odd")["problem"]


def test_a_broken_plugin_is_named_with_the_reason(site: Site, genkit: Genkit) -> None:
    """A broken plugin is named with its distribution, and the rest is looked at all the same."""
    site.plugin("odd", "import os; os._exit(3)")
    said = genkit("doctor", "--json")
    assert said.code == 1
    assert findings(said, "plugin") == [
        (
            "broken",
            "odd, of genkit-odd 1.2 (plugin_genkit_odd):"
            " loading it ended the process, with status 3",
        )
    ]
    assert findings(said, "provider")[0][0] == "ok"


def test_a_plugin_that_hangs_is_given_up(
    site: Site, genkit: Genkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that never ends its import is ended, and said to be broken."""
    site.plugin("slow", "import time; time.sleep(600)")
    real = probe.probe

    def impatient(group: str, name: str, config: str | None = None) -> dict[str, Any]:
        return real(group, name, config, limit=0.7 if name == "slow" else 60)

    monkeypatch.setattr(probe, "probe", impatient)
    started = time.monotonic()
    said = genkit("doctor", "--json")
    assert time.monotonic() - started < 60
    assert findings(said, "plugin")[0][0] == "broken"
    assert "took longer than 0.7 s" in findings(said, "plugin")[0][1]


def test_what_a_plugin_prints_is_nobodys_answer(site: Site, genkit: Genkit) -> None:
    """A plugin that prints when it is imported, in whatever way, does not confuse the doctor."""
    site.plugin(
        "loud",
        """
        import os, sys
        print("{}")
        os.write(1, b"{}")
        sys.stdout.flush()

        @hookimpl
        def genkit_observers(): return []
        """,
    )
    said = genkit("doctor", "--json")
    assert said.code == 0
    assert findings(said, "plugin")[0][0] == "ok"


def test_a_broken_provider(site: Site, genkit: Genkit) -> None:
    """A provider whose factory raises is broken, and another one is not."""
    site.provider("odd", ("self.settings = settings", "raise OSError('by design')"))
    site.provider("fine")
    said = genkit("doctor", "--json")
    assert said.code == 1
    found = {text.partition(",")[0]: (level, text) for level, text in findings(said, "provider")}
    assert found["odd"][0] == "broken"
    assert "OSError: by design" in found["odd"][1]
    assert found["fine"][0] == found["gemini"][0] == "ok"
    assert ("note", "fine: none found; set KEY, or use --emulator") in findings(said, "key")


def test_one_name_of_two_distributions(site: Site, genkit: Genkit) -> None:
    """Two distributions that bring a provider of one name are both named."""
    site.install("genkit-first", "", name="twice")
    site.install("genkit-second", "", name="twice")
    said = genkit("doctor", "--json")
    (text,) = [text for level, text in findings(said, "provider") if level == "broken"]
    assert "several distributions have it" in text


def test_an_account_without_its_provider(folder: Path, genkit: Genkit) -> None:
    """An account of a provider that is not installed is broken."""
    (folder / "genkit.toml").write_text("[providers.work]\nplugin = 'elsewhere'\n")
    said = genkit("doctor", "--json")
    assert said.code == 1
    ((level, text),) = findings(said, "account")
    assert (level, text) == (
        "broken",
        "work: no provider 'elsewhere' is installed; installed: gemini, openai",
    )


def test_another_owner_of_the_package(site: Site, genkit: Genkit) -> None:
    """A distribution that has a package `genkit` too is broken, and what to do is said."""
    site.install("other-kit", "", name="other", group="somewhere.else")
    # The file is there, because later Pythons pass over those that a record lists and nobody has.
    (site.folder / "genkit").mkdir()
    (site.folder / "genkit" / "other.py").touch()
    record = site.folder / "other_kit-1.2.dist-info" / "RECORD"
    record.write_text("genkit/other.py,,\nother_kit-1.2.dist-info/METADATA,,\n")
    said = genkit("doctor", "--json")
    assert said.code == 1
    (text,) = [text for level, text in findings(said, "package") if level == "broken"]
    assert "'other-kit' has a package `genkit` too" in text
    assert "pip uninstall other-kit genkit-core" in text


def test_a_wrong_configuration(folder: Path, genkit: Genkit) -> None:
    """Each mistake of the configuration is a finding of its own."""
    (folder / "genkit.toml").write_text("[client]\ntimeout = -1\nattempts = 'x'\n")
    said = genkit("doctor", "--json")
    assert said.code == 1
    assert [level for level, _text in findings(said, "config")] == ["broken", "broken"]


def test_without_pillow(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing Pillow is a note that says what needs it."""
    version = metadata.version

    def without(name: str) -> str:
        if name == "Pillow":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    ((level, text),) = findings(genkit("doctor", "--json"), "pillow")
    assert level == "note"
    assert "genkit-core[imaging]" in text


def test_without_any_provider(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a provider, how to install one is said."""
    monkeypatch.setattr("genkit.plugins.Plugins.describe", lambda _self: ())
    monkeypatch.setattr("genkit.plugins.Plugins.names", lambda _self: ())
    ((level, text),) = findings(genkit("doctor", "--json"), "provider")
    assert level == "note"
    assert "pip install -e providers/gemini" in text
    assert "pip install -e providers/gemini" in genkit("providers").out
    assert "pip install -e providers/gemini" in genkit("models").out
