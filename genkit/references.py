"""Reading model references: ``provider:model``, a provider's name, or a bare model id."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import TypeAlias

from genkit.config import Settings
from genkit.errors import GenkitError, InvalidRequestError, ModelNotFoundError
from genkit.plugins import Plugins
from genkit.provider import ImageProvider

__all__ = ["resolve_model"]

DEFAULT_PROVIDER = "gemini"
"""What is used where nothing says otherwise and several providers are installed."""
LISTED_MODELS = 12
"""How many models an error names at most."""

ProviderOf: TypeAlias = Callable[[str], ImageProvider]
"""Gives the provider that serves an account."""


def resolve_model(
    reference: str | None, settings: Settings, provider_of: ProviderOf, plugins: Plugins
) -> tuple[str, str | None]:
    """The account and the bare model id that `reference` means; `None` for the account's default.

    ``account:model`` and a bare account name are taken as they are; accounts are the installed
    providers and those of the configuration. Anything else is a bare model id, which is looked
    for in the tables of all providers. `None` stands for the configuration's default, or the only
    provider that is installed.

    Raises:
        InvalidRequestError: there is no such account, or several providers know the model.
        ModelNotFoundError: no provider knows the bare model id.
    """
    if reference is None:
        reference = settings.default or _only_provider(plugins)
    accounts = {*plugins.names(), *settings.providers}
    if reference in accounts:
        return reference, None
    account, colon, model = reference.partition(":")
    if colon and account in accounts:
        if not model:
            raise InvalidRequestError(
                f"model: {reference!r} names no model after the colon; {account!r} alone means its"
                " default",
                field="model",
            )
        return account, model
    known = _tables(settings, provider_of, plugins)
    owners = [name for name, provider in known.items() if _knows(provider, reference)]
    if len(owners) == 1:
        return owners[0], reference
    if owners:
        choices = " or ".join(f"{name}:{reference}" for name in owners)
        raise InvalidRequestError(
            f"model: several providers know {reference!r}; say which: {choices}", field="model"
        )
    if colon or not known:
        # Model ids may hold colons, so only now it is certain that this named a provider.
        raise plugins.unknown(account, settings.providers)
    raise _not_found(reference, known)


def _only_provider(plugins: Plugins) -> str:
    names = plugins.names()
    if DEFAULT_PROVIDER in names or not names:
        return DEFAULT_PROVIDER
    if len(names) == 1:
        return names[0]
    raise InvalidRequestError(
        f"model: several providers are installed ({', '.join(names)}) and none is the default;"
        ' name one, or set default = "NAME" in genkit.toml',
        field="model",
    )


def _tables(
    settings: Settings, provider_of: ProviderOf, plugins: Plugins
) -> Mapping[str, ImageProvider]:
    """By account, one provider of each kind: the default account's goes before its namesake's."""
    default = (settings.default or "").partition(":")[0]
    names = [default] if default in settings.providers else []
    found: dict[str, ImageProvider] = {}
    failures: list[GenkitError] = []
    for name in (*names, *plugins.names()):
        try:
            provider = provider_of(name)
        except GenkitError as error:  # what is broken knows nothing; `genkit doctor` tells of it
            failures.append(error)
            continue
        if provider.name not in {other.name for other in found.values()}:
            found[name] = provider
    if failures and not found:
        raise failures[0]
    return found


def _knows(provider: ImageProvider, model: str) -> bool:
    return model in provider.models() or provider.capabilities(model).known


def _not_found(model: str, known: Mapping[str, ImageProvider]) -> ModelNotFoundError:
    models = {
        bare: f"{name}:{bare}" for name, provider in known.items() for bare in provider.models()
    }
    candidates = {**models, **{name: name for name in known}}
    near = difflib.get_close_matches(model, candidates, n=1)
    meant = f" (did you mean {candidates[near[0]]!r}?)" if near else ""
    listed = ", ".join([*models.values()][:LISTED_MODELS])
    return ModelNotFoundError(
        f"model: no installed provider knows {model!r}{meant}; known: {listed}. To send an id that"
        f" is not known here, name its provider: {next(iter(known))}:{model}",
        field="model",
    )
