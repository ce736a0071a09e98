"""Forms as ropes, read back by parsers that are not ours."""

from __future__ import annotations

import email.parser
import email.policy
import hashlib
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.body import Body, Raw
from genkit.images import Image
from genkit.multipart import BOUNDARY_PREFIX, FormField, FormFile, multipart_body


def image(data: bytes, media_type: str = "image/png") -> Image:
    """A value with any bytes, as forms do not look at them."""
    return Image(data=data, media_type=media_type, width=1, height=1)


def parts_of(body: Body) -> list[EmailMessage]:
    """The parts of a form, as the standard library's parser of mail reads them."""
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(head + body.to_bytes())
    assert message.is_multipart()
    assert message.defects == []
    parts: list[Any] = list(message.iter_parts())
    return parts


def content_of(part: EmailMessage) -> bytes:
    """The bytes of a part."""
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def boundary_of(body: Body) -> bytes:
    """What separates the parts."""
    return body.content_type.partition("boundary=")[2].encode()


GOLDEN = (
    b"--%(boundary)s\r\n"
    b'Content-Disposition: form-data; name="prompt"\r\n'
    b"\r\n"
    b"a caf\xc3\xa9\r\n"
    b"--%(boundary)s\r\n"
    b'Content-Disposition: form-data; name="image[]"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n"
    b"\r\n"
    b"\x89PNG\r\n\r\n"
    b"--%(boundary)s--\r\n"
)


def test_the_bytes_of_a_form() -> None:
    """A form is these bytes, and its type names the boundary."""
    body = multipart_body(
        [FormField("prompt", "a café"), FormFile("image[]", image(b"\x89PNG\r\n"), "a.png")]
    )
    boundary = boundary_of(body)
    assert body.content_type == f"multipart/form-data; boundary={boundary.decode()}"
    assert body.to_bytes() == GOLDEN % {b"boundary": boundary}
    assert body.length == len(body.to_bytes())
    assert len(boundary) <= 70


def test_pictures_are_referred_to() -> None:
    """A picture stands in the rope as itself, not as a copy of its bytes."""
    picture = image(b"x" * 1000)
    body = multipart_body([FormFile("image", picture, "a.png")])
    (raw,) = [segment for segment in body.segments if isinstance(segment, Raw)]
    assert raw.image is picture


def test_an_empty_form() -> None:
    """A form without fields is its end alone."""
    body = multipart_body([])
    assert body.to_bytes() == b"--" + boundary_of(body) + b"--\r\n"


@pytest.mark.parametrize(
    "name",
    [
        'x"\r\nContent-Type: text/html\r\n\r\nboo',
        'x"; filename="evil.exe',
        "x\\",
        'x\\"; filename="evil.exe',
        "x\n--boundary--",
        "x\0y",
    ],
)
def test_a_name_adds_nothing(name: str) -> None:
    """No name begins a header, a parameter or a part of its own, whichever parser reads it."""
    fields: list[FormField | FormFile] = [
        FormField(name, "one"),
        FormFile("image", image(b"two"), name),
    ]
    first, second = parts_of(multipart_body(fields))
    assert [content_of(part) for part in (first, second)] == [b"one", b"two"]
    assert first.get_filename() is None
    assert first.get_content_type() == "text/plain"
    assert second.get_content_type() == "image/png"
    assert second.get_param("name", header="content-disposition") == "image"
    for header in (first["content-disposition"], second["content-disposition"]):
        assert not set(str(header)) & set("\r\n\0\\")


def test_quotes_are_percent_encoded() -> None:
    """Names are written as browsers write them."""
    body = multipart_body([FormFile("a", image(b""), 'b"c\r\n.png')])
    assert b'filename="b%22c%0D%0A.png"' in body.to_bytes()


def test_a_boundary_that_occurs_is_not_used() -> None:
    """Where the boundary stands in a picture, another one separates the parts."""

    def first_boundary(digest: str) -> str:
        header = b'Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Type: x/y'
        pieces = b"".join(b"%d:%s" % (len(piece), piece) for piece in (header, digest.encode()))
        return BOUNDARY_PREFIX + hashlib.sha256(pieces + b"0").hexdigest()[:32]

    class Posing(Image):
        """A picture whose hash is not that of its bytes, which name the boundary."""

        sha256 = "0" * 64

    taken = first_boundary("0" * 64).encode()
    harmless = Posing(data=b"", media_type="x/y", width=1, height=1)
    assert boundary_of(multipart_body([FormFile("a", harmless, "b")])) == taken
    posing = Posing(data=b"..." + taken + b"...", media_type="x/y", width=1, height=1)
    body = multipart_body([FormFile("a", posing, "b")])
    assert boundary_of(body) != taken
    assert boundary_of(body) not in posing.data
    (part,) = parts_of(body)
    assert content_of(part) == posing.data


@pytest.mark.parametrize("media_type", ["", "image", "image/png\r\nX: y", "image/png; a=b", "é/x"])
def test_a_type_is_checked(media_type: str) -> None:
    """What is no plain media type is refused: it would stand in a header."""
    with pytest.raises(ValueError, match="content_type"):
        FormFile("a", image(b""), "b", media_type)


def test_lone_surrogates_are_refused() -> None:
    """Texts that have no UTF-8 are refused by name."""
    with pytest.raises(ValueError, match="name"):
        FormField("\ud800", "a")
    with pytest.raises(ValueError, match="value"):
        FormField("a", "\ud800")
    with pytest.raises(ValueError, match="filename"):
        FormFile("a", image(b""), "\ud800")


def test_the_prompt_is_not_shown() -> None:
    """The value of a field stands in no repr."""
    assert "secret" not in repr(FormField("prompt", "secret"))


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain_names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
# The parser of mail reads `\r` alone as the end of a line, and drops one at the end of a part.
contents = st.binary(max_size=300).filter(lambda data: not data.endswith((b"\r", b"\n")))
form_fields = st.lists(
    st.builds(FormField, names, st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
    | st.builds(FormFile, names, st.binary(max_size=80).map(image), names),
    max_size=4,
)


@given(form_fields)
def test_the_same_fields_give_the_same_bytes(fields: list[FormField | FormFile]) -> None:
    """A form is a pure function of its fields, of known length, its boundary only between parts."""
    body, again = multipart_body(fields), multipart_body(iter(fields))
    assert body == again
    written = body.to_bytes()
    assert written == again.to_bytes()
    assert len(written) == body.length
    assert written.count(boundary_of(body)) == len(fields) + 1


@given(st.lists(st.tuples(plain_names, contents), min_size=1, max_size=4))
def test_files_come_back(files: list[tuple[str, bytes]]) -> None:
    """Every file is read back under its names and type, byte by byte, whatever is in it."""
    body = multipart_body(
        FormFile(name, image(data, "image/webp"), f"{name}.webp") for name, data in files
    )
    read = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            content_of(part),
        )
        for part in parts_of(body)
    ]
    assert read == [(name, f"{name}.webp", "image/webp", data) for name, data in files]


@given(st.lists(names, min_size=1, max_size=3))
def test_any_names_make_as_many_parts(given_names: list[str]) -> None:
    """However names are chosen, there are as many parts as fields."""
    body = multipart_body(FormField(name, "x") for name in given_names)
    assert [content_of(part) for part in parts_of(body)] == [b"x"] * len(given_names)
