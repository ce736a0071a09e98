from __future__ import annotations

import asyncio
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from genkit.config import load_settings
from genkit.errors import ConfigurationError
from tests.docs.examples import Page, change, commands_of, opened
from tests.docs.markdown import Block, blocks_of, page_name, pages

LANGUAGES = {"python", "console", "diff", "toml", "json", "text"}
DIRECTIVES = {"{toctree}", "{eval-rst}", "{include}", "{literalinclude}"}
CONFIGURATION = {"default", "client", "providers", "templates"}
MOST_NOT_RUN = 12
"""Blocks that may stand without being executed, over all pages."""

WITH_EXAMPLES = [
    path
    for path in pages()
    if any(block.language in ("python", "console", "diff") for block in blocks_of(path))
]
BLOCKS = [block for path in pages() for block in blocks_of(path)]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=page_name)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python and console example of a page runs, in order, and prints what the page says."""
    with opened(path, tmp_path, monkeypatch) as page:
        for block in blocks_of(path):
            page.run(block)


def test_every_block_says_its_language() -> None:
    """No example escapes by a language that is not looked at."""
    strange = [block.name for block in BLOCKS if block.language not in LANGUAGES | DIRECTIVES]
    assert strange == []


def test_few_blocks_are_not_run() -> None:
    """A block that is not executed says why, and there are few."""
    not_run = [block for block in BLOCKS if block.reason_not_run is not None]
    assert [block.name for block in not_run if not block.reason_not_run] == []
    assert len(not_run) <= MOST_NOT_RUN, [block.name for block in not_run]


def test_there_are_examples() -> None:
    """The pages are found, and so are their examples."""
    assert len(WITH_EXAMPLES) > 10
    assert sum(block.language == "python" for block in BLOCKS) > 30


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "toml"], ids=lambda block: block.name
)
def test_configuration_is_valid(block: Block, tmp_path: Path) -> None:
    """Every example of a configuration can be used, but for those that show a mistake."""
    tables = set(tomllib.loads(block.text))
    if block.words == ("pyproject",):
        assert not tables & CONFIGURATION
        return
    path = tmp_path / "genkit.toml"
    path.write_text(block.text, encoding="utf-8")
    with pytest.raises(ConfigurationError) if block.words == ("mistaken",) else nullcontext():
        load_settings(path, environ={}, cwd=tmp_path)


# -- the examples' own machinery --------------------------------------------------------------


def block_of(text: str, language: str = "console", *words: str) -> Block:
    """Give a block of this module's own."""
    return Block(path=Path(__file__), line=1, language=language, words=words, text=text)


def test_commands_are_found() -> None:
    """A command goes on after a backslash, and what follows is its output."""
    block = block_of("$ genkit generate \\\n>     x\nx.png\n  cost\n$ echo $?\n0\n")
    assert commands_of(block) == [("genkit generate     x", "x.png\n  cost\n"), ("echo $?", "0\n")]


def test_diffs_change_files(tmp_path: Path) -> None:
    """A diff changes what stands in a file once; anything else is an error."""
    path = tmp_path / "file.py"
    path.write_text("a = 1\n\nb = 1\nc = 1\n", encoding="utf-8")
    change(path, block_of(" a = 1\n\n-b = 1\n+b = 2\n@@\n+d = 1\n c = 1\n", "diff"))
    assert path.read_text(encoding="utf-8") == "a = 1\n\nb = 2\nd = 1\nc = 1\n"
    for wrong in ("-e = 1\n", "- = 1\n", "a = 1\n"):
        with pytest.raises(AssertionError):
            change(path, block_of(wrong, "diff"))


@pytest.mark.parametrize(
    "block",
    [
        block_of("raise ValueError('x')\n", "python"),
        block_of("await no_such_name\n", "python"),
        block_of("$ genkit generate ''\n"),
        block_of("$ genkit --version\ngenkit 99\n"),
        block_of("$ genkit generate ''\n$ echo $?\n0\n"),
        block_of("$ make nonsense\n"),
        block_of("$ pip install something\n"),
        block_of("$ pip install '.[nonsense]'\n"),
        block_of("$ rm x\n"),
        block_of("$ cd nowhere\n"),
        block_of("$ pytest nothing_here.py\n"),
        block_of("-x\n", "diff"),
        block_of("nothing\n", "text", "output"),
    ],
    ids=lambda block: block.text.split("\n")[0],
)
def test_wrong_examples_fail(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example that raises, fails, prints something else or cannot be executed is found."""
    nothing: Any = None
    with asyncio.Runner() as runner:
        page = Page(folder=tmp_path, emulator=nothing, patch=monkeypatch, runner=runner)
        with pytest.raises((AssertionError, ValueError, NameError)):
            page.run(block)
