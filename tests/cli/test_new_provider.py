"""`genkit new-provider`: what it refuses, what it writes, and that it works at once."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from genkit.scaffold import ProviderNames, write_provider
from tests.cli.conftest import Genkit

RUFF = Path(sys.executable).with_name("ruff")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment in a project's folder, the project being installed."""
    site = folder.parent / "installed"
    if not site.is_dir():
        install(folder, site)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**kept, "PYTHONPATH": os.pathsep.join([str(site), str(folder / "src")])},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def install(folder: Path, site: Path) -> None:
    """Write what an installer writes of a project: its metadata and entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    entries = "".join(
        f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in table.items())
        for group, table in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text(entries, encoding="utf-8")


def test_it_passes_its_own_tests_and_draws(genkit: Genkit, folder: Path) -> None:
    """Written, it is found, passes all of its tests with warnings as errors, and draws."""
    said = genkit("new-provider", "acme-art")
    assert said.code == 0, said.err
    assert said.out == "genkit-provider-acme-art\n"
    project = folder / "genkit-provider-acme-art"
    tested = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert re.search(r"\d\d\d passed", tested.stdout), tested.stdout + tested.stderr
    assert "skipped" not in tested.stdout
    assert tested.returncode == 0
    drawn = run(
        project,
        *("-m", "genkit.cli", "generate", "a red kite", "-m", "acme-art:acme-art-1"),
        *("--emulator", "-o", "kite.png"),
    )
    assert drawn.returncode == 0, drawn.stderr
    assert (project / "kite.png").read_bytes().startswith(b"\x89PNG")


def test_its_files(genkit: Genkit, folder: Path) -> None:
    """It is complete: package, tests, cassettes, continuous integration, notes on its licence."""
    said = genkit("new-provider", "acme", "--output", "elsewhere/mine", "--json")
    assert said.code == 0
    assert said.document["folder"] == "elsewhere/mine"
    project = folder / "elsewhere" / "mine"
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files == {
        *(".github/workflows/test.yml", ".gitignore", "LICENSE", "README.md", "pyproject.toml"),
        *(f"src/genkit_acme/{name}.py" for name in ("__init__", "codec", "emulation")),
        *("src/genkit_acme/errors.py", "src/genkit_acme/models.py", "src/genkit_acme/py.typed"),
        *(f"tests/test_{name}.py" for name in ("cassettes", "conformance", "emulator")),
        "cassettes/test_cassettes/test_generate.yaml",
        "cassettes/test_cassettes/test_options.yaml",
    }
    assert len(said.document["files"]) == len(files)
    for path in sorted(project.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\$(?!\{\{|[ ])\w", text), path
            assert "tmpl" not in text
    workflow = (project / ".github/workflows/test.yml").read_text(encoding="utf-8")
    assert "${{ matrix.python }}" in workflow
    assert "secrets." not in workflow
    assert not list((folder / "elsewhere").glob(".genkit-*"))


@pytest.mark.parametrize("name", ["a", "black-forest_labs2", "x" * 30])
def test_any_name_gives_sound_python(name: str, tmp_path: Path) -> None:
    """Short or long, with marks or without, the name makes modules that parse and lint."""
    project, files = write_provider(name, tmp_path / "project")
    for file in files:
        if file.suffix == ".py":
            ast.parse(file.read_text(encoding="utf-8"))
    if RUFF.exists():
        checked = subprocess.run(
            [str(RUFF), "check", "--isolated", "--no-cache", "--select", "F,E4,E7,E9,UP,B", "."],
            cwd=project,
            check=False,
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    "name",
    [
        *("", "Acme", "1acme", "acme art", "acme.art", "-acme", "acme-", "ac--me", "../acme"),
        *("acmé", "x" * 31, "acme\n", "a/b"),
    ],
)
def test_what_cannot_be_a_name(name: str, genkit: Genkit, folder: Path) -> None:
    """A name that cannot stand for a package is refused with what is allowed."""
    said = genkit("new-provider", "--json", "--", name)
    assert said.code == 2
    assert (said.error["class"], said.error["field"]) == ("InvalidRequestError", "name")
    assert "small letters and digits" in said.error["message"]
    assert list(folder.iterdir()) == []


def test_an_installed_provider_is_not_written_again(genkit: Genkit, folder: Path) -> None:
    """The name of a provider that is installed is taken."""
    said = genkit("new-provider", "gemini")
    assert said.code == 2
    assert "'gemini' is installed already" in said.err
    assert list(folder.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(genkit: Genkit, folder: Path) -> None:
    """What stands there already, file or folder, is never touched."""
    (folder / "genkit-provider-acme").mkdir()
    (folder / "file").write_text("mine", encoding="utf-8")
    for arguments in (["acme"], ["acme", "-o", "file"]):
        said = genkit("new-provider", *arguments)
        assert said.code == 9
        assert "exists already" in said.err
    assert (folder / "file").read_text(encoding="utf-8") == "mine"
    assert list((folder / "genkit-provider-acme").iterdir()) == []


def test_a_place_that_cannot_be_written(genkit: Genkit, folder: Path) -> None:
    """Where nothing can be written, that is said, and nothing is left behind."""
    (folder / "file").touch()
    said = genkit("new-provider", "acme", "-o", "file/below/it")
    assert said.code == 9
    assert "cannot write" in said.err
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_names() -> None:
    """All names follow from the one."""
    names = ProviderNames("acme-art_2")
    assert names.distribution == "genkit-provider-acme-art-2"
    assert names.package == "genkit_acme_art_2"
    assert names.class_prefix == "AcmeArt2"
    assert names.title == "Acme Art 2"
    assert names.key_variable == "ACME_ART_2_API_KEY"
    assert names.host == "acme-art-2.example"
    assert ProviderNames("none").class_prefix == "None_"


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git what it ignores")
def test_its_ignore_file_keeps_keys_out(tmp_path: Path) -> None:
    """Keys, environments and caches are ignored; sources and cassettes are not."""
    project, _files = write_provider("acme", tmp_path / "project")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True, capture_output=True)
    ignored = [".env", "genkit.toml", ".venv/x", ".hypothesis/x", "src/x/__pycache__/y.pyc"]
    kept = ["src/genkit_acme/codec.py", "cassettes/test_cassettes/test_generate.yaml"]
    for path in (*ignored, *kept):
        done = subprocess.run(["git", "check-ignore", "-q", path], cwd=project, check=False)
        assert (done.returncode == 0) is (path in ignored), path
