"""What pages say of the project holds: names, links, dependencies, public interface."""

from __future__ import annotations

import builtins
import importlib
import inspect
import re
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import genkit
from genkit.emulator import FAULTS
from genkit.prompts import BUILT_IN
from tests.docs.markdown import (
    DOCS,
    ROOT,
    anchors_of,
    links_of,
    literals_of,
    page_name,
    pages,
    prose_of,
    rows_of,
    section,
)

ALL_PAGES = [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
NO_NAMES = {"genkit.toml", "genkit.providers", "PyYAML", "RetryInfo", "WxH"}
"""What looks like a name of Python and is a file, a group of entry points, a distribution, a
message of a service, or a form."""
_MODULE = re.compile(r"(genkit(?:_gemini)?(?:\.\w+)+)(?:\(.*\))?")
_CLASS = re.compile(r"([A-Z][a-z]+[A-Z]\w*|[A-Z]\w+Error)((?:\.\w+)*)")
ROOMS = (
    "genkit",
    "genkit.client",
    "genkit.config",
    "genkit.emulation",
    "genkit.emulator",
    "genkit.events",
    "genkit.plugins",
    "genkit.provider",
    "genkit.retry",
    "genkit.testing.cassettes",
    "genkit.wire",
)


# -- links ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL_PAGES, ids=page_name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every link to a file leads to one, and every anchor to a heading."""
    dead = []
    for target in links_of(path):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            dead.append(target)
    assert dead == []


def test_every_page_is_reached() -> None:
    """Every page but the first is named in the table of contents of its folder."""
    for path in DOCS.rglob("*.md"):
        folder = path.parents[1] if path.name == "README.md" else path.parent
        name = path.relative_to(folder).with_suffix("").as_posix()
        index = (folder / "index.md").read_text(encoding="utf-8")
        assert name == "index" or re.search(rf"^{name}$", index, re.MULTILINE), path


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL_PAGES, ids=page_name)
def test_names_exist(path: Path) -> None:
    """No page names a module, class or function that is not there."""
    literals = literals_of(prose_of(path))
    modules = [found for literal in literals if (found := _MODULE.fullmatch(literal))]
    missing = [found[0] for found in modules if not is_there(found[1])]
    classes = [found for literal in literals if (found := _CLASS.fullmatch(literal))]
    missing += [found[0] for found in classes if not is_public(found[1], found[2])]
    assert set(missing) <= NO_NAMES


def is_there(name: str) -> bool:
    """Say whether a dotted name leads to a module or to what one holds."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        return has(found, parts[length:])
    return False


def has(found: Any, names: list[str]) -> bool:
    """Say whether attributes lead on from a value; fields without a value count too."""
    for number, name in enumerate(names):
        if isinstance(found, type) and issubclass(found, genkit.GenkitError):
            found = found("")  # its attributes are set when it is made
        if not hasattr(found, name):
            return number == len(names) - 1 and name in annotations_of(found)
        found = getattr(found, name)
    return True


def annotations_of(found: Any) -> set[str]:
    """Give the names of a class's fields."""
    kinds = getattr(found, "__mro__", ())
    return {name for kind in kinds for name in inspect.get_annotations(kind)}


@cache
def rooms() -> list[ModuleType]:
    """Give the modules whose names pages use alone."""
    return [importlib.import_module(name) for name in ROOMS]


def is_public(name: str, rest: str) -> bool:
    """Say whether some room has a name, and the attributes after it."""
    if hasattr(builtins, name):
        return True
    owners = [room for room in rooms() if hasattr(room, name)]
    return any(has(getattr(owner, name), rest.split(".")[1:]) for owner in owners)


def test_missing_names_are_found() -> None:
    """Names that are not there are seen, fields and methods included."""
    assert is_there("genkit.Client.generate")
    assert is_there("genkit.retry.RetryPolicy.attempts")
    assert not is_there("genkit.nonsense")
    assert not is_there("genkit.Client.nonsense")
    assert is_public("GenerationResponse", ".conversation")
    assert is_public("RateLimitError", ".retry_after")
    assert not is_public("RateLimitError", ".nonsense")
    assert not is_public("NonsenseError", "")


# -- interface --------------------------------------------------------------------------------


def test_every_public_name() -> None:
    """Every name of the package stands on the page of the interface."""
    text = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    directives = set(re.findall(r"auto(?:class|function|data):: genkit\.([\w.]+)", text))
    errors = {name for name in genkit.__all__ if name.endswith("Error")}
    assert "automodule:: genkit.errors" in text
    assert set(genkit.__all__) - {"__version__"} - errors <= directives


def test_faults_and_templates() -> None:
    """Every fault of the emulator and every built-in template is told of."""
    emulator = (DOCS / "howto" / "use-the-emulator.md").read_text(encoding="utf-8")
    assert [name for name in FAULTS if f"\n{name} " not in emulator] == []
    templates = literals_of(prose_of(DOCS / "howto" / "prompts-and-templates.md"))
    assert set(BUILT_IN) <= set(templates)


# -- dependencies -----------------------------------------------------------------------------


def requirements() -> set[str]:
    """Give the distributions that any part of the project asks for."""
    found: list[str] = []
    for path in (ROOT / "pyproject.toml", *ROOT.glob("providers/*/pyproject.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        found += document["build-system"]["requires"]
        found += document["project"]["dependencies"]
        for extra in document["project"].get("optional-dependencies", {}).values():
            found += extra
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in found}
    return names - {"genkit-core"}


def test_every_dependency_has_its_reason() -> None:
    """Every distribution that is asked for has a row with a reason, and no other has."""
    rows = rows_of((DOCS / "explanation" / "dependencies.md").read_text(encoding="utf-8"))
    assert sorted(row[0] for row in rows) == sorted(requirements())
    assert [row[0] for row in rows if len(row[1].split()) < 4] == []


# -- the provider for Gemini ------------------------------------------------------------------


def test_models_of_gemini() -> None:
    """The models stand in the table with their sizes, references and prices."""
    from genkit.provider import RatioTiers
    from genkit_gemini.models import IN_SERVICE, MODELS

    expected = []
    for name in IN_SERVICE:
        able = MODELS[name].capabilities
        rule, prices = able.sizes, able.prices
        assert isinstance(rule, RatioTiers)
        assert prices is not None
        assert prices.output_image is not None
        amounts = [prices.image_tokens[tier] * prices.output_image / 1e6 for tier in rule.tiers]
        expected.append(
            (
                name,
                str(len(rule.ratios)),
                ", ".join(rule.tiers),
                str(able.max_references),
                ", ".join(f"${amount:.4f}" for amount in amounts),
            )
        )
    page = DOCS / "reference" / "gemini.md"
    rows = rows_of(section(page, "Models"))
    assert [row for row in rows if len(row) == 5] == expected
    day = {MODELS[name].capabilities.prices.as_of for name in IN_SERVICE}  # type: ignore[union-attr]
    assert day == {*re.findall(r"as listed on (\S+);", page.read_text(encoding="utf-8"))}
    retired = [
        (name, row.capabilities.replacement)
        for name, row in MODELS.items()
        if row.capabilities.retired
    ]
    assert rows_of(section(page, "Shut down")) == retired


def test_options_of_gemini() -> None:
    """Every option stands in the table, and the refusals are those that are read."""
    from genkit_gemini.decoding import POLICY_REASONS
    from genkit_gemini.options import OPTIONS

    page = DOCS / "reference" / "gemini.md"
    assert [row[0] for row in rows_of(section(page, "Options"))] == list(OPTIONS)
    told = literals_of(section(page, "Refusals and missing pictures"))
    assert set(told) >= POLICY_REASONS
