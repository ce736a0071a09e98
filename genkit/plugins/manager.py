"""Finding plugins, loading them one by one, and asking them."""

from __future__ import annotations

import difflib
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from genkit import hookspecs
from genkit.emulation import Emulation
from genkit.errors import GenkitError, InvalidRequestError, PluginError, printable
from genkit.hookspecs import PLUGIN_GROUP, PROJECT, PROVIDER_GROUP
from genkit.plugins.contract import contract_problem, require, said
from genkit.plugins.values import PluginInfo, PluginProblem
from genkit.provider import ImageProvider, ProviderFactory, ProviderSettings
from genkit.request import GenerationRequest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import click

    from genkit.events import Observer

__all__ = ["Plugins"]

# No name of a distribution: those are not registered on the package index yet, and a name that
# nobody owns is an invitation to take it.
NONE_INSTALLED = "none is installed. From a checkout of genkit: pip install -e providers/gemini"


class Plugins:
    """The plugins that are installed, or those behind the given entry points.

    Making one imports nothing; a provider is imported when it is asked for, the plugins of the
    group ``genkit.plugins`` all at their first use. Two instances share nothing.
    """

    def __init__(self, *, entry_points: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._lock = threading.RLock()
        self._given = None if entry_points is None else tuple(entry_points)
        self._found: Mapping[str, Mapping[str, list[EntryPoint]]] | None = None
        self._loaded: dict[tuple[str, str], object] = {}
        self._problems: dict[tuple[str, str], PluginProblem] = {}
        self._all_loaded = False

    # -- what there is ------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        """Names of the providers that are installed, sorted. Imports none of them."""
        return tuple(sorted(self._entries(PROVIDER_GROUP)))

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """What went wrong so far, by group and name."""
        return tuple(self._problems[key] for key in sorted(self._problems))

    def describe(self) -> tuple[PluginInfo, ...]:
        """Every plugin that is installed, in the state that it is in by now. Imports none."""
        return tuple(
            self._info(entry)
            for group in (PROVIDER_GROUP, PLUGIN_GROUP)
            for _, entries in sorted(self._entries(group).items())
            for entry in sorted(entries, key=lambda entry: str(_distribution(entry)[0]))
        )

    def _info(self, entry: EntryPoint) -> PluginInfo:
        plugin = self._loaded.get((entry.group, entry.name))
        problem = self._problems.get((entry.group, entry.name))
        name, version = _distribution(entry)
        module = sys.modules.get(entry.module) if plugin is not None else None
        return PluginInfo(
            name=entry.name,
            group=entry.group,
            distribution=name,
            version=version,
            module=entry.module,
            file=getattr(module, "__file__", None),
            loaded=plugin is not None,
            problem=problem.error if problem else None,
        )

    def _entries(self, group: str) -> Mapping[str, list[EntryPoint]]:
        with self._lock:
            if self._found is None:
                self._found = _by_group_and_name(self._given)
            return self._found[group]

    # -- providers ----------------------------------------------------------------------------

    def provider(self, name: str, settings: ProviderSettings) -> ImageProvider:
        """The provider called `name`, made with `settings`. Imports no other.

        Raises:
            InvalidRequestError: there is none of that name; its `field` is ``model``.
            PluginError: it cannot be loaded or does not keep to the contract.
            ConfigurationError: `settings` are not what it takes.
        """
        if name not in self._entries(PROVIDER_GROUP):
            raise self.unknown(name)
        factory = self._factory(name)
        try:
            provider = factory(settings)
        except GenkitError:
            raise
        except Exception as error:
            raise self._failure(name, f"its factory raised {said(error)}") from error
        problem = contract_problem(name, provider)
        if problem is not None:
            raise self._failure(name, problem)
        self._problems.pop((PROVIDER_GROUP, name), None)
        return provider

    def load_providers(self, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """Import the providers `names`, or all, and give those that can be; see `problems`."""
        loaded = []
        for name in self.names() if names is None else names:
            try:
                self._factory(name)
            except PluginError:  # noted in `problems`
                continue
            loaded.append(name)
        return tuple(loaded)

    def emulations(self, names: Iterable[str] | None = None) -> tuple[Emulation, ...]:
        """The emulations of the providers `names`, or of all; broken ones are in `problems`."""
        emulations: dict[str, Emulation] = {}
        for name in self.load_providers(names):
            plugin = self._loaded[PROVIDER_GROUP, name]
            try:
                offered = self._call(plugin, "genkit_emulations", {}) or ()
                for emulation in offered:
                    require(emulation, Emulation)
                    if emulations.setdefault(emulation.name, emulation) is not emulation:
                        raise TypeError(f"a second emulation has the name {emulation.name!r}")
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises is noted
                self._failure(name, f"genkit_emulations raised {said(error)}")
        return tuple(emulations.values())

    def _factory(self, name: str) -> ProviderFactory:
        plugin = self._load(PROVIDER_GROUP, name)
        try:
            factories = self._call(plugin, "genkit_providers", {})
        except Exception as error:
            raise self._failure(name, f"genkit_providers raised {said(error)}") from error
        if factories is None:
            raise self._failure(name, "it does not implement genkit_providers")
        if not isinstance(factories, Mapping):
            kind = type(factories).__name__
            raise self._failure(name, f"genkit_providers gave a {kind}, not a mapping")
        if name not in factories:
            offered = ", ".join(sorted(map(str, factories))) or "nothing"
            raise self._failure(name, f"genkit_providers offers {offered}, not {name!r}")
        factory: ProviderFactory = factories[name]
        return factory

    def unknown(self, name: str, accounts: Iterable[str] = ()) -> InvalidRequestError:
        """The error that there is no provider `name`; it names those there are, and `accounts`."""
        names = sorted({*self.names(), *accounts})
        near = difflib.get_close_matches(name, names, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        known = f"there are {', '.join(names)}" if names else NONE_INSTALLED
        return InvalidRequestError(
            f"model: there is no provider called {name!r}{meant}; {known}", field="model"
        )

    # -- other plugins ------------------------------------------------------------------------

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin that code has at hand, as if it were installed in ``genkit.plugins``.

        Raises:
            PluginError: it implements no hook rightly, or the name is taken.
        """
        with self._lock:
            if (PLUGIN_GROUP, name) in self._loaded or name in self._entries(PLUGIN_GROUP):
                raise PluginError(f"there is a plugin called {name!r} already", name=name)
            self._adopt(PLUGIN_GROUP, name, plugin)

    def load_all(self) -> None:
        """Import the plugins of the group ``genkit.plugins``, once; see `problems`."""
        with self._lock:
            if self._all_loaded:
                return
            self._all_loaded = True
            for name in sorted(self._entries(PLUGIN_GROUP)):
                try:
                    self._load(PLUGIN_GROUP, name)
                except PluginError:  # noted in `problems`
                    continue

    def prepare_request(self, request: GenerationRequest) -> GenerationRequest:
        """`request` as the plugins want it: each is given what the one before it made of it.

        Raises:
            GenkitError: a plugin refuses the request.
            PluginError: a plugin raised anything else, or gave something else than a request.
        """
        for name, plugin in self._implementing("genkit_prepare_request"):
            try:
                replaced = self._call(plugin, "genkit_prepare_request", {"request": request})
            except GenkitError:
                raise
            except Exception as error:
                reason = f"genkit_prepare_request raised {said(error)}"
                raise self._failure(name, reason, PLUGIN_GROUP) from error
            if replaced is None:
                continue
            if not isinstance(replaced, GenerationRequest):
                reason = f"genkit_prepare_request gave a {type(replaced).__name__}"
                raise self._failure(name, reason, PLUGIN_GROUP)
            request = replaced
        return request

    def observers(self) -> tuple[Observer, ...]:
        """The observers of all plugins; a plugin that fails to give them is in `problems`."""
        observers: list[Observer] = []
        for name, plugin in self._implementing("genkit_observers"):
            try:
                offered = tuple(self._call(plugin, "genkit_observers", {}) or ())
                if not all(map(callable, offered)):
                    raise TypeError("an observer that cannot be called")
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises is noted
                self._failure(name, f"genkit_observers raised {said(error)}", PLUGIN_GROUP)
            else:
                observers += offered
        return tuple(observers)

    def add_commands(self, cli: click.Group) -> None:
        """Let all plugins add their commands; a plugin that fails to is in `problems`."""
        for name, plugin in self._implementing("genkit_commands"):
            try:
                self._call(plugin, "genkit_commands", {"cli": cli})
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises is noted
                self._failure(name, f"genkit_commands raised {said(error)}", PLUGIN_GROUP)

    def _implementing(self, hook: str) -> Sequence[tuple[str, Any]]:
        """Name and plugin of those of ``genkit.plugins`` that implement `hook`, in its order."""
        self.load_all()
        names = {
            id(plugin): name
            for (group, name), plugin in self._loaded.items()
            if group == PLUGIN_GROUP
        }
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        # pluggy calls the last of them first.
        plugins = [implementation.plugin for implementation in reversed(implementations)]
        return [(names[id(plugin)], plugin) for plugin in plugins if id(plugin) in names]

    # -- loading ------------------------------------------------------------------------------

    def _load(self, group: str, name: str) -> object:
        with self._lock:
            if (group, name) in self._loaded:
                return self._loaded[group, name]
            entry, *others = self._entries(group)[name]
            if others:
                raise self._failure(name, "several distributions have it; uninstall one", group)
            try:
                plugin = entry.load()
            except (Exception, SystemExit) as error:
                raise self._failure(name, f"importing it raised {said(error)}", group) from error
            return self._adopt(group, name, plugin)

    def _adopt(self, group: str, name: str, plugin: object) -> object:
        problem = self._register(f"{group}:{name}", plugin)
        if problem is not None:
            raise self._failure(name, problem, group)
        self._loaded[group, name] = plugin
        self._problems.pop((group, name), None)
        return plugin

    def _register(self, name: str, plugin: object) -> str | None:
        if self._manager.is_registered(plugin):  # a module may stand behind two entry points
            return None
        try:
            hash(plugin)  # pluggy puts plugins into sets
            self._manager.register(plugin, name)
        except Exception as error:  # noqa: BLE001 - pluggy's and the plugin's own, all noted
            problem: str | None = f"its hooks are not right: {said(error)}"
        else:
            problem = self._hook_problem(plugin)
        if problem is not None and self._manager.is_registered(plugin):
            self._manager.unregister(plugin)
        return problem

    def _hook_problem(self, plugin: object) -> str | None:
        callers = self._manager.get_hookcallers(plugin) or []
        for caller in callers:
            optional = all(implementation.optionalhook for implementation in caller.get_hookimpls())
            if not caller.has_spec() and not optional:
                return f"it implements {caller.name}, which is no hook"
        return None if callers else "it implements no hook: nothing is marked with genkit.hookimpl"

    def _call(self, plugin: Any, hook: str, arguments: Mapping[str, object]) -> Any:
        """What `plugin`, and no other, answers to `hook`; `None` if it does not implement it."""
        registered = (other for _, other in self._manager.list_name_plugin())
        others = [other for other in registered if other is not plugin]
        results = self._manager.subset_hook_caller(hook, others)(**arguments)
        return results[0] if results else None

    def _failure(self, name: str, reason: str, group: str = PROVIDER_GROUP) -> PluginError:
        """Note a problem, and give it as an error."""
        found = [_distribution(entry) for entry in self._entries(group).get(name, ())]
        problem = PluginProblem(
            name=name,
            group=group,
            distribution=" and ".join(sorted(str(name) for name, _ in found)) or None,
            version=found[0][1] if len(found) == 1 else None,
            error=printable(reason, 1000),
        )
        self._problems[group, name] = problem
        kind = "provider" if group == PROVIDER_GROUP else "plugin"
        brought = f" ({problem.distribution})" if problem.distribution else ""
        return PluginError(f"{kind} {name!r}{brought}: {problem.error}", name=name)


def _by_group_and_name(
    given: Iterable[EntryPoint] | None,
) -> Mapping[str, Mapping[str, list[EntryPoint]]]:
    if given is None:
        from importlib.metadata import entry_points  # slow to import

        given = [*entry_points(group=PROVIDER_GROUP), *entry_points(group=PLUGIN_GROUP)]
    found: dict[str, dict[str, list[EntryPoint]]] = {PROVIDER_GROUP: {}, PLUGIN_GROUP: {}}
    for entry in given:
        if entry.group in found:
            found[entry.group].setdefault(entry.name, []).append(entry)
    return found


def _distribution(entry: EntryPoint) -> tuple[str | None, str | None]:
    if entry.dist is None:
        return None, None
    return entry.dist.name, entry.dist.version
