from __future__ import annotations

from typing import Any

import pytest

from genkit import errors
from genkit.cli import drawing
from genkit.cli.exit_codes import EXIT_CODES, MEANINGS, ExitCode, exit_code_of
from genkit.cli.interruption import Interrupted
from tests.cli.conftest import Genkit

CODES = {
    "AmbiguousError": 7,
    "AttemptTimeoutError": 7,
    "AuthenticationError": 3,
    "BudgetExceededError": 5,
    "CircuitOpenError": 6,
    "ConfigurationError": 2,
    "ConflictError": 6,
    "ConnectionFailedError": 7,
    "ContentPolicyError": 4,
    "DeadlineExceededError": 7,
    "DownloadError": 8,
    "GenerationError": 1,
    "GenkitError": 1,
    "InvalidRequestError": 2,
    "LimiterUnavailableError": 6,
    "ModelNotFoundError": 2,
    "NoImageError": 8,
    "OutputError": 9,
    "OverloadedError": 6,
    "PermissionDeniedError": 3,
    "PluginError": 2,
    "QuotaExhaustedError": 5,
    "RateLimitError": 5,
    "ResponseDecodeError": 8,
    "RetryBudgetExhaustedError": 6,
    "ServerError": 6,
    "SessionStateError": 2,
    "UnsupportedOptionError": 2,
}


def test_every_error_class_is_known_here() -> None:
    """The table above names all error classes of the library, so none goes untested."""
    classes = {name for name in errors.__all__ if name.endswith("Error")}
    assert classes == set(CODES)


@pytest.mark.parametrize(("name", "code"), sorted(CODES.items()))
def test_a_command_ends_with_the_code_of_its_error(
    name: str, code: int, genkit: Genkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each error class ends the command with its code, on the screen and in JSON."""
    kind = getattr(errors, name)

    def fail(*_arguments: Any) -> int:
        raise kind("something \x1b[31mred\nhappened")

    monkeypatch.setattr("genkit.cli.generate.draw", fail)
    said = genkit("generate", "a banana")
    assert said.code == code
    assert said.out == ""
    assert "something \\x1b[31mred\\nhappened" in said.err

    said = genkit("generate", "a banana", "--json")
    assert said.code == code
    assert (said.error["class"], said.error["exit_code"]) == (name, code)


def test_every_code_is_explained_and_used() -> None:
    """Each code has its meaning, in the help too, and codes that no error has are the others."""
    assert set(MEANINGS) == set(ExitCode)
    others = {ExitCode.OK, ExitCode.PARTIAL, ExitCode.INTERRUPTED}
    assert set(EXIT_CODES.values()) == set(ExitCode) - others


def test_the_help_lists_the_codes(genkit: Genkit) -> None:
    """`genkit --help` shows the table of exit codes."""
    said = genkit("--help")
    assert said.code == 0
    for code, meaning in MEANINGS.items():
        assert f"{code:4d}  {meaning}" in said.out


def test_a_class_of_a_plugin_has_the_code_of_its_base() -> None:
    """A class that the table does not know ends as its nearest base does."""

    class StrangeError(errors.OverloadedError):
        pass

    assert exit_code_of(StrangeError("x")) is ExitCode.SERVICE
    assert exit_code_of(ValueError("x")) is ExitCode.UNEXPECTED


def test_a_defect_is_said_to_be_one(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is no error of ours shows its traceback and ends with 1."""

    def fail(*_arguments: Any) -> int:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("genkit.cli.generate.draw", fail)
    said = genkit("generate", "a banana", "--json")
    assert (said.code, said.error["class"]) == (1, "ZeroDivisionError")
    assert "Traceback" in said.err
    assert "unexpected ZeroDivisionError; this is a defect" in said.err


@pytest.mark.parametrize(
    ("charge", "sent", "words"),
    [
        ("no", False, "nothing was sent"),
        ("no", True, "nothing was charged"),
        ("maybe", True, "it may have been charged"),
        ("yes", True, "was charged"),
    ],
)
def test_an_interruption_says_whether_it_cost(
    charge: errors.Charge,
    sent: bool,
    words: str,
    genkit: Genkit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C ends with 130 and says whether the call may have been charged."""

    def interrupted(*_arguments: Any) -> int:
        raise Interrupted(charge, (), sent=sent)

    monkeypatch.setattr("genkit.cli.generate.draw", interrupted)
    said = genkit("generate", "a banana", "--json")
    assert said.code == 130
    assert (said.error["class"], said.error["charge"]) == ("Interrupted", charge)
    assert words in said.err


def test_ctrl_c_outside_of_a_call(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before anything is under way ends with 130, without a traceback."""

    def interrupted(*_arguments: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "_log_to", interrupted)
    said = genkit("generate", "a banana")
    assert said.code == 130
    assert said.err == "\nInterrupted: nothing was sent.\n"
