"""The configuration: files, environment and code, read into one frozen `Settings`.

Later ones go before earlier ones, value by value: built-in defaults, the user's file
(``$XDG_CONFIG_HOME/genkit/genkit.toml``), ``genkit.toml`` in the working directory, the file that
``GENKIT_CONFIG`` names, the file that code names, ``GENKIT_*`` variables, code.
"""

from __future__ import annotations

from genkit.config.load import load_settings, override_settings
from genkit.config.settings import ClientSettings, ProviderConfig, Settings, secret_source

__all__ = [
    "ClientSettings",
    "ProviderConfig",
    "Settings",
    "load_settings",
    "override_settings",
    "secret_source",
]
