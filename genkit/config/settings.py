"""What the configuration says, as values."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs

from genkit.provider import ImageProvider, ProviderSettings
from genkit.request import Adapt
from genkit.secrets import SecretSource

__all__ = ["ClientSettings", "ProviderConfig", "Settings", "secret_source"]

DEFAULT = "default"
"""The origin of a value that nobody set."""


@attrs.frozen(kw_only=True)
class ClientSettings:
    """The table ``[client]``. `None` leaves a value to the engine or the model."""

    timeout: float | None = None
    """Seconds for one attempt."""
    attempts: int | None = None
    """Attempts in all, the first included."""
    deadline: float | None = None
    """Seconds for a whole call: queueing, attempts and waits."""
    max_wait: float | None = None
    """Seconds of the longest wait that a service may ask for; a longer one ends the call."""
    adapt: Adapt = "adjust"
    """Whether what a model cannot do is adjusted or refused."""
    strict: bool = True
    """Whether prompts are wrapped so that the model draws them literally."""
    template: str | None = None
    """Name of the prompt template."""
    concurrency: int = 4
    """Wire requests under way at once."""
    connect_timeout: float | None = None
    """Seconds for making a connection."""
    proxy: str | None = None
    """URL of an HTTP proxy, without user and password."""
    proxy_credentials: SecretSource | None = None
    """Where ``user:password`` for the proxy comes from."""
    ca_bundle: str | None = None
    """Path of a PEM file with the certificate authorities to trust instead of the system's."""
    output: str | None = None
    """Folder that the command line saves pictures to; the working directory by default."""


@attrs.frozen(kw_only=True)
class ProviderConfig:
    """The table ``[providers.NAME]``: one account with a service."""

    name: str = ""
    """NAME, which model references begin with."""
    plugin: str | None = None
    """The provider's own name, where NAME is another: two accounts with one service."""
    api_key: SecretSource | None = None
    """Where the key comes from; `None` for the provider's usual environment variables."""
    model: str | None = None
    """Bare id of the default model; `None` for the provider's own."""
    base_url: str | None = None
    """Where the service is, without a trailing slash; https, or http on this machine."""
    api: str | None = None
    """Which of the service's APIs to speak."""
    auth: Literal["key", "bearer"] | None = None
    """How the credential travels."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Headers to send with every request; never the key."""
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Query parameters to send with every request; never the key."""
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """Defaults for the provider's own options."""

    @property
    def provider(self) -> str:
        """Name of the provider that serves the account."""
        return self.plugin or self.name

    def settings(self) -> ProviderSettings:
        """What the provider's factory is told; never the key."""
        return ProviderSettings(
            name=self.name,
            base_url=self.base_url,
            api=self.api,
            auth=self.auth,
            headers=self.headers,
            query=self.query,
            options=self.options,
        )


@attrs.frozen(kw_only=True)
class Settings:
    """The whole configuration, checked. `genkit.config.load_settings` makes it."""

    default: str | None = None
    """The model used when none is named: ``"provider"`` or ``"provider:model"``."""
    client: ClientSettings = attrs.field(factory=ClientSettings)
    providers: Mapping[str, ProviderConfig] = attrs.field(factory=dict)
    """The configured accounts by name; a provider works without one, too."""
    templates: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Prompt templates by name."""
    origins: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Where each value that was set comes from, by its path (``"client.timeout"``): ``"file
    PATH"``, ``"environment NAME"`` or ``"code"``. See `origin`."""
    warnings: tuple[str, ...] = ()
    """What is allowed and should be known, such as variables that look misspelt."""

    def provider(self, name: str) -> ProviderConfig:
        """The account called `name`, with nothing set where none is configured."""
        return self.providers.get(name) or ProviderConfig(name=name)

    def origin(self, path: str) -> str:
        """Where the value at `path` comes from; ``"default"`` when nobody set it."""
        return self.origins.get(path, DEFAULT)

    def describe(self) -> Iterator[tuple[str, str, str]]:
        """Path, value and origin of everything there is, for people; no key, no header's value."""
        yield "default", _shown(self.default), self.origin("default")
        yield from self._rows("client", self.client)
        for name, config in sorted(self.providers.items()):
            yield from self._rows(f"providers.{name}", config)
        for name, text in sorted(self.templates.items()):
            yield (
                f"templates.{name}",
                _shown(" ".join(text.split())[:60]),
                self.origin(f"templates.{name}"),
            )

    def _rows(
        self, path: str, table: ClientSettings | ProviderConfig
    ) -> Iterator[tuple[str, str, str]]:
        for field in attrs.fields(type(table)):
            if field.name == "name":
                continue
            value = getattr(table, field.name)
            if field.name in ("headers", "query"):
                value = dict.fromkeys(value, "***")
            key = f"{path}.{field.name}"
            yield key, _shown(value), self.origin(key)

    def all_warnings(self) -> tuple[str, ...]:
        """`warnings`, and where keys go that would otherwise go to a provider's own address."""
        redirected = tuple(
            f"{path} ({self.origin(path)}): requests and the API key go to {config.base_url}"
            for name, config in sorted(self.providers.items())
            if (path := f"providers.{name}.base_url")
            and config.base_url is not None
            and not is_loopback(config.base_url)
        )
        return self.warnings + redirected


def _shown(value: object) -> str:
    if value is None or value == {}:
        return "-"
    if isinstance(value, SecretSource):
        return value.describe()
    return value if isinstance(value, str) else repr(value)


def is_loopback(url: str) -> bool:
    """Whether `url` points to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret_source(
    config: ProviderConfig, provider: ImageProvider, environ: Mapping[str, str] | None = None
) -> SecretSource | None:
    """Where the key of an account comes from: as configured, or the provider's usual variables.

    The first of the variables that is set is taken; `None` when none is. `environ` stands for the
    process's environment.
    """
    if config.api_key is not None:
        return config.api_key
    variables = os.environ if environ is None else environ
    for name in provider.key_variables:
        if variables.get(name, "").strip():
            return SecretSource.parse(f"env:{name}", environ=environ)
    return None
