"""OpenAI's image models for genkit, and services that speak the same wire, as a pure translator.

`OpenAIProvider` is the provider; `genkit_providers` and `genkit_emulations` are the hooks that
genkit finds by the entry point. Importing this module loads neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from genkit.hookspecs import hookimpl

if TYPE_CHECKING:
    from genkit.emulation import Emulation
    from genkit.provider import ProviderFactory, ProviderSettings
    from genkit_openai.codec import OpenAIProvider

__all__ = ["OpenAIProvider", "genkit_emulations", "genkit_providers", "openai"]


def openai(settings: ProviderSettings) -> OpenAIProvider:
    """The provider for these settings.

    Raises:
        ConfigurationError: a setting is wrong; the message says which, and what is allowed.
    """
    from genkit_openai.codec import OpenAIProvider

    return OpenAIProvider(settings)


@hookimpl
def genkit_providers() -> Mapping[str, ProviderFactory]:
    """The factory of this distribution's provider."""
    return {"openai": openai}


@hookimpl
def genkit_emulations() -> Iterable[Emulation]:
    """The service's behaviour, for the emulator."""
    from genkit_openai.emulation import OpenAIEmulation

    return [OpenAIEmulation()]


def __getattr__(name: str) -> Any:
    if name == "OpenAIProvider":
        from genkit_openai.codec import OpenAIProvider

        return OpenAIProvider
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
