"""Bodies of ``multipart/form-data`` (RFC 7578) as ropes: pictures are referred to, not copied."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import attrs

from genkit.body import Body, Raw, Segment
from genkit.images import Image

__all__ = ["FormField", "FormFile", "multipart_body"]

BOUNDARY_PREFIX = "genkit-"
BOUNDARY_DIGITS = 32

_MEDIA_TYPE = re.compile(r"[!#$&^_.+0-9A-Za-z-]+/[!#$&^_.+0-9A-Za-z-]+", re.ASCII)
# What could end a quoted string or a line, or be taken for an escape by some parser.
_NOT_QUOTABLE = re.compile(r'[\\"\x00-\x1f\x7f]')


def _check_text(_field: object, attribute: attrs.Attribute[str], value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{attribute.name}: it cannot be written as UTF-8") from None


def _check_media_type(_file: object, _attribute: object, value: str) -> None:
    if not _MEDIA_TYPE.fullmatch(value):
        raise ValueError("content_type: it must be a media type such as image/png")


@attrs.frozen
class FormField:
    """A field of a form, written as UTF-8, its line breaks as they are.

    Raises:
        ValueError: name or value cannot be written as UTF-8 (lone surrogates).
    """

    name: str = attrs.field(validator=_check_text)
    value: str = attrs.field(validator=_check_text, repr=lambda value: f"<{len(value)} characters>")


@attrs.frozen
class FormFile:
    """A picture as a file of a form.

    The file name and the type are always written: services judge a file by them, and one without
    is taken for ``application/octet-stream`` and refused.

    Raises:
        ValueError: a name cannot be written as UTF-8, or the type is none.
    """

    name: str = attrs.field(validator=_check_text)
    image: Image
    filename: str = attrs.field(validator=_check_text)
    content_type: str = attrs.field(validator=_check_media_type)

    @content_type.default
    def _media_type_of_the_picture(self) -> str:
        return self.image.media_type


Part: TypeAlias = FormField | FormFile


def multipart_body(fields: Iterable[Part]) -> Body:
    """The body of a form with these fields, in order. The same fields always give the same bytes.

    The boundary is made of a hash of what is in the form, and occurs nowhere in it. In names,
    quotes, backslashes and control characters are percent-encoded, so that no name can begin a
    header or a part of its own.
    """
    parts = tuple(fields)
    headers = [_header(part) for part in parts]
    boundary = _boundary(parts, headers)
    segments: list[Segment] = []
    for part, header in zip(parts, headers, strict=True):
        opening = b"--" + boundary + b"\r\n" + header + b"\r\n\r\n"
        if isinstance(part, FormField):
            segments.append(opening + part.value.encode() + b"\r\n")
        else:
            segments += [opening, Raw(part.image), b"\r\n"]
    segments.append(b"--" + boundary + b"--\r\n")
    return Body(tuple(segments), f"multipart/form-data; boundary={boundary.decode()}")


def _header(part: Part) -> bytes:
    written = f'Content-Disposition: form-data; name="{_quotable(part.name)}"'
    if isinstance(part, FormFile):
        written += f'; filename="{_quotable(part.filename)}"\r\nContent-Type: {part.content_type}'
    return written.encode()


def _quotable(name: str) -> str:
    return _NOT_QUOTABLE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def _boundary(parts: Sequence[Part], headers: Sequence[bytes]) -> bytes:
    """What separates the parts: a hash of them, and of a number until it is absent from them."""
    digest = hashlib.sha256()
    for part, header in zip(parts, headers, strict=True):
        content = part.image.sha256 if isinstance(part, FormFile) else part.value
        # With their lengths, so that two forms never run together into the same bytes.
        for piece in (header, content.encode()):
            digest.update(b"%d:" % len(piece))
            digest.update(piece)
    number = 0
    while True:
        numbered = digest.copy()
        numbered.update(b"%d" % number)
        boundary = (BOUNDARY_PREFIX + numbered.hexdigest()[:BOUNDARY_DIGITS]).encode()
        if not _occurs(boundary, parts, headers):
            return boundary
        number += 1


def _occurs(boundary: bytes, parts: Sequence[Part], headers: Sequence[bytes]) -> bool:
    return any(boundary in header for header in headers) or any(
        boundary in (part.image.data if isinstance(part, FormFile) else part.value.encode())
        for part in parts
    )
