"""The import contracts hold, and break where they should."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

LINT = Path(sys.executable).with_name("lint-imports")

PACKAGES = {
    "genkit/__init__.py": "",
    "genkit/images.py": "",
    "genkit/client.py": "import genkit.retry\nimport genkit.images\n",
    "genkit/retry/__init__.py": "import backoff\n",
    "genkit/transport.py": "import aiohttp\n",
    "genkit/emulator/__init__.py": "import aiohttp\n",
    "genkit/provider.py": "import genkit.images\n",
    "genkit/testing/__init__.py": "import vcr\n",
    "genkit/cli/__init__.py": "import click, rich\n",
    "genkit_gemini/__init__.py": "import genkit.provider\n",
}


def contracts(project: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the contracts that a project file holds."""
    found: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return found


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the packages in a folder."""
    command = [str(LINT), "--no-logo", "--no-cache", "--config", "pyproject.toml"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def write(folder: Path, root: Path, changes: dict[str, str]) -> None:
    """Write small packages and the project's own contracts for them."""
    shutil.copy(root / "pyproject.toml", folder)
    for name, text in {**PACKAGES, **changes}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_providers_are_kept_out_of_every_upper_room(root: Path) -> None:
    """What stands above the contract is closed to providers, room for room."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    layers = {item["id"]: item["layers"] for item in contracts(project) if "layers" in item}
    upper = [layer.replace("(", "(genkit.") for layer in layers["layers"][:3]]
    assert layers["providers"][:3] == upper


def test_contracts_hold(root: Path) -> None:
    """Every import of the project points the one way."""
    result = lint(root)
    assert result.returncode == 0, result.stdout + result.stderr


def test_allowed_imports_pass(tmp_path: Path, root: Path) -> None:
    """Packages that keep to the contracts pass, though most modules are absent."""
    write(tmp_path, root, {})
    result = lint(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("name", "text", "contract"),
    [
        ("genkit/images.py", "import genkit.provider\n", "values <- contract"),
        ("genkit/provider.py", "import genkit.transport\n", "values <- contract"),
        ("genkit/retry/__init__.py", "import backoff, genkit.client\n", "values <- contract"),
        ("genkit/client.py", "import genkit.testing\n", "values <- contract"),
        ("genkit/stray.py", "", "values <- contract"),
        ("genkit_gemini/__init__.py", "import genkit.transport\n", "providers import only"),
        ("genkit_gemini/__init__.py", "import asyncio\n", "providers have no event loop"),
        ("genkit/client.py", "import genkit_gemini\n", "the core imports no provider"),
        ("genkit/client.py", "import aiohttp\n", "aiohttp stands behind"),
        ("genkit/client.py", "import backoff\n", "there is one retry loop"),
        ("genkit/client.py", "import vcr\n", "cassettes stand behind"),
        ("genkit/client.py", "import click\n", "the terminal stands behind"),
    ],
)
def test_each_contract_can_break(
    name: str, text: str, contract: str, tmp_path: Path, root: Path
) -> None:
    """An import against the direction breaks the contract that forbids it."""
    write(tmp_path, root, {name: text})
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert [line for line in broken if line.startswith(contract)], result.stdout
