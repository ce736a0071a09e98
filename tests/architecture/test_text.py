"""The project's text holds on any machine: no paths or hosts of the one that it was written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.project import name_of, project_files

# Put together here, so that this file may speak of what it looks for.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "conda." + "anaconda"]
FOLDERS = ["/wor" + "k/", "/roo" + "t/", "/hom" + "e/", "/User" + "s/", "/opt/" + "pypi"]
OPTIONS = ["index" + "-url", "find" + "-links", "trusted" + "-host"]
FORBIDDEN = re.compile(
    "|".join(
        [
            *(re.escape(host) for host in HOSTS),
            # At the start of a path: `network/` and `assets/work/` are no folder of a machine.
            rf"(?<![\w.}}\])/-])(?:{'|'.join(re.escape(folder) for folder in FOLDERS)})",
            *(re.escape("--" + option) for option in OPTIONS),
            r"(?i:\bissue\s+#?\d)",
        ]
    )
)

LOCK_FILES = {
    "Pipfile.lock",
    "package-lock.json",
    "pdm.lock",
    "poetry.lock",
    "pylock.toml",
    "uv.lock",
}


def text_of(path: Path) -> str | None:
    """Return the file's text, or `None` for a binary one."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def findings(name: str, text: str) -> list[str]:
    """Name each line of a text that holds something forbidden."""
    return [
        f"{name}:{number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for match in FORBIDDEN.finditer(line)
    ]


def test_no_text_names_a_machine_or_a_registry() -> None:
    """No file of the project holds a machine's path, a registry's host or an issue's number."""
    found = []
    for path in project_files():
        text = text_of(path)
        found += findings(name_of(path), text) if text is not None else []
    assert found == []


def test_no_lock_file() -> None:
    """No lock file stands in the repository: it would hold download addresses."""
    assert [name_of(path) for path in project_files() if path.name in LOCK_FILES] == []


@pytest.mark.parametrize(
    "line",
    [
        f"see https://{HOSTS[0]}/project/x",
        f"open('{FOLDERS[0]}main/x')",
        f"{FOLDERS[2]}someone/x",
        f"pip install --{OPTIONS[0]} x",
        "as issue" + " #12 says",
    ],
)
def test_forbidden_text_is_found(line: str) -> None:
    """Each kind of forbidden text is seen."""
    assert findings("x", line) != []


@pytest.mark.parametrize(
    "line", ["from network/x", "https://example.com/home/x", "an issue with 2"]
)
def test_other_text_is_left_alone(line: str) -> None:
    """Text that only looks alike passes."""
    assert findings("x", line) == []
