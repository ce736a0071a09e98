"""Bodies: cleaned for a cassette, stored in a form that people can read, and compared.

All four kinds (JSON, multipart, text, bytes) go from bytes to bytes, so that the request at hand
and the one in the cassette pass through the same functions.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from email.message import Message
from typing import Any

import attrs
import yaml

from genkit.testing.cassettes.scrub import Scrubber
from genkit.testing.cassettes.standins import swap_bytes, swap_string, swap_text

__all__ = ["canonical", "clean", "dump_yaml", "load_yaml", "restore", "store"]

Stored = Mapping[str, Any]


def clean(data: bytes, content_type: str, scrubber: Scrubber) -> tuple[bytes, str]:
    """A body without secrets and without large pictures or signatures, and its content type.

    The content type changes where the body is multipart: the boundary is renewed, since it may be
    random or derived from the parts as they were.
    """
    if (parts := _parse_multipart(data, content_type)) is not None:
        return _write_multipart([part.clean(scrubber) for part in parts], content_type)
    try:
        cleaned = _clean_value(_parse_json(data), "", scrubber)
    except (ValueError, RecursionError):
        return _clean_text(data, scrubber), content_type
    return _dump_json(cleaned), content_type


def store(data: bytes, content_type: str) -> Stored | None:
    """A body as it stands in the file: parsed where that loses nothing, else as text or base64."""
    if not data:
        return None
    for form in _forms(data, content_type):
        if _survives(form, data, content_type):
            return form
    return {"base64": base64.b64encode(data).decode()}


def _forms(data: bytes, content_type: str) -> Iterator[Stored]:
    """The readable forms that a body might take, the best one first."""
    if (parts := _parse_multipart(data, content_type)) is not None:
        yield {"multipart": [part.store() for part in parts]}
    with suppress(ValueError):
        yield {"json": _parse_json(data)}
    with suppress(UnicodeDecodeError):
        yield {"text": data.decode()}


def _survives(form: Stored, data: bytes, content_type: str) -> bool:
    """Whether the file would give the very same bytes back."""
    try:
        return restore(load_yaml(dump_yaml(form)), content_type) == data
    except (ValueError, RecursionError, yaml.YAMLError):
        return False


def restore(stored: Stored | None, content_type: str) -> bytes:
    """The body that `store` made this of.

    Raises:
        ValueError: it is no such form.
    """
    match stored:
        case None:
            return b""
        case {"json": document}:
            return _dump_json(document)
        case {"text": str(text)}:
            return text.encode()
        case {"base64": str(text)}:
            return base64.b64decode(text, validate=True)
        case {"multipart": list(parts)}:
            return _write_multipart([_Part.restore(part) for part in parts], content_type)[0]
    raise ValueError("a body is one of json, text, base64 and multipart")


def canonical(data: bytes, content_type: str) -> str:
    """The text by which bodies are compared: equal where a service could not tell them apart."""
    if (parts := _parse_multipart(data, content_type)) is not None:
        return "\n".join(part.canonical() for part in parts)
    try:
        return json.dumps(_parse_json(data), indent=1, sort_keys=True)
    except (ValueError, RecursionError):
        pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}"


# ---------------------------------------------------------------------------------------- JSON


def _parse_json(data: bytes) -> Any:
    """Parse an object or array that means the same when it is written again.

    Raises:
        ValueError: it is none, or would not come back as it was: it has a repeated key, a number
            without bounds, half of a surrogate pair, or is nested too deeply.
    """
    if data.lstrip()[:1] not in (b"{", b"["):
        raise ValueError("no JSON object or array")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) != len(pairs):
            raise ValueError("a key occurs twice")
        return document

    def finite(text: str) -> float:
        if not math.isfinite(number := float(text)):
            raise ValueError("not a number of JSON, or too large for one")
        return number

    try:
        document = json.loads(
            data.decode(), object_pairs_hook=once, parse_float=finite, parse_constant=finite
        )
        _dump_json(document)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _dump_json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _clean_value(value: Any, name: str, scrubber: Scrubber) -> Any:
    if isinstance(value, str):
        return scrubber.field(name, swap_string(value))
    if isinstance(value, dict):
        return {
            scrubber.text(key): _clean_value(item, key, scrubber) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean_value(item, name, scrubber) for item in value]
    return value


def _clean_text(data: bytes, scrubber: Scrubber) -> bytes:
    swapped = swap_bytes(data)
    if swapped is not data:
        return swapped
    try:
        return scrubber.text(swap_text(data.decode())).encode()
    except UnicodeDecodeError:
        # Latin-1 maps every byte to a character and back.
        return scrubber.text(data.decode("latin-1")).encode("latin-1", "replace")


# ----------------------------------------------------------------------------------- multipart


@attrs.frozen
class _Part:
    headers: tuple[tuple[str, str], ...]
    data: bytes

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers if name == "content-type"), "")

    def clean(self, scrubber: Scrubber) -> _Part:
        data, content_type = clean(self.data, self.content_type, scrubber)
        renewed = {"content-type": content_type, "content-length": str(len(data))}
        headers = ((name, renewed.get(name, scrubber.text(value))) for name, value in self.headers)
        return _Part(tuple(headers), data)

    def store(self) -> Stored:
        return {"headers": dict(self.headers), "body": store(self.data, self.content_type)}

    @classmethod
    def restore(cls, stored: Stored) -> _Part:
        headers = tuple((str(name), str(value)) for name, value in stored["headers"].items())
        return cls(headers, restore(stored["body"], cls(headers, b"").content_type))

    def canonical(self) -> str:
        lines = [f"{name}: {value}" for name, value in sorted(self.headers)]
        return "\n".join([*lines, "", canonical(self.data, self.content_type)])

    def write(self) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        return lines.encode("utf-8", "surrogateescape") + b"\r\n" + self.data


def _boundary(content_type: str) -> str | None:
    message = Message()
    message["content-type"] = content_type
    if message.get_content_maintype() != "multipart":
        return None
    boundary = message.get_param("boundary")
    return boundary if isinstance(boundary, str) else None


def _parse_multipart(data: bytes, content_type: str) -> list[_Part] | None:
    """The parts of a multipart body (RFC 2046, 5.1); `None` when it is not one."""
    boundary = _boundary(content_type)
    if boundary is None:
        return None
    pieces = (b"\r\n" + data).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        return None
    parts = []
    for piece in pieces[1:-1]:
        _padding, line_end, piece = piece.partition(b"\r\n")
        # A part without headers begins with the empty line itself.
        head, blank, content = (b"\r\n" + piece).partition(b"\r\n\r\n")
        if not line_end or not blank:
            return None
        parts.append(_Part(_headers(head), content))
    return parts


def _headers(head: bytes) -> tuple[tuple[str, str], ...]:
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return tuple((name.strip().lower(), value.strip()) for name, _colon, value in pairs)


def _write_multipart(parts: list[_Part], content_type: str) -> tuple[bytes, str]:
    written = [part.write() for part in parts]
    digest = hashlib.sha256(b"\0".join(written)).hexdigest()[:32]
    boundary = f"genkit-{digest}"
    delimiter = f"--{boundary}".encode()
    body = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in written)
    kind = content_type.partition(";")[0].strip()
    return body + delimiter + b"--\r\n", f"{kind}; boundary={boundary}"


# ---------------------------------------------------------------------------------------- YAML

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SafeDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[valid-type, misc]
    """Writes texts of several lines as lines, and everything in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dump_yaml(document: Any) -> str:
    """A document as YAML, in the order that it has."""
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


def load_yaml(text: str) -> Any:
    """The document of a YAML text: plain values only, never objects.

    Raises:
        yaml.YAMLError: it is not YAML, or names an object to be made.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 -- a safe loader
