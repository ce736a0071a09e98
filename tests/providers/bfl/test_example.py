"""The example as a distribution: its own tests pass, it uses the public contract, it is found."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genkit
from genkit.emulator import Emulator
from genkit.plugins import Plugins
from tests.providers.bfl.installed import EXAMPLE, SOURCE, install

CONTRACT = {
    "genkit.emulation",
    "genkit.errors",
    "genkit.hookspecs",
    "genkit.images",
    "genkit.provider",
    "genkit.request",
    "genkit.wire",
}
PURE = {"attrs", "__future__", "collections.abc", "hashlib", "math", "re", "types", "typing"} | {
    "urllib.parse"
}


def test_its_own_tests_pass(tmp_path: Path) -> None:
    """Its tests, the conformance kit among them, pass in its folder and with its settings."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--rootdir", str(EXAMPLE), f"--basetemp={tmp_path / 'its'}"],
        cwd=EXAMPLE,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_it_imports_only_the_contract(path: Path) -> None:
    """Of genkit it uses the contract and values, and nothing else that is not pure."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    others = {name for name in imported if not name.startswith("genkit_bfl")} - CONTRACT
    assert others - PURE == set()


def test_it_is_found_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is installed, its entry point is enough: for the client and for the emulator."""
    assert "bfl" not in Plugins().names()
    install(tmp_path, monkeypatch)
    plugins = Plugins()
    assert {"bfl", "gemini"} <= set(plugins.names())
    assert "bfl" in [emulation.name for emulation in plugins.emulations()]
    assert plugins.problems == ()
    (info,) = [info for info in plugins.describe() if info.name == "bfl"]
    assert (info.distribution, info.version) == ("genkit-example-black-forest-labs", "0.1.0")


async def test_a_bare_model_id_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that only the example knows leads to it, though Gemini is the default."""
    install(tmp_path, monkeypatch)
    monkeypatch.setattr("genkit_bfl.codec.FIRST_WAIT", 0.001)
    async with (
        Emulator() as emulator,
        genkit.Client("bfl", api_key="made-up", base_url=emulator.base_url("bfl")) as client,
    ):
        response = await client.generate("A cup", model="flux-pro-1.1")
    assert (response.provider, response.model) == ("bfl", "flux-pro-1.1")
