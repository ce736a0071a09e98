from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.config import (
    Settings,
    override_settings,
)
from genkit.errors import ConfigurationError
from tests.core.config_places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give empty places."""
    return Places(tmp_path)


class TestMistakes:
    def test_all_are_said_at_once(self, places: Places) -> None:
        """Every mistake of every place is in one error, each with its place and path."""
        user = places.user("default = 3")
        local = places.local("""
            [client]
            timeout = "12"
            timout = 12
            [providers.a]
            auth = "password"
            [clients]
        """)
        with pytest.raises(ConfigurationError) as caught:
            places.load(environ={"GENKIT_ATTEMPTS": "0"}, overrides={"client": {"adapt": 1}})
        starts = [
            f"file {user}: default: expected a short text without spaces, not 3",
            f"file {local}: client.timeout: expected a number of seconds over 0",
            f"file {local}: client.timout: there is no such setting (did you mean 'timeout'?)",
            f"file {local}: providers.a.auth: expected one of 'key', 'bearer', not 'password'",
            f"file {local}: clients: there is no such setting (did you mean 'client'?)",
            "environment GENKIT_ATTEMPTS: client.attempts: expected a whole number from 1 to 10",
            "code: client.adapt: expected one of 'adjust', 'refuse', not 1",
        ]
        problems = caught.value.problems
        assert len(problems) == len(starts)
        for problem, start in zip(problems, starts, strict=True):
            assert problem.startswith(start)
        assert str(caught.value).startswith(starts[0])

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("[client]\ntimeout = true", "client.timeout: expected a number of seconds"),
            ("[client]\ntimeout = 0", "client.timeout: expected a number of seconds over 0"),
            ("[client]\ntimeout = inf", "not inf"),
            ("[client]\ntimeout = 1e9", "at most 86400"),
            (f"[client]\ntimeout = {'9' * 400}", "client.timeout: expected a number of seconds"),
            (f"[client]\ntimeout = {'9' * 5000}", "it is not TOML: "),
            ("[client]\nattempts = true", "client.attempts: expected a whole number"),
            ("[client]\nattempts = 2.0", "client.attempts: expected a whole number"),
            ("[client]\nattempts = 11", "from 1 to 10, not 11"),
            ("[client]\nconcurrency = 0", "from 1 to 256, not 0"),
            ("[client]\nstrict = 1", "client.strict: expected true or false, not 1"),
            ("[client]\nadapt = ['adjust']", "client.adapt: expected one of"),
            ("[client]\ntemplate = ''", "client.template: expected a short text"),
            ("[client]\noutput = ''", "client.output: expected the path"),
            ("[client]\nca_bundle = 3", "client.ca_bundle: expected the path"),
            ("[client]\nproxy = 'proxy.example:3128'", "client.proxy: expected a URL such as"),
            ("[client]\nproxy = 'socks5://a.example'", "client.proxy: expected a URL such as"),
            ("client = 3", "client: expected a table, not 3"),
            ("client = 'timeout'", "client: expected a table"),
            ("providers = []", "providers: expected a table"),
            ("providers.gemini = 'key'", "providers.gemini: expected a table"),
            ("[providers.'a:b']", "providers.a:b: expected a name of letters, digits"),
            ("[providers.gemini]\nname = 'x'", "providers.gemini.name: there is no such setting"),
            ("[providers.gemini]\nplugin = 'a:b'", "providers.gemini.plugin: expected a name"),
            ("[providers.gemini]\nmodel = 'a b'", "providers.gemini.model: expected a short text"),
            ("[providers.gemini]\noptions = 3", "providers.gemini.options: expected a table"),
            ("[providers.gemini]\nquery = {a = 1}", "providers.gemini.query.a: expected a text"),
            ("[templates]\nx = 'y'", "templates.x: it has no {prompt}"),
            ("[templates]\nx = 3", "templates.x: expected a text, not int"),
            ("[templates]\nx = '{prompt} {0}'", "templates.x: '{0}' is no placeholder"),
            ("default = 'a b'", "default: expected a short text without spaces, not 'a b'"),
            ("default = 1979-05-27", "default: expected a short text"),
            ("default = [", "it is not TOML: "),
            ("x = " + "[" * 5000, "it is "),
        ],
    )
    def test_each_says_what_is_allowed(self, text: str, problem: str, places: Places) -> None:
        """Every kind of mistake in a file has its path and what is allowed instead."""
        [found] = places.problems(text)
        assert problem in found

    def test_a_file_that_is_no_text_is_an_error(self, places: Places) -> None:
        """A file in another encoding is named."""
        (places.cwd / "genkit.toml").write_bytes(b"default = '\xff'")
        assert places.problems() == ("it is not UTF-8",)

    def test_a_byte_order_mark_is_no_mistake(self, places: Places) -> None:
        """A file as some editors save it is read."""
        places.local("\ufeffdefault = 'gemini'")
        assert places.load().default == "gemini"

    def test_a_huge_file_is_not_read(self, places: Places) -> None:
        """A file over 1 MiB is refused."""
        [problem] = places.problems("#" * (1024 * 1024 + 1))
        assert "at most 1048576" in problem

    @pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX's")
    def test_a_pipe_is_not_waited_for(self, places: Places) -> None:
        """A named file that is a pipe is refused, not read for ever."""
        os.mkfifo(places.cwd / "pipe")
        [problem] = places.problems(path="pipe")
        assert problem == f"file {places.cwd / 'pipe'}: cannot read it: it is no file"

    def test_errors_are_safe_to_print(self, places: Places) -> None:
        """What a file holds cannot drive the terminal that an error is shown on."""
        [problem] = places.problems(r'default = "\u001b]52;c;AAAA\u0007 x"')
        assert "\x1b" not in problem
        [problem] = places.problems(f"[client]\ntemplate = '{'x' * 9000}'")
        assert len(problem) < 400

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["default", "client", "providers", "templates", "timeout", "api_key"]
                    )
                    | st.text(max_size=8),
                    inner,
                    max_size=4,
                )
            ),
        ).filter(lambda value: isinstance(value, dict))
    )
    def test_anything_gives_settings_or_one_error(self, overrides: dict[str, Any]) -> None:
        """Whatever is given, there are settings or a `ConfigurationError` with its problems."""
        problems: tuple[str, ...] = ()
        try:
            settings = override_settings(Settings(), overrides)
        except ConfigurationError as error:
            problems = error.problems or ("an error without problems",)
        else:
            assert override_settings(settings, {}) == settings
        assert all(problem.startswith("code: ") for problem in problems)


class TestBaseUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://service.example/v1",
            "https://service.example:8443",
            "http://localhost:8000/v1beta",
            "http://127.0.0.1",
            "http://127.9.9.9:1/x",
            "http://[::1]:8000",
        ],
    )
    def test_encrypted_or_local_ones_are_taken(self, url: str, places: Places) -> None:
        """A service is reached over TLS, or on this machine; a trailing slash goes."""
        settings = places.load(overrides={"providers": {"a": {"base_url": f"{url}/"}}})
        assert settings.provider("a").base_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://service.example",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://2130706433",
            "http://10.0.0.1",
            "ftp://service.example",
            "service.example",
            "//service.example",
            "https://",
            "https://service.example/#x",
            "https://service.example:port",
            "https://service.example:99999",
            "https://[::1",
            "https://servicé.example",
            "https://service.example/a b",
            "https://service.example\\@evil.example",
            "https://service.example/\r\nx: y",
            "",
            3,
        ],
    )
    def test_others_are_refused(self, url: object, places: Places) -> None:
        """Anything that could carry the key away in the open, or is no URL, is an error."""
        [problem] = places.problems(overrides={"providers": {"a": {"base_url": url}}})
        assert "expected a URL with https (or http for localhost)" in problem

    def test_a_warning_says_where_keys_go(self, places: Places) -> None:
        """An address other than this machine is pointed out with its origin."""
        path = places.local("""
            [providers.far]
            base_url = "https://proxy.example/v1"
            [providers.near]
            base_url = "http://localhost:8000"
            [providers.usual]
            model = "x"
        """)
        assert places.load().all_warnings() == (
            f"providers.far.base_url (file {path}): requests and the API key go to"
            " https://proxy.example/v1",
        )
