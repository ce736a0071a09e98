"""Long strings moved out of a document: their characters, and the bytes that they encode."""

from __future__ import annotations

import base64
import copy
import pickle
import sys
import time
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.lifted import LIFT_OVER, Lifted, decode_base64, lift, text_of

# Every code point, lone surrogates too.
any_text = st.text(st.characters(exclude_categories=()))


def wrapped(characters: str, every: int, separator: str) -> str:
    """`characters` in lines of `every`."""
    lines = (characters[start : start + every] for start in range(0, len(characters), every))
    return separator.join(lines)


@given(
    st.binary(max_size=200),
    st.booleans(),
    st.sampled_from(["", "data:image/png;base64,", " DATA:image/jpeg;charset=x;BASE64,"]),
    st.integers(0, 2),
    st.sampled_from(["", "\n", "\r\n", " ", "\t"]),
    st.integers(1, 80),
    st.booleans(),
)
def test_every_spelling_of_base64(
    data: bytes,
    url_safe: bool,
    prefix: str,
    padding_left_out: int,
    separator: str,
    every: int,
    as_bytes: bool,
) -> None:
    """Alphabet, padding, white space and a data URL, in any mix, do not matter."""
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    characters = encode(data).decode()
    for _ in range(padding_left_out):
        characters = characters.removesuffix("=")
    characters = prefix + wrapped(characters, every, separator)
    assert decode_base64(characters.encode() if as_bytes else characters) == data
    assert Lifted(characters).decode() == data


@pytest.mark.parametrize(
    ("characters", "data"),
    [
        ("", b""),
        ("-_+/", b"\xfb\xff\xbf"[:0] + base64.b64decode("+/+/")),
        ("YQ", b"a"),
        ("YQ=", b"a"),
        ("\n YQ==\n", b"a"),
        ("Y Q = =", b"a"),
        ("data:;base64,YQ==", b"a"),
        ("data:image/png;base64,", b""),
    ],
)
def test_base64_by_example(characters: str, data: bytes) -> None:
    """Spellings that were met are read, both alphabets in one string too."""
    assert decode_base64(characters) == data


@pytest.mark.parametrize(
    "characters",
    [
        "Y",
        "YQ==YQ==",
        "YWI=YQ==",
        "=YQ",
        "====",
        "YWJj====",
        "YQ==!",
        "Y*Q=",
        "YQ\0==",
        "é" * 4,
        "\ud800abc",
        "I cannot draw that.",
        "<html></html>",
        "data:image/png,YWJj",
        "data:image/svg+xml;utf8,<svg/>",
        "YQ==data:image/png;base64,YQ==",
    ],
)
def test_what_is_no_base64(characters: str) -> None:
    """Anything else is an error: never other bytes than were meant."""
    with pytest.raises(ValueError, match="base64"):
        decode_base64(characters)
    with pytest.raises(ValueError, match="base64"):
        decode_base64(characters.encode("utf-8", "surrogatepass"))


@given(st.one_of(any_text, st.binary(), st.text("AZaz09+/-_= \n,;:data"), st.text("=", max_size=9)))
def test_garbage_raises_value_error_only(characters: str | bytes) -> None:
    """Whatever the characters, there are bytes or a `ValueError`."""
    try:
        decoded = decode_base64(characters)
    except ValueError:
        return
    assert len(decoded) <= len(characters)


@pytest.mark.parametrize("characters", [" " * 5_000_000, "data:" * 1_000_000, "=" * 5_000_000])
def test_long_garbage_costs_little(characters: str) -> None:
    """Five million characters of nothing are read or refused at once."""
    started = time.process_time()
    try:
        assert decode_base64(characters) == b""
    except ValueError:
        assert characters.strip()
    assert time.process_time() - started < 1


def test_decoding_takes_no_copy() -> None:
    """A picture is decoded straight from its characters: the peak is the picture itself."""
    data = bytes(range(256)) * 20_000
    lifted = Lifted(base64.b64encode(data))
    tracemalloc.start()
    decoded = lifted.decode()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoded == data
    assert peak < 1.1 * len(data)


@given(any_text)
def test_characters_are_exact(characters: str) -> None:
    """The original characters come back whatever they were."""
    lifted = Lifted(characters)
    assert lifted.text == characters
    assert Lifted(lifted.encoded).text == characters
    assert len(lifted) == len(lifted.encoded)


@given(st.binary())
def test_bytes_are_characters_or_refused(data: bytes) -> None:
    """Made of bytes, it is text from the start; reading it later cannot fail."""
    try:
        lifted = Lifted(data)
    except ValueError:
        with pytest.raises(UnicodeDecodeError):
            data.decode("utf-8", "surrogatepass")
        return
    assert lifted.encoded == data
    assert lifted.text.encode("utf-8", "surrogatepass") == data


def test_equality() -> None:
    """Two are equal by their characters, and one is equal to the plain string of them."""
    assert Lifted("abc") == Lifted(b"abc")
    assert Lifted("äb") == "äb"
    assert Lifted("äb") in {"äb"}
    assert Lifted("äb") in {Lifted("äb")}
    assert Lifted("abc") != Lifted("abd")
    assert Lifted("abc") != "abd"
    assert Lifted("abc") != b"abc"
    assert Lifted("abc") != None  # noqa: E711


def test_copies_and_pickles() -> None:
    """It survives copies and pickles."""
    lifted = Lifted("\ud800ä" * 100)
    for other in (
        copy.copy(lifted),
        copy.deepcopy(lifted),
        pickle.loads(pickle.dumps(lifted)),
    ):
        assert other == lifted
        assert other.text == lifted.text


def test_repr_shows_no_character() -> None:
    """A log line tells the length and nothing of the content."""
    assert repr(Lifted("secret")) == "Lifted(<6 bytes>)"


def json_values(characters: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Any JSON document."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | characters
    return st.recursive(
        leaves, lambda inner: st.lists(inner) | st.dictionaries(characters, inner), max_leaves=12
    )


def plain(value: Any) -> Any:
    """`value` with strings where they were lifted."""
    if isinstance(value, Lifted):
        return value.text
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@given(json_values(any_text), st.integers(0, 4))
def test_lift_changes_nothing_but_long_strings(document: Any, over: int) -> None:
    """Exactly the strings of more than the limit are lifted, keys never, and nothing is lost."""
    lifted = lift(document, over)
    assert plain(lifted) == document

    def check(before: Any, after: Any) -> None:
        if isinstance(before, str):
            assert isinstance(after, Lifted) == (len(before) > over)
        elif isinstance(before, dict):
            assert list(before) == list(after)
            for key in before:
                check(before[key], after[key])
        elif isinstance(before, list):
            for pair in zip(before, after, strict=True):
                check(*pair)
        else:
            assert after is before

    check(document, lifted)


def test_lift_limit() -> None:
    """By default a string of 4096 characters stays and one more is lifted."""
    short, long = lift(["a" * LIFT_OVER, "a" * (LIFT_OVER + 1)])
    assert (type(short), type(long)) == (str, Lifted)


def test_lift_copies() -> None:
    """The document that was given stays as it was."""
    document = {"a": ["x" * 10]}
    lift(document, 5)
    assert document == {"a": ["x" * 10]}


def nested(levels: int) -> Any:
    """A document of that many levels, lists and dicts in turn."""
    document: Any = 1
    for level in range(levels):
        document = [document] if level % 2 else {"a": document}
    return document


def test_lift_depth() -> None:
    """Deep documents are refused at a fixed depth, well before Python's own limit."""
    assert lift(nested(128)) == nested(128)
    with pytest.raises(ValueError, match="more than 128 levels"):
        lift(nested(129))
    # The JSON parser lets more levels through than Python would recurse into.
    deep = orjson.loads(b"[" * 1000 + b"]" * 1000)
    with pytest.raises(ValueError, match="more than 128 levels"):
        lift(deep)


def test_lift_works_deep_in_a_program() -> None:
    """Half of Python's stack may be used already."""

    def descend(levels: int) -> Any:
        return descend(levels - 1) if levels else lift(nested(128))

    assert descend(sys.getrecursionlimit() // 2) == nested(128)


def test_text_of() -> None:
    """A JSON string is its text whether lifted or not; anything else is none."""
    assert text_of("a") == "a"
    assert text_of(Lifted("ä")) == "ä"
    for value in (None, 5, b"a", ["a"], {"text": "a"}):
        assert text_of(value) is None
