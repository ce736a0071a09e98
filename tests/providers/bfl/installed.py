"""The example distribution, installed for a test: its sources on the path, and its entry point."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "black-forest-labs"
SOURCE = EXAMPLE / "src"


def put_on_path() -> None:
    """Let the example be imported, in this process."""
    if str(SOURCE) not in sys.path:
        sys.path.append(str(SOURCE))


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the example be found by its entry point, as its own project file says it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    put_on_path()
    patch.syspath_prepend(folder)
