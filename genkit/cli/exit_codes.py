"""The exit codes of the command line, and which error has which: the one table of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from genkit import errors
from genkit.cli.interruption import Interrupted

__all__ = ["EXIT_CODES", "MEANINGS", "ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    ACCESS = 3
    POLICY = 4
    LIMIT = 5
    SERVICE = 6
    NETWORK = 7
    NO_IMAGE = 8
    OUTPUT = 9
    PARTIAL = 10
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = MappingProxyType(
    {
        ExitCode.OK: "all went well",
        ExitCode.UNEXPECTED: "an unexpected failure, or `genkit doctor` found something broken",
        ExitCode.USAGE: "wrong usage, an invalid request or a wrong configuration",
        ExitCode.ACCESS: "the key is missing, not valid or may not do this",
        ExitCode.POLICY: "refused by the service's content policy",
        ExitCode.LIMIT: "a rate limit, a quota or a budget",
        ExitCode.SERVICE: "the service failed or has no capacity",
        ExitCode.NETWORK: "no connection, no answer, or not in time",
        ExitCode.NO_IMAGE: "an answer without a usable picture",
        ExitCode.OUTPUT: "the output cannot be written",
        ExitCode.PARTIAL: "some of several pictures failed; the others are saved",
        ExitCode.INTERRUPTED: "interrupted",
    }
)
"""What each code says, for people."""

EXIT_CODES: Mapping[type[errors.GenkitError], ExitCode] = MappingProxyType(
    {
        errors.GenkitError: ExitCode.UNEXPECTED,
        errors.ConfigurationError: ExitCode.USAGE,
        errors.PluginError: ExitCode.USAGE,
        errors.InvalidRequestError: ExitCode.USAGE,
        errors.AuthenticationError: ExitCode.ACCESS,
        errors.PermissionDeniedError: ExitCode.ACCESS,
        errors.ContentPolicyError: ExitCode.POLICY,
        errors.RateLimitError: ExitCode.LIMIT,
        errors.QuotaExhaustedError: ExitCode.LIMIT,
        errors.BudgetExceededError: ExitCode.LIMIT,
        errors.ServerError: ExitCode.SERVICE,
        errors.ConflictError: ExitCode.SERVICE,
        errors.CircuitOpenError: ExitCode.SERVICE,
        errors.RetryBudgetExhaustedError: ExitCode.SERVICE,
        errors.LimiterUnavailableError: ExitCode.SERVICE,
        errors.ConnectionFailedError: ExitCode.NETWORK,
        errors.AmbiguousError: ExitCode.NETWORK,
        errors.DeadlineExceededError: ExitCode.NETWORK,
        errors.ResponseDecodeError: ExitCode.NO_IMAGE,
        errors.NoImageError: ExitCode.NO_IMAGE,
        errors.DownloadError: ExitCode.NO_IMAGE,
        errors.OutputError: ExitCode.OUTPUT,
    }
)
"""By error class; a class that is not here has the code of its nearest base."""


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code of an error."""
    if isinstance(error, Interrupted):
        return ExitCode.INTERRUPTED
    for kind in type(error).__mro__:
        if issubclass(kind, errors.GenkitError) and kind in EXIT_CODES:
            return EXIT_CODES[kind]
    return ExitCode.UNEXPECTED
