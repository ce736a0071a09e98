"""Checks that a provider is pure: it imports nothing that acts, and touches nothing at work."""

from __future__ import annotations

import ast
import builtins
import io
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

from genkit.testing.conformance.subject import Subject, require

__all__ = ["FORBIDDEN", "PurityChecks", "imports_of"]

FORBIDDEN = frozenset(
    {
        *(
            "aiohttp",
            "asyncio",
            "concurrent",
            "ftplib",
            "http",
            "httpx",
            "logging",
            "multiprocessing",
        ),
        *("os", "pathlib", "random", "requests", "secrets", "select", "selectors", "shutil"),
        *("signal", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "tempfile"),
        *("threading", "time", "urllib.request", "urllib3", "vcr", "warnings", "weakref"),
        *("genkit.calls", "genkit.client", "genkit.config", "genkit.files", "genkit.plugins"),
        *("genkit.retry", "genkit.secrets", "genkit.sync", "genkit.transport", "genkit.wiring"),
        *("genkit.adapt", "genkit.assemble", "genkit.planning", "genkit.pricing", "genkit.prompts"),
        *("genkit.cli", "genkit.emulator", "genkit.testing"),
    }
)
"""Modules with which a provider would act, look at the machine, or reach into the engine."""

CLOCKS = ("now", "utcnow", "today")


class PurityChecks(Subject):
    """Values in, values out."""

    def test_modules_import_nothing_that_acts(self) -> None:
        """No module imports transport, event loop, clock, logger, threads or chance."""
        found = [
            f"{path.name}:{line}: {name}"
            for path in self._modules()
            for name, line in imports_of(path.read_text(encoding="utf-8"))
            if _is_forbidden(name)
        ]
        require(not found, "a provider is pure and imports none of these: " + "; ".join(found))

    def test_modules_read_no_clock(self) -> None:
        """No module of the provider asks `datetime` what time it is."""
        found = [
            f"{path.name}:{node.lineno}: {ast.unparse(node)}"
            for path in self._modules()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CLOCKS
            and ast.unparse(node.func.value).rpartition(".")[2] in ("datetime", "date")
        ]
        require(not found, "a provider has no clock: " + "; ".join(found))

    def test_nothing_is_touched_while_it_works(self) -> None:
        """Encoding and decoding work with files, sockets, clocks and chance out of reach."""
        self._work()  # whatever is imported late is imported now
        with out_of_reach():
            self._work()

    def _work(self) -> None:
        for golden in self.golden:
            wire = self.encode(golden)
            if wire.body is not None:
                wire.body.to_bytes()
        for success in self.successes:
            self.drive(success.answers, success.request)
        for answers in self.chains():
            self.drive(answers)
        for error in self.errors:
            self.drive((error.answer,))

    def _modules(self) -> list[Path]:
        file = self.plugin.__file__
        require(file, f"{self.plugin.__name__} stands in no file")
        path = Path(file or "")
        return sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]


def imports_of(source: str) -> Iterator[tuple[str, int]]:
    """The modules that a source imports when it runs, and the lines; not those for types alone."""
    tree = ast.parse(source)
    for_types = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def _is_forbidden(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:length]) in FORBIDDEN for length in range(1, len(parts) + 1))


@contextmanager
def out_of_reach() -> Iterator[None]:
    """Let everything that a pure function has no need of raise."""

    def refuse(*_arguments: Any, **_options: Any) -> NoReturn:
        raise AssertionError("a provider is pure: no files, sockets, clocks or chance")

    places: list[tuple[Any, str]] = [
        (builtins, "open"),
        (builtins, "print"),
        (builtins, "input"),
        (io, "open"),
        (os, "open"),
        (os, "getenv"),
        (os, "urandom"),
        (socket, "socket"),
        (socket, "getaddrinfo"),
        (socket, "create_connection"),
        (random, "random"),
        (random, "randint"),
        (random, "choice"),
        *((time, name) for name in ("time", "time_ns", "monotonic", "perf_counter", "sleep")),
        *((time, name) for name in ("gmtime", "localtime", "process_time")),
    ]
    patches = [mock.patch.object(place, name, refuse) for place, name in places]
    try:
        for patch in patches:
            patch.start()
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()
