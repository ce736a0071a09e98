"""Reading what goes over the wire: by libraries that are not the codec's."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import unquote_plus

from genkit.images import Image
from genkit.testing.conformance.samples import FilePart
from genkit.wire import WireRequest

__all__ = [
    "document_of",
    "fingerprint",
    "holds_image",
    "holds_text",
    "leaves",
    "parts_of",
]


def document_of(wire: WireRequest) -> Any:
    """The JSON of a body; `None` where it is none."""
    if wire.body is None or "json" not in wire.body.content_type:
        return None
    return json.loads(wire.body.to_bytes())


def parts_of(wire: WireRequest) -> tuple[FilePart, ...]:
    """The parts of a multipart body (RFC 7578), read by the standard library; else none."""
    if wire.body is None or not wire.body.content_type.startswith("multipart/"):
        return ()
    head = f"MIME-Version: 1.0\r\nContent-Type: {wire.body.content_type}\r\n\r\n"
    message = BytesParser(policy=policy.HTTP).parsebytes(head.encode() + wire.body.to_bytes())
    return tuple(_part(part) for part in message.iter_parts())


def _part(part: Any) -> FilePart:
    named = part["content-disposition"].params
    return FilePart(
        name=named.get("name", ""),
        data=part.get_payload(decode=True) or b"",
        filename=named.get("filename"),
        content_type=part["content-type"].content_type if "content-type" in part else None,
    )


def leaves(document: Any) -> Iterator[Any]:
    """Every value of a JSON document that is neither list nor object, in order."""
    if isinstance(document, dict | list):
        for item in document.values() if isinstance(document, dict) else document:
            yield from leaves(item)
    else:
        yield document


def holds_text(wire: WireRequest, text: str) -> bool:
    """Whether a text stands in the body or the address, whole."""
    texts = [leaf for leaf in leaves(document_of(wire)) if isinstance(leaf, str)]
    texts += [part.data.decode(errors="replace") for part in parts_of(wire)]
    # In multipart, line ends are CRLF.
    return any(text in item.replace("\r\n", "\n") for item in (*texts, unquote_plus(wire.url)))


def holds_image(wire: WireRequest, image: Image) -> bool:
    """Whether the bytes of a picture stand in the body, raw or as base64."""
    body = b"" if wire.body is None else wire.body.to_bytes()
    return image.data in body or base64.b64encode(image.data) in body


def fingerprint(wires: Iterable[WireRequest]) -> str:
    """A digest of everything that is sent."""
    digest = hashlib.sha256()
    for wire in wires:
        content_type = wire.body.content_type if wire.body else ""
        digest.update(
            repr((wire.method, wire.url, sorted(wire.headers.items()), content_type)).encode()
        )
        digest.update(b"" if wire.body is None else wire.body.to_bytes())
    return digest.hexdigest()
