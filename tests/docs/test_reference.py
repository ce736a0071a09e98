from __future__ import annotations

import ast
import inspect
import re
from typing import get_args, get_type_hints

import attrs
import pytest

import genkit
from genkit import errors, events, hookspecs
from genkit.config.layers import _VARIABLES
from genkit.config.settings import ClientSettings, ProviderConfig, Settings
from genkit.errors import ErrorContext, GenerationError, GenkitError
from genkit.provider import Absence, ErrorFacts
from genkit.retry import RetryPolicy
from genkit.retry.classify import BY_STATUS, RAISED, ROWS, Raised, classify
from genkit.wire import WireResponse
from tests.docs.markdown import DOCS, ROOT, literals_of, prose_of, rows_of, section

REFERENCE = DOCS / "reference"
CLASSES: list[type[GenkitError]] = [
    found
    for name in errors.__all__
    if isinstance(found := getattr(errors, name), type) and issubclass(found, GenkitError)
]


def cells(text: str, *columns: int) -> list[tuple[str, ...]]:
    """Give some columns of all rows of the tables in a text."""
    return [tuple(row[column] for column in columns) for row in rows_of(text)]


def without_blanks(text: str) -> list[str]:
    """Give the words of a cell that lists some."""
    return [word.strip() for word in text.split(",") if word.strip()]


# -- configuration ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "kind", "prefix"),
    [("client", ClientSettings, "client."), ("providers.NAME", ProviderConfig, "providers.NAME.")],
)
def test_settings(heading: str, kind: type[attrs.AttrsInstance], prefix: str) -> None:
    """Every setting stands in its table, with its default and its variable, and is explained."""
    variables = {path: name for name, (path, _read) in _VARIABLES.items()}
    variables["providers.NAME.base_url"] = "GENKIT_BASE_URL_NAME"
    expected = [
        (prefix + field.name, shown(field.default), variables.get(prefix + field.name, ""))
        for field in attrs.fields(kind)
        if field.name != "name"
    ]
    text = section(REFERENCE / "configuration.md", heading)
    assert cells(text, 0, 2, 3) == expected
    terms = re.findall(r"^(`.+`)\n: ", text, re.MULTILINE)
    assert [name for term in terms for name in literals_of(term)] == [
        path.removeprefix(prefix) for path, *_rest in expected
    ]


def shown(default: object) -> str:
    """Give a default as the table has it."""
    if default is None:
        return "-"
    if isinstance(default, bool):
        return str(default).lower()
    return "{}" if isinstance(default, attrs.Factory) else str(default)  # type: ignore[arg-type]


def test_top_level_of_the_configuration() -> None:
    """Every table of the configuration has a heading."""
    names = {field.name for field in attrs.fields(Settings)} - {"origins", "warnings"}
    prose = prose_of(REFERENCE / "configuration.md")
    assert cells(section(REFERENCE / "configuration.md", "Top level"), 0, 3) == [
        ("default", "GENKIT_MODEL")
    ]
    assert names == {"default", "client", "providers", "templates"}
    for name in ("client", "providers.NAME", "templates"):
        assert f"\n## {name}\n" in prose


# -- errors -----------------------------------------------------------------------------------


def test_every_error() -> None:
    """Every class of errors stands in the table, with its attributes and its exit code."""
    from genkit.cli.exit_codes import exit_code_of

    common = set(vars(GenerationError("x")))
    expected = {
        kind.__name__: (
            [name for name in vars(kind("x")) if name not in common],
            str(int(exit_code_of(kind("x")))),
        )
        for kind in CLASSES
    }
    text = section(REFERENCE / "errors.md", "Every class")
    found = {
        name: (without_blanks(attributes), code) for name, attributes, code in cells(text, 0, 2, 3)
    }
    assert found == expected


def test_what_is_not_built_yet() -> None:
    """An error is said to come later exactly if nothing raises it."""
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("genkit", "providers")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent != ROOT / "genkit" / "errors"
    ]
    raised = {
        kind.__name__
        for kind in CLASSES
        if any(re.search(rf"\b{kind.__name__}[,(]", text) for text in sources)
    }
    bases = {"GenkitError", "GenerationError"}
    rows = cells(section(REFERENCE / "errors.md", "Every class"), 0, 1)
    for name, when in rows:
        assert name in bases or ("(not built yet)" in when) == (name not in raised), name


def test_what_every_error_has() -> None:
    """The facts of every failed call stand in the table."""
    text = section(REFERENCE / "errors.md", "What every GenerationError has")
    names = [field.name for field in attrs.fields(ErrorContext)]
    assert [name for (name,) in cells(text, 0)] == ["message", "details", *names]


def test_attributes_of_errors() -> None:
    """Every attribute that only some errors have is explained, and so is each of its values."""
    text = section(REFERENCE / "errors.md", "Attributes of single classes")
    common = set(vars(GenerationError("x")))
    names = {name for kind in CLASSES for name in vars(kind("x")) if name not in common}
    assert set(re.findall(r"^`(\w+)`\n: ", text, re.MULTILINE)) == names
    rows = {row[0]: row[1] for row in rows_of(text)}
    for kind in (errors.ConnectionFailedError, errors.AttemptTimeoutError):
        phases = get_args(get_type_hints(kind.__init__)["phase"])
        assert tuple(without_blanks(rows.pop(kind.__name__))) == phases
    kinds = (errors.DecodeKind, errors.DownloadKind)
    assert set(rows) == {name for kind in kinds for name in get_args(kind)}


def test_the_family_of_errors() -> None:
    """The tree of errors is the one that the classes make."""
    text = section(DOCS / "howto" / "handle-errors.md", "The family")
    found = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert found is not None
    assert found[1].splitlines() == list(tree(GenkitError))


def tree(kind: type[GenkitError], indent: str = "") -> list[str]:
    """Give the lines of a class and of all below it."""
    also = " (and TimeoutError)" if TimeoutError in kind.__bases__ else ""
    lines = [f"{kind.__name__}{also}"]
    below = sorted((one for one in CLASSES if kind in one.__bases__), key=lambda one: one.__name__)
    for one in below:
        first, *rest = tree(one)
        is_last = one is below[-1]
        lines += [f"{'└' if is_last else '├'}── {first}"]
        lines += [f"{' ' if is_last else '│'}   {line}" for line in rest]
    return lines


def test_what_to_do_for_every_error() -> None:
    """Every error that can be raised today is in the table of what to do."""
    text = section(DOCS / "howto" / "handle-errors.md", "What to do")
    told = {name for (names,) in cells(text, 0) for name in without_blanks(names)}
    reference = cells(section(REFERENCE / "errors.md", "Every class"), 0, 1)
    later = {name for name, when in reference if "(not built yet)" in when}
    bases = {"GenkitError", "GenerationError"}
    assert told == {kind.__name__ for kind in CLASSES} - later - bases


# -- retries ----------------------------------------------------------------------------------


def test_parameters_of_retries() -> None:
    """Every parameter of a policy stands in the table, with its default."""
    expected = [
        (field.name, f"{field.default:g}" if field.default is not None else "None")
        for field in attrs.fields(RetryPolicy)
    ]
    assert cells(section(REFERENCE / "retry.md", "Parameters"), 0, 1) == expected


def test_table_of_answers() -> None:
    """The table of answers is the one that the engine goes by."""
    rows = cells(section(REFERENCE / "retry.md", "What an answer means"), *range(2))
    width = len(ROWS)
    text = section(REFERENCE / "retry.md", "What an answer means")
    assert [row for row in rows_of(text) if len(row) == 5] == [
        (name, row.error.__name__, row.retry, row.charge, row.base) for name, row in ROWS.items()
    ]
    by_status = [(status, name) for status, name in rows[width:] if not status.startswith("other")]
    assert by_status == [(str(status), name) for status, name in BY_STATUS.items()]


def test_other_statuses() -> None:
    """What the table says of all other statuses is what the engine does."""
    text = section(REFERENCE / "retry.md", "What an answer means")
    said = {row[0][6]: row[1] for row in rows_of(text) if row[0].startswith("other")}
    for status in (100, 226, 304, 418, 599):
        verdict = classify(WireResponse(status=status), ErrorFacts(), provider="acme")
        row = ROWS[said[str(status)[0]]]
        assert (type(verdict.error), verdict.retry) == (row.error, row.retry)


def test_table_of_failures() -> None:
    """The table of failures on the way is the one that the engine goes by."""
    text = section(REFERENCE / "retry.md", "What a failure on the way means")
    assert rows_of(text) == [
        (row.error.__name__, where(row), row.retry, row.charge) for row in RAISED
    ]
    causes = get_args(get_type_hints(Absence)["cause"])
    assert set(causes) <= set(literals_of(text))


def where(row: Raised) -> str:
    """Give a row's condition in words."""
    if row.fact is None:
        return ""
    *others, last = map(str, row.values)
    return f"{row.fact} is {' or '.join([', '.join(others), last]) if others else last}"


# -- what a response says ---------------------------------------------------------------------


def test_every_notice() -> None:
    """Every code that a notice may have stands in the table, and no other."""
    codes = set()
    for folder in ("genkit", "providers"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "Notice":
                    codes.add(ast.literal_eval(node.args[0]))
    rows = cells(section(REFERENCE / "notices.md", "Notices"), 0)
    assert [code for (code,) in rows] == sorted(codes)


def test_adjustments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field that is adjusted stands in the table, and no other."""
    monkeypatch.setattr("genkit.planning.has_pillow", lambda: False)
    client = genkit.Client("gemini")
    options = {"quality": "high", "background": "none", "output_format": "webp"}
    plans = [
        client.plan("x", width=500, height=300, **options),  # type: ignore[arg-type]
        client.plan("x", aspect_ratio="2:1"),
    ]
    fields = {adjustment.field for plan in plans for adjustment in plan.adjustments}
    rows = cells(section(REFERENCE / "notices.md", "Adjustments"), 0)
    assert {field for (field,) in rows} == fields


# -- events and hooks -------------------------------------------------------------------------


def test_every_event() -> None:
    """Every event stands in the table, with its name and its fields, each of which is explained."""
    common = {field.name for field in attrs.fields(events.Event)}
    kinds = [
        kind
        for name in events.__all__
        if isinstance(kind := getattr(events, name), type) and issubclass(kind, events.Event)
    ]
    expected = {
        kind.__name__: (
            kind.name,
            [field.name for field in attrs.fields(kind) if field.name not in common],
        )
        for kind in kinds
        if kind is not events.Event
    }
    page = REFERENCE / "events.md"
    rows = cells(page.read_text(encoding="utf-8"), 0, 1, 2)
    assert {name: (event, without_blanks(fields)) for name, event, fields in rows} == expected
    text = page.read_text(encoding="utf-8")
    explained = re.findall(r"^(`.+`)\n: ", text, re.MULTILINE)
    assert {name for term in explained for name in literals_of(term)} == {
        field for _event, fields in expected.values() for field in fields
    }
    attempt = [field.name for field in attrs.fields(genkit.Attempt)]
    assert set(attempt) <= set(literals_of(text))


def test_every_hook() -> None:
    """Every hook has a heading with its arguments, and under it its exact signature."""
    hooks = {
        name: inspect.signature(function)
        for name, function in vars(hookspecs).items()
        if hasattr(function, f"{hookspecs.PROJECT}_spec")
    }
    text = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^### `(.+)`\n\n```text\n(.+)\n```$", text, re.MULTILINE)) == {
        f"{name}({', '.join(signature.parameters)})": f"{name}{signature}".replace("'", "")
        for name, signature in hooks.items()
    }
    assert len(re.findall("^### ", text, re.MULTILINE)) == len(hooks)
    groups = {hookspecs.PROVIDER_GROUP, hookspecs.PLUGIN_GROUP}
    assert {name for (name,) in cells(text, 0)} == groups
