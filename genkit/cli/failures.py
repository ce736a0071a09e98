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
        errors.AuthenticationError: "check the key: `genkit doctor` shows where it comes from",
        errors.PermissionDeniedError: "check what the key may do, and whether billing is on",
        errors.ContentPolicyError: "change the prompt or the pictures; the same again is refused",
        errors.QuotaExhaustedError: "wait until the quota is renewed, or raise it",
        errors.OverloadedError: "try again later, or another model with -m",
        errors.ServerError: "try again later",
        errors.ConnectionFailedError: "check the network and the base URL (`genkit config show`)",
        errors.AttemptTimeoutError: "give it more time with --timeout",
        errors.AmbiguousError: "check your bill before you try again",
        errors.DeadlineExceededError: "give it more time with --deadline",
        errors.NoImageError: "say more plainly what to draw, or try again",
        errors.ModelNotFoundError: "`genkit models` lists the models",
        errors.UnsupportedOptionError: "leave the option out, or choose another model with -m",
        errors.SessionStateError: "begin anew with `genkit generate PROMPT -i IMAGE`",
        errors.PluginError: "`genkit doctor` says what is broken",
    }
)


def advice_for(error: BaseException) -> str | None:
    """What to do next, if there is something."""
    if isinstance(error, errors.AuthenticationError) and error.status is None:
        return None  # without a key the message says itself how to get going
    if isinstance(error, errors.InvalidRequestError) and error.field == "model":
        return PROVIDER_ADVICE if error.status is None else _ADVICE[errors.ModelNotFoundError]
    if isinstance(error, errors.RateLimitError) and error.retry_after is not None:
        return f"try again in {seconds(error.retry_after)}"
    for kind in type(error).__mro__:
        if kind in _ADVICE:
            return _ADVICE[kind]
    return None


def show_error(error: errors.GenkitError, screen: Screen, advice: str | None = None) -> None:
    """Say on standard error what happened; `advice` stands for the usual one."""
    problems = error.problems if isinstance(error, errors.ConfigurationError) else ()
    if len(problems) > 1:
        screen.insist(f"Error: {len(problems)} mistakes in the configuration", "bold red")
        for problem in problems:
            screen.insist(f"  {problem}")
    else:
        screen.insist(f"Error: {error}", "bold red")
    screen.facts(_facts(error), insist=True)
    text = advice if advice is not None else advice_for(error)
    if text:
        screen.insist(text if "\n" in text else f"What to do: {text}.")


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
            ("answer", " ".join(str(word) for word in (error.status, error.code) if word)),
            ("attempts", attempts_words(error.attempts)),
            ("charge", charge_words(error.charge)),
            ("generation id", error.generation_id),
            ("request id", error.request_id),
        ]
    return [(name, value) for name, value in rows if value]
