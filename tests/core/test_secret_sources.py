from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from genkit import secrets
from genkit.errors import AuthenticationError
from genkit.secrets import Secret, SecretSource
from tests.core.canary import KEY, whole_story
from tests.core.key_places import Clock, counting_program, key_file, program, source_with_clock


class TestEnvironment:
    async def test_it_is_read_when_the_key_is_needed(self) -> None:
        """The variable may be set after the source was made, and change, and is stripped."""
        environ: dict[str, str] = {}
        source = SecretSource.parse("env:MY_KEY", environ=environ)
        environ["MY_KEY"] = "one"
        assert await source.resolve() == Secret("one")
        environ["MY_KEY"] = " two\n"
        assert await source.resolve() == Secret("two")

    async def test_the_process_environment_is_the_default(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without an environment given, the process's own is read."""
        source = SecretSource.parse("env:MY_KEY")
        monkeypatch.setenv("MY_KEY", KEY)
        assert (await source.resolve()).reveal() == KEY

    @pytest.mark.parametrize(
        ("environ", "problem"),
        [
            ({}, r"the environment variable MY_KEY is not set; set it to your API key"),
            ({"MY_KEY": ""}, "MY_KEY is empty"),
            ({"MY_KEY": f"{KEY}\n{KEY}"}, "MY_KEY has a line break"),
        ],
    )
    async def test_an_error_says_which_variable(
        self, environ: dict[str, str], problem: str
    ) -> None:
        """A variable that is absent or holds no key is named, its value is not shown."""
        source = SecretSource.parse("env:MY_KEY", environ=environ)
        with pytest.raises(AuthenticationError, match=problem) as caught:
            await source.resolve()
        # The environment itself is a mapping that its owner holds; the message and chain are ours.
        assert KEY not in str(caught.value)
        assert source.check() == caught.value.message


class TestFile:
    async def test_it_is_read_stripped(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The file's text without the spaces around it is the key; nothing is logged."""
        path = key_file(tmp_path, f"{KEY}\n")
        source = SecretSource.parse(f"file:{path}")
        assert (await source.resolve()).reveal() == KEY
        assert source.check() is None
        assert caplog.records == []

    @pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
    async def test_an_open_mode_is_warned_of(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A key that others can read is used, with a warning that names the file."""
        path = key_file(tmp_path, KEY, 0o644)
        await SecretSource.parse(f"file:{path}").resolve()
        [record] = caplog.records
        assert (record.name, record.levelno) == ("genkit", logging.WARNING)
        assert str(path) in record.getMessage()
        assert "0644" in record.getMessage()
        assert KEY not in caplog.text

    @pytest.mark.parametrize(
        ("text", "problem"),
        [("", "is empty"), (f"{KEY}\n{KEY}", "line break"), (KEY * 5000, "80000 bytes; at most")],
    )
    async def test_a_file_without_a_key_is_an_error(
        self, text: str, problem: str, tmp_path: Path
    ) -> None:
        """What the file holds must be one key of reasonable size."""
        path = key_file(tmp_path, text)
        with pytest.raises(AuthenticationError, match=problem) as caught:
            await SecretSource.parse(f"file:{path}").resolve()
        assert "key" in str(caught.value)
        assert KEY not in whole_story(caught.value)

    async def test_a_missing_file_is_an_error_and_not_remembered(self, tmp_path: Path) -> None:
        """The error names the path; once the file is there, the same source reads it."""
        source = SecretSource.parse(f"file:{tmp_path / 'key'}")
        with pytest.raises(AuthenticationError, match=r"cannot read .*key"):
            await source.resolve()
        key_file(tmp_path, KEY)
        assert (await source.resolve()).reveal() == KEY

    async def test_a_folder_is_an_error(self, tmp_path: Path) -> None:
        """What is no regular file is refused."""
        with pytest.raises(AuthenticationError):
            await SecretSource.parse(f"file:{tmp_path}").resolve()


class TestCommand:
    async def test_its_output_is_the_key(self) -> None:
        """The program's output without the spaces around it is the key."""
        source = SecretSource.parse(program(f"print({KEY!r})"))
        assert (await source.resolve()).reveal() == KEY

    async def test_no_shell_reads_it(self, tmp_path: Path) -> None:
        """Signs that mean something to a shell reach the program as they are."""
        marker = tmp_path / "marker"
        text = program("import sys; print(sys.argv[1:])")
        source = SecretSource.parse(f"{text} ; touch {marker} '$HOME'")
        assert (await source.resolve()).reveal() == repr([";", "touch", str(marker), "$HOME"])
        assert not marker.exists()

    async def test_it_is_used_again_for_five_minutes(self, tmp_path: Path) -> None:
        """The program runs once, and again when what it gave is five minutes old."""
        clock = Clock()
        source = source_with_clock(counting_program(tmp_path), clock)
        assert (await source.resolve()).reveal() == "key-1"
        clock.now += 299.9
        assert (await source.resolve()).reveal() == "key-1"
        clock.now += 0.2
        assert (await source.resolve()).reveal() == "key-2"

    async def test_forgetting_runs_it_anew(self, tmp_path: Path) -> None:
        """After a refusal the program runs again; a refusal of an older key changes nothing."""
        source = SecretSource.parse(counting_program(tmp_path))
        first = await source.resolve()
        source.forget(first)
        second = await source.resolve()
        assert (first.reveal(), second.reveal()) == ("key-1", "key-2")
        source.forget(first)
        assert await source.resolve() == second
        source.forget()
        assert (await source.resolve()).reveal() == "key-3"

    async def test_callers_at_the_same_time_share_one_run(self, tmp_path: Path) -> None:
        """Many calls that need the key at once run the program once."""
        source = SecretSource.parse(counting_program(tmp_path))
        keys = await asyncio.gather(*(source.resolve() for _ in range(20)))
        assert {key.reveal() for key in keys} == {"key-1"}

    async def test_a_cancelled_caller_takes_nothing_from_the_others(self, tmp_path: Path) -> None:
        """The run goes on for who still waits."""
        source = SecretSource.parse(counting_program(tmp_path))
        first, second = (asyncio.create_task(source.resolve()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).reveal() == "key-1"
        with pytest.raises(asyncio.CancelledError):
            await first

    def test_it_serves_one_event_loop_after_the_other(self, tmp_path: Path) -> None:
        """What one loop had run, another uses."""
        source = SecretSource.parse(counting_program(tmp_path))
        assert asyncio.run(source.resolve()) == asyncio.run(source.resolve())

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (f"command:no-such-program {KEY}", "does not start"),
            (program("raise SystemExit(3)"), "ended with status 3"),
            (program("pass"), "is empty"),
            (program("print('a'); print('b')"), "line break"),
            (program("print('a' * 70000)"), "70000 characters"),
        ],
    )
    async def test_failures_are_typed(self, text: str, problem: str) -> None:
        """Each way of giving no key is an error that names the program and not its arguments."""
        with pytest.raises(AuthenticationError, match=problem) as caught:
            await SecretSource.parse(text).resolve()
        assert text.removeprefix("command:").split()[0] in str(caught.value)
        assert text.split()[-1] not in str(caught.value)

    async def test_it_is_stopped_when_it_takes_too_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program that does not end is killed, and all who wait for it hear of it."""
        monkeypatch.setattr(secrets, "COMMAND_SECONDS", 0.05)
        source = SecretSource.parse(program("import signal; signal.pause()"))
        results = await asyncio.gather(source.resolve(), source.resolve(), return_exceptions=True)
        assert [type(result) for result in results] == [AuthenticationError] * 2
        assert "took longer than 0.05 s" in str(results[0])
        assert results[0] is not results[1]

    async def test_what_it_complains_is_not_shown(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Its standard error goes nowhere, because it may hold the key."""
        text = program(f"import sys; sys.stderr.write({KEY!r}); raise SystemExit(1)")
        with pytest.raises(AuthenticationError) as caught:
            await SecretSource.parse(text).resolve()
        assert KEY not in str(caught.value)
        assert KEY not in "".join(capfd.readouterr())

    async def test_checking_does_not_run_it(self, tmp_path: Path) -> None:
        """A look at what is configured runs no program."""
        source = SecretSource.parse(counting_program(tmp_path))
        assert source.check() is None
        assert (await source.resolve()).reveal() == "key-1"
