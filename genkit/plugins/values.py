"""What is said of a plugin."""

from __future__ import annotations

import attrs

__all__ = ["PluginInfo", "PluginProblem"]


@attrs.frozen(kw_only=True)
class PluginProblem:
    """Why a plugin cannot be used."""

    name: str
    """Of its entry point."""
    group: str
    """``genkit.providers`` or ``genkit.plugins``."""
    distribution: str | None
    """What was installed that brought it; several are joined by ``" and "``."""
    version: str | None
    error: str
    """One line, for people."""


@attrs.frozen(kw_only=True)
class PluginInfo:
    """A plugin that is installed."""

    name: str
    group: str
    distribution: str | None
    version: str | None
    module: str
    file: str | None
    """Where the module was loaded from; `None` while it is not loaded."""
    loaded: bool
    problem: str | None
    """Why it cannot be used, as far as that is known by now."""
