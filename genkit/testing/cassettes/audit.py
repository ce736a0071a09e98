"""What a folder of cassettes is checked for: size, secrets, and where each comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from genkit.testing.cassettes.bodies import load_yaml
from genkit.testing.cassettes.files import CassetteError, CassetteFile, cassette_files
from genkit.testing.cassettes.scrub import SECRETS
from genkit.testing.cassettes.standins import is_stand_in

__all__ = ["MOST_BYTES", "audit", "provenance_table"]

MOST_BYTES = 200 * 1024
"""Bytes that a file may have; one that has more holds something that should have been swapped."""

_MACHINE = re.compile(r"\b(127\.0\.0\.1|localhost|\[::1\]):\d+")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,}|[A-Za-z0-9+/]{32,}={0,2}")
_BOUNDARY = re.compile(r"\bboundary=genkit-[0-9a-f]{32}$")
"""Between the parts of a form: the digest of what stands in the file."""
_OPAQUE_FIELDS = (".thoughtSignature", ".thought_signature", ".signature", ".x-request-id")
"""Random by nature, and no secret."""

_MOST_CHANGES = 0.4
"""Share of neighbours of unlike kind, above which a token looks drawn at random."""


def audit(folder: Path, most_bytes: int = MOST_BYTES) -> list[str]:
    """What is wrong with the files of a folder of cassettes; an empty list when nothing is.

    Each finding names file and line or field, and never repeats a secret.
    """
    findings = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        size = path.stat().st_size
        if size > most_bytes:
            findings.append(f"{name}: {size} bytes, more than {most_bytes}")
        findings += [f"{name}: {finding}" for finding in _secrets_of(path)]
        if path.suffix == ".yaml":
            findings += _unreadable(path)
    return findings


def provenance_table(folder: Path) -> str:
    """A Markdown table of the cassettes of a folder, and of where each was recorded."""
    rows = ["| cassette | recorded | date | note |", "|---|---|---|---|"]
    for path in cassette_files(folder):
        recorded = CassetteFile.read(path).recorded
        name = path.relative_to(folder).as_posix()
        where, note = (
            " ".join(text.split()).replace("|", r"\|") for text in (recorded.where, recorded.note)
        )
        rows.append(f"| `{name}` | {where} | {recorded.date} | {note} |")
    return "\n".join(rows) + "\n"


def _unreadable(path: Path) -> list[str]:
    try:
        CassetteFile.read(path)
    except CassetteError as error:
        return [str(error)]
    return []


def _secrets_of(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
        document = load_yaml(text) if path.suffix == ".yaml" else None
    except UnicodeDecodeError:
        yield "not a text file"
        return
    except yaml.YAMLError:
        document = None
    for number, line in enumerate(text.splitlines(), start=1):
        # Of a document the fields are looked at below, each under its name.
        is_looked_at = document is None or line.lstrip().startswith("#")
        for finding in _findings(line, is_opaque=not is_looked_at):
            yield f"line {number}: {finding}"
    for where, value in _texts(document):
        for finding in _findings(value, is_opaque=where.endswith(_OPAQUE_FIELDS)):
            yield f"{where}: {finding}"


def _findings(text: str, *, is_opaque: bool) -> Iterator[str]:
    for name, pattern, _replacement in SECRETS:
        if pattern.search(text):
            yield name
    if _MACHINE.search(text):
        yield "a port of the machine that recorded it"
    if is_opaque or is_stand_in(text):
        return
    text = _BOUNDARY.sub("", text)
    if any(_looks_random(match.group()) for match in _TOKEN.finditer(text)):
        yield "looks like a secret"


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document with the path to it, keys included."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield f"{where}.", str(name)
            yield from _texts(item, f"{where}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{where}[{number}]")
    elif isinstance(value, str):
        yield where, value


def _looks_random(token: str) -> bool:
    """Whether letters of both cases and digits follow each other without any order.

    In names, however long, most neighbours are of one kind; drawn at random, two of three are not.
    """
    kinds = [_kind(character) for character in token]
    changes = sum(one != other for one, other in pairwise(kinds))
    return len(set(kinds)) > 2 and changes > _MOST_CHANGES * len(token) and not is_stand_in(token)


def _kind(character: str) -> str:
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "digit" if character.isdigit() else "mark"
