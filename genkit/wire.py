"""What goes over the wire, as values: requests, answers, and the parsing of answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import orjson

from genkit.body import Base64, Body, Raw, json_body
from genkit.lifted import Lifted, lift
from genkit.response import Notice

__all__ = [
    "AuthHeader",
    "Base64",
    "Body",
    "Lifted",
    "Raw",
    "WireRequest",
    "WireResponse",
    "json_body",
]

_KEY_PARAMETERS = frozenset({"key", "api_key", "apikey", "api-key", "access_token", "token"})


@attrs.frozen
class AuthHeader:
    """The header that takes the credential, and what stands before it (``"Bearer "``)."""

    name: str
    prefix: str = ""


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): value for name, value in headers.items()})


def _clean_headers(_request: object, _attribute: object, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if any(character in name + value for character in "\r\n\0"):
            raise ValueError(f"header {name!r} has a line break or a NUL")


def _clean_url(_request: object, _attribute: object, url: str) -> None:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the URL must be quoted: printable ASCII without spaces")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL must be absolute, with http or https")
    if parts.username or parts.password:
        raise ValueError("the URL must hold no credentials")
    for name, _value in parse_qsl(parts.query, keep_blank_values=True):
        if name.lower() in _KEY_PARAMETERS:
            raise ValueError(f"query parameter {name!r}: a key travels in a header, never in a URL")


@attrs.frozen(kw_only=True)
class WireRequest:
    """One HTTP request, without its credential: the core adds that under `auth`.

    Raises:
        ValueError: the URL or a header cannot be sent safely (line breaks, a key in the query).
    """

    method: str = "POST"
    url: str = attrs.field(validator=_clean_url)
    headers: Mapping[str, str] = attrs.field(
        factory=dict, converter=_lower, validator=_clean_headers
    )
    """By lower-case name. Content type and length come from `body`."""
    body: Body | None = None
    auth: AuthHeader | None = None
    """`None` for requests that must not carry the credential, such as downloads."""
    notices: tuple[Notice, ...] = ()
    """What the codec wants the caller to know of how it expressed the request."""


@attrs.frozen(kw_only=True)
class WireResponse:
    """One HTTP answer, its JSON parsed and its long strings lifted."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_lower)
    """By lower-case name; of repeated headers, the values joined by ``", "``."""
    document: Any = attrs.field(default=None, repr=False)
    """The parsed JSON, with `Lifted` for strings over 4 KiB; `None` when it is not JSON."""
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    """The bytes of an answer that is not JSON, such as a downloaded picture."""
    is_json: bool = False
    """Whether `document` was parsed; JSON ``null`` is `None` too."""

    @classmethod
    def from_bytes(
        cls, status: int, headers: Mapping[str, str], body: bytes, *, lift_over: int | None = None
    ) -> WireResponse:
        """The answer with these bytes. What the content type says does not matter.

        Services label errors wrongly, so JSON is what parses as JSON.
        """
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return cls(status=status, headers=headers, body=body)
        document = lift(document) if lift_over is None else lift(document, lift_over)
        return cls(status=status, headers=headers, document=document, is_json=True)

    def snippet(self, limit: int = 2048) -> str:
        """The beginning of the answer as text, for messages; not yet safe for terminals."""
        if self.is_json:
            return orjson.dumps(self.document, default=repr)[:limit].decode(errors="replace")
        return self.body[:limit].decode(errors="replace")
