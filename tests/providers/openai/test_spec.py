"""Requests held against the service's published schema, by a library that is not ours.

The schema stands outside of the project, beside it; where it is not at hand, these tests are
skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from genkit.provider import Context
from genkit.request import GenerationRequest
from genkit.wire import WireRequest, json_body
from tests.providers.openai.asking import askings
from tests.providers.openai.support import form, provider, request

GENERATE, EDIT_FORM, EDIT_JSON = "generate", "form", "json"
SCHEMAS = {
    GENERATE: "CreateImageRequest",
    EDIT_FORM: "CreateImageEditRequest",
    EDIT_JSON: "EditImageBodyJsonParam",
}

# What the schema does not know yet: the qualities of the models since 2.5, free sizes where
# pictures come as JSON, and the options that were added after it.
KNOWN_GAPS = {
    (GENERATE, "quality", ("xhigh", "max")),
    (EDIT_FORM, "quality", ("xhigh", "max")),
    (EDIT_JSON, "quality", ("xhigh", "max")),
    (EDIT_JSON, "size", None),
}
NEWER_NAMES = {"complexity", "safety_identifier"}
"""In the types of the official SDK."""
OLDER_NAMES = {EDIT_JSON: {"response_format"}}
"""For models that only other hosts have."""

INTEGERS = {"n", "output_compression"}
"""A form has only texts."""

Validators = Mapping[str, tuple[jsonschema.Draft202012Validator, frozenset[str]]]


@pytest.fixture(scope="module")
def validators(root: Path) -> Validators:
    """For each form of a request, what validates it, and the names that it may have."""
    folder = Path(os.environ.get("GENKIT_SPECS") or root.parent / "shared" / "specs")
    path = folder / "openai-images.yaml"
    if not path.is_file():
        pytest.skip(f"the published schema is not here: {path}")
    published = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found = {}
    for kind, name in SCHEMAS.items():
        schema = {
            "$ref": f"#/components/schemas/{name}",
            "components": published["components"],
        }
        properties = published["components"]["schemas"][name]["properties"]
        found[kind] = (jsonschema.Draft202012Validator(schema), frozenset(properties))
    return found


def described(wire: WireRequest) -> tuple[str, dict[str, Any]]:
    """Which form a request has, and its content as the schema describes it."""
    assert wire.body is not None
    if wire.body.content_type == "application/json":
        kind = EDIT_JSON if wire.url.endswith("/edits") else GENERATE
        return kind, json.loads(wire.body.to_bytes())
    content: dict[str, Any] = {}
    for part in form(wire):
        if part.filename is None:
            text = part.content.decode()
            content[part.name] = int(text) if part.name in INTEGERS else text
        elif part.name == "image[]":
            content.setdefault("image", []).append("binary")
        else:
            content[part.name] = "binary"
    return EDIT_FORM, content


def problems(wire: WireRequest, validators: Validators) -> list[str]:
    """What the schema has against a request, known gaps left out."""
    kind, content = described(wire)
    validator, names = validators[kind]
    found = []
    for error in validator.iter_errors(content):
        path = tuple(error.absolute_path)
        if not _is_known(kind, path, content):
            found.append(f"{kind} {path}: {error.message}")
    extra = content.keys() - names - NEWER_NAMES - OLDER_NAMES.get(kind, set())
    return found + [f"{kind}: no such property {name}" for name in sorted(extra)]


def _is_known(kind: str, path: tuple[Any, ...], content: Mapping[str, Any]) -> bool:
    return any(
        (kind, *path) == (gap_kind, name) and (values is None or content[name] in values)
        for gap_kind, name, values in KNOWN_GAPS
    )


def test_requests_are_as_published(validators: Validators) -> None:
    """Whatever is asked for, the request is one that the service's schema describes."""
    seen: set[str] = set()

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(askings())
    def check(asking: tuple[GenerationRequest, Context]) -> None:
        wire = provider().encode(*asking)
        assert problems(wire, validators) == []
        seen.add(described(wire)[0])

    check()
    assert seen == set(SCHEMAS)


def test_the_schema_is_a_judge(validators: Validators) -> None:
    """What is wrong is found: otherwise the test above would say nothing."""
    url = provider().encode(request(), Context(model="m")).url
    for wrong in (
        {"model": "m"},
        {"prompt": 3},
        {"prompt": "a", "n": 11},
        {"prompt": "a", "quality": "best"},
        {"prompt": "a", "sise": "1024x1024"},
    ):
        assert problems(WireRequest(url=url, body=json_body(wrong)), validators)


@pytest.mark.parametrize(("kind", "name", "values"), sorted(KNOWN_GAPS, key=str))
def test_a_gap_is_still_one(
    validators: Validators, kind: str, name: str, values: tuple[str, ...] | None
) -> None:
    """A gap that the schema has closed leaves the list."""
    pictures: dict[str, dict[str, Any]] = {
        EDIT_FORM: {"image": "x"},
        EDIT_JSON: {"images": [{"file_id": "f"}]},
    }
    plain: dict[str, Any] = {"prompt": "a", **pictures.get(kind, {})}
    validator, _names = validators[kind]
    assert validator.is_valid(plain)
    for value in values or ("1536x864",):
        assert not validator.is_valid({**plain, name: value})
