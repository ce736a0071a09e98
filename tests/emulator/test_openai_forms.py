from __future__ import annotations

import pytest
from aiohttp import FormData, MultipartWriter
from hypothesis import given
from hypothesis import strategies as st

from genkit_openai.emulated_forms import Part, parse_form
from tests.emulator.openai_service import BOUNDARY, File, form

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def test_parts() -> None:
    """Fields and files are read in order, with the types that they have or usually have."""
    body = form(
        ("prompt", "käse\r\n--\r\n"),
        ("image[]", File(b"\r\n\r\n\0--", "image/PNG", "ü.png")),
        ("image[]", File(b"", None)),
        ("mask", File(b"x", "image/png", None)),
    )
    assert parse_form(TYPE, body) == (
        Part(name="prompt", data="käse\r\n--\r\n".encode()),
        Part(name="image[]", filename="ü.png", content_type="image/png", data=b"\r\n\r\n\0--"),
        Part(name="image[]", filename="a.png", content_type="application/octet-stream", data=b""),
        Part(name="mask", content_type="image/png", data=b"x"),
    )


def test_boundaries_in_quotes_and_preambles() -> None:
    """A quoted boundary, text before the first part, and blanks after a boundary are read."""
    body = b"hello\r\n" + form(("a", "1")).replace(b"boundary\r\n", b"boundary \t\r\n", 1) + b"bye"
    kind = f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"'
    assert parse_form(kind, body) == (Part(name="a", data=b"1"),)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", form(("a", "1"))),
        ("multipart/form-data", form(("a", "1"))),
        (TYPE, b""),
        (TYPE, form(("a", "1"))[:-6]),
        (TYPE, form(("a", "1")).replace(b"\r\n\r\n", b"\r\n")),
        (TYPE, form(("a", "1")).replace(b"form-data", b"attachment")),
        (TYPE, form(("a", "1")).replace(b'name="a"', b"")),
        (TYPE, form(*[("a", "1")] * 1001)),
    ],
)
def test_what_is_no_form(kind: str, body: bytes) -> None:
    """Anything that is not a whole form is none."""
    assert parse_form(kind, body) is None


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes(first: bytes, second: bytes) -> None:
    """Data that do not hold the boundary come back as they are; other bytes break nothing."""
    body = form(("a", File(first)), ("b", File(second)))
    parts = parse_form(TYPE, body)
    assert parts is not None
    assert [part.data for part in parts] == [first, second]
    parse_form(TYPE, first)
    parse_form(TYPE, b"--" + BOUNDARY.encode() + first + b"\r\n--" + BOUNDARY.encode() + b"--")


async def test_forms_of_another_library() -> None:
    """A form that another library wrote is read."""
    data = FormData()
    data.add_field("prompt", "a banana")
    data.add_field("image[]", b"\x89PNG", filename='a "b".png', content_type="image/png")
    writer = data()
    assert isinstance(writer, MultipartWriter)
    pieces: list[bytes] = []

    class Sink:
        async def write(self, piece: bytes) -> None:
            pieces.append(piece)

    await writer.write(Sink())  # type: ignore[arg-type]
    parts = parse_form(writer.content_type, b"".join(pieces))
    assert parts is not None
    assert [(part.name, part.data) for part in parts] == [
        ("prompt", b"a banana"),
        ("image[]", b"\x89PNG"),
    ]
    assert parts[1].content_type == "image/png"
