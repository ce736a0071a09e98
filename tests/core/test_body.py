"""Bodies as ropes: the same bytes as plain JSON, known length, small pieces."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import pickle
import tracemalloc
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.body import CHUNK_BYTES, Base64, Body, Raw, Segment, json_body
from genkit.images import Image
from genkit.lifted import Lifted


def image(data: bytes) -> Image:
    """A value with any bytes, as bodies do not look at them."""
    return Image(data=data, media_type="image/png", width=1, height=1)


def long_image(length: int = 5_000_000) -> Image:
    """A picture of many pieces, whose last is short."""
    return image((bytes(range(256)) * (length // 256 + 1))[:length])


def data_url(data: bytes) -> str:
    """The address that holds a picture in itself."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


texts = st.text(st.characters(exclude_categories=["Cs"]))
awkward_texts = st.text(st.sampled_from('"\\/\0\x01\x1f\x7f\n\t aé世🎨\u2028')) | texts

Pair = tuple[Any, Any]
"""A document with ropes in it, and the same with plain strings."""


def pairs() -> st.SearchStrategy[Pair]:
    """Documents of any shape, ropes anywhere in them."""
    leaves = st.one_of(
        awkward_texts.map(lambda text: (text, text)),
        awkward_texts.map(lambda text: (Lifted(text), text)),
        st.binary().map(lambda data: (Base64(image(data)), base64.b64encode(data).decode())),
        st.binary().map(lambda data: (Base64(image(data), data_url=True), data_url(data))),
        st.sampled_from([None, True, 0, -1, 1.5, 2**53]).map(lambda value: (value, value)),
    )

    def join(items: list[Pair]) -> Pair:
        return [item[0] for item in items], [item[1] for item in items]

    def join_dict(items: dict[str, Pair]) -> Pair:
        return (
            {key: item[0] for key, item in items.items()},
            {key: item[1] for key, item in items.items()},
        )

    def extend(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
        return st.lists(inner).map(join) | st.dictionaries(awkward_texts, inner).map(join_dict)

    return st.recursive(leaves, extend, max_leaves=15)


@given(pairs())
def test_json_is_that_of_plain_strings(pair: Pair) -> None:
    """A document with pictures and lifted strings gives the bytes that plain strings would."""
    document, plain = pair
    body = json_body(document)
    assert body.to_bytes() == orjson.dumps(plain)
    assert json.loads(body.to_bytes()) == plain
    assert body.content_type == "application/json"


@given(pairs())
def test_length_and_hash_are_those_of_the_bytes(pair: Pair) -> None:
    """What is announced is what is sent, every time."""
    body = json_body(pair[0])
    whole = body.to_bytes()
    assert body.length == len(whole)
    assert body.sha256() == hashlib.sha256(whole).hexdigest()
    assert list(body.chunks()) == list(body.chunks())
    assert all(body.chunks())


def test_nul_in_strings() -> None:
    """The mark that stands for a rope cannot be confused with a NUL of the document."""
    document = {"\0": "\0", "a": Lifted("\0"), "b": Base64(image(b"\0")), "c": '"\0"'}
    assert json.loads(json_body(document).to_bytes()) == {
        "\0": "\0",
        "a": "\0",
        "b": "AA==",
        "c": '"\0"',
    }


@pytest.mark.parametrize("text", ['"', "\\", 'a"b\\c', "\n", "\x7f", "é", "\u2028", "世" * 5000])
def test_lifted_strings_are_escaped(text: str) -> None:
    """A signature of any characters cannot break out of its quotes, and arrives unchanged."""
    whole = json_body({"a": Lifted(text)}).to_bytes()
    assert whole == orjson.dumps({"a": text})


def test_plain_lifted_strings_cost_no_copy() -> None:
    """Base64 characters are referred to, not copied."""
    lifted = Lifted(b"A" * 100_000)
    assert any(segment is lifted for segment in json_body([lifted]).segments)


def test_a_rope_may_be_the_whole_document() -> None:
    """Even a document that is nothing but a picture is JSON."""
    assert json_body(Base64(image(b"abc"))).to_bytes() == b'"YWJj"'
    assert json_body(Base64(image(b""))).to_bytes() == b'""'


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), {"a": Raw(image(b""))}, {5: "key"}, "\ud800", 2**64]
)
def test_what_json_cannot_say(value: object) -> None:
    """What has no JSON form is a `TypeError`, raw bytes of pictures among it."""
    with pytest.raises(TypeError):
        json_body({"a": value})


@pytest.mark.parametrize(
    "length", [0, 1, 2, 3, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 2]
)
def test_pieces_join(length: int) -> None:
    """A picture in pieces is the picture in one, encoded or not."""
    picture = long_image(length)
    encoded = Base64(picture)
    assert b"".join(encoded.chunks()) == base64.b64encode(picture.data)
    assert len(encoded) == len(base64.b64encode(picture.data))
    raw = Raw(picture)
    assert b"".join(raw.chunks()) == picture.data
    assert len(raw) == length


SEGMENTS: dict[str, Segment] = {
    "base64": Base64(long_image()),
    "raw": Raw(long_image()),
    "lifted": Lifted(b"A" * 5_000_000),
    "bytes": b"A" * 5_000_000,
}


@pytest.mark.parametrize("segment", SEGMENTS.values(), ids=SEGMENTS)
def test_pieces_are_small(segment: Segment) -> None:
    """Writing megabytes takes the memory of a piece or two, whatever the segment."""
    body = Body((b"[", segment, b"]"), "text/plain")
    tracemalloc.start()
    lengths = [len(piece) for piece in body.chunks()]
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(lengths) == body.length
    assert max(lengths) <= 256 * 1024
    assert peak < 1_000_000


def test_no_piece_is_empty() -> None:
    """An empty piece would end a chunked body early."""
    body = Body((b"", Base64(image(b"")), Lifted(""), Raw(image(b"")), b"x"), "text/plain")
    assert list(body.chunks()) == [b"x"]
    assert body.length == 1


def test_hash_takes_pieces() -> None:
    """Hashing a large body never holds it encoded."""
    body = json_body({"image": Base64(long_image())})
    tracemalloc.start()
    body.sha256()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_two_readers_do_not_disturb_each_other() -> None:
    """Each call of `chunks` begins anew, as a second attempt does."""
    body = json_body({"image": Base64(long_image(1_000_000))})

    def alternate() -> Iterator[tuple[bytes, bytes]]:
        yield from zip(body.chunks(), body.chunks(), strict=True)

    assert all(first == second for first, second in alternate())


def test_is_a_value() -> None:
    """Bodies are equal by their segments, and survive copies and pickles."""
    body = json_body({"text": "a", "image": Base64(image(b"abc")), "signature": Lifted("s")})
    assert body == json_body(
        {"text": "a", "image": Base64(image(b"abc")), "signature": Lifted("s")}
    )
    assert body != json_body({"text": "b"})
    for other in (copy.copy(body), copy.deepcopy(body), pickle.loads(pickle.dumps(body))):
        assert other == body
        assert other.length == body.length


def test_repr_shows_no_content() -> None:
    """A body in a log shows how many segments it has, and its type."""
    body = json_body({"prompt": "secret", "image": Base64(image(b"abc"))})
    assert repr(body) == "Body(segments=<3 segments>, content_type='application/json')"
