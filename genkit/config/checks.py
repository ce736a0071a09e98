"""Checks of single values: each gives the value to keep or raises `Wrong` with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from genkit.config.settings import is_loopback
from genkit.errors import printable
from genkit.prompts import template_problem

__all__ = [
    "Check",
    "Several",
    "Wrong",
    "account_name",
    "base_url",
    "choice",
    "count",
    "flag",
    "headers",
    "mapping",
    "proxy_url",
    "query",
    "seconds",
    "templates",
    "word",
]

MAX_SECONDS = 24 * 3600.0

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", re.ASCII)
_CREDENTIAL_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-goog-api-key", "x-api-key", "api-key"}
)
_CREDENTIAL_PARAMETERS = frozenset({"key", "api_key", "apikey", "api-key", "access_token", "token"})
_USE_API_KEY = "a key is given by api_key, and auth says how it travels"

Check: TypeAlias = Callable[[object], Any]


class Wrong(Exception):  # noqa: N818 - never leaves this package
    """A value is not allowed; the message says what is, and shows no secret."""


class Several(Exception):  # noqa: N818 - never leaves this package
    """Several values of a table are not allowed: their keys, and what is wrong."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__()
        self.problems = problems


def wrong(allowed: str, value: object) -> Wrong:
    """The error that says what is allowed and what was given."""
    return Wrong(f"expected {allowed}, not {printable(repr(value), 120)}")


def seconds(value: object) -> float:
    """A number of seconds."""
    # Not a number and infinity are in no range.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MAX_SECONDS:
        return float(value)
    raise wrong(f"a number of seconds over 0 and at most {MAX_SECONDS:g}", value)


def count(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise wrong(f"a whole number from {low} to {high}", value)
        return value

    return check


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong("true or false", value)
    return value


def choice(*allowed: str) -> Check:
    """One of these words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise wrong(f"one of {', '.join(map(repr, allowed))}", value)
        return value

    return check


def word(value: object) -> str:
    """A short text without spaces, such as a name or a model reference."""
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= 256
        or not value.isprintable()
        or any(character.isspace() for character in value)
    ):
        raise wrong("a short text without spaces", value)
    return value


def account_name(value: object) -> str:
    """The name of an account or a provider."""
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value):
        raise wrong("a name of letters, digits, '.', '_' and '-', at most 64 of them", value)
    return value


def base_url(value: object) -> str:
    """The URL of a service: encrypted, or on this machine."""
    allowed = "a URL with https (or http for localhost) without user, query and fragment"
    parts = _parsed(value, allowed)
    if parts.query or parts.fragment:
        raise Wrong(f"expected {allowed}; it has a query or a fragment (use the table query)")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(str(value))):
        raise wrong(allowed, value)
    return str(value).rstrip("/")


def proxy_url(value: object) -> str:
    """The URL of an HTTP proxy."""
    allowed = "a URL such as http://proxy.example:3128"
    parts = _parsed(value, allowed)
    if parts.scheme not in ("http", "https"):
        raise wrong(allowed, value)
    return str(value)


def _parsed(value: object, allowed: str) -> Any:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise wrong(allowed, value)
    try:
        parts = urlsplit(value)
        has_host, _ = bool(parts.hostname), parts.port  # a wrong port raises here
    except ValueError:
        has_host, parts = False, urlsplit("")
    scheme, _, rest = value.rpartition("://")
    if "@" in (rest.partition("/")[0] if scheme else value):
        raise Wrong(f"expected {allowed}; it holds user or password, which have no place in a URL")
    if not has_host or " " in value:
        raise wrong(allowed, value)
    return parts


def mapping(value: object) -> Mapping[str, Any]:
    """A table of anything."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong("a table", value)
    return dict(value)


def headers(value: object) -> Mapping[str, str]:
    """A table of headers, none of which holds a credential. Values are never shown."""
    return _checked(_texts(value), _header_problem)


def query(value: object) -> Mapping[str, str]:
    """A table of query parameters, none of which holds a credential. Values are never shown."""
    return _checked(_texts(value), _parameter_problem)


def templates(value: object) -> Mapping[str, str]:
    """A table of prompt templates."""
    return _checked(mapping(value), template_problem)


def _texts(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise Wrong(f"expected a table of texts, not {type(value).__name__}")
    return dict(value)


def _checked(
    table: Mapping[str, Any], problem_of: Callable[[str, object], str | None]
) -> Mapping[str, Any]:
    found = {key: problem_of(key, value) for key, value in table.items()}
    problems = {key: problem for key, problem in found.items() if problem is not None}
    if problems:
        raise Several(problems)
    return table


def _header_problem(name: str, value: object) -> str | None:
    if not _HEADER_NAME.fullmatch(name):
        return "this is no name of a header"
    if name.lower() in _CREDENTIAL_HEADERS:
        return _USE_API_KEY
    if not isinstance(value, str):
        return f"expected a text, not {type(value).__name__}"
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        return "its value has a line break or another control character"
    if any(ord(character) > 0xFF for character in value):
        return "its value has characters that no header can carry (beyond Latin-1)"
    return None


def _parameter_problem(name: str, value: object) -> str | None:
    if name.lower() in _CREDENTIAL_PARAMETERS:
        return f"a key never travels in a URL; {_USE_API_KEY}"
    if not name or not name.isprintable():
        return "this is no name of a query parameter"
    if not isinstance(value, str):
        return f"expected a text, not {type(value).__name__}"
    return None
