"""What a folder of cassettes is checked for: size, secrets, and where each comes from."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
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
_OPAQUE_FIELDS = (".thoughtSignature", ".thought_signature", ".signature")
"""Random by nature, and no secret."""

_MOST_BITS = 4.0
"""Bits of entropy for each character, above which a token looks drawn at random."""


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
    lines = enumerate(text.splitlines(), start=1)
    # The lines show comments too; the fields show texts that the file breaks over lines.
    for where, value in [*((f"line {number}", line) for number, line in lines), *_texts(document)]:
        for name, pattern, _replacement in SECRETS:
            if pattern.search(value):
                yield f"{where}: {name}"
        if _MACHINE.search(value):
            yield f"{where}: a port of the machine that recorded it"
        if not where.endswith(_OPAQUE_FIELDS) and _holds_random_token(value):
            yield f"{where}: looks like a secret"


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


def _holds_random_token(text: str) -> bool:
    return not is_stand_in(text) and any(
        _looks_random(match.group()) for match in _TOKEN.finditer(text)
    )


def _looks_random(token: str) -> bool:
    is_mixed = (
        any(character.islower() for character in token)
        and any(character.isupper() for character in token)
        and sum(character.isdigit() for character in token) > 2
    )
    if not is_mixed or is_stand_in(token):
        return False
    counts = Counter(token).values()
    bits = -sum(count / len(token) * math.log2(count / len(token)) for count in counts)
    return bits > _MOST_BITS
