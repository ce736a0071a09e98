"""Reading ``multipart/form-data`` (RFC 7578), as the emulated service does."""

from __future__ import annotations

from email.message import Message
from email.parser import HeaderParser

import attrs

__all__ = ["Part", "parse_form"]

_MAX_PARTS = 1000


@attrs.frozen(kw_only=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None = None
    """`None` for a plain field."""
    content_type: str = "text/plain"
    data: bytes = attrs.field(repr=lambda data: f"<{len(data)} bytes>")


def parse_form(content_type: str, body: bytes) -> tuple[Part, ...] | None:
    """The parts of a form in order; `None` when the body is none."""
    kind, boundary = _kind_and_boundary(content_type)
    if kind != "multipart/form-data" or not boundary:
        return None
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, _MAX_PARTS)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        return None
    parts = [_part(piece) for piece in pieces[1:-1]]
    if any(part is None for part in parts):
        return None
    return tuple(part for part in parts if part is not None)


def _kind_and_boundary(content_type: str) -> tuple[str, bytes]:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_param("boundary")
    # A boundary in the notation of RFC 2231 would be a tuple; nobody writes one.
    return message.get_content_type(), boundary.encode() if isinstance(boundary, str) else b""


def _part(piece: bytes) -> Part | None:
    head, found, data = piece.partition(b"\r\n\r\n")
    start, line_break, head = head.partition(b"\r\n")
    if not found or not line_break or start.strip(b" \t"):
        return None
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
    name = headers.get_param("name", header="content-disposition")
    if headers.get_content_disposition() != "form-data" or not isinstance(name, str):
        return None
    filename = headers.get_filename()
    is_file = filename is not None
    usual = "application/octet-stream" if is_file else "text/plain"
    return Part(
        name=name,
        filename=filename,
        content_type=headers.get_content_type() if "content-type" in headers else usual,
        data=data,
    )
