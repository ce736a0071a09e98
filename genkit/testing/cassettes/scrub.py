"""What never enters a cassette: credentials, cookies, and the names of accounts and projects."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from urllib.parse import quote, urlsplit, urlunsplit

import attrs

__all__ = ["ALLOWED_HEADERS", "REDACTED", "SECRETS", "Scrubber"]

REDACTED = "REDACTED"

ALLOWED_HEADERS = (
    "accept",
    "content-length",
    "content-type",
    "retry-after",
    "retry-after-ms",
    "x-gemini-service-tier",
    "x-ratelimit-*",
    "x-request-id",
    "x-should-retry",
)
"""Headers that a cassette keeps unless told otherwise; ``*`` stands for any characters."""

_CREDENTIAL_HEADER = re.compile(
    r"(^|[-_])(key|token|secret|auth|authorization|cookie2?|credential|credentials|password"
    r"|organization|project|session)([-_]|$)"
)

SECRETS: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (name, re.compile(pattern), replacement + REDACTED)
    for name, pattern, replacement in (
        ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*-----)?", ""),
        ("a Google API key", r"AIza[\w-]{16,}", ""),
        ("a Google API key", r"(?<![\w.])AQ\.[\w-]{20,}", ""),
        ("a Google access token", r"ya29\.[\w.-]{8,}", ""),
        ("a Google refresh token", r"(?<![\w/])1//[\w-]{20,}", ""),
        ("an API key", r"(?<![A-Za-z0-9])[sr]k-[\w-]{12,}", ""),
        ("an AWS key", r"(?<![A-Za-z0-9])A(KIA|SIA)[0-9A-Z]{16}", ""),
        ("a GitHub token", r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{20,}", ""),
        ("a JSON web token", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+", ""),
        ("a bearer token", r"(?i)(\bbearer\s+)(?!REDACTED)[\w.~+/=-]{12,}", r"\g<1>"),
        ("a signed address", r"(?i)([?&][\w-]*sig(?:nature)?=)(?!REDACTED)[^&\s\"']+", r"\g<1>"),
        ("an organisation id", r"(?<![A-Za-z0-9])org-(?=[A-Za-z]*\d)[A-Za-z0-9]{12,}", "org-"),
        ("a project id", r"(?<![A-Za-z0-9])proj_[A-Za-z0-9]{12,}", "proj_"),
        ("a project id", r"gen-lang-client-\d+", "gen-lang-client-"),
        ("a project id", r"(\bprojects/)(?!REDACTED)[\w.:-]+", r"\g<1>"),
        ("a user id", r"(?<![A-Za-z0-9])user-(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}", "user-"),
    )
)
"""Patterns of secrets: what each is, how it looks, and what replaces it (which looks like none)."""

_SECRET_FIELD = re.compile(
    r"(?i)(x[-_]goog[-_])?(api[-_]?key|access[-_]?token|refresh[-_]?token|id[-_]?token|password"
    r"|client[-_]?secret|private[-_]?key|authorization|set[-_]?cookie|cookie|secret|credentials?)"
)

_SECRET_PARAMETER = re.compile(
    r"(?i)(?P<keep>[?&](key|api_?key|access_token|token|auth|x-amz-credential|x-goog-credential)=)"
    r"[^&]*"
)


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


@attrs.frozen(kw_only=True)
class Scrubber:
    """Takes secrets out of addresses, headers and texts; doing so twice changes nothing more."""

    allow_headers: tuple[str, ...] = attrs.field(default=ALLOWED_HEADERS, converter=_lower)
    rewrite: Mapping[str, str] = attrs.field(factory=dict)
    """Beginnings of addresses and what replaces them."""
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Values known to be secret, such as the key in use."""
    _forms: tuple[str, ...] = attrs.field(init=False, repr=False)

    @_forms.default
    def _every_form(self) -> tuple[str, ...]:
        forms: set[str] = set()
        for secret in self.secrets:
            encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
            forms |= {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], encoded}
        return tuple(sorted(forms - {""}, key=len, reverse=True))

    def text(self, text: str) -> str:
        """A text without secrets."""
        for old, new in self.rewrite.items():
            text = text.replace(old, new)
        for form in self._forms:
            text = text.replace(form, REDACTED)
        for _name, pattern, replacement in SECRETS:
            text = pattern.sub(replacement, text)
        return text

    def field(self, name: str, text: str) -> str:
        """The value of a named field, such as one of a JSON object."""
        return REDACTED if _SECRET_FIELD.fullmatch(name) else self.text(text)

    def address(self, address: str) -> str:
        """An address without credentials."""
        parts = urlsplit(self.text(address))
        if parts.username or parts.password:
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        return _SECRET_PARAMETER.sub(rf"\g<keep>{REDACTED}", urlunsplit(parts))

    def headers(self, headers: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
        """The headers that may be kept, by lower-case name.

        One that carries a credential is left out even if the allow-list names it.
        """
        kept: dict[str, str | list[str]] = {}
        for name, value in headers.items():
            name = name.lower()
            if _CREDENTIAL_HEADER.search(name) or not self._allows(name):
                continue
            values = [value] if isinstance(value, str) else value
            cleaned = [self.text(item) for item in values]
            kept[name] = cleaned[0] if len(cleaned) == 1 else cleaned
        return kept

    def _allows(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.allow_headers)
