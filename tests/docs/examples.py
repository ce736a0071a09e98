"""Running the examples of a page as a reader would: in order, in an empty folder, with one memory.

Python blocks share one namespace, and the event loop for a bare ``await``. Lines of console blocks
that begin with ``$`` are commands; what stands under one is what it prints, ``...`` standing for
anything. A diff changes a file of an example. Every service is the emulator.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import logging
import os
import re
import runpy
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import PIL.Image
import pytest

from genkit.cli import main
from genkit.emulator import Emulator, Fault
from genkit.emulator.serving import DEFAULT_PORT
from tests.docs.markdown import ROOT, Block, Directive, page_name

_MATCHING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SERVICES = ("gemini", "openai")
_TARGET = re.compile(r"^([a-z]+):.*##", re.MULTILINE)


@contextlib.contextmanager
def emulator_thread() -> Iterator[Emulator]:
    """An emulator on a loop of its own, so that examples may block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="emulator")
    thread.start()
    emulator = Emulator()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    try:
        run(emulator.__aenter__())
        yield emulator
    finally:
        run(emulator.__aexit__(None, None, None))
        run(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def untouched_logging() -> Iterator[None]:
    """Leave the logger of the package as it was: the command line sets it up for a process."""
    logger = logging.getLogger("genkit")
    before = logger.handlers[:], logger.level, logger.propagate
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before[0], before[2]
        logger.setLevel(before[1])


@attrs.define
class Page:
    """A page while its examples run."""

    folder: Path
    emulator: Emulator
    patch: pytest.MonkeyPatch
    runner: asyncio.Runner
    namespace: dict[str, Any] = attrs.field(factory=lambda: {"__name__": "__main__"})
    printed: str = ""
    """By the last Python block."""
    exit_code: int = 0
    """Of the last command."""
    opened: Path = attrs.field(default=attrs.Factory(lambda page: page.folder, takes_self=True))
    """The folder that it began in."""

    def run(self, block: Block) -> None:
        """Run one block."""
        files = [self.prepare(one) for one in block.directives]
        written = [path for path in files if path is not None]
        for path in written:
            if block.language == "diff":
                change(path, block)
            else:
                path.write_text(block.text, encoding="utf-8")
        assert written or block.language != "diff", f"{block.name}: a diff of which file?"
        if block.reason_not_run is not None or written:
            return
        if block.language == "python":
            self.run_python(block)
        elif block.language == "console":
            for command, expected in commands_of(block):
                self.run_command(block, command, expected)
        elif block.language == "text" and block.words == ("output",):
            check_output(block.name, block.text, self.printed)

    def prepare(self, directive: Directive) -> Path | None:
        """Do what a directive says; gives the file that the block is to be written to, if so."""
        value = directive.value
        if directive.name == "file":
            return self.folder / value
        if directive.name == "picture":
            name, _, size = value.partition(" ")
            width, height = map(int, size.split("x"))
            PIL.Image.new("RGB", (width, height), (180, 200, 160)).save(self.folder / name)
        elif directive.name == "fail":
            for word in value.split():
                fault, _, wait = word.partition("=")
                seconds = float(wait) if wait else None
                self.emulator.fail(Fault(fault, retry_after=seconds))  # type: ignore[arg-type]
        elif directive.name == "set":
            name, _, text = value.partition("=")
            self.patch.setenv(name, text)
        elif directive.name == "unset":
            self.patch.delenv(value)
        else:
            raise AssertionError(f"there is no directive {directive.name!r}")
        return None

    # -- Python -----------------------------------------------------------------------------

    def run_python(self, block: Block) -> None:
        """Run a block of Python; a bare ``await`` is run on the page's event loop."""
        # Moved down, so that a traceback tells the line of the page.
        source = "\n" * (block.line - 1) + block.text
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, str(block.path), "exec", flags=flags, dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            result = eval(code, self.namespace)
            if inspect.iscoroutine(result):
                self.runner.run(result)
        self.printed = output.getvalue()

    # -- commands ---------------------------------------------------------------------------

    def run_command(self, block: Block, command: str, expected: str) -> None:
        """Run a command and compare what it prints."""
        if command == "echo $?":
            assert expected.split() == [str(self.exit_code)], block.name
            self.exit_code = 0
            return
        assert self.exit_code == 0, f"{block.name}: the command before failed: {self.printed}"
        program, *words = shlex.split(command, comments=True)
        if program == "genkit":
            self.exit_code, self.printed = run_genkit(words)
        elif program == "pytest" or (program, words[:2]) == ("python", ["-m", "pytest"]):
            self.exit_code, self.printed = run_pytest(words[2 * (program == "python") :])
        elif program == "python":
            self.printed = run_python_program(block, words)
        elif program == "export":
            for word in words:
                self.export(block, *word.split("=", 1))
            self.printed = ""
        elif program == "cd":
            self.enter(block, *words)
            return
        elif program == "pip" and self.folder != self.opened:
            self.install(block, words)
            return
        else:
            check_other(block, program, words)
            return
        is_told = "$ echo $?" in block.text
        assert is_told or self.exit_code == 0, f"{block.name}: {command}: {self.printed}"
        if expected.strip():
            check_output(f"{block.name}: {command}", expected, self.printed)

    def enter(self, block: Block, name: str) -> None:
        """Go into a folder that an example made, and that is a project of its own."""
        self.folder /= name
        assert (self.folder / "pyproject.toml").is_file(), f"{block.name}: cd {name}"
        self.patch.chdir(self.folder)

    def install(self, block: Block, words: list[str]) -> None:
        """Do what an installer does of the project that the page is in: sources, entry points."""
        text = (self.folder / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text)["project"]
        command, option, where = words
        extra = where.removeprefix(".[").removesuffix("]")
        is_known = extra in project["optional-dependencies"]
        assert (command, option) == ("install", "-e"), f"{block.name}: pip {words}"
        assert is_known, f"{block.name}: no extra {extra!r}"
        site = self.opened / ".installed"
        info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(parents=True)
        metadata = f"Name: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}", encoding="utf-8")
        points = [
            f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in entries.items())
            for group, entries in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("".join(points), encoding="utf-8")
        paths = [str(site), str(self.folder / "src")]
        for path in paths:
            self.patch.syspath_prepend(path)
        self.patch.setenv("PYTHONPATH", os.pathsep.join(paths))

    def export(self, block: Block, name: str, value: str) -> None:
        """Set a variable, unless the page leaves its value to the reader."""
        if name.startswith("GENKIT_BASE_URL_"):
            # The emulator of `genkit emulator` has a port of its own, that of the tests any.
            own = self.emulator.base_url(name.removeprefix("GENKIT_BASE_URL_").lower())
            usual = own.replace(f":{self.emulator.port}/", f":{DEFAULT_PORT}/")
            assert value == usual, f"{block.name}: by default the emulator is at {usual}"
            value = own
        if value != "...":
            self.patch.setenv(name, value)


def commands_of(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it prints."""
    found: list[tuple[str, str]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), ""))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0].removesuffix("\\") + line.removeprefix("> "), "")
        else:
            assert found or not line.strip(), f"{block.name}: output without a command"
            if found:
                found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    assert found, f"{block.name}: a console block has a command, after `$ `"
    return found


def run_genkit(words: list[str]) -> tuple[int, str]:
    """The exit code of the command line, and what it prints on both streams."""
    output = io.StringIO()
    with (
        untouched_logging(),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        code = main(words)
    return code, output.getvalue()


def change(path: Path, block: Block) -> None:
    """Change a file as a diff says: each part of it stands in the file once."""
    text = path.read_text(encoding="utf-8")
    for part in re.split(r"^@@\n", block.text, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        assert all(line[0] in " +-\n" for line in lines), f"{block.name}: no diff"
        before = "".join(line[1:] or line for line in lines if line[0] != "+")
        after = "".join(line[1:] or line for line in lines if line[0] != "-")
        assert text.count(before) == 1, f"{block.name}: not once in {path.name}:\n{before}"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def run_pytest(words: list[str]) -> tuple[int, str]:
    """The exit code of pytest, and what it prints."""
    plugins = ["-p", "no:cacheprovider"]
    if not Path("pyproject.toml").exists():
        # Without it, a configuration of a folder above would be taken.
        Path("pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        plugins += ["-p", "no:asyncio"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", *words, *plugins]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=kept)
    return done.returncode, done.stdout + done.stderr


def run_python_program(block: Block, words: list[str]) -> str:
    """What `python FILE` prints."""
    assert len(words) == 1, f"{block.name}: only `python FILE` and pytest are executed"
    with contextlib.redirect_stdout(io.StringIO()) as output:
        runpy.run_path(words[0], run_name="__main__")
    return output.getvalue()


def check_output(where: str, expected: str, printed: str) -> None:
    """Compare what an example prints with what the page says that it prints."""
    checker = doctest.OutputChecker()
    assert checker.check_output(expected, printed, _MATCHING), (
        f"{where}\n-- the page says:\n{expected}\n-- it prints:\n{printed}"
    )


def check_other(block: Block, program: str, words: list[str]) -> None:
    """What is not executed, but looked at: make's targets, and what pip is told to install."""
    if program == "make":
        targets = [word for word in words if "=" not in word]
        known = _TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
        assert set(targets) <= set(known), f"{block.name}: make has no {targets}"
        return
    assert (program, words[:1]) == ("pip", ["install"]), (
        f"{block.name}: {program!r} is not executed; mark the block `no-run` and say why"
    )
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words[1:]:
        name, _, rest = word.partition("[")
        for extra in filter(None, rest.removesuffix("]").split(",")):
            assert extra in extras["optional-dependencies"], f"{block.name}: no extra {extra!r}"
        is_known = name in ("-e", ".", "genkit-core") or (ROOT / name / "pyproject.toml").is_file()
        assert is_known, f"{block.name}: pip install {word}"


@contextlib.contextmanager
def opened(path: Path, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page, ready to run: an empty folder, made-up keys, the emulator in place of services."""
    patch.chdir(folder)
    for name in SERVICES:
        patch.setenv(f"{name.upper()}_API_KEY", "made-up-key")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        patch.setenv(name, str(folder / f".{name.lower()}"))
    # So that modules can be imported that an example writes, or that belong to its project, and
    # are forgotten afterwards.
    patch.syspath_prepend(str(folder))
    patch.syspath_prepend(str(path.parent / "src"))
    before = set(sys.modules)
    with emulator_thread() as emulator, asyncio.Runner() as runner:
        for name in SERVICES:
            patch.setenv(f"GENKIT_BASE_URL_{name.upper()}", emulator.base_url(name))
        yield Page(folder=folder, emulator=emulator, patch=patch, runner=runner)
        assert not emulator.faults, f"{page_name(path)}: faults that never fell"
    places = (f"{folder}{os.sep}", f"{path.parent / 'src'}{os.sep}")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(places):
            del sys.modules[name]
