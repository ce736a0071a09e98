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
from genkit_openai.errors import KINDS_OF_CODES
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
NO_NAMES |= {word for word in KINDS_OF_CODES if word.isalpha()}
"""Nor are codes of errors."""
_MODULE = re.compile(r"(genkit(?:_gemini|_openai)?(?:\.\w+)+)(?:\(.*\))?")
_CLASS = re.compile(r"([A-Z][a-z]+[A-Z]\w*|[A-Z]\w+Error)((?:\.\w+)*)")
ROOMS = (
    "genkit",
    "genkit.client",
    "genkit.config",
    "genkit.emulation",
    "genkit.emulator",
    "genkit.events",
    "genkit.multipart",
    "genkit.plugins",
    "genkit.provider",
    "genkit.retry",
    "genkit.testing.cassettes",
    "genkit.wire",
)


# -- links ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [*ALL_PAGES, *sorted(ROOT.glob("providers/*/README.md"))], ids=page_name
)
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


# -- the provider for OpenAI ------------------------------------------------------------------


def test_models_of_openai() -> None:
    """The models stand in the table with their sizes, qualities, prices and last days."""
    from genkit.provider import FreeSizes, Prices
    from genkit_openai.models import IN_SERVICE, MODELS

    expected = []
    for name in IN_SERVICE:
        able = MODELS[name].capabilities
        assert isinstance(able.prices, Prices)
        assert able.qualities[0] == "auto"
        expected.append(
            (
                name,
                "free" if isinstance(able.sizes, FreeSizes) else "three",
                ", ".join(able.qualities[1:]),
                f"${able.prices.output_image:g}",
                MODELS[name].retired_on or "",
            )
        )
    page = DOCS / "reference" / "openai.md"
    rows = rows_of(section(page, "Models"))
    assert [row for row in rows if len(row) == 5] == expected
    days = {MODELS[name].capabilities.prices.as_of for name in IN_SERVICE}  # type: ignore[union-attr]
    assert days == {*re.findall(r"as listed on (\S+)\.$", prose_of(page), re.MULTILINE)}
    retired = [
        (name, row.capabilities.replacement)
        for name, row in MODELS.items()
        if row.capabilities.retired
    ]
    assert rows_of(section(page, "Shut down")) == retired


def test_what_all_models_of_openai_can_do() -> None:
    """What the page says of all models in service is what the table says of each."""
    from genkit.provider import FixedSizes, FreeSizes
    from genkit_openai.models import IN_SERVICE, MODELS

    page = DOCS / "reference" / "openai.md"
    models, sizes = section(page, "Models"), section(page, "Sizes")
    for name in IN_SERVICE:
        able = MODELS[name].capabilities
        assert f"up to {able.max_images_per_call} pictures in one call" in models
        assert f"up to {able.max_references} references" in models
        assert f"up to {able.attempt_timeout:g} seconds" in models
        assert f"may have {able.max_prompt_characters} characters" in models
        assert {*able.backgrounds, *able.output_formats} <= set(literals_of(models))
        assert able.mask
        assert not able.seed
        assert not able.multi_turn
        if isinstance(able.sizes, FreeSizes):
            assert f"multiples of {able.sizes.multiple} and at most {able.sizes.max_edge}" in sizes
            assert f"at most {able.sizes.max_ratio:g} times" in sizes
            assert f"from {able.sizes.min_pixels} to {able.sizes.max_pixels} pixels" in sizes
        else:
            assert isinstance(able.sizes, FixedSizes)
            assert all(f"{width}x{height}" in sizes for width, height in able.sizes.sizes)


def test_options_of_openai() -> None:
    """Every option stands in the table, with the models that have it where not all do."""
    from genkit_openai.models import IN_SERVICE, MODELS
    from genkit_openai.models import OPTIONS as COMMON
    from genkit_openai.options import OPTIONS

    table = rows_of(section(DOCS / "reference" / "openai.md", "Options"))
    rows = {row[0]: row[1] for row in table}
    assert set(rows) == set(OPTIONS)
    for option, text in rows.items():
        models = [name for name in IN_SERVICE if option in MODELS[name].capabilities.options]
        assert (option in COMMON) == (not text.endswith(("only", "not in the table")))
        if option in COMMON:
            assert models == list(IN_SERVICE)
        elif option == "complexity":
            assert models == [name for name in IN_SERVICE if "-2.6-" in name]
        else:
            assert [name for name in models if name not in text] == []


def test_codes_of_openai() -> None:
    """Every code that the page has is one that the provider reads, as the page says."""
    from genkit.errors import GenerationError
    from genkit.retry.classify import ROWS
    from genkit_openai.errors import KINDS_OF_CODES, KINDS_OF_TYPES

    known = {**KINDS_OF_TYPES, **KINDS_OF_CODES}
    text = section(DOCS / "reference" / "openai.md", "Refusals and errors")
    told = set()
    for codes, error in re.findall(r"^\| (.+?) \| `(\w+)`", text, re.MULTILINE):
        assert issubclass(getattr(genkit, error), GenerationError)
        for code in literals_of(codes):
            told.add(code)
            kind = known[code]
            assert ROWS[kind].error.__name__ == error, code
    refusals = {code for code, kind in KINDS_OF_CODES.items() if kind == "content-policy"}
    assert told >= refusals
