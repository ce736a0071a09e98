"""Reading a page of the documentation: its fenced blocks, links, tables and literals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`]*)$")
_DIRECTIVE = re.compile(r"^<!-- (?P<name>[a-z]+): (?P<value>.*\S) -->$")
_LINK = re.compile(r"(?<!!)\[(?:[^\]\\]|\\.)+\]\((?P<target>[^()\s]+)\)")
_LITERAL = re.compile(r"(?<!`)(?P<ticks>`{1,2})(?!`)(?P<text>.+?)(?<!`)(?P=ticks)(?!`)")
_HEADING = re.compile(r"^(?P<level>#{1,6}) (?P<text>.+?)\s*$")


@attrs.frozen(kw_only=True)
class Directive:
    """A comment that nobody sees and that prepares the block after it: ``<!-- name: value -->``."""

    name: str
    value: str


@attrs.frozen(kw_only=True)
class Block:
    """A fenced block of a page."""

    path: Path
    line: int
    """Of its first line of code, from 1."""
    language: str
    words: tuple[str, ...]
    """What follows the language on the fence."""
    text: str = attrs.field(repr=False)
    directives: tuple[Directive, ...] = ()

    @property
    def name(self) -> str:
        """Where it stands, for messages."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def reason_not_run(self) -> str | None:
        """Why it is not executed; `None` where it is."""
        return " ".join(self.words[1:]) if self.words[:1] == ("no-run",) else None


def pages() -> list[Path]:
    """Every page whose examples are executed: the README and the documentation."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def page_name(path: Path) -> str:
    """The path from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def blocks_of(path: Path) -> list[Block]:
    """The fenced blocks of a page, in order, each with the directives before it."""
    found: list[Block] = []
    directives: list[Directive] = []
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        if directive := _DIRECTIVE.match(line):
            directives.append(Directive(name=directive["name"], value=directive["value"]))
        elif opened := _FENCE.match(line):
            language, *words = opened["info"].split() or [""]
            code = list(_until(lines, opened["fence"], path, number))
            found.append(
                Block(
                    path=path,
                    line=number + 1,
                    language=language,
                    words=tuple(words),
                    text="\n".join(code) + "\n",
                    directives=tuple(directives),
                )
            )
            directives = []
    assert not directives, f"{path}: a directive stands after the last block"
    return found


def _until(lines: Iterator[tuple[int, str]], fence: str, path: Path, opened: int) -> Iterator[str]:
    for _number, line in lines:
        if line.strip() == fence:
            return
        yield line
    raise AssertionError(f"{path}:{opened}: this fence is never closed")


def prose_of(path: Path) -> str:
    """The page without its fenced blocks."""
    kept = []
    fence: str | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if fence is not None:
            fence = None if line.strip() == fence else fence
        elif opened := _FENCE.match(line):
            fence = opened["fence"]
        else:
            kept.append(line)
    return "\n".join(kept)


def links_of(path: Path) -> list[str]:
    """The targets of a page's links."""
    return [found["target"] for found in _LINK.finditer(prose_of(path))]


def literals_of(text: str) -> list[str]:
    """What stands between backticks."""
    return [found["text"].strip() for found in _LITERAL.finditer(text)]


def anchors_of(path: Path) -> set[str]:
    """The anchors that a page's headings have."""
    headings = (_HEADING.match(line) for line in prose_of(path).splitlines())
    return {anchor(found["text"]) for found in headings if found}


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.replace(" ", "-")


def section(path: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or a higher one."""
    level = 0
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        found = _HEADING.match(line)
        if found and level and len(found["level"]) <= level:
            break
        if found and not level and found["text"].replace("`", "") == heading:
            level = len(found["level"])
        elif level:
            kept.append(line)
    assert level, f"{page_name(path)} has no heading {heading!r}"
    return "\n".join(kept)


def rows_of(text: str) -> list[tuple[str, ...]]:
    """The cells of all tables in a text, without their heads; backticks and blanks removed."""
    rows: list[tuple[str, ...]] = []
    is_body = False
    for line in text.splitlines():
        if not line.startswith("|"):
            is_body = False
        elif set(line) <= set("|-: "):
            is_body = True
        elif is_body:
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            rows.append(tuple(cell.replace("`", "").replace(r"\|", "|").strip() for cell in cells))
    return rows
