"""The public face: what it gives, and that its two descriptions agree."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import genkit


def stub_names() -> dict[str, str]:
    """By name, the module that the stub takes it from."""
    tree = ast.parse(Path(genkit.__file__).with_suffix(".pyi").read_text())
    return {
        alias.asname or alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_stub_names_what_the_package_gives() -> None:
    """Type checkers and programs see the same names."""
    assert set(stub_names()) | {"__version__"} == set(genkit.__all__)


@pytest.mark.parametrize("name", sorted(stub_names()))
def test_every_name_is_there(name: str) -> None:
    """A lazy name loads, from the module that the stub says."""
    module = importlib.import_module(stub_names()[name])
    assert getattr(genkit, name) is getattr(module, name)
    assert name in dir(genkit)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """Mistakes are told as Python tells them."""
    with pytest.raises(AttributeError, match="nobody"):
        genkit.nobody  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_the_distributions() -> None:
    """The version is read from what is installed."""
    assert genkit.__version__.count(".") == 2
