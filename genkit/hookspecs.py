"""The hooks that plugins implement, marked with `genkit.hookimpl`.

Hooks hand over objects once; no hook call stands in the path of a request except
`genkit_prepare_request`, which runs once per call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from genkit.emulation import Emulation
    from genkit.events import Observer
    from genkit.provider import ProviderFactory
    from genkit.request import GenerationRequest

PROJECT = "genkit"
PROVIDER_GROUP = "genkit.providers"
"""Entry points of providers: the name is the provider's, loaded one by one when asked for."""
PLUGIN_GROUP = "genkit.plugins"
"""Entry points of other plugins: loaded at the first use of a client or the command line."""

Function = TypeVar("Function", bound="Callable[..., object]")

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def genkit_providers() -> Mapping[str, ProviderFactory]:  # type: ignore[empty-body]
    """Factories of providers by name; the entry point's name is among them."""


@hookspec
def genkit_emulations() -> Iterable[Emulation]:  # type: ignore[empty-body]
    """Emulations of the services, for the emulator."""


@hookspec
def genkit_prepare_request(request: GenerationRequest) -> GenerationRequest | None:
    """Replace a request before it is prepared (`None`: leave it), or raise to refuse it."""


@hookspec
def genkit_observers() -> Iterable[Observer]:  # type: ignore[empty-body]
    """Callables that are given every event; quick, never awaited, and they cannot break a call."""


@hookspec
def genkit_commands(cli: click.Group) -> None:
    """Add commands to the command line."""
