"""Finding and loading plugins: only what is asked for, each for itself.

A plugin that cannot be loaded, or that raises, is a `PluginProblem` for ``genkit doctor`` and
never in the way of another one.
"""

from __future__ import annotations

from genkit.plugins.manager import Plugins
from genkit.plugins.values import PluginInfo, PluginProblem

__all__ = ["PluginInfo", "PluginProblem", "Plugins"]
