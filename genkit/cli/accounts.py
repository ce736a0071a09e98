"""Accounts, as the configuration and the installed plugins make them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genkit.config import Settings
    from genkit.plugins import Plugins
    from genkit.provider import ImageProvider

__all__ = ["account_names", "provider_for_model", "provider_of"]


def account_names(settings: Settings, plugins: Plugins) -> list[str]:
    """Every account that can be named: the installed providers and those of the configuration."""
    return sorted({*plugins.names(), *settings.providers})


def provider_of(account: str, settings: Settings, plugins: Plugins) -> ImageProvider:
    """The provider that serves `account`.

    Raises:
        InvalidRequestError: there is none.
        PluginError: it is broken.
        ConfigurationError: the account's settings are not what it takes.
    """
    config = settings.provider(account)
    return plugins.provider(config.provider, config.settings())


def provider_for_model(
    model: str | None, settings: Settings, plugins: Plugins
) -> tuple[str, ImageProvider]:
    """The account that `model` means (`None`: the default one), and its provider.

    Raises:
        GenkitError: as `provider_of`, and where no or several providers know the model.
    """
    from genkit.references import resolve_model

    def of(account: str) -> ImageProvider:
        return provider_of(account, settings, plugins)

    account, _model = resolve_model(model, settings, of, plugins)
    return account, of(account)
