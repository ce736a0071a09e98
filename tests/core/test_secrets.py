from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import AuthenticationError, ConfigurationError, GenkitError
from genkit.secrets import Secret, SecretSource
from tests.core.canary import KEY, whole_story


class TestSecret:
    @pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>20}".format, "%s".__mod__])
    def test_no_way_of_printing_shows_it(self, show: Callable[[object], str]) -> None:
        """Every way of making text of a secret gives the mask."""
        assert show(Secret(KEY)).strip() == "Secret(***)"

    def test_reveal_gives_it(self) -> None:
        """The key itself comes out of `reveal`, unchanged."""
        assert Secret(KEY).reveal() == KEY

    def test_a_value_that_holds_one_does_not_show_it(self) -> None:
        """A container's repr and an attrs class's dict show the mask."""

        @attrs.frozen
        class Holder:
            key: Secret

        holder = Holder(Secret(KEY))
        assert KEY not in repr([holder, {"key": holder.key}, attrs.asdict(holder)])

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_it_cannot_be_pickled(self, protocol: int) -> None:
        """Pickling fails in every protocol."""
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(Secret(KEY), protocol)
        with pytest.raises(TypeError, match="cannot be pickled"):
            Secret(KEY).__getstate__()  # what other serializers ask for

    @pytest.mark.parametrize("dump", [json.dumps, orjson.dumps])
    def test_it_cannot_be_written_as_json(self, dump: Callable[[object], object]) -> None:
        """Writing it as JSON fails."""
        with pytest.raises(TypeError):
            dump({"key": Secret(KEY)})

    def test_it_has_no_dict(self) -> None:
        """There is no `__dict__` for a debugger or a serializer to walk."""
        assert not hasattr(Secret(KEY), "__dict__")

    def test_copies_are_itself(self) -> None:
        """Copying gives the same object, so that no copy by other means is needed."""
        secret = Secret(KEY)
        assert copy.copy(secret) is secret
        assert copy.deepcopy([secret])[0] is secret

    def test_equality_is_of_the_keys(self) -> None:
        """Secrets are equal when their keys are, also beyond ASCII, and never equal to a text."""
        assert Secret(KEY) == Secret(KEY)
        assert Secret("clé") == Secret("clé")
        assert Secret(KEY) != Secret(KEY + "x")
        assert Secret(KEY) != KEY

    def test_it_cannot_be_hashed(self) -> None:
        """A secret is no dictionary key."""
        with pytest.raises(TypeError, match="unhashable"):
            hash(Secret(KEY))

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ("", "is empty"),
            (" \t", "is empty"),
            (f"{KEY}\r\nx-evil: 1", "control character"),
            (f"{KEY}\0", "control character"),
            (f"{KEY}\x85", "control character"),
            (f"{KEY}\u2026", "beyond Latin-1"),
            (KEY * 10_000, "160000 characters; at most 65536"),
            (KEY.encode(), "must be a str, not bytes"),
        ],
    )
    def test_what_cannot_be_a_key_is_refused(self, value: str, problem: str) -> None:
        """A text that no header can carry is refused, without showing it anywhere."""
        with pytest.raises(ValueError, match=problem) as caught:
            Secret(value)
        assert KEY not in whole_story(caught.value)

    @given(st.text(max_size=40))
    def test_accepted_keys_fit_into_a_header(self, value: str) -> None:
        """Any text is refused, or is Latin-1 without line breaks."""
        try:
            revealed = Secret(value).reveal()
        except ValueError:
            return
        assert revealed == value
        assert not set(revealed.encode("latin-1")) & set(b"\r\n\0")


class TestParse:
    @pytest.mark.parametrize(
        ("text", "kind", "description"),
        [
            ("env:GEMINI_API_KEY", "env", "env:GEMINI_API_KEY"),
            (" env: MY_KEY ", "env", "env:MY_KEY"),
            ("file:/run/secrets/key", "file", "file:/run/secrets/key"),
            ("command:pass show 'my key'", "command", "command:pass"),
        ],
    )
    def test_sources_are_read_and_described(self, text: str, kind: str, description: str) -> None:
        """Each kind is read, and described without what may be private."""
        source = SecretSource.parse(text)
        assert (source.kind, source.describe()) == (kind, description)
        assert repr(source) == f"SecretSource({description})"

    @pytest.mark.parametrize(
        "text",
        [
            KEY,
            f"key:{KEY}",
            f"https://{KEY}",
            "",
            ":",
            "env:",
            f"env:{KEY}",
            "env:AIzaSyCanary4f1dAbC9x0",
            "file: ",
            "file:a\0b",
            "command:",
            f"command:'{KEY}",
        ],
    )
    def test_what_names_no_source_is_refused_without_showing_it(self, text: str) -> None:
        """A pasted key, or a source that names nothing, is an error that does not show it."""
        with pytest.raises(ConfigurationError) as caught:
            SecretSource.parse(text)
        assert "canary" not in whole_story(caught.value).lower()
        assert any(word in str(caught.value) for word in ("env:", "file:", "command:"))

    def test_a_relative_path_is_taken_from_the_folder(self, tmp_path: Path) -> None:
        """A file is looked for beside what names it; an absolute path stays."""
        assert SecretSource.parse("file:key", folder=tmp_path).reference == str(tmp_path / "key")
        assert SecretSource.parse("file:/x/key", folder=tmp_path).reference == "/x/key"

    def test_home_is_understood(self) -> None:
        """A path may begin with the home directory's sign."""
        assert SecretSource.parse("file:~/key").reference == str(Path.home() / "key")

    def test_sources_compare_by_what_they_name(self) -> None:
        """Two sources of the same text are equal and have one hash; literals compare by key."""
        assert SecretSource.parse("env:A") == SecretSource.parse("env:A")
        assert hash(SecretSource.parse("env:A")) == hash(SecretSource.parse("env:A"))
        assert SecretSource.parse("env:A") != SecretSource.parse("env:B")
        assert SecretSource.literal(KEY) == SecretSource.literal(Secret(KEY))
        assert SecretSource.literal(KEY) != SecretSource.literal("other")


class TestOf:
    async def test_a_text_is_a_key_or_a_source(self) -> None:
        """In code a text with a source's prefix is that source, any other is the key."""
        assert SecretSource.of("env:MY_KEY").describe() == "env:MY_KEY"
        assert await SecretSource.of(KEY).resolve() == Secret(KEY)
        assert await SecretSource.of(Secret(KEY)).resolve() == Secret(KEY)

    def test_a_source_is_itself(self) -> None:
        """A source passes through, with its cache."""
        source = SecretSource.parse("env:MY_KEY")
        assert SecretSource.of(source) is source

    @pytest.mark.parametrize(
        ("key", "kind"),
        [
            (f"{KEY}\nx", AuthenticationError),
            ("", AuthenticationError),
            (KEY.encode(), AuthenticationError),
            (f"env:{KEY}", ConfigurationError),
        ],
    )
    def test_wrong_keys_are_refused_without_showing_them(
        self, key: str, kind: type[GenkitError]
    ) -> None:
        """What cannot be a key is a typed error whose whole traceback does not show it."""
        with pytest.raises(kind) as caught:
            SecretSource.of(key)
        assert KEY not in whole_story(caught.value)

    @pytest.mark.parametrize("key", [f"{KEY}\nx", KEY.encode()])
    def test_wrong_literals_are_refused_without_showing_them(self, key: str) -> None:
        """What is said to be a key and cannot be one is refused the same way."""
        with pytest.raises(AuthenticationError) as caught:
            SecretSource.literal(key)
        assert KEY not in whole_story(caught.value)

    def test_a_literal_is_described_without_the_key(self) -> None:
        """A key given in code is described as that."""
        source = SecretSource.literal(KEY)
        assert source.describe() == "given in code"
        assert KEY not in repr(source)
        assert KEY not in repr(attrs.asdict(source, recurse=False))
