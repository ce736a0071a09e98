"""Reading parsed JSON leniently."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.lifted import Lifted
from genkit.reading import (
    count,
    is_shallow,
    items,
    member,
    prune,
    read,
    short_text,
    word,
)

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(document=JSON, name=st.text())
def test_nothing_that_is_read_raises(document: Any, name: str) -> None:
    """Whatever a service sends, what is not of the kind expected is `None` or empty."""
    read(document, name)
    assert isinstance(items(document, name), list)
    assert hasattr(member(document, name), "keys")
    for value in (document, read(document, name)):
        word(value), count(value), short_text(value), prune(value), is_shallow(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("STOP", "STOP"), (7, "7"), (True, None), ("", None), ("x" * 257, None), (2**40, None)],
)
def test_words_are_short_texts_or_numbers(value: object, expected: str | None) -> None:
    """A code is a short text; some services write theirs as numbers."""
    assert word(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (5, 5), (-1, None), (2**31, None), (True, None), (1.5, None)]
)
def test_counts_are_whole_and_not_negative(value: object, expected: int | None) -> None:
    """What cannot be a number of tokens is not taken for one."""
    assert count(value) == expected


def test_pruning_leaves_out_what_is_long_or_deep() -> None:
    """Long strings, lifted or not, and deep levels are not kept."""
    document = {"a": "x" * 5000, "b": Lifted("y" * 5000), "c": [{"d": [[["deep"]]]}], "e": 1}
    assert prune(document) == {"c": [{"d": [[["deep"]]]}], "e": 1}
    assert prune(document, depth=2) == {"c": [{}], "e": 1}


def test_depth_is_judged_without_recursing_for_ever() -> None:
    """A document that is nested too deeply to be written again is told."""
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    assert not is_shallow(deep)
    assert is_shallow({"a": [1, {"b": 2}]})


def test_text_for_people_is_cut() -> None:
    """Only the beginning of a long text is kept; no text is `None`."""
    assert short_text("x" * 5000, limit=10) == "x" * 10
    assert short_text(Lifted("abc")) == "abc"
    assert short_text("") is None
