"""What an error says on the screen: what happened, what was tried, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from genkit import errors
from genkit.cli.screen import Screen
from genkit.cli.words import attempts_words, charge_words, seconds

__all__ = ["advice_for", "show_error"]

PROVIDER_ADVICE = (
    "`genkit providers` and `genkit models` list what there is; another provider is installed as a"
    " distribution of its own (Gemini's is genkit-provider-gemini)"
)
_ADVICE: Mapping[type[errors.GenkitError], str] = MappingProxyType(
    {
        errors.AmbiguousError: "look at the service's own records before you try again",
        errors.AttemptTimeoutError: "give an attempt more time with --timeout",
        errors.ConnectionFailedError: "`genkit config show` shows the base URL and the proxy",
        errors.DeadlineExceededError: "give the call more time with --deadline",
        errors.PluginError: "`genkit doctor` says what is broken",
        errors.SessionStateError: "begin anew from the picture: genkit generate PROMPT -i IMAGE",
    }
)
"""What the command line can add: the message itself says what to do as far as the library knows."""


def advice_for(error: BaseException) -> str | None:
    """What to do next on the command line, if there is something."""
    if isinstance(error, errors.InvalidRequestError) and error.field == "model":
        return PROVIDER_ADVICE if error.status is None else None
    if isinstance(error, errors.RateLimitError) and error.retry_after is not None:
        return f"try again in {seconds(error.retry_after)}"
    return next((_ADVICE[kind] for kind in type(error).__mro__ if kind in _ADVICE), None)


def show_error(error: errors.GenkitError, screen: Screen) -> None:
    """Say on standard error what happened."""
    problems = error.problems if isinstance(error, errors.ConfigurationError) else ()
    if len(problems) > 1:
        screen.insist(f"Error: {len(problems)} mistakes in the configuration", "bold red")
        for problem in problems:
            screen.insist(f"  {problem}")
    else:
        screen.insist(f"Error: {error}", "bold red")
    screen.facts(_facts(error), insist=True)
    if advice := advice_for(error):
        screen.insist(f"What to do: {advice}.")


def _facts(error: errors.GenkitError) -> list[tuple[str, str]]:
    if not isinstance(error, errors.GenerationError):
        return []
    rows: list[tuple[str, str | None]] = []
    if isinstance(error, errors.ContentPolicyError):
        rows += [
            ("refused", "the prompt" if error.stage == "prompt" else "the picture"),
            ("reason", error.reason),
            ("categories", ", ".join(error.categories)),
            ("the model said", error.text),
        ]
    elif isinstance(error, errors.NoImageError):
        rows += [("reason", error.reason), ("the model said", error.text)]
    elif isinstance(error, errors.ResponseDecodeError):
        rows += [("kept in", error.spool_path)]
    if error.attempts:
        rows += [
            ("model", ":".join(word for word in (error.provider, error.model) if word)),
            ("answer", f"{error.status} {error.code}" if error.code else None),
            ("attempts", attempts_words(error.attempts)),
            ("charge", charge_words(error.charge)),
            ("generation id", error.generation_id),
            ("request id", error.request_id),
        ]
    return [(name, value) for name, value in rows if value]
