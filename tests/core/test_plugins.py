from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

import genkit.hookspecs
from genkit.errors import ConfigurationError, GenkitError, InvalidRequestError, PluginError
from genkit.hookspecs import PLUGIN_GROUP, PROVIDER_GROUP
from genkit.plugins import PluginInfo, PluginProblem, Plugins
from genkit.provider import ProviderSettings
from genkit.request import GenerationRequest

PROVIDER = """
from genkit.hookspecs import hookimpl


class Provider:
    name = "{name}"
    spec_version = 1
    default_model = "{name}-1"
    key_variables = ("KEY",)

    def __init__(self, settings):
        self.settings = settings
        self.base_url = settings.base_url or "https://service.invalid"

    def models(self): return (self.default_model,)
    def capabilities(self, model): ...
    def encode(self, request, context): ...
    def decode(self, response, request, step): ...
    def decode_error(self, response): ...
    def stream_decoder(self, request): return None


class Emulation:
    name = "{name}"
    base_path = "/v1"

    def handles(self, request): return True
    def answer(self, request, store, draw): ...
    def render_error(self, facts): ...


@hookimpl
def genkit_providers():
    return {{"{name}": Provider}}


@hookimpl
def genkit_emulations():
    return [Emulation()]
"""

HOOKIMPL = "from genkit.hookspecs import hookimpl\n"


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        distribution: str,
        source: str,
        *,
        name: str,
        group: str = PROVIDER_GROUP,
        version: str = "1.2",
    ) -> str:
        """Install a distribution of one module behind one entry point; give the module's name."""
        module = f"plugin_{distribution.replace('-', '_')}"
        (self.folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry = f"[{group}]\n{name} = {module}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")
        importlib.invalidate_caches()
        return module

    def provider(self, name: str, *changes: tuple[str, str]) -> str:
        """Install a provider called `name`, its source changed; give the module's name."""
        source = PROVIDER.format(name=name)
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        return self.install(f"genkit-provider-{name}", source, name=name)

    def plugin(self, name: str, source: str) -> str:
        """Install a plugin called `name`; give the module's name."""
        return self.install(
            f"genkit-{name}", HOOKIMPL + dedent(source), name=name, group=PLUGIN_GROUP
        )

    def entry_points(self) -> list[EntryPoint]:
        """Return the entry points of everything that is installed."""
        found = distributions(path=[str(self.folder)])
        return [entry for distribution in found for entry in distribution.entry_points]

    def plugins(self) -> Plugins:
        """Return the plugins that are installed by now."""
        return Plugins(entry_points=self.entry_points())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give an empty folder of distributions that modules are imported from."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Site(tmp_path)
    for name in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[name]


def settings(name: str, **fields: Any) -> ProviderSettings:
    """Return settings for a provider."""
    return ProviderSettings(name=name, **fields)


def problems(plugins: Plugins) -> dict[str, str]:
    """Return the errors of a manager by plugin name."""
    return {problem.name: problem.error for problem in plugins.problems}


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
        with pytest.raises(InvalidRequestError, match="pip install genkit-provider-gemini"):
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


PREPARE = """
@hookimpl{options}
def genkit_prepare_request(request):
    import attrs
    return attrs.evolve(request, prompt=request.prompt + "{mark}")
"""


class TestOtherPlugins:
    def test_they_are_imported_at_first_use(self, site: Site) -> None:
        """Making the manager imports nothing, the first question imports all, once."""
        module = site.plugin("one", "@hookimpl\ndef genkit_observers(): return [print]")
        plugins = site.plugins()
        assert module not in sys.modules
        assert plugins.observers() == (print,)
        imported = sys.modules[module]
        plugins.load_all()
        assert plugins.observers() == (print,)
        assert sys.modules[module] is imported

    def test_a_broken_one_is_not_in_the_way(self, site: Site) -> None:
        """Plugins that cannot be loaded are noted, and the rest work."""
        site.plugin("a-broken", "raise OSError('no library')")
        site.plugin("b-empty", "")
        site.plugin("c-wrong", "@hookimpl\ndef genkit_observer(): return []")
        site.plugin("d-arguments", "@hookimpl\ndef genkit_observers(x): return []")
        site.plugin("e-good", "@hookimpl\ndef genkit_observers(): return [print]")
        plugins = site.plugins()
        assert plugins.observers() == (print,)
        found = problems(plugins)
        assert set(found) == {"a-broken", "b-empty", "c-wrong", "d-arguments"}
        assert found["a-broken"] == "importing it raised OSError: no library"
        assert "implements no hook" in found["b-empty"]
        assert "genkit_observer, which is no hook" in found["c-wrong"]
        assert "hooks are not right" in found["d-arguments"]
        assert {problem.group for problem in plugins.problems} == {PLUGIN_GROUP}

    def test_a_hook_of_a_newer_core_may_be_optional(self, site: Site) -> None:
        """A plugin may implement a hook that this version does not have, where it says so."""
        source = """
            @hookimpl(optionalhook=True)
            def genkit_of_tomorrow(): ...
            @hookimpl
            def genkit_observers(): return [print]
        """
        site.plugin("one", source)
        plugins = site.plugins()
        assert plugins.observers() == (print,)
        assert plugins.problems == ()

    def test_requests_go_from_one_to_the_next(self, site: Site) -> None:
        """Each plugin is given what the one before made; `tryfirst` and `trylast` hold."""
        site.plugin("a", PREPARE.format(mark=" last", options="(trylast=True)"))
        site.plugin("b", PREPARE.format(mark=" middle", options=""))
        site.plugin("c", PREPARE.format(mark=" first", options="(tryfirst=True)"))
        site.plugin("d", "@hookimpl\ndef genkit_prepare_request(request): return None")
        prepared = site.plugins().prepare_request(GenerationRequest("x"))
        assert prepared.prompt == "x first middle last"

    def test_without_plugins_the_request_is_itself(self) -> None:
        """Nothing is copied where there is nobody to change it."""
        request = GenerationRequest("x")
        assert Plugins(entry_points=()).prepare_request(request) is request

    def test_a_refusal_passes(self, site: Site) -> None:
        """A plugin that refuses a request with a typed error is heard, and is no problem."""
        source = """
            @hookimpl
            def genkit_prepare_request(request):
                from genkit.errors import ContentPolicyError
                raise ContentPolicyError(reason="house rules")
        """
        site.plugin("moderation", source)
        plugins = site.plugins()
        with pytest.raises(GenkitError, match="house rules"):
            plugins.prepare_request(GenerationRequest("x"))
        assert plugins.problems == ()

    @pytest.mark.parametrize(
        ("body", "reason"),
        [("raise KeyError('x')", "raised KeyError: 'x'"), ("return 'x'", "gave a str")],
    )
    def test_preparing_wrongly_is_an_error_that_names_the_plugin(
        self, body: str, reason: str, site: Site
    ) -> None:
        """A plugin that breaks while preparing ends the call: leaving it out may be unsafe."""
        source = "@hookimpl\ndef genkit_prepare_request(request):\n" + indent(body, "    ")
        site.plugin("moderation", source)
        plugins = site.plugins()
        with pytest.raises(PluginError, match=reason) as caught:
            plugins.prepare_request(GenerationRequest("a secret prompt"))
        assert caught.value.name == "moderation"
        assert str(caught.value).startswith("plugin 'moderation' (genkit-moderation): ")
        assert "secret prompt" not in str(caught.value)
        assert "moderation" in problems(plugins)

    @pytest.mark.parametrize("body", ["raise KeyError('x')", "return [print, 3]", "return 3"])
    def test_observers_that_cannot_be_had_are_noted(self, body: str, site: Site) -> None:
        """A plugin that gives no observers is a problem, and the others' are given."""
        source = "@hookimpl\ndef genkit_observers():\n"
        site.plugin("one", source + indent(body, "    "))
        site.plugin("two", source + "    return [print]")
        plugins = site.plugins()
        assert plugins.observers() == (print,)
        assert problems(plugins)["one"].startswith("genkit_observers raised ")

    def test_commands_are_added(self, site: Site) -> None:
        """Each plugin adds its commands to the command line; one that fails is noted."""
        click = pytest.importorskip("click")
        source = "@hookimpl\ndef genkit_commands(cli):\n    "
        site.plugin("one", source + "cli.command('hello')(lambda: None)")
        site.plugin("two", source + "raise KeyError('x')")
        plugins, cli = site.plugins(), click.Group()
        plugins.add_commands(cli)
        assert list(cli.commands) == ["hello"]
        assert problems(plugins) == {"two": "genkit_commands raised KeyError: 'x'"}

    def test_a_provider_has_no_say_in_requests(self, site: Site) -> None:
        """A hook of `genkit.plugins` in a provider's module is not called."""
        observing = ("@hookimpl\ndef genkit_providers", "@hookimpl\ndef genkit_observers(): 1 / 0")
        site.provider("one", (observing[0], f"{observing[1]}\n\n{observing[0]}"))
        plugins = site.plugins()
        plugins.provider("one", settings("one"))
        assert plugins.observers() == ()
        assert plugins.problems == ()


class Observing:
    """A plugin as an object."""

    @genkit.hookspecs.hookimpl
    def genkit_observers(self) -> Iterable[Callable[[object], object]]:
        """Give one observer."""
        return [print]


class TestRegister:
    def test_an_object_works_as_a_plugin(self, site: Site) -> None:
        """A plugin that code has at hand stands beside those that are installed."""
        site.plugin("one", "@hookimpl\ndef genkit_observers(): return [repr]")
        plugins = site.plugins()
        plugins.register(Observing(), "mine")
        assert set(plugins.observers()) == {print, repr}

    def test_a_name_is_taken_once(self, site: Site) -> None:
        """A second plugin of a name is an error, whether the first is installed or not."""
        site.plugin("one", "@hookimpl\ndef genkit_observers(): return [repr]")
        plugins = site.plugins()
        plugins.register(Observing(), "mine")
        for name in ("mine", "one"):
            with pytest.raises(PluginError, match="already"):
                plugins.register(Observing(), name)

    @pytest.mark.parametrize("plugin", [object(), {}, ConfigurationError])
    def test_what_is_no_plugin_is_an_error(self, plugin: object) -> None:
        """An object without hooks, or that pluggy cannot hold, is refused and not kept."""
        plugins = Plugins(entry_points=())
        with pytest.raises(PluginError) as caught:
            plugins.register(plugin, "mine")
        assert caught.value.name == "mine"
        assert plugins.observers() == ()
