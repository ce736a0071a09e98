"""The base of all errors, and those that are not of one call."""

from __future__ import annotations

from typing import Any

from genkit.errors.text import printable

__all__ = [
    "ConfigurationError",
    "GenkitError",
    "LimiterUnavailableError",
    "OutputError",
    "PluginError",
]


class GenkitError(Exception):
    """Base of everything that this library raises on purpose.

    `message` is one line of at most 2 KiB, safe for a terminal whatever was put into it.
    """

    def __init__(self, message: str = "") -> None:
        # Code in the wild constructs these too, not always with a text.
        self.message = printable(message if isinstance(message, str) else str(message))
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message or type(self).__name__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Built anew without __init__, whose keyword-only parameters pickle cannot know.
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(kind: type[GenkitError], args: tuple[Any, ...], state: dict[str, Any]) -> GenkitError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(GenkitError):
    """The configuration cannot be used; `problems` lists every mistake that was found."""

    def __init__(self, message: str = "", *, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message or "; ".join(problems))
        self.problems = problems


class PluginError(GenkitError):
    """A plugin could not be loaded or broke its contract; `name` is its entry point."""

    def __init__(self, message: str = "", *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class OutputError(GenkitError):
    """A result could not be written; `path` is where to. The image is still in memory."""

    def __init__(self, message: str = "", *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class LimiterUnavailableError(GenkitError):
    """The shared limiter could not be asked."""
