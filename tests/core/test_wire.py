"""Requests that are safe to send, and answers that are safe to read."""

from __future__ import annotations

import copy
import json
import pickle
import time
from collections.abc import Callable
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.body import json_body
from genkit.lifted import LIFT_OVER, Lifted
from genkit.response import Notice
from genkit.wire import AuthHeader, WireRequest, WireResponse
from tests.core.samples import png

KEY = AuthHeader("x-goog-api-key")


def request(url: str = "https://example.com/v1/models/m:run", **fields: Any) -> WireRequest:
    """A request that carries the credential."""
    return WireRequest(url=url, **{"auth": KEY, **fields})


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://127.0.0.1:8080/v1",
        "http://[::1]:9/",
        "https://example.com/v1/models/a%2Fb:run?alt=sse&pageToken=x&pageSize=5",
        "https://example.com/a..b/...c/.d/e.",
        "https://example.com/%2F..%2Fx",
        "https://example.com/?keyword=a&monkey=b&tokens=5",
    ],
)
def test_urls(url: str) -> None:
    """Absolute, quoted URLs are kept to the character."""
    assert request(url).url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "absolute"),
        ("example.com/v1", "absolute"),
        ("/v1/models", "absolute"),
        ("//example.com/", "absolute"),
        ("https://", "absolute"),
        ("https:///v1", "absolute"),
        ("ftp://example.com/", "absolute"),
        ("file:///etc/passwd", "absolute"),
        ("javascript:alert(1)", "absolute"),
        ("https://[::1/", "IPv6"),
        ("https://example.com:99999/", "[Pp]ort"),
        ("https://example.com:x/", "[Pp]ort"),
        ("https://example.com:0/", "port"),
        ("https://user:secret@example.com/", "no credentials"),
        ("https://secret@example.com/", "no credentials"),
        ("https://@example.com/", "no credentials"),
        ("https://example.com/a b", "quoted"),
        ("https://example.com/a\r\nHost: evil", "quoted"),
        ("https://example.com/a\0", "quoted"),
        ("https://example.com/a\tb", "quoted"),
        ("https://example.com/\x1b[2J", "quoted"),
        ("https://example.com/models/ü", "quoted"),
        ("https://exämple.com/", "quoted"),
        ("https://example.com\\@evil.com/", "quoted"),
        ("https://example.com/v1/models/../../admin", r"\.\."),
        ("https://example.com/v1/./x", r"\.\."),
        ("https://example.com/v1/%2e%2E/x", r"\.\."),
        ("https://example.com/v1/..", r"\.\."),
        ("https://example.com/?key=AIzaSecret", "'key'"),
        ("https://example.com/?KEY=AIzaSecret", "'KEY'"),
        ("https://example.com/?%6bey=AIzaSecret", "'key'"),
        ("https://example.com/?a=b&api_key=AIzaSecret", "'api_key'"),
        ("https://example.com/?access_token=AIzaSecret", "'access_token'"),
        ("https://example.com/?key", "'key'"),
    ],
)
def test_urls_refused(url: str, said: str) -> None:
    """A URL that would leak, go elsewhere or break the request cannot be built."""
    with pytest.raises(ValueError, match=said) as caught:
        request(url)
    assert "ecret" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_signed_download() -> None:
    """The address of a result is a permit of its own; the credential never goes with it."""
    url = "https://cdn.example.com/a.png?key=a/b.png&token=abc&Signature=x%2By%3D"
    assert WireRequest(method="GET", url=url).url == url
    with pytest.raises(ValueError, match="never in a URL"):
        WireRequest(method="GET", url=url, auth=KEY)
    with pytest.raises(ValueError, match="never in a URL"):
        WireRequest(method="POST", url=url)


@pytest.mark.parametrize("method", ["get", "TRACE", "POST\r\n", ""])
def test_methods_refused(method: str) -> None:
    """Only the usual methods, in capitals."""
    with pytest.raises(ValueError, match="method"):
        request(method=method)


def test_headers() -> None:
    """Header names are in lower case whatever was given; values are kept."""
    headers = request(headers={"Accept": "a/b; q=1,\t*/*", "X-EMPTY": ""}).headers
    assert headers == {"accept": "a/b; q=1,\t*/*", "x-empty": ""}
    response = WireResponse(status=200, headers={"Retry-AFTER": "5"})
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "secret\r\nx-evil: 1"),
        ("x", "secret\n"),
        ("x", "secret\0"),
        ("x", "secret\x1b"),
        ("x", "secret ü"),
        ("x", " secret"),
        ("x", "secret "),
        ("x", "\ud800secret"),
        ("x\r\nevil", "secret"),
        ("", "secret"),
        ("x y", "secret"),
        ("x:", "secret"),
        ("ü", "secret"),
    ],
)
def test_headers_refused(name: str, value: str) -> None:
    """A header that could add another, or that the library would re-encode, cannot be built."""
    with pytest.raises(ValueError, match="header") as caught:
        request(headers={name: value})
    assert "secret" not in str(caught.value)


def test_auth_header() -> None:
    """The header of the credential has a clean name and prefix."""
    assert AuthHeader("Authorization", "Bearer ") == AuthHeader("authorization", "Bearer ")
    for name, prefix in [("x y", ""), ("", ""), ("x", "Bearer\r\n"), ("x", "\0")]:
        with pytest.raises(ValueError, match=r"header name|prefix"):
            AuthHeader(name, prefix)


def test_request_is_a_value() -> None:
    """Requests are equal by their fields, and survive copies, pickles and `evolve`."""
    one = request(headers={"A": "b"}, body=json_body({"a": 1}), notices=(Notice("c", "m"),))
    assert one == request(headers={"a": "b"}, body=json_body({"a": 1}), notices=(Notice("c", "m"),))
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other == one
    evolved = attrs.evolve(one, method="PUT")
    assert (evolved.method, evolved.headers, evolved.body) == ("PUT", one.headers, one.body)
    with pytest.raises(ValueError, match="absolute"):
        attrs.evolve(one, url="elsewhere")


def answer(body: bytes) -> WireResponse:
    """An answer with that body, whose reading took no time worth telling."""
    started = time.process_time()
    response = WireResponse.from_bytes(200, {"Content-Type": "application/json"}, body)
    response.snippet()
    assert time.process_time() - started < 1
    return response


def test_json_answer() -> None:
    """JSON is parsed, and its long strings are lifted to the character."""
    signature = "A" * (LIFT_OVER + 1)
    response = answer(json.dumps({"a": [1, "text", None], "s": signature}).encode())
    assert response.is_json
    assert response.body == b""
    assert response.document == {"a": [1, "text", None], "s": signature}
    assert isinstance(response.document["s"], Lifted)


@pytest.mark.parametrize("value", [None, 0, "", [], {}, "text", False, 1.5])
def test_any_json_value_is_an_answer(value: object) -> None:
    """A bare value, null included, is JSON too."""
    response = answer(json.dumps(value).encode())
    assert response.is_json
    assert response.document == value


def test_byte_order_mark_is_left_out() -> None:
    """Parsers may ignore a byte order mark (RFC 8259, 8.1); some gateways add one."""
    assert answer(b"\xef\xbb\xbf{}").document == {}
    assert answer(b"\xef\xbb\xbf").body == b"\xef\xbb\xbf"


def test_content_type_does_not_matter() -> None:
    """JSON that is called HTML is JSON, and HTML that is called JSON is none."""
    assert WireResponse.from_bytes(500, {"content-type": "text/html"}, b"{}").is_json
    page = WireResponse.from_bytes(502, {"content-type": "application/json"}, b"<html>")
    assert (page.is_json, page.document, page.body) == (False, None, b"<html>")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "blank": lambda: b"  \n",
    "nan": lambda: b'{"a": NaN}',
    "infinity": lambda: b"-Infinity",
    "infinite": lambda: b"1e999",
    "deep-lists": lambda: b"[" * 100_000,
    "deep-lists-closed": lambda: b"[" * 100_000 + b"]" * 100_000,
    "deep-dicts": lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep-for-python": lambda: b"[" * 1000 + b"]" * 1000,
    "a-level-too-deep": lambda: b'{"a":' * 129 + b"1" + b"}" * 129,
    "endless-integer": lambda: b"1" * 1_000_000,
    "endless-integer-inside": lambda: b'{"a": -' + b"9" * 1_000_000 + b"}",
    "lone-surrogate": lambda: rb'{"a": "\ud800"}',
    "lone-surrogate-long": lambda: b'{"a": "' + b"A" * 5000 + rb'\udc00"}',
    "surrogate-bytes": lambda: b'"\xed\xa0\x80"',
    "invalid-utf-8": lambda: b'{"a": "\xff\xfe"}',
    "utf-16": lambda: '{"a": 1}'.encode("utf-16"),
    "cut": lambda: b'{"candidates": [{"content": {"par',
    "two-documents": lambda: b"{}{}",
    "trailing-comma": lambda: b"[1,]",
    "html": lambda: b"<html>" * 100_000,
    "picture": png,
    "nul": lambda: b"\0" * 1_000_000,
    "quotes": lambda: b'"' * 1_000_000,
    "backslashes": lambda: b'"' + b"\\" * 1_000_001,
    "control-character": lambda: b'"\n"',
}


@pytest.mark.parametrize("build", HOSTILE.values(), ids=HOSTILE)
def test_hostile_answers(build: Callable[[], bytes]) -> None:
    """What is not JSON is kept byte for byte, quickly, and never raises."""
    body = build()
    response = answer(body)
    assert (response.is_json, response.document) == (False, None)
    assert response.body == body


UNUSUAL: dict[str, Callable[[], tuple[bytes, object]]] = {
    "huge-integer": lambda: (b"1" * 300, float("1" * 300)),
    "many-digits": lambda: (b"1." + b"0" * 1_000_000, 1.0),
    "duplicate-names": lambda: (b'{"a": 1, "a": 2}', {"a": 2}),
    "deepest": lambda: (b"[" * 128 + b"]" * 128, json.loads("[" * 128 + "]" * 128)),
    "wide": lambda: (b"[" + b"[]," * 100_000 + b"1]", [*([[]] * 100_000), 1]),
    "pair": lambda: (rb'"\ud83c\udf4c"', "\U0001f34c"),
    "nul-escape": lambda: (rb'"\u0000"', "\0"),
}


@pytest.mark.parametrize("build", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_answers(build: Callable[[], tuple[bytes, object]]) -> None:
    """Odd but valid JSON is read."""
    body, document = build()
    response = answer(body)
    assert response.is_json
    assert response.document == document


@given(st.binary())
def test_any_bytes_are_an_answer(body: bytes) -> None:
    """Any bytes give an answer that either is JSON or holds them."""
    response = WireResponse.from_bytes(200, {}, body)
    assert response.is_json or response.body == body
    assert isinstance(response.snippet(), str)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values, st.integers(0, 10))
def test_lift_limit_can_be_chosen(document: Any, over: int) -> None:
    """Tests may lift short strings too; the document says the same."""
    response = WireResponse.from_bytes(200, {}, orjson.dumps(document), lift_over=over)
    assert json_body(response.document).to_bytes() == orjson.dumps(document)


def test_snippet() -> None:
    """A snippet is the beginning, without lifted strings, and readable whatever the bytes."""
    response = answer(orjson.dumps({"error": "é" * 10, "data": "B" * 100_000}))
    assert response.snippet() == '{"error":"éééééééééé","data":"Lifted(<100000 bytes>)"}'
    assert response.snippet(12) == '{"error":"é'
    assert len(response.snippet(11)) == 11
    assert answer(b"<p>\xff" + b"x" * 5000).snippet() == "<p>\ufffd" + "x" * 2044
    assert answer(b"").snippet() == ""


def test_answer_is_a_value() -> None:
    """Answers survive pickles, and their repr shows no content."""
    response = answer(orjson.dumps({"a": "secret" + "B" * 5000}))
    assert pickle.loads(pickle.dumps(response)) == response
    assert "secret" not in repr(response)
    assert "secret" not in repr(answer(b"secret"))
    assert "<6 bytes>" in repr(answer(b"secret"))
