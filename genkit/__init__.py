"""Generate, edit and refine images with AI services: one contract, any provider behind it.

Everything public is here and loaded when it is first used, so that importing this package costs
next to nothing. The types of the names are in ``__init__.pyi``.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "genkit.client": "Client ClientOptions ManyOutcome",
    "genkit.compat": "AIGenerationClient",
    "genkit.conversation": "Conversation ImagePart OpaquePart ProviderState TextPart Turn",
    "genkit.errors": (
        "AmbiguousError AttemptTimeoutError AuthenticationError BudgetExceededError"
        " CircuitOpenError ConfigurationError ConflictError ConnectionFailedError"
        " ContentPolicyError DeadlineExceededError DownloadError ErrorContext GenerationError"
        " GenkitError InvalidRequestError LimiterUnavailableError ModelNotFoundError NoImageError"
        " OutputError OverloadedError PermissionDeniedError PluginError QuotaExhaustedError"
        " RateLimitError ResponseDecodeError RetryBudgetExhaustedError ServerError"
        " SessionStateError UnsupportedOptionError"
    ),
    "genkit.files": "load_image",
    "genkit.hookspecs": "hookimpl",
    "genkit.images": "Image Mask",
    "genkit.planning": "Plan",
    "genkit.pricing": "Estimate",
    "genkit.request": "GenerationRequest",
    "genkit.response": "Adjustment Attempt GeneratedImage GenerationResponse Notice Usage",
    "genkit.secrets": "Secret SecretSource",
    "genkit.sync": "SyncClient",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604 - they are strings


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("genkit-core")
    elif module := _HOME.get(name):
        value = getattr(importlib.import_module(module), name)
    else:
        raise AttributeError(f"module 'genkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
