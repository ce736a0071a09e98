from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Genkit

KEY = "canary-4f1d-AbC9"
HEADER = "canary-header-7e2b"


@pytest.fixture
def configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a key of every source, and a header."""
    (folder / "key").write_text(KEY)
    (folder / "key").chmod(0o600)
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("GENKIT_TIMEOUT", "30")
    path = folder / "genkit.toml"
    path.write_text(
        f"""
        default = "work"

        [client]
        deadline = 100
        output = "pictures"

        [providers.gemini]
        api_key = "env:MY_KEY"
        headers = {{ x-team = "{HEADER}" }}

        [providers.work]
        plugin = "gemini"
        api_key = "file:key"
        base_url = "https://proxy.example/v1beta"
        """
    )
    return path


def test_each_value_says_where_it_comes_from(configured: Path, genkit: Genkit) -> None:
    """`config show` lists every value that was set, with its file or variable."""
    said = genkit("config", "show")
    rows = [line.split(maxsplit=2) for line in said.out.splitlines()]
    values = {row[0]: (row[1], row[2]) for row in rows[1:]}
    assert said.code == 0
    assert values["client.deadline"] == ("100.0", f"file {configured}")
    assert values["client.timeout"] == ("30.0", "environment GENKIT_TIMEOUT")
    assert values["providers.gemini.api_key"] == ("env:MY_KEY", f"file {configured}")
    assert "client.strict" not in values
    assert "client.strict" in genkit("config", "show", "--all").out


def test_no_key_and_no_header_is_shown(configured: Path, genkit: Genkit) -> None:
    """Of keys only the source is shown, of headers only the name, in every form of output."""
    for command in (["show"], ["show", "--all"], ["show", "--json"], ["path"]):
        said = genkit("config", *command)
        assert said.code == 0
        assert KEY not in said.out + said.err
        assert HEADER not in said.out + said.err
    assert "x-team" in genkit("config", "show").out


def test_keys_that_go_elsewhere_are_warned_of(configured: Path, genkit: Genkit) -> None:
    """A base URL that is not the provider's own is said, because the key goes there."""
    assert "go to https://proxy.example/v1beta" in genkit("config", "show").err


def test_the_document(configured: Path, genkit: Genkit) -> None:
    """`--json` gives the same values as a document."""
    document = genkit("config", "show", "--json").document
    assert document["version"] == 1
    assert {
        "path": "client.output",
        "value": str(configured.parent / "pictures"),
        "origin": f"file {configured}",
    } in document["values"]
    assert len(document["warnings"]) == 1


def test_nothing_set(genkit: Genkit) -> None:
    """Without any configuration that is what is said."""
    assert genkit("config", "show").out.startswith("Nothing is set")


def test_all_mistakes_are_said_at_once(folder: Path, genkit: Genkit) -> None:
    """A configuration with several mistakes lists them all, and ends with 2."""
    path = folder / "other.toml"
    path.write_text("colour = 1\n[client]\ntimeout = -1\nadapt = 'maybe'\n")
    for command in (["config", "show"], ["providers"], ["generate", "a banana", "--dry-run"]):
        said = genkit(*command, "--config", path)
        assert said.code == 2
        assert "3 mistakes" in said.err
        for word in ("colour", "client.timeout", "client.adapt"):
            assert word in said.err
    said = genkit("config", "show", "--json", "--config", path)
    assert len(said.error["problems"]) == 3


def test_a_named_file_has_to_be_there(genkit: Genkit) -> None:
    """`--config` with a file that is not there ends with 2."""
    said = genkit("config", "show", "--config", "nowhere.toml")
    assert said.code == 2
    assert "nowhere.toml" in said.err


def test_the_files_that_are_looked_for(
    folder: Path, genkit: Genkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config path` lists the files in rising order and says which are there."""
    (folder / "genkit.toml").touch()
    monkeypatch.setenv("GENKIT_CONFIG", "named.toml")
    lines = genkit("config", "path", "--config", "last.toml").out.splitlines()[1:]
    rows = [line.rsplit("  ", 1) for line in lines]
    assert [(Path(path.strip()).name, state) for path, state in rows] == [
        ("genkit.toml", "not there"),
        ("genkit.toml", "read"),
        ("named.toml", "not there"),
        ("last.toml", "not there"),
    ]
    assert rows[1][0].strip() == str(folder / "genkit.toml")
