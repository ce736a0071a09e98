"""What an error says on the screen: what happened, what was tried, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from genkit import errors
from genkit.cli.progress import Progress
from genkit.cli.screen import Screen
from genkit.cli.words import attempts_words, charge_words, seconds
from genkit.errors import Charge
from genkit.response import Attempt

__all__ = ["Interrupted", "advice_for", "show_error"]

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
        errors.ConfigurationError: "`genkit config show` says where each value comes from",
        errors.PluginError: "`genkit doctor` says what is broken",
    }
)


class Interrupted(Exception):  # noqa: N818 - named for what happened
    """Somebody pressed Ctrl-C; `charge` says whether that may have cost money."""

    def __init__(self, charge: Charge, attempts: tuple[Attempt, ...], *, sent: bool) -> None:
        words = {
            "no": "nothing was charged" if sent else "nothing was sent",
            "maybe": "a request was under way, so it may have been charged",
            "yes": "what was answered until then was charged",
        }
        super().__init__(f"interrupted: {words[charge]}")
        self.charge = charge
        self.attempts = attempts

    @classmethod
    def after(cls, progress: Progress) -> Interrupted:
        """The interruption of a call that had come so far."""
        sent = bool(progress.slots)
        return cls(progress.charge, tuple(progress.attempts), sent=sent)


def advice_for(error: BaseException) -> str | None:
    """What to do next, if there is something."""
    if isinstance(error, errors.AuthenticationError) and error.status is None:
        return None  # without a key the message says itself how to get going
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
