"""What the emulator refuses before any emulated service sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["foreign_origin", "holds_real_key", "strange_host"]

# The shapes that services give their keys. A made-up key has none of them.
_REAL_KEY = re.compile(
    r"(?<![\w-])(?:"
    r"AIza[\w-]{35}"  # Google API key
    r"|AQ\.[\w-]{30,}"  # Google authorization key
    r"|ya29\.[\w-]{20,}"  # Google OAuth access token
    r"|sk-[\w-]{20,}"  # OpenAI and those who follow it
    r")",
    re.ASCII,
)
_LOOPBACK_NAMES = ("127.0.0.1", "localhost")


def strange_host(host: str, port: int) -> bool:
    """Whether the ``Host`` header is none of ours: another site's name resolved to loopback."""
    return host.lower() not in {f"{name}:{port}" for name in _LOOPBACK_NAMES}


def foreign_origin(origin: str | None, port: int) -> bool:
    """Whether a page of another origin sent the request; programs send no ``Origin`` at all."""
    return origin is not None and origin.lower() not in {
        f"http://{name}:{port}" for name in _LOOPBACK_NAMES
    }


def holds_real_key(headers: Mapping[str, str], query: Iterable[str]) -> bool:
    """Whether a header or a query value looks like a key that a service really gave somebody."""
    return any(_REAL_KEY.search(value) for value in (*headers.values(), *query))
