"""What happens to bodies on the way into a cassette and out of it."""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from genkit.sniff import sniff
from genkit.testing.cassettes.bodies import canonical, clean, restore, store
from genkit.testing.cassettes.pictures import LARGE_BYTES, is_large_picture, tiny_picture
from genkit.testing.cassettes.scrub import Scrubber
from genkit.testing.cassettes.standins import is_stand_in, swap_string, swap_text

SCRUBBER = Scrubber()
KINDS = ["PNG", "JPEG", "WEBP", "GIF"]


def picture(kind: str = "PNG", size: tuple[int, int] = (160, 90), noise: int = 90) -> bytes:
    """A large picture."""
    file = io.BytesIO()
    Image.effect_noise(size, noise).convert("RGB").save(file, kind)
    assert is_large_picture(file.getvalue())
    return file.getvalue()


def encoded(data: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(data).decode()


def cleaned(document: Any) -> Any:
    """A JSON document as it stands in a cassette."""
    return json.loads(clean(json.dumps(document).encode(), "application/json", SCRUBBER)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_tiny_pictures_are_pictures(kind: str) -> None:
    """A tiny picture decodes, has the type and shape of the original, and is tiny."""
    tiny = tiny_picture(picture(kind))
    with Image.open(io.BytesIO(tiny)) as image:
        image.load()
        assert (image.format, image.size) == (kind, (32, 18))
        assert len(image.convert("RGB").getcolors() or []) == 1
    assert len(tiny) < 512


@pytest.mark.parametrize("kind", KINDS)
def test_tiny_pictures_tell_originals_apart(kind: str) -> None:
    """The same original always gives the same tiny picture, others give others."""
    originals = [picture(kind) for _ in range(20)]
    assert len({tiny_picture(original) for original in originals}) == 20
    assert tiny_picture(originals[0]) == tiny_picture(originals[0])


@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from(KINDS), st.integers(0, 255))
def test_tiny_pictures_of_any_shape_decode(width: int, height: int, kind: str, colour: int) -> None:
    """Every shape and colour gives a picture that is complete."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (colour, 7, 255 - colour)).save(file, kind)
    tiny = tiny_picture(file.getvalue())
    header = sniff(tiny)
    assert header is not None
    assert header.complete
    with Image.open(io.BytesIO(tiny)) as image:
        image.load()
        assert image.size == (header.width, header.height)


@pytest.mark.parametrize("brand", [b"avif", b"heic"])
def test_types_without_an_encoder_keep_type_and_shape(brand: bytes) -> None:
    """An AVIF or HEIC picture becomes a header of the same type and shape."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    extent = box(b"ispe", struct.pack(">III", 0, 1280, 512))
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", extent)))
    tiny = tiny_picture(box(b"ftyp", brand + bytes(4)) + meta + box(b"mdat", bytes(5000)))
    header = sniff(tiny)
    assert header is not None
    assert (header.media_type, header.width, header.height) == (f"image/{brand.decode()}", 32, 13)
    assert header.complete
    assert len(tiny) < 256


def test_what_is_no_picture_has_no_tiny_one() -> None:
    """Other bytes are refused."""
    with pytest.raises(ValueError, match="not a picture"):
        tiny_picture(b"%PDF-1.7")


def test_long_strings_are_swapped_wherever_they_stand() -> None:
    """Pictures become tiny ones and signatures short ones, nested, in lists and in data URLs."""
    drawing, signature = picture(), encoded(b"signed" * 2000)
    document = {
        "parts": [{"inlineData": {"data": encoded(drawing)}, "thoughtSignature": signature}],
        "image_url": f"data:image/png;base64,{encoded(drawing)}",
        "wrapped": base64.encodebytes(drawing).decode(),
    }
    result = cleaned(document)
    tiny = encoded(tiny_picture(drawing))
    assert result["parts"][0]["inlineData"]["data"] == tiny
    assert result["image_url"] == f"data:image/png;base64,{tiny}"
    assert result["wrapped"] == tiny
    assert is_stand_in(result["parts"][0]["thoughtSignature"])
    assert len(result["parts"][0]["thoughtSignature"]) == 64
    assert result == cleaned(result)


def test_stand_ins_tell_signatures_apart() -> None:
    """Two signatures get two stand-ins, one written in either alphabet gets one."""
    data = bytes(range(256)) * 20
    urlsafe = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert swap_string(encoded(data)) == swap_string(urlsafe)
    assert swap_string(encoded(data)) != swap_string(encoded(data[1:]))


@pytest.mark.parametrize(
    "text",
    ["a kite " * 2000, "x" * 4096, encoded(b"\x89PNG\r\n\x1a\n" + bytes(3000)), "grün" * 2000],
)
def test_prose_and_short_strings_are_left(text: str) -> None:
    """A long prompt is no base64, and what is short stays whatever it is."""
    assert cleaned({"text": text}) == {"text": text}


def test_threshold_is_the_same_raw_and_encoded() -> None:
    """A picture is swapped in all of its forms or in none: else an echo would not match."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x05"
    for size in range(LARGE_BYTES - 4, LARGE_BYTES + 5):
        data = head.ljust(size, b"\0")
        is_swapped = clean(data, "image/png", SCRUBBER)[0] != data
        for text in (encoded(data), f"data:image/png;base64,{encoded(data)}"):
            assert (swap_string(text) != text) == is_swapped, size


def test_long_strings_in_events_are_swapped() -> None:
    """A body of events is text, and the pictures in it are swapped too."""
    drawing = picture()
    events = f'data: {{"data": "{encoded(drawing)}"}}\n\ndata: [DONE]\n\n'
    expected = f'data: {{"data": "{encoded(tiny_picture(drawing))}"}}\n\ndata: [DONE]\n\n'
    assert swap_text(events) == expected
    assert clean(events.encode(), "text/event-stream", SCRUBBER)[0] == expected.encode()


SECRETS = [
    "AIza" + "Sy0123456789-abcdefghijklmnopqrst_X",
    "sk-proj-0123456789abcdef",
    "ya29.a0AfB_0123456789",
    "Bearer abcdefghijklmnop",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "org-abc123def456ghi7",
    "proj_0123456789abcdef",
    "gen-lang-client-0123456789",
    "projects/my-project-17",
    "AKIA0123456789ABCDEF",
    "ghp_0123456789abcdefghij",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("shape", ["json", "key", "text", "address", "multipart", "latin"])
def test_secrets_are_taken_out(secret: str, shape: str) -> None:
    """No kind of secret passes in a value, a key, a text, an address or a part."""
    bare = secret.removeprefix("Bearer ").removeprefix("projects/")
    match shape:
        case "json":
            result = json.dumps(cleaned({"a": [f"the {secret}, there"]}))
        case "key":
            result = json.dumps(cleaned({f"the {secret}": 1}))
        case "text":
            result = clean(f"a {secret}".encode(), "text/plain", SCRUBBER)[0].decode()
        case "address":
            result = SCRUBBER.address(f"https://user:pw@example.com/v1/{secret}/x?key=kkk&a=1")
            assert "kkk" not in result
            assert "pw@" not in result
        case "multipart":
            result = clean(*multipart([(b"text/plain", secret.encode())]), SCRUBBER)[0].decode()
        case _:
            result = clean(b"\xff " + secret.encode(), "", SCRUBBER)[0].decode("latin-1")
    assert bare not in result
    assert json.dumps(bare)[1:-1] not in result
    assert "REDACTED" in result


def test_secret_fields_are_taken_out_whatever_they_hold() -> None:
    """The value of a field that is named as a secret goes, other fields stay."""
    document = {"api_key": "x", "accessToken": ["y"], "Password": "z", "nextPageToken": "n"}
    assert cleaned(document) == {
        "api_key": "REDACTED",
        "accessToken": ["REDACTED"],
        "Password": "REDACTED",
        "nextPageToken": "n",
    }


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a": ',
    ],
)
def test_json_that_would_change_is_kept_as_text(body: bytes) -> None:
    """What cannot be written again as it was stays as it is, but for its secrets."""
    assert clean(body, "application/json", SCRUBBER) == (body, "application/json")
    assert store(body, "application/json") == {"text": body.decode()}
    longer = body + b' "sk-0123456789abcdef"'
    assert b"0123456789abcdef" not in clean(longer, "application/json", SCRUBBER)[0]


@pytest.mark.parametrize("depth", [50, 200, 480, 960, 5000])
def test_json_of_any_depth_passes(depth: int) -> None:
    """However deeply JSON is nested, it is cleaned, stored and compared without an error."""
    body = b"[" * depth + b'"sk-0123456789abcdef"' + b"]" * depth
    result, content_type = clean(body, "application/json", SCRUBBER)
    assert result == body.replace(b"sk-0123456789abcdef", b"REDACTED")
    assert restore(store(result, content_type), content_type) == result
    assert canonical(result, content_type) != canonical(body, content_type)


def multipart(parts: list[tuple[bytes, bytes]], boundary: bytes = b"b1") -> tuple[bytes, str]:
    """A multipart body and its content type."""
    body = b""
    for number, (kind, data) in enumerate(parts):
        name = b'Content-Disposition: form-data; name="p%d"' % number
        body += b"--" + boundary + b"\r\n" + name + b"\r\nContent-Type: " + kind
        body += b"\r\n\r\n" + data + b"\r\n"
    return (
        body + b"--" + boundary + b"--\r\n",
        f'multipart/form-data; boundary="{boundary.decode()}"',
    )


def test_multipart_is_cleaned_part_by_part() -> None:
    """Pictures in parts are swapped, JSON in parts is cleaned, the boundary is made anew."""
    drawing = picture("WEBP")
    parts = [(b"image/webp", drawing), (b"application/json", b'{"api_key": "x"}'), (b"", b"words")]
    first, second = (clean(*multipart(parts, name), SCRUBBER) for name in (b"one", b"two"))
    assert first == second
    body, content_type = first
    assert content_type.startswith("multipart/form-data; boundary=genkit-")
    assert tiny_picture(drawing) in body
    assert drawing not in body
    assert b'{"api_key":"REDACTED"}' in body
    assert clean(body, content_type, SCRUBBER) == first
    stored = store(body, content_type)
    assert stored is not None
    assert [set(part["body"]) for part in stored["multipart"]] == [{"base64"}, {"json"}, {"text"}]
    assert restore(stored, content_type) == body


def test_multipart_compares_without_its_boundary() -> None:
    """Two bodies with other boundaries are equal; with another part they are not."""
    parts = [(b"text/plain", b"a"), (b"text/plain", b"b")]
    one, two = multipart(parts, b"one"), multipart(parts, b"two")
    assert canonical(*one) == canonical(*two)
    assert canonical(*one) != canonical(*multipart(parts[::-1], b"one"))
    renamed = one[0].replace(b'name="p0"', b'name="p7"')
    assert canonical(*one) != canonical(renamed, one[1])


def test_part_with_a_repeated_header_is_kept() -> None:
    """A form that would lose something is not taken: the part's second header stays."""
    body = b"--x\r\nx-a: 1\r\nx-a: 2\r\n\r\nwords\r\n--x--\r\n"
    body, content_type = clean(body, "multipart/mixed; boundary=x", SCRUBBER)
    assert b"x-a: 1\r\nx-a: 2" in body
    assert restore(store(body, content_type), content_type) == body


@pytest.mark.parametrize(
    "body", [b"", b"--b1\r\n", b"--b1\r\nno end", b"--b1\r\nA: b\r\n--b1--", b"\xff--b1"]
)
def test_broken_multipart_is_kept_as_it_is(body: bytes) -> None:
    """What says that it is multipart and is not passes through whole."""
    content_type = "multipart/form-data; boundary=b1"
    assert clean(body, content_type, SCRUBBER) == (body, content_type)
    assert restore(store(body, content_type), content_type) == body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CONTENT_TYPES = st.sampled_from(
    ["application/json", "text/plain", "", "multipart/mixed; boundary=x"]
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    JSON.map(lambda document: json.dumps(document).encode()),
    st.lists(st.binary(max_size=30), min_size=1, max_size=3).map(
        lambda parts: multipart([(b"text/plain", part) for part in parts], b"x")[0]
    ),
)


@given(BODIES, CONTENT_TYPES)
def test_any_body_survives_its_file(body: bytes, content_type: str) -> None:
    """What was cleaned comes back from its stored form as the very same bytes."""
    body, content_type = clean(body, content_type, SCRUBBER)
    assert restore(store(body, content_type), content_type) == body


@given(BODIES, CONTENT_TYPES)
def test_cleaning_twice_changes_nothing(body: bytes, content_type: str) -> None:
    """A cleaned body is clean: what is played is cleaned again and must still match."""
    once = clean(body, content_type, SCRUBBER)
    assert clean(*once, SCRUBBER) == once


@given(JSON)
def test_cleaning_keeps_the_meaning(document: Any) -> None:
    """JSON without secrets and without long strings says the same after cleaning."""
    body = json.dumps(document).encode()
    result = clean(body, "application/json", SCRUBBER)[0]
    assert json.dumps(json.loads(result), sort_keys=True) == json.dumps(document, sort_keys=True)


@pytest.mark.parametrize("stored", [{"xml": "<a/>"}, {"text": 1}, {"base64": "?"}, []])
def test_unknown_form_is_refused(stored: Any) -> None:
    """A stored body of no known form is an error, never an empty body."""
    with pytest.raises(ValueError, match=r"a body is one of|base64"):
        restore(stored, "")
