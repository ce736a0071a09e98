from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from genkit.config import (
    ProviderConfig,
    Settings,
    override_settings,
    secret_source,
)
from genkit.errors import ConfigurationError
from genkit.secrets import Secret, SecretSource
from tests.core.canary import KEY, whole_story
from tests.core.config_places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give empty places."""
    return Places(tmp_path)


class TestCode:
    def test_a_key_may_be_given_as_it_is(self, places: Places) -> None:
        """In code a key is a text, a secret, a source or a source's text."""
        for key in (KEY, Secret(KEY), SecretSource.literal(KEY)):
            settings = places.load(overrides={"providers": {"a": {"api_key": key}}})
            assert settings.provider("a").api_key == SecretSource.literal(KEY)
            assert KEY not in repr(settings)
        settings = places.load(overrides={"providers": {"a": {"api_key": "env:A"}}})
        assert settings.provider("a").api_key == SecretSource.parse("env:A")

    def test_none_says_nothing(self, places: Places) -> None:
        """An option that was not given leaves the value alone."""
        places.local("[client]\ntimeout = 3")
        overrides = {
            "default": None,
            "client": {"timeout": None},
            "providers": {"a": {"api": None}},
        }
        assert places.load(overrides=overrides).client.timeout == 3

    def test_settings_that_were_loaded_can_be_overridden(self, places: Places) -> None:
        """What code says goes over settings, which stay as they are."""
        places.local("[client]\ntimeout = 3\nattempts = 2")
        settings = places.load()
        changed = override_settings(settings, {"client": {"timeout": 4}, "default": "x"})
        assert (changed.client.timeout, changed.client.attempts, changed.default) == (4, 2, "x")
        assert changed.origin("client.timeout") == "code"
        assert changed.origin("client.attempts") == settings.origin("client.attempts")
        assert settings.client.timeout == 3

    def test_mistakes_in_code_are_errors_too(self, places: Places) -> None:
        """Values of code are checked like a file's, and said to be code's."""
        wrong = {"client": {"timeout": -1, "timout": 3}}
        with pytest.raises(ConfigurationError) as caught:
            override_settings(Settings(), wrong)
        assert places.problems(overrides=wrong) == caught.value.problems
        assert len(caught.value.problems) == 2
        assert all(problem.startswith("code: client.tim") for problem in caught.value.problems)

    def test_a_wrong_key_is_not_shown(self, places: Places) -> None:
        """A key that cannot be one is an error whose whole traceback does not hold it."""
        wrong = {"providers": {"a": {"api_key": f"{KEY}\nx"}}}
        with pytest.raises(ConfigurationError, match="line break") as caught:
            places.load(overrides=wrong)
        assert KEY not in whole_story(caught.value)
        with pytest.raises(ConfigurationError, match="line break") as caught:
            override_settings(Settings(), wrong)
        assert KEY not in whole_story(caught.value)


class TestKeys:
    @pytest.mark.parametrize(
        "line",
        [
            f"api_key = '{KEY}'",
            f"api_key = ['{KEY}']",
            f"api_key = 'env:{KEY}'",
            f"headers = {{ Authorization = 'Bearer {KEY}' }}",
            f"headers = {{ X-Goog-Api-Key = '{KEY}' }}",
            f"headers = {{ a = ['{KEY}'] }}",
            f"headers = '{KEY}'",
            f'headers = {{ a = "{KEY}\\n" }}',
            f"headers = {{ a = '{KEY}\u2026' }}",
            f"query = {{ key = '{KEY}' }}",
            f"query = {{ access_token = '{KEY}' }}",
            f"query = '{KEY}'",
            f"base_url = 'https://service.example/v1?key={KEY}'",
            f"base_url = 'https://user:{KEY}@service.example'",
            f"base_url = 'http://user:{KEY}@localhost'",
        ],
    )
    def test_a_pasted_key_is_refused_and_not_shown(self, line: str, places: Places) -> None:
        """A key where none may stand is an error with advice, and no traceback holds it."""
        places.local(f"[providers.gemini]\n{line}")
        with pytest.raises(ConfigurationError, match=r"providers\.gemini\.") as caught:
            places.load(environ={"GEMINI_API_KEY": KEY})
        assert KEY not in str(caught.value)
        assert KEY not in whole_story(caught.value)

    @pytest.mark.parametrize(
        "proxy", [f"http://user:{KEY}@proxy.example", f"user:{KEY}@proxy.example:3128"]
    )
    def test_a_proxy_holds_no_password(self, proxy: str, places: Places) -> None:
        """Credentials of a proxy have a setting of their own."""
        [problem] = places.problems(environ={"GENKIT_PROXY": proxy})
        assert "user or password" in problem
        assert KEY not in problem

    def test_proxy_credentials_come_from_a_source(self, places: Places) -> None:
        """Written out they are refused and not shown."""
        [problem] = places.problems(f"[client]\nproxy_credentials = 'user:{KEY}'")
        assert problem.startswith("client.proxy_credentials: ")
        assert "env:NAME" in problem
        assert KEY not in problem

    async def test_a_key_is_read_from_the_environment_that_was_given(self, places: Places) -> None:
        """A configured variable is looked up where the configuration was."""
        places.local("[providers.a]\napi_key = 'env:MY_KEY'")
        source = places.load(environ={"MY_KEY": KEY}).provider("a").api_key
        assert source is not None
        assert await source.resolve() == Secret(KEY)


class TestSecretSource:
    PROVIDER: Any = SimpleNamespace(key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"))

    def found(self, config: ProviderConfig, **environ: str) -> str | None:
        """Return where the key comes from."""
        source = secret_source(config, self.PROVIDER, environ)
        return source.describe() if source else None

    def test_the_configured_one_goes_first(self) -> None:
        """A configured source is taken, also where a usual variable is set."""
        config = ProviderConfig(name="gemini", api_key=SecretSource.parse("env:MINE"))
        assert self.found(config, GEMINI_API_KEY="x") == "env:MINE"

    def test_the_usual_variables_follow_in_order(self) -> None:
        """Of the provider's variables the first that holds something is taken."""
        config = ProviderConfig(name="gemini")
        assert self.found(config, GOOGLE_API_KEY="x", GEMINI_API_KEY="y") == "env:GEMINI_API_KEY"
        assert self.found(config, GOOGLE_API_KEY="x", GEMINI_API_KEY=" ") == "env:GOOGLE_API_KEY"
        assert self.found(config) is None

    async def test_it_reads_the_environment_that_was_given(self) -> None:
        """The source looks where the variable was found."""
        source = secret_source(ProviderConfig(), self.PROVIDER, {"GOOGLE_API_KEY": KEY})
        assert source is not None
        assert await source.resolve() == Secret(KEY)

    def test_the_process_environment_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without an environment given, the process's own is looked at."""
        monkeypatch.setenv("GOOGLE_API_KEY", KEY)
        source = secret_source(ProviderConfig(), self.PROVIDER)
        assert source is not None
        assert source.describe() == "env:GOOGLE_API_KEY"


def test_a_file_that_was_only_found_runs_no_program(places: Places) -> None:
    """`command:` in the working directory's file is refused; in a file that is named it is not."""
    text = '[providers.gemini]\napi_key = "command:print-key"'
    (problem,) = places.problems(text)
    assert problem.startswith("providers.gemini.api_key: ")
    assert "GENKIT_CONFIG" in problem
    path = places.local(text)
    for settings in (places.load(path), places.load(environ={"GENKIT_CONFIG": str(path)})):
        assert settings.provider("gemini").api_key is not None
    path.unlink()
    places.user(text)
    assert places.load().provider("gemini").api_key is not None
