from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from genkit.config import (
    ClientSettings,
    ProviderConfig,
    Settings,
    load_settings,
)
from genkit.provider import ProviderSettings
from genkit.secrets import SecretSource
from tests.core.config_places import Places

KEY = "canary-4f1d-AbC9"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give empty places."""
    return Places(tmp_path)


WHOLE = """
    default = "gemini:banana-1"

    [client]
    timeout = 60
    attempts = 2
    deadline = 200.5
    max_wait = 90
    adapt = "refuse"
    strict = false
    template = "pixel"
    concurrency = 8
    connect_timeout = 5
    proxy = "http://proxy.example:3128"
    proxy_credentials = "env:PROXY_CREDENTIALS"
    ca_bundle = "certificates/ca.pem"
    output = "/pictures"

    [providers.gemini]
    api_key = "file:key.txt"
    model = "banana-2"

    [providers.vertex]
    plugin = "gemini"
    api_key = "command:gcloud auth print-access-token"
    base_url = "https://service.example/v1/projects/p/"
    api = "generate-content"
    auth = "bearer"
    headers = { "X-Goog-User-Project" = "p" }
    query = { alt = "json" }
    options = { safety = { harassment = "BLOCK_NONE" } }

    [templates]
    pixel = "8 bit: {prompt}"
"""


class TestValues:
    def test_nothing_gives_the_defaults(self, places: Places) -> None:
        """Without any configuration every value is its default, and nobody set it."""
        settings = places.load()
        assert settings == Settings()
        assert settings.client == ClientSettings()
        assert (settings.client.strict, settings.client.adapt) == (True, "adjust")
        assert settings.origin("client.timeout") == "default"

    def test_everything_can_be_set(self, places: Places) -> None:
        """Each setting of a file arrives, and paths begin at the file's folder."""
        settings = places.load(places.local(WHOLE))
        assert settings.default == "gemini:banana-1"
        assert settings.client == ClientSettings(
            timeout=60.0,
            attempts=2,
            deadline=200.5,
            max_wait=90.0,
            adapt="refuse",
            strict=False,
            template="pixel",
            concurrency=8,
            connect_timeout=5.0,
            proxy="http://proxy.example:3128",
            proxy_credentials=SecretSource.parse("env:PROXY_CREDENTIALS"),
            ca_bundle=str(places.cwd / "certificates/ca.pem"),
            output="/pictures",
        )
        assert settings.providers == {
            "gemini": ProviderConfig(
                name="gemini",
                api_key=SecretSource.parse(f"file:{places.cwd}/key.txt"),
                model="banana-2",
            ),
            "vertex": ProviderConfig(
                name="vertex",
                plugin="gemini",
                api_key=SecretSource.parse("command:gcloud auth print-access-token"),
                base_url="https://service.example/v1/projects/p",
                api="generate-content",
                auth="bearer",
                headers={"X-Goog-User-Project": "p"},
                query={"alt": "json"},
                options={"safety": {"harassment": "BLOCK_NONE"}},
            ),
        }
        assert settings.templates == {"pixel": "8 bit: {prompt}"}

    def test_every_field_is_in_the_file_above(self, places: Places) -> None:
        """The test above leaves no setting out."""
        settings = places.load(places.local(WHOLE))
        paths = {f"client.{field.name}" for field in attrs.fields(ClientSettings)}
        fields = {field.name for field in attrs.fields(ProviderConfig)} - {"name"}
        missing = {
            field
            for field in fields
            if all(
                f"providers.{name}.{field}" not in settings.origins for name in settings.providers
            )
        }
        assert paths <= settings.origins.keys()
        assert missing == set()

    def test_a_provider_without_configuration_is_there(self, places: Places) -> None:
        """An account that nobody configured is the provider of that name with nothing set."""
        assert places.load().provider("gemini") == ProviderConfig(name="gemini")
        assert places.load().provider("gemini").provider == "gemini"

    def test_a_provider_is_told_everything_but_the_key(self, places: Places) -> None:
        """What goes to a provider's factory holds no key and not even where it comes from."""
        config = places.load(places.local(WHOLE)).provider("vertex")
        assert config.provider == "gemini"
        assert config.settings() == ProviderSettings(
            name="vertex",
            base_url="https://service.example/v1/projects/p",
            api="generate-content",
            auth="bearer",
            headers={"X-Goog-User-Project": "p"},
            query={"alt": "json"},
            options={"safety": {"harassment": "BLOCK_NONE"}},
        )

    def test_settings_do_not_change(self, places: Places) -> None:
        """Settings are frozen."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            places.load().client.timeout = 3  # type: ignore[misc]


class TestOrder:
    def test_later_places_go_before_earlier_ones(self, places: Places) -> None:
        """User's file, local file, named file, explicit file, environment, code: value by value."""
        keys = ("timeout", "attempts", "deadline", "concurrency", "max_wait", "connect_timeout")

        def table(value: int, count: int) -> str:
            return "[client]\n" + "".join(f"{key} = {value}\n" for key in keys[:count])

        user = places.user(table(1, 6))
        local = places.local(table(2, 5))
        named = places.write(places.cwd / "named.toml", table(3, 4))
        explicit = places.write(places.cwd / "explicit.toml", table(4, 3))
        environ = {"GENKIT_CONFIG": "named.toml", "GENKIT_TIMEOUT": "5", "GENKIT_ATTEMPTS": "5"}
        settings = places.load(
            "explicit.toml", environ=environ, overrides={"client": {"timeout": 6}}
        )
        assert [getattr(settings.client, key) for key in keys] == [6, 5, 4, 3, 2, 1]
        assert [settings.origin(f"client.{key}") for key in keys] == [
            "code",
            "environment GENKIT_ATTEMPTS",
            f"file {explicit}",
            f"file {named}",
            f"file {local}",
            f"file {user}",
        ]

    def test_accounts_and_templates_are_merged(self, places: Places) -> None:
        """A provider's values may come from several places, its key from the user's file."""
        places.user('[providers.a]\napi_key = "env:A"\nmodel = "one"\n[templates]\nx = "{prompt}"')
        places.local('[providers.a]\nmodel = "two"\n[providers.b]\n[templates]\ny = "y {prompt}"')
        settings = places.load()
        assert settings.provider("a").model == "two"
        assert settings.provider("a").api_key == SecretSource.parse("env:A")
        assert set(settings.providers) == {"a", "b"}
        assert set(settings.templates) == {"x", "y"}

    def test_the_user_folder_follows_the_specification(self, places: Places) -> None:
        """`XDG_CONFIG_HOME` says where the user's file is; a relative one is ignored."""
        places.user("default = 'home'")
        elsewhere = places.cwd / "elsewhere"
        places.write(elsewhere / "genkit" / "genkit.toml", "default = 'xdg'")
        assert places.load(environ={"XDG_CONFIG_HOME": str(elsewhere)}).default == "xdg"
        assert places.load(environ={"XDG_CONFIG_HOME": "elsewhere"}).default == "home"

    def test_a_file_is_read_once_where_it_stands_last(self, places: Places) -> None:
        """The local file, named explicitly too, goes before the one that the environment names."""
        places.local("default = 'local'")
        other = places.write(places.cwd / "other.toml", "default = 'other'")
        settings = places.load("genkit.toml", environ={"GENKIT_CONFIG": str(other)})
        assert settings.default == "local"
        assert settings.warnings == ()

    def test_the_process_is_what_is_read_by_default(
        self, places: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without arguments, the process's environment and working directory are used."""
        places.local("default = 'local'")
        monkeypatch.chdir(places.cwd)
        monkeypatch.setenv("GENKIT_TIMEOUT", "7")
        settings = load_settings()
        assert (settings.default, settings.client.timeout) == ("local", 7.0)

    @pytest.mark.parametrize("how", ["explicit", "environment"])
    def test_a_file_that_was_named_has_to_be_there(self, how: str, places: Places) -> None:
        """A named file that is missing is an error that says so."""
        if how == "explicit":
            [problem] = places.problems(path="no.toml")
        else:
            [problem] = places.problems(environ={"GENKIT_CONFIG": "no.toml"})
        assert problem.startswith(f"file {places.cwd / 'no.toml'}: cannot read it: ")
        assert "No such file" in problem


class TestEnvironment:
    def test_every_client_setting_has_a_variable(self, places: Places) -> None:
        """Each field of `[client]` is set by `GENKIT_` and its name."""
        texts = {
            "timeout": "60",
            "attempts": "2",
            "deadline": "200.5",
            "max_wait": "9e1",
            "adapt": "refuse",
            "strict": "no",
            "template": "plain",
            "concurrency": "8",
            "connect_timeout": "5",
            "proxy": "http://proxy.example",
            "proxy_credentials": "env:P",
            "ca_bundle": "/ca.pem",
            "output": "/pictures",
        }
        assert texts.keys() == {field.name for field in attrs.fields(ClientSettings)}
        settings = places.load(
            environ={f"GENKIT_{name.upper()}": text for name, text in texts.items()}
        )
        assert settings.client == ClientSettings(
            timeout=60.0,
            attempts=2,
            deadline=200.5,
            max_wait=90.0,
            adapt="refuse",
            strict=False,
            template="plain",
            concurrency=8,
            connect_timeout=5.0,
            proxy="http://proxy.example",
            proxy_credentials=SecretSource.parse("env:P"),
            ca_bundle="/ca.pem",
            output="/pictures",
        )
        assert settings.origin("client.strict") == "environment GENKIT_STRICT"

    def test_the_model_and_base_urls(self, places: Places) -> None:
        """A variable gives the default model, another each account's address."""
        places.local("[providers.my-account]")
        settings = places.load(
            environ={
                "GENKIT_MODEL": "gemini:banana-1",
                "GENKIT_BASE_URL_GEMINI": "http://127.0.0.1:8000/v1beta",
                "GENKIT_BASE_URL_MY_ACCOUNT": "https://a.example",
            }
        )
        assert settings.default == "gemini:banana-1"
        assert settings.origin("default") == "environment GENKIT_MODEL"
        assert settings.provider("gemini").base_url == "http://127.0.0.1:8000/v1beta"
        assert settings.provider("my-account").base_url == "https://a.example"
        path = "providers.my-account.base_url"
        assert settings.origin(path) == "environment GENKIT_BASE_URL_MY_ACCOUNT"

    @pytest.mark.parametrize(
        ("text", "value"),
        [("1", True), ("TRUE", True), ("on", True), ("Yes", True), ("0", False), ("off", False)],
    )
    def test_switches_are_read_as_people_write_them(
        self, text: str, value: bool, places: Places
    ) -> None:
        """Usual words for yes and no are understood."""
        assert places.load(environ={"GENKIT_STRICT": text}).client.strict is value

    def test_an_empty_variable_says_nothing(self, places: Places) -> None:
        """A variable that is set to nothing leaves the value alone."""
        assert places.load(environ={"GENKIT_TIMEOUT": " ", "GENKIT_MODEL": ""}) == Settings()

    @pytest.mark.parametrize(
        ("variable", "text", "said"),
        [
            ("GENKIT_TIMEOUT", "soon", "client.timeout: expected a number of seconds"),
            ("GENKIT_TIMEOUT", "nan", "not nan"),
            ("GENKIT_TIMEOUT", "9" * 5000, "not inf"),
            ("GENKIT_ATTEMPTS", "2.5", "expected a whole number from 1 to 10, not 2.5"),
            ("GENKIT_STRICT", "maybe", "expected true or false, not 'maybe'"),
            ("GENKIT_ADAPT", "bend", "expected one of 'adjust', 'refuse', not 'bend'"),
            ("GENKIT_BASE_URL_GEMINI", "http://a.example", "providers.gemini.base_url: expected a"),
        ],
    )
    def test_wrong_ones_are_named(
        self, variable: str, text: str, said: str, places: Places
    ) -> None:
        """A wrong variable is an error that names it, what it gave and what is allowed."""
        [problem] = places.problems(environ={variable: text})
        assert problem.startswith(f"environment {variable}: ")
        assert said in problem

    def test_misspelt_ones_are_warned_of(self, places: Places) -> None:
        """A variable that is nearly a setting is pointed out; another project's is left alone."""
        settings = places.load(environ={"GENKIT_TIMOUT": "3", "GENKIT_ENV": "dev", "X": "y"})
        assert settings.warnings == (
            "environment GENKIT_TIMOUT: this is no setting (did you mean 'GENKIT_TIMEOUT'?)",
        )


class TestDescribe:
    def test_every_value_has_its_origin(self, places: Places) -> None:
        """Each setting is listed once with its value and origin, set or not."""
        path = places.local(WHOLE)
        settings = places.load(path, environ={"GENKIT_TIMEOUT": "7"})
        rows = {row[0]: row[1:] for row in settings.describe()}
        assert rows["default"] == ("gemini:banana-1", f"file {path}")
        assert rows["client.timeout"] == ("7.0", "environment GENKIT_TIMEOUT")
        assert rows["providers.gemini.base_url"] == ("-", "default")
        assert rows["providers.vertex.api_key"] == ("command:gcloud", f"file {path}")
        assert rows["providers.vertex.headers"] == (
            "{'X-Goog-User-Project': '***'}",
            f"file {path}",
        )
        assert rows["templates.pixel"] == ("8 bit: {prompt}", f"file {path}")
        expected = 1 + len(attrs.fields(ClientSettings)) + 2 * 9 + 1
        assert len(rows) == expected

    def test_no_key_is_in_it(self, places: Places) -> None:
        """A key that code gave is described, not shown."""
        settings = places.load(overrides={"providers": {"a": {"api_key": KEY}}})
        rows = [*settings.describe()]
        assert ("providers.a.api_key", "given in code", "code") in rows
        assert KEY not in repr(rows)
