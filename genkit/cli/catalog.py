"""``genkit providers`` and ``genkit models``: what there is to draw with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from genkit.cli.accounts import account_names, provider_of
from genkit.cli.documents import VERSION
from genkit.cli.probe import unanswering
from genkit.cli.screen import Screen
from genkit.cli.words import money
from genkit.errors import ConfigurationError, GenkitError, PluginError
from genkit.provider import Capabilities, FixedSizes, FreeSizes, ListedModel, RatioTiers

if TYPE_CHECKING:
    from genkit.config import Settings
    from genkit.plugins import Plugins

__all__ = ["INSTALL_PROVIDER", "models", "providers"]

INSTALL_PROVIDER = """\
No provider is installed. Each is a distribution of its own; from a checkout of genkit:

    pip install -e providers/gemini

To write one yourself: genkit new-provider NAME"""

config_option = click.option("--config", metavar="FILE", help="The configuration file to use.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on standard output."
)


@click.command(short_help="List the providers that are installed.")
@config_option
@json_option
def providers(config: str | None, as_json: bool) -> int:
    """List the providers that are installed and the accounts that are configured."""
    from genkit.config import load_settings
    from genkit.plugins import Plugins

    screen = Screen(json=as_json)
    settings, plugins = load_settings(config), Plugins()
    silent = unanswering(plugins.names(), config)
    names = account_names(settings, plugins)
    rows = [_provider_row(name, settings, plugins, silent) for name in names]
    if as_json:
        screen.document({"version": VERSION, "providers": rows})
    elif rows:
        shown = [
            (
                row["name"],
                row["default_model"] or "broken: see genkit doctor",
                row["key"] or "-",
                row["from"],
            )
            for row in rows
        ]
        screen.table(("PROVIDER", "DEFAULT MODEL", "KEY", "FROM"), shown)
    else:
        screen.out(INSTALL_PROVIDER)
    return 0


@click.command(short_help="List the models of the providers.")
@click.argument("provider", required=False)
@click.option("--live", is_flag=True, help="Ask the service itself; needs the key.")
@config_option
@json_option
def models(provider: str | None, live: bool, config: str | None, as_json: bool) -> int:
    """List the models of PROVIDER, or of all providers: what they can do and what they cost.

    A model that is not listed can be used too: say PROVIDER:MODEL.
    """
    from genkit.config import load_settings
    from genkit.plugins import Plugins

    screen = Screen(json=as_json)
    settings, plugins = load_settings(config), Plugins()
    names = [provider] if provider else account_names(settings, plugins)
    if not names:
        screen.out(INSTALL_PROVIDER)
    elif live:
        _live(names, settings, screen)
    else:
        silent = {} if provider else unanswering(plugins.names(), config)
        for one in silent:
            screen.say(f"Warning: {_silent(one, silent)}", "yellow")
        names = [name for name in names if settings.provider(name).provider not in silent]
        _known(names, settings, plugins, screen)
    return 0


def _silent(provider: str, silent: Mapping[str, str]) -> str:
    """What is said of a provider that is not imported here, because it would end or hang us."""
    return f"provider {provider!r}: {silent[provider]}"


def _provider_row(
    name: str, settings: Settings, plugins: Plugins, silent: Mapping[str, str]
) -> dict[str, Any]:
    from genkit.config import secret_source

    account = settings.provider(name)
    infos = [info for info in plugins.describe() if info.name == account.provider]
    row: dict[str, Any] = {
        "name": name,
        "provider": account.provider,
        "default_model": None,
        "base_url": None,
        "key": None,
        "from": ", ".join(f"{info.distribution} {info.version}" for info in infos) or "-",
        "problem": None,
    }
    if account.provider in silent:
        return row | {"problem": _silent(account.provider, silent)}
    try:
        provider = provider_of(name, settings, plugins)
    except GenkitError as error:
        return row | {"problem": str(error)}
    source = secret_source(account, provider)
    model = account.model or provider.default_model
    return row | {
        "default_model": model,
        "base_url": provider.base_url,
        "key": source.describe() if source else None,
    }


def _known(names: list[str], settings: Settings, plugins: Plugins, screen: Screen) -> None:
    rows = []
    for name in names:
        try:
            provider = provider_of(name, settings, plugins)
        except (PluginError, ConfigurationError) as error:
            if len(names) == 1:
                raise
            screen.say(f"Warning: {error}", "yellow")
            continue
        rows += [(name, provider.capabilities(model)) for model in provider.models()]
    if screen.json:
        screen.document(
            {"version": VERSION, "models": [_model_document(name, able) for name, able in rows]}
        )
        return
    heads = ("MODEL", "SIZES", "REFERENCES", "REFINES", "SEED", "PRICE", "AS OF")
    screen.table(heads, [_model_row(name, able) for name, able in rows])


def _model_row(name: str, able: Capabilities) -> list[str]:
    price = able.prices and _price(able)
    return [
        f"{name}:{able.model}",
        _sizes(able),
        f"up to {able.max_references}" if able.max_references else "no",
        "yes" if able.multi_turn else "by editing" if able.max_references else "no",
        "yes" if able.seed else "no",
        f"{money(price)} a picture" if price else "not known",
        able.as_of or "-",
    ]


def _model_document(name: str, able: Capabilities) -> dict[str, Any]:
    return {
        "provider": name,
        "model": able.model,
        "sizes": _sizes(able),
        "max_references": able.max_references,
        "max_images_per_call": able.max_images_per_call,
        "multi_turn": able.multi_turn,
        "seed": able.seed,
        "mask": able.mask,
        "qualities": list(able.qualities),
        "backgrounds": list(able.backgrounds),
        "output_formats": list(able.output_formats),
        "options": list(able.options),
        "price_per_image": _price(able),
        "as_of": able.as_of or None,
    }


def _price(able: Capabilities) -> float | None:
    """USD of one picture of the usual size, without its prompt."""
    prices = able.prices
    tokens = prices.image_tokens.get("") if prices else None
    if prices is None or prices.output_image is None or tokens is None:
        return None
    return tokens * prices.output_image / 1_000_000


def _sizes(able: Capabilities) -> str:
    rule = able.sizes
    if isinstance(rule, RatioTiers):
        return " ".join(
            [_counted(len(rule.ratios), "ratio"), *(["at", *rule.tiers] if rule.tiers else [])]
        )
    if isinstance(rule, FixedSizes):
        return " ".join(f"{width}x{height}" for width, height in rule.sizes)
    if isinstance(rule, FreeSizes):
        return f"any up to {rule.max_edge} pixels an edge"
    return "its own"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _live(names: list[str], settings: Settings, screen: Screen) -> None:
    listed = list(asyncio.run(_ask(names, settings, screen)))
    if screen.json:
        rows = [
            {
                "provider": name,
                "model": model.id,
                "description": model.description,
                "makes_images": model.makes_images,
            }
            for name, model in listed
        ]
        screen.document({"version": VERSION, "models": rows})
        return
    makes = {True: "yes", False: "no", None: "not said"}
    screen.table(
        ("MODEL", "MAKES IMAGES", "DESCRIPTION"),
        [
            [f"{name}:{model.id}", makes[model.makes_images], (model.description or "-")[:80]]
            for name, model in listed
        ],
    )


async def _ask(
    names: list[str], settings: Settings, screen: Screen
) -> Iterator[tuple[str, ListedModel]]:
    from genkit.client import Client

    found: list[tuple[str, ListedModel]] = []
    async with Client(config=settings) as client:
        for name in names:
            try:
                found += [(name, model) for model in await client.list_models(name)]
            except GenkitError as error:
                if len(names) == 1:
                    raise
                screen.say(f"Warning: {name}: {error}", "yellow")
    return iter(found)
