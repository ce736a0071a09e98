"""Sending one request and reading its answer: the one place that imports aiohttp.

The interface loads nothing heavy; `HttpTransport` is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genkit.transport.interface import Transport, TransportSettings

if TYPE_CHECKING:
    from genkit.transport.client import HttpTransport

__all__ = ["HttpTransport", "Transport", "TransportSettings"]


def __getattr__(name: str) -> Any:
    if name == "HttpTransport":
        from genkit.transport.client import HttpTransport

        return HttpTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
