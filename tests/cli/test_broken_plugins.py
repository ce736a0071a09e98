"""Providers broken in every way at once, all installed beside whole ones, and none in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from genkit.cli import probe
from tests.cli.conftest import Genkit
from tests.core.plugin_site import PROVIDER, Site

SOURCES: Mapping[str, tuple[str, str]] = {
    "crashing": ("from genkit", "raise RuntimeError('by design')\nfrom genkit"),
    "hanging": ("from genkit", "import time; time.sleep(600)\nfrom genkit"),
    "ending": ("from genkit", "import os; os._exit(3)\nfrom genkit"),
    "lying": ('    name = "lying"\n    spec', '    name = "gemini"\n    spec'),
    "untyped": ('{"untyped": Provider}', '{"untyped": dict}'),
    "newer": ("spec_version = 1", "spec_version = 2"),
    "older": ("spec_version = 1", "spec_version = 0"),
}
"""What is changed in a provider's source, by the name of its entry point."""
REASONS: Mapping[str, str] = {
    "crashing": "importing it raised RuntimeError: by design",
    "hanging": "it took longer than 1 s to load",
    "ending": "loading it ended the process, with status 3",
    "lying": "its factory gave a provider that calls itself 'gemini'",
    "untyped": "its factory raised TypeError: 'ProviderSettings' object is not iterable",
    "newer": "version 2 of the contract, and this genkit-core knows version 1: update genkit-core",
    "older": "version 0 of the contract, and this genkit-core knows version 1: update the provider",
    "twice": "(genkit-first and genkit-second): several distributions have it; uninstall one",
}
"""What has to be said of each."""


@pytest.fixture(autouse=True)
def broken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install them all; who hangs is given up after a second."""
    for name, change in SOURCES.items():
        site.provider(name, change)
    for distribution in ("genkit-first", "genkit-second"):
        site.install(distribution, PROVIDER.format(name="twice"), name="twice")
    real = probe.probe

    def impatient(group: str, name: str, config: str | None = None) -> dict[str, Any]:
        return real(group, name, config, limit=1 if name == "hanging" else 60)

    monkeypatch.setattr(probe, "probe", impatient)


def test_doctor(genkit: Genkit) -> None:
    """Each is named once, with its distribution and its reason; the whole one is well."""
    said = genkit("doctor", "--json")
    assert said.code == 1
    found = [row for row in said.document["findings"] if row["subject"] == "provider"]
    by_name = {row["text"].partition(",")[0]: row for row in found}
    assert len(by_name) == len(found)
    for name, reason in REASONS.items():
        assert by_name[name]["level"] == "broken"
        assert by_name[name]["text"].endswith(reason)
        assert name == "twice" or f"of genkit-provider-{name} 1.2 " in by_name[name]["text"]
    assert by_name["gemini"]["level"] == "ok"
    assert said.document["broken"] == len(REASONS)


def test_providers(genkit: Genkit) -> None:
    """Each is listed with where it comes from and its reason; the whole one as always."""
    said = genkit("providers", "--json")
    assert said.code == 0
    rows = {row["name"]: row for row in said.document["providers"]}
    for name, reason in REASONS.items():
        assert rows[name]["problem"].endswith(reason)
        assert rows[name]["default_model"] is None
    assert rows["twice"]["from"] == "genkit-first 1.2, genkit-second 1.2"
    assert rows["gemini"]["problem"] is None
    assert rows["gemini"]["default_model"]


def test_models(genkit: Genkit) -> None:
    """The models of the whole one are listed, and each broken one is warned of."""
    said = genkit("models", "--json")
    assert said.code == 0
    assert {row["provider"] for row in said.document["models"]}.isdisjoint(REASONS)
    assert "gemini" in {row["provider"] for row in said.document["models"]}
    warnings = said.err.replace("\n", " ")
    for name, reason in REASONS.items():
        assert f"Warning: provider '{name}'" in warnings
        assert reason in warnings


def test_drawing(folder: Path) -> None:
    """The whole one draws, by the real command, on an emulator that emulates no other."""
    drawn = subprocess.run(
        [
            *(sys.executable, "-m", "genkit.cli", "generate", "a banana"),
            *("--emulator", "-m", "gemini", "-o", "banana.png"),
        ],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        text=True,
        timeout=60,
    )
    assert drawn.returncode == 0, drawn.stderr
    assert "broken" not in drawn.stderr
    assert (folder / "banana.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", sorted({*REASONS} - {"hanging", "ending"}))
def test_drawing_with_a_broken_one(name: str, genkit: Genkit, folder: Path) -> None:
    """Who asks for a broken one is told why it cannot be used, and nothing is drawn."""
    said = genkit("generate", "a banana", "--emulator", "-m", name, "--json")
    assert (said.code, said.error["class"]) == (2, "PluginError")
    assert said.error["message"].endswith(REASONS[name])
    assert list(folder.iterdir()) == []


def test_drawing_with_a_bare_model_beside_broken_ones(site: Site, genkit: Genkit) -> None:
    """A model without its provider is looked for in those that can be loaded."""
    for name in ("hanging", "ending"):  # to look into these is to import them
        (info,) = site.folder.glob(f"genkit_provider_{name}-*")
        (info / "entry_points.txt").write_text("")
    said = genkit("generate", "a banana", "--dry-run", "--json", "-m", "gemini-3-pro-image")
    assert said.code == 0
    assert said.document["provider"] == "gemini"
