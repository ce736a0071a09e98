"""What the architecture tests look at: the project's files."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LEFT_BEHIND = {"__pycache__", "build", "demo-output", "dist"}
_KEPT_DOT_FILES = {".ci", ".editorconfig", ".gitignore"}


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that belongs to the project: what git has or would take, else what is there."""
    listed = _listed_by_git()
    paths = [ROOT / name for name in listed] if listed else ROOT.rglob("*")
    return tuple(
        sorted(
            path for path in paths if path.is_file() and not _is_left_behind(path.relative_to(ROOT))
        )
    )


def _listed_by_git() -> list[str]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    # Git refuses in a checkout that belongs to someone else.
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name]


def _is_left_behind(path: Path) -> bool:
    first = path.parts[0]
    return (first.startswith(".") and first not in _KEPT_DOT_FILES) or not _LEFT_BEHIND.isdisjoint(
        path.parts
    )


def python_files() -> list[Path]:
    """Every Python file of the project: packages, providers, tests, scripts, documentation."""
    return [path for path in project_files() if path.suffix == ".py"]


def name_of(path: Path) -> str:
    """The path as the project speaks of it, from its root."""
    return path.relative_to(ROOT).as_posix()
