from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from textwrap import indent

import pytest

import genkit.hookspecs
from genkit.errors import ConfigurationError, GenkitError, PluginError
from genkit.hookspecs import PLUGIN_GROUP
from genkit.plugins import Plugins
from genkit.request import GenerationRequest
from tests.core.plugin_site import Site, problems, settings

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
