"""What goes over the wire, as values: requests, answers, and the parsing of answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

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

_KEY_PARAMETERS = frozenset(
    {"key", "api_key", "apikey", "api-key", "x-api-key", "x-goog-api-key", "subscription-key"}
    | {"access_token", "auth_token", "token", "authorization", "secret", "client_secret"}
)
# A token of RFC 9110, 5.6.2, and the visible characters of ASCII with blanks between.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _check_header_name(_value: object, _attribute: object, name: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"header name {name[:60]!r}: it must be a token of letters, digits and -")


def _lower_name(name: str) -> str:
    return name.lower()


def _check_prefix(_auth: object, _attribute: object, prefix: str) -> None:
    if not _HEADER_VALUE.fullmatch(prefix.rstrip(" ")):
        raise ValueError("the prefix of a credential must be printable ASCII")


@attrs.frozen
class AuthHeader:
    """The header that takes the credential, and what stands before it (``"Bearer "``).

    Raises:
        ValueError: either cannot stand in a header.
    """

    name: str = attrs.field(converter=_lower_name, validator=_check_header_name)
    prefix: str = attrs.field(default="", validator=_check_prefix)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _check_headers(_request: object, _attribute: object, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        _check_header_name(None, None, name)
        if not _HEADER_VALUE.fullmatch(value):
            # The value is not shown: it may be secret.
            raise ValueError(f"header {name!r}: its value must be printable ASCII on one line")


def _check_url(_request: object, _attribute: object, url: str) -> None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("the URL must be quoted: printable ASCII without spaces or backslashes")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the URL must be absolute, with http or https")
    if parts.port == 0:
        raise ValueError("the URL must have a port from 1 to 65535, or none")
    if "@" in parts.netloc:
        raise ValueError("the URL must hold no credentials")
    if any(unquote(segment) in (".", "..") for segment in parts.path.split("/")):
        # HTTP libraries resolve these, and the request would go elsewhere.
        raise ValueError("the URL's path must have no . or .. between its slashes")


def _without_query(url: str) -> str:
    # The query of a signed address is a permit.
    address, mark, _query = url.partition("?")
    return repr(f"{address}?..." if mark else address)


@attrs.frozen(kw_only=True)
class WireRequest:
    """One HTTP request, without its credential: the core adds that under `auth`.

    Raises:
        ValueError: the URL or a header cannot be sent safely (line breaks, a key in the query), or
            a download carries more than its address.
    """

    method: str = attrs.field(default="POST", validator=attrs.validators.in_(_METHODS))
    url: str = attrs.field(validator=_check_url, repr=_without_query)
    headers: Mapping[str, str] = attrs.field(
        factory=dict, converter=_lower, validator=_check_headers
    )
    """By lower-case name. Content type and length come from `body`."""
    body: Body | None = None
    auth: AuthHeader | None = None
    """`None` for requests that must not carry the credential, such as downloads."""
    download: bool = False
    """Whether `url` comes out of a service's answer and only its bytes are wanted.

    It is fetched without a credential, by a session of its own that refuses addresses which are not
    public, and its failure is a `DownloadError`. It is a GET with no header but ``accept``."""
    notices: tuple[Notice, ...] = ()
    """What the codec wants the caller to know of how it expressed the request."""

    def __attrs_post_init__(self) -> None:
        if self.download:
            self._check_download()
        if self.auth is None and self.method == "GET":
            # A download: its address is its own permit, and a signed query must stay as it is.
            return
        for name, _value in parse_qsl(urlsplit(self.url).query, keep_blank_values=True):
            if name.lower() in _KEY_PARAMETERS:
                raise ValueError(
                    f"query parameter {name!r}: a key travels in a header, never in a URL"
                )

    def _check_download(self) -> None:
        if self.auth is not None:
            raise ValueError("a download carries no credential: leave auth out")
        if self.method != "GET" or self.body is not None:
            raise ValueError("a download is a GET without a body")
        if others := sorted(self.headers.keys() - {"accept"}):
            # What is sent to the API, by configuration too, is not for the host of a picture.
            raise ValueError(f"a download has no header but accept, not {others[0]!r}")


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
        """The answer with these bytes. What the content type says does not matter. Never raises.

        Services label errors wrongly, so JSON is what parses as JSON (RFC 8259): UTF-8, with or
        without a byte order mark, without NaN, lone surrogates or integers of endless digits, and
        nested at most 128 levels deep. Anything else is kept as `body`.
        """
        try:
            document = orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
            document = lift(document) if lift_over is None else lift(document, lift_over)
        except ValueError:
            return cls(status=status, headers=headers, body=body)
        return cls(status=status, headers=headers, document=document, is_json=True)

    def snippet(self, limit: int = 2048) -> str:
        """The beginning of the answer as text, for messages; not yet safe for terminals."""
        if self.is_json:
            return orjson.dumps(self.document, default=repr)[:limit].decode(errors="replace")
        return self.body[:limit].decode(errors="replace")
