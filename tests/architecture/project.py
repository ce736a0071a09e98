"""What the architecture tests look at: the project's files."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LEFT_BEHIND = {"build", "dist", "demo-output", "__pycache__"}


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that belongs to the project: what git has or would take, else what is there."""
    git = shutil.which("git")
    if git is not None and (ROOT / ".git").exists():
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        files = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        files = [path for path in ROOT.rglob("*") if not _is_left_behind(path.relative_to(ROOT))]
    return tuple(sorted(path for path in files if path.is_file()))


def _is_left_behind(path: Path) -> bool:
    parts = path.parts
    return any(part in _LEFT_BEHIND or part.startswith((".venv", ".git/")) for part in parts) or (
        parts[0].startswith(".") and parts[0] not in {".ci", ".gitignore", ".editorconfig"}
    )


def python_files() -> list[Path]:
    """Every Python file of the project: packages, providers, tests, scripts, documentation."""
    return [path for path in project_files() if path.suffix == ".py"]


def name_of(path: Path) -> str:
    """The path as the project speaks of it, from its root."""
    return path.relative_to(ROOT).as_posix()
