"""Google's Gemini image models for genkit, as a pure translator.

`GeminiProvider` is the provider; `genkit_providers` and `genkit_emulations` are the hooks that
genkit finds by the entry point. Importing this module loads neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from genkit.hookspecs import hookimpl

if TYPE_CHECKING:
    from genkit.emulation import Emulation
    from genkit.provider import ProviderFactory, ProviderSettings
    from genkit_gemini.codec import GeminiProvider

__all__ = ["GeminiProvider", "gemini", "genkit_emulations", "genkit_providers"]


def gemini(settings: ProviderSettings) -> GeminiProvider:
    """The provider for these settings.

    Raises:
        ConfigurationError: a setting is wrong; the message says which, and what is allowed.
    """
    from genkit_gemini.codec import GeminiProvider

    return GeminiProvider(settings)


@hookimpl
def genkit_providers() -> Mapping[str, ProviderFactory]:
    """The factory of this distribution's provider."""
    return {"gemini": gemini}


@hookimpl
def genkit_emulations() -> Iterable[Emulation]:
    """The service's behaviour, for the emulator."""
    from genkit_gemini.emulation import GeminiEmulation

    return [GeminiEmulation()]


def __getattr__(name: str) -> Any:
    if name == "GeminiProvider":
        from genkit_gemini.codec import GeminiProvider

        return GeminiProvider
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
