from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from genkit.config import ProviderConfig, Settings
from genkit.errors import InvalidRequestError, ModelNotFoundError, PluginError
from genkit.hookspecs import PROVIDER_GROUP
from genkit.plugins import Plugins
from genkit.provider import Capabilities
from genkit.references import resolve_model

TABLES: Mapping[str, tuple[str, ...]] = {
    "gemini": ("banana-2", "banana-1", "shared"),
    "other": ("brush-1", "shared", "with:colon"),
}


def provider(name: str) -> Any:
    """Return a provider with a table of models, and a retired one that it still knows."""
    models = TABLES[name]

    def capabilities(model: str) -> Capabilities:
        retired = model == f"{name}-retired"
        return Capabilities(model=model, known=retired or model in models, retired=retired)

    return SimpleNamespace(name=name, models=lambda: models, capabilities=capabilities)


def resolve(
    reference: str | None,
    *,
    installed: tuple[str, ...] = ("gemini", "other"),
    broken: tuple[str, ...] = (),
    default: str | None = None,
    accounts: Mapping[str, str] | None = None,
) -> tuple[str, str | None]:
    """Resolve a reference; `accounts` gives the provider of each configured account."""
    configured = {
        name: ProviderConfig(name=name, plugin=plugin) for name, plugin in (accounts or {}).items()
    }
    settings = Settings(default=default, providers=configured)
    plugins = Plugins(
        entry_points=[EntryPoint(name, "never.imported", PROVIDER_GROUP) for name in installed]
    )

    def provider_of(account: str) -> Any:
        name = settings.provider(account).provider
        if name in broken:
            raise PluginError(f"{name} is broken")
        return provider(name)

    return resolve_model(reference, settings, provider_of, plugins)


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("gemini:banana-1", ("gemini", "banana-1")),
        ("gemini:of-tomorrow", ("gemini", "of-tomorrow")),
        ("other:with:colon", ("other", "with:colon")),
        ("gemini:models/x", ("gemini", "models/x")),
        ("other", ("other", None)),
        ("brush-1", ("other", "brush-1")),
        ("with:colon", ("other", "with:colon")),
        ("gemini-retired", ("gemini", "gemini-retired")),
    ],
)
def test_references_are_read(reference: str, meant: tuple[str, str | None]) -> None:
    """A provider and its model, a provider alone, and a bare id that one provider knows."""
    assert resolve(reference) == meant


def test_what_names_its_account_loads_no_provider() -> None:
    """A reference with an account is taken as it is, also while that provider is broken."""
    assert resolve("other:brush-1", broken=("gemini", "other")) == ("other", "brush-1")


@pytest.mark.parametrize(
    ("installed", "default", "meant"),
    [
        (("gemini", "other"), None, ("gemini", None)),
        (("other",), None, ("other", None)),
        (("gemini", "other"), "other", ("other", None)),
        (("gemini", "other"), "other:brush-2", ("other", "brush-2")),
        (("gemini", "other"), "brush-1", ("other", "brush-1")),
    ],
)
def test_nothing_means_the_default(
    installed: tuple[str, ...], default: str | None, meant: tuple[str, str | None]
) -> None:
    """Without a reference it is the configured default, else Gemini or the only provider."""
    assert resolve(None, installed=installed, default=default) == meant


def test_several_without_a_default_are_an_error() -> None:
    """Where nothing says which of several providers is meant, none is picked."""
    with pytest.raises(InvalidRequestError, match=r"other, third\) and none is the default"):
        resolve(None, installed=("other", "third"))


def test_without_any_provider_it_says_what_to_install() -> None:
    """With nothing installed, every reference is an error that says how to go on."""
    for reference in (None, "gemini", "gemini:banana-1", "banana-1"):
        with pytest.raises(InvalidRequestError, match="none is installed") as caught:
            resolve(reference, installed=())
        assert caught.value.field == "model"


class TestAccounts:
    ACCOUNTS: Mapping[str, str] = {"work": "gemini", "home": "gemini"}

    def test_an_account_is_named_like_a_provider(self) -> None:
        """Accounts stand before the colon, or alone."""
        assert resolve("work:banana-1", accounts=self.ACCOUNTS) == ("work", "banana-1")
        assert resolve("home", accounts=self.ACCOUNTS) == ("home", None)

    @pytest.mark.parametrize("default", ["home", "home:banana-2"])
    def test_a_bare_id_goes_to_the_default_account(self, default: str) -> None:
        """Of several accounts with the provider that knows a model, the default is taken."""
        assert resolve("banana-1", accounts=self.ACCOUNTS, default=default) == ("home", "banana-1")

    def test_a_bare_id_goes_to_the_namesake_otherwise(self) -> None:
        """Where the default account is with another provider, the provider's own name is taken."""
        assert resolve("banana-1", accounts=self.ACCOUNTS, default="other") == (
            "gemini",
            "banana-1",
        )

    def test_accounts_of_one_provider_are_not_ambiguous(self) -> None:
        """Two accounts that know a model are one provider that knows it."""
        installed = ("gemini",)
        assert resolve("shared", installed=installed, accounts=self.ACCOUNTS, default="work") == (
            "work",
            "shared",
        )

    def test_an_unknown_name_lists_accounts_too(self) -> None:
        """The error names providers and accounts."""
        with pytest.raises(InvalidRequestError, match="there are gemini, home, other, work"):
            resolve("wrok:banana-1", accounts=self.ACCOUNTS)


@pytest.mark.parametrize(
    ("reference", "kind", "said"),
    [
        ("gemini:", InvalidRequestError, "names no model after the colon"),
        ("gemni:banana-1", InvalidRequestError, "did you mean 'gemini'?); there are gemini, other"),
        ("shared", InvalidRequestError, "say which: gemini:shared or other:shared"),
        ("banana-3", ModelNotFoundError, "(did you mean 'gemini:banana-2'?)"),
        ("banana-3", ModelNotFoundError, "gemini:banana-2, gemini:banana-1, other:shared, other:b"),
        ("banana-3", ModelNotFoundError, "name its provider: gemini:banana-3"),
        ("gemin", ModelNotFoundError, "did you mean 'gemini'?"),
    ],
)
def test_mistakes_say_what_is_meant(
    reference: str, kind: type[InvalidRequestError], said: str
) -> None:
    """Each wrong reference is a typed error about `model` that says what there is."""
    with pytest.raises(kind) as caught:
        resolve(reference)
    assert caught.value.field == "model"
    assert said in str(caught.value)


def test_a_broken_provider_is_not_in_the_way() -> None:
    """A bare id is found where one provider cannot be loaded and another knows it."""
    assert resolve("brush-1", broken=("gemini",)) == ("other", "brush-1")


def test_when_all_are_broken_the_reason_is_said() -> None:
    """Where no provider could be asked, the error is theirs."""
    with pytest.raises(PluginError, match="gemini is broken"):
        resolve("banana-1", broken=("gemini", "other"))
