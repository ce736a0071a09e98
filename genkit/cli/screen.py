"""Where the command line speaks: results on standard output, everything else on standard error.

All text is made safe for a terminal here, because some of it comes from services. On a terminal
standard error is styled by rich; elsewhere it is plain lines, and rich is not loaded.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from genkit.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Screen", "readable"]

_ANY_LENGTH = 2**31


def readable(text: str) -> str:
    """`text` safe for a terminal, its lines kept."""
    return "\n".join(printable(line, _ANY_LENGTH) for line in text.split("\n"))


@attrs.define(slots=False)
class Screen:
    """The two streams of one command."""

    quiet: bool = False
    """Whether only errors are said on standard error."""
    json: bool = False
    """Whether results are one JSON document."""

    @property
    def is_live(self) -> bool:
        """Whether standard error is a terminal, so that lines on it may change."""
        return sys.stderr.isatty() and not self.quiet

    @cached_property
    def console(self) -> Console:
        """Standard error as rich writes to it. Only for terminals."""
        from rich.console import Console

        return Console(stderr=True, markup=False, highlight=False, emoji=False)

    def out(self, text: str) -> None:
        """Lines of the result, on standard output."""
        _write(sys.stdout, readable(text))

    def document(self, document: Any) -> None:
        """The result as one JSON document, on standard output."""
        text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
        _write(sys.stdout, text if _is_safe(text) else _escaped(text))

    def say(self, text: str, style: str | None = None) -> None:
        """A line for the person in front of the screen."""
        if not self.quiet:
            self.insist(text, style)

    def insist(self, text: str, style: str | None = None) -> None:
        """A line that `quiet` does not silence, such as an error."""
        if sys.stderr.isatty():
            self.console.print(readable(text), style=style)
        else:
            _write(sys.stderr, readable(text))

    def facts(self, rows: Iterable[tuple[str, str]], *, insist: bool = False) -> None:
        """Names and what they are, in two columns."""
        if self.quiet and not insist:
            return
        shown = [(readable(name), readable(value)) for name, value in rows]
        if not shown:
            return
        if sys.stderr.isatty():
            from rich.table import Table
            from rich.text import Text

            grid = Table.grid(padding=(0, 2), pad_edge=True)
            grid.add_column(no_wrap=True, style="dim")
            grid.add_column(overflow="fold")
            for name, value in shown:
                grid.add_row(Text(name), Text(value))
            self.console.print(grid)
        else:
            width = max(len(name) for name, _value in shown)
            for name, value in shown:
                value = value.replace("\n", "\n" + " " * (width + 4))
                _write(sys.stderr, f"  {name:<{width}}  {value}")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table as a result, on standard output: columns parted by two spaces or more."""
        lines = [[readable(cell) for cell in row] for row in (heads, *rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
            _write(sys.stdout, "  ".join(cells).rstrip())


def _is_safe(text: str) -> bool:
    return all(map(str.isprintable, text.split("\n"))) and _fits(text)


def _fits(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _escaped(text: str) -> str:
    """JSON with everything escaped that is no harmless ASCII; it stays the same document."""
    return "".join(
        character
        if character == "\n" or (character.isascii() and character.isprintable())
        else json.dumps(character)[1:-1]
        for character in text
    )


def _write(stream: Any, text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
