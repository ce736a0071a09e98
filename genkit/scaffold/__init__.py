"""A new provider's distribution, written from templates: what ``genkit new-provider`` does.

It is complete and passes its own tests at once, with a made-up service in the place of a real one.
"""

from __future__ import annotations

from genkit.scaffold.names import ProviderNames
from genkit.scaffold.writing import write_provider

__all__ = ["ProviderNames", "write_provider"]
