from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from genkit.errors import GenkitError, InvalidRequestError, PluginError
from genkit.hookspecs import PROVIDER_GROUP
from genkit.plugins import PluginInfo, PluginProblem, Plugins
from tests.core.plugin_site import PROVIDER, Site, problems, settings


class TestProviders:
    def test_names_are_known_without_importing(self, site: Site) -> None:
        """Listing providers imports none, broken ones included."""
        site.provider("two")
        site.install("broken", "raise RuntimeError('at import')", name="broken")
        site.provider("one")
        plugins = site.plugins()
        assert plugins.names() == ("broken", "one", "two")
        assert [info.loaded for info in plugins.describe()] == [False] * 3
        assert not [name for name in sys.modules if name.startswith("plugin_")]

    def test_one_is_made_with_its_settings(self, site: Site) -> None:
        """A provider is given the settings, under whichever account's name."""
        site.provider("one")
        made = site.plugins().provider("one", settings("work", base_url="https://a.invalid/v1"))
        assert (made.name, made.base_url) == ("one", "https://a.invalid/v1")

    def test_only_the_one_asked_for_is_imported(self, site: Site) -> None:
        """A broken neighbour is neither imported nor in the way."""
        module = site.provider("one")
        site.install("broken", "raise RuntimeError('at import')", name="broken")
        plugins = site.plugins()
        assert plugins.provider("one", settings("one")).name == "one"
        assert module in sys.modules
        assert "plugin_broken" not in sys.modules
        assert plugins.problems == ()

    def test_what_is_really_installed_is_found(self, site: Site) -> None:
        """Without entry points given, those of the environment are read."""
        site.provider("found-by-itself")
        assert "found-by-itself" in Plugins().names()

    def test_two_instances_share_nothing(self, site: Site) -> None:
        """Each instance keeps its own record of what is loaded."""
        site.provider("one")
        first, second = site.plugins(), site.plugins()
        first.provider("one", settings("one"))
        assert [info.loaded for info in first.describe()] == [True]
        assert [info.loaded for info in second.describe()] == [False]
        assert second.provider("one", settings("one")).name == "one"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ([("class Provider", "raise OSError('no library')\nclass Provider")], "no library"),
            ([("class Provider", "raise SystemExit(3)\nclass Provider")], "SystemExit: 3"),
            ([("class Provider", "def\nclass Provider")], "SyntaxError"),
            ([("@hookimpl\ndef genkit_providers", "def genkit_providers")], "does not implement"),
            ([('{"one": Provider}', "[Provider]")], "gave a list, not a mapping"),
            ([('{"one": Provider}', '{"other": Provider}')], "offers other, not 'one'"),
            ([('{"one": Provider}', "{}")], "offers nothing"),
            ([("return {", "raise KeyError('x')\n    return {")], "genkit_providers raised KeyErr"),
            ([("genkit_providers()", "genkit_providers(colour)")], "hooks are not right"),
            ([("genkit_emulations", "genkit_emulation")], "genkit_emulation, which is no hook"),
            ([("self.settings = settings", "1 / 0")], "factory raised ZeroDivisionError"),
            ([("def encode", "def code")], "it has no encode"),
            ([("def encode(self, request, context): ...", "encode = 3")], "its encode cannot be c"),
            ([('default_model = "one-1"', "default_model = None")], "it has no default_model"),
            ([('    name = "one"\n    spec', '    name = "uno"\n    spec')], "calls itself 'uno'"),
            ([("spec_version = 1", "spec_version = 2")], "version 2 .*version 1: update genkit-"),
            ([("spec_version = 1", "spec_version = 0")], "version 0 .*1: update the provider"),
            ([("spec_version = 1", "spec_version = '1'")], "its spec_version is '1'"),
            ([("    spec_version = 1\n", "")], "its spec_version is None"),
            (
                [("spec_version = 1", "@property\n    def spec_version(self): raise OSError('x')")],
                "no provider: OSError: x",
            ),
        ],
    )
    def test_a_broken_one_says_why(
        self, changes: list[tuple[str, str]], reason: str, site: Site
    ) -> None:
        """Each way of breaking the contract is an error with the reason, noted as a problem."""
        site.provider("one", *changes)
        plugins = site.plugins()
        with pytest.raises(PluginError, match=reason) as caught:
            plugins.provider("one", settings("one"))
        assert caught.value.name == "one"
        assert str(caught.value).startswith("provider 'one' (genkit-provider-one): ")
        with pytest.raises(PluginError) as again:
            plugins.provider("one", settings("one"))
        assert str(again.value) == str(caught.value)
        [problem] = plugins.problems
        assert problem == PluginProblem(
            name="one",
            group=PROVIDER_GROUP,
            distribution="genkit-provider-one",
            version="1.2",
            error=str(caught.value).removeprefix("provider 'one' (genkit-provider-one): "),
        )

    @pytest.mark.parametrize("error", ["ConfigurationError", "InvalidRequestError"])
    def test_an_error_about_settings_passes(self, error: str, site: Site) -> None:
        """A factory that refuses its settings with a typed error is no broken plugin."""
        raising = f"from genkit.errors import {error}; raise {error}('no such api')"
        site.provider("one", ("self.settings = settings", raising))
        plugins = site.plugins()
        with pytest.raises(GenkitError, match="no such api") as caught:
            plugins.provider("one", settings("one", api="x"))
        assert type(caught.value).__name__ == error
        assert plugins.problems == ()

    def test_a_problem_that_went_away_is_forgotten(self, site: Site) -> None:
        """A provider that can be made after all is no problem any more."""
        site.provider("one", ("self.settings = settings", "assert settings.api"))
        plugins = site.plugins()
        with pytest.raises(PluginError):
            plugins.provider("one", settings("one"))
        plugins.provider("one", settings("one", api="x"))
        assert plugins.problems == ()

    def test_one_name_of_two_distributions_is_an_error(self, site: Site) -> None:
        """The error names both, and other providers are not affected."""
        source = PROVIDER.format(name="one")
        site.install("first", source, name="one")
        site.install("second", source, name="one", version="3.0")
        site.provider("other")
        plugins = site.plugins()
        with pytest.raises(PluginError, match="first and second") as caught:
            plugins.provider("one", settings("one"))
        assert "uninstall one" in str(caught.value)
        assert plugins.provider("other", settings("other")).name == "other"
        assert plugins.names() == ("one", "other")
        assert [(info.distribution, info.version) for info in plugins.describe()] == [
            ("first", "1.2"),
            ("second", "3.0"),
            ("genkit-provider-other", "1.2"),
        ]

    def test_an_unknown_name_is_an_error_of_the_request(self, site: Site) -> None:
        """The error is about `model`, suggests the nearest and lists what is installed."""
        site.provider("gemini")
        site.provider("other")
        with pytest.raises(InvalidRequestError, match=r"did you mean 'gemini'\?") as caught:
            site.plugins().provider("gemin", settings("gemin"))
        assert caught.value.field == "model"
        assert "there are gemini, other" in str(caught.value)

    def test_without_any_it_says_what_to_install(self) -> None:
        """Where no provider is installed, the error names one."""
        with pytest.raises(InvalidRequestError, match="pip install -e providers/gemini"):
            Plugins(entry_points=()).provider("gemini", settings("gemini"))

    def test_one_module_may_stand_behind_two_names(self, site: Site) -> None:
        """A module may offer several providers, each under an entry point of its own."""
        module = site.install(
            "both",
            PROVIDER.format(name="one").replace(
                '{"one": Provider}', '{"one": Provider, "two": Second}'
            )
            + "\nclass Second(Provider):\n    name = 'two'\n",
            name="one",
        )
        second = EntryPoint("two", module, PROVIDER_GROUP)
        plugins = Plugins(entry_points=[*site.entry_points(), second])
        assert plugins.provider("one", settings("one")).name == "one"
        assert plugins.provider("two", settings("two")).name == "two"

    def test_loading_all_of_them_skips_the_broken(self, site: Site) -> None:
        """Every provider that can be imported is named, the rest are problems."""
        site.provider("one")
        site.provider("two", ("class Provider", "raise OSError('no library')\nclass Provider"))
        plugins = site.plugins()
        assert plugins.load_providers() == ("one",)
        assert problems(plugins) == {"two": "importing it raised OSError: no library"}

    def test_what_is_loaded_is_described(self, site: Site) -> None:
        """After loading, the description has the module's file, or what is wrong."""
        module = site.provider("one")
        site.install("broken", "raise OSError('no library')", name="broken")
        plugins = site.plugins()
        plugins.load_providers()
        assert plugins.describe() == (
            PluginInfo(
                name="broken",
                group=PROVIDER_GROUP,
                distribution="broken",
                version="1.2",
                module="plugin_broken",
                file=None,
                loaded=False,
                problem="importing it raised OSError: no library",
            ),
            PluginInfo(
                name="one",
                group=PROVIDER_GROUP,
                distribution="genkit-provider-one",
                version="1.2",
                module=module,
                file=str(site.folder / f"{module}.py"),
                loaded=True,
                problem=None,
            ),
        )

    def test_errors_are_safe_to_print(self, site: Site) -> None:
        """What a plugin says in its exception cannot drive a terminal, nor fill it."""
        site.install("broken", r"raise OSError('\x1b]52;c;AAAA' + 'x' * 9000)", name="broken")
        plugins = site.plugins()
        with pytest.raises(PluginError) as caught:
            plugins.provider("broken", settings("broken"))
        assert "\x1b" not in plugins.problems[0].error
        assert len(str(caught.value)) < 1100


class TestEmulations:
    def test_those_of_all_providers_are_given(self, site: Site) -> None:
        """Each provider's emulation is there; a provider without one is fine."""
        site.provider("one")
        site.provider("two", ("@hookimpl\ndef genkit_emulations", "def genkit_emulations"))
        site.provider("three")
        plugins = site.plugins()
        assert [emulation.name for emulation in plugins.emulations()] == ["one", "three"]
        assert plugins.problems == ()

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("return [Emulation()]", "raise OSError('no paint')", "OSError: no paint"),
            ("return [Emulation()]", "return [object()]", "it has no name"),
            ("return [Emulation()]", "return 3", "not iterable"),
            ("def handles(self, request): return True", "handles = 3", "handles cannot be called"),
            ('    name = "two"\n    base', '    name = "one"\n    base', "a second emulation"),
            ("class Emulation", "raise OSError('no library')\nclass Emulation", "no library"),
        ],
    )
    def test_a_broken_one_is_skipped(self, old: str, new: str, reason: str, site: Site) -> None:
        """What is wrong with one provider's emulation leaves the others, and is noted."""
        site.provider("one")
        site.provider("two", (old, new))
        plugins = site.plugins()
        assert [emulation.name for emulation in plugins.emulations()] == ["one"]
        assert reason in problems(plugins)["two"]
