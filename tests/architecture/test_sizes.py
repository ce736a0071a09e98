"""Rooms stay small: a long module or parameter list is a sign that one wants dividing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.project import name_of, python_files

MODULE_LINES = 400
TEST_LINES = 600
"""A table of cases is long without being deep."""
PARAMETERS = 7


def parameters(tree: ast.AST) -> Iterator[tuple[str, int, int]]:
    """Yield the name, line and number of parameters of every function, `self` not counted."""
    for node in ast.walk(tree):
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, functions):
            names = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            names += [name for name in (node.args.vararg, node.args.kwarg) if name is not None]
            is_bound = bool(names) and names[0].arg in {"self", "cls"}
            yield node.name, node.lineno, len(names) - is_bound


def too_long(files: list[Path]) -> list[str]:
    """Name the modules that have more lines than theirs may have."""
    counted = [(name_of(path), len(path.read_text("utf-8").splitlines())) for path in files]
    return [f"{name}: {lines} lines" for name, lines in counted if lines > limit(name)]


def limit(name: str) -> int:
    """Return how many lines a module may have."""
    return TEST_LINES if name.startswith("tests/") else MODULE_LINES


def too_wide(files: list[Path]) -> list[str]:
    """Name the functions of more than 7 parameters."""
    return [
        f"{name_of(path)}:{line} {name}: {count} parameters"
        for path in files
        for name, line, count in parameters(ast.parse(path.read_text(encoding="utf-8")))
        if count > PARAMETERS
    ]


def test_modules_are_short() -> None:
    """No module has more than 400 lines, no module of tests more than 600."""
    files = python_files()
    assert len(files) > 10, "the project's files were not found"
    assert too_long(files) == []


def test_functions_take_few_parameters() -> None:
    """No function takes more than 7 parameters, keyword-only ones counted too."""
    assert too_wide(python_files()) == []


def test_parameters_are_counted() -> None:
    """Every kind of parameter counts but the bound one."""
    source = "class A:\n    def f(self, a, /, b, *c, d=1, **e): ...\nasync def g(): ...\n"
    assert list(parameters(ast.parse(source))) == [("g", 3, 0), ("f", 2, 5)]
