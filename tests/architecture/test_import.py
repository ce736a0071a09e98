"""What `import genkit` costs: values and the contract, and nothing that is heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"PIL", "aiohttp", "backoff", "click", "genkit_gemini", "pytest", "rich", "vcr"}

PROGRAM = """
import json, sys
{statement}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def loaded_after(statement: str, folder: Path) -> set[str]:
    """Return the top-level modules that a new interpreter holds after a statement."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(statement=statement)]
    run = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    names: list[str] = json.loads(run.stdout)
    return set(names)


@pytest.mark.parametrize(
    "statement",
    [
        "import genkit",
        "import genkit; genkit.__version__; dir(genkit)",
        "from genkit import ContentPolicyError, GenerationRequest, Image, hookimpl",
        "import genkit.provider, genkit.wire, genkit.emulation",
        "import genkit.cli",
    ],
)
def test_importing_is_light(statement: str, tmp_path: Path) -> None:
    """The package, its values, contract and command load no network, pictures or providers."""
    loaded = loaded_after(statement, tmp_path)
    assert "genkit" in loaded
    assert loaded & HEAVY == set()


def test_heavy_modules_are_seen(tmp_path: Path) -> None:
    """A module that is imported is in the answer, so the test above can fail."""
    assert "click" in loaded_after("import genkit, click", tmp_path)
