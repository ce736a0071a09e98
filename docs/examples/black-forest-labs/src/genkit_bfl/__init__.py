"""The FLUX models of Black Forest Labs for genkit, as a pure translator.

`BlackForestLabsProvider` is the provider; `genkit_providers` and `genkit_emulations` are the hooks
that genkit finds by the entry point. Importing this module loads neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from genkit.hookspecs import hookimpl

if TYPE_CHECKING:
    from genkit.emulation import Emulation
    from genkit.provider import ProviderFactory, ProviderSettings
    from genkit_bfl.codec import BlackForestLabsProvider

__all__ = ["bfl", "genkit_emulations", "genkit_providers"]


def bfl(settings: ProviderSettings) -> BlackForestLabsProvider:
    """The provider for these settings.

    Raises:
        ConfigurationError: a setting is wrong; the message says which, and what is allowed.
    """
    from genkit_bfl.codec import BlackForestLabsProvider

    return BlackForestLabsProvider(settings)


@hookimpl
def genkit_providers() -> Mapping[str, ProviderFactory]:
    """The factory of this distribution's provider."""
    return {"bfl": bfl}


@hookimpl
def genkit_emulations() -> Iterable[Emulation]:
    """The service's behaviour, for the emulator."""
    from genkit_bfl.emulation import BlackForestLabsEmulation

    return [BlackForestLabsEmulation()]
