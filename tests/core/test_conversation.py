"""Conversations: made by hand, kept in files to the byte, and without foreign state."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import stat
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from genkit.conversation import (
    Conversation,
    ImagePart,
    OpaquePart,
    Part,
    ProviderState,
    TextPart,
    Turn,
)
from genkit.errors import InvalidRequestError, OutputError, SessionStateError
from genkit.images import Image
from genkit.lifted import LIFT_OVER, Lifted
from genkit.response import GeneratedImage
from tests.core.samples import encoded, jpeg, picture, png

PICTURES = [Image.from_bytes(encoded(kind, 4, 4)) for kind in ("PNG", "JPEG", "WEBP", "AVIF")]
SIGNATURE = base64.b64encode(bytes(range(256)) * 40).decode()

texts = st.text(st.characters(exclude_categories=["Cs"]))
LONG = [SIGNATURE, "世" * (LIFT_OVER + 1), '"\\\n\0' * LIFT_OVER]
long_texts = st.integers(0, 2).map(lambda index: LONG[index])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | long_texts
    | long_texts.map(Lifted)
    | texts.map(Lifted),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
states = st.builds(
    ProviderState,
    st.sampled_from(["gemini", "openai"]),
    st.sampled_from(["one", "two"]),
    st.binary() | json_values,
)
optional_states = st.none() | states
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(TextPart, texts, optional_states, st.booleans()),
    st.builds(ImagePart, st.sampled_from(PICTURES), optional_states, st.booleans()),
    st.builds(OpaquePart, states),
)
turns = st.builds(
    Turn,
    st.sampled_from(["user", "model"]),
    st.lists(parts, max_size=3).map(tuple),
    optional_states,
)
conversations = st.lists(turns, max_size=3).map(Conversation)


class ConversationMachine(RuleBasedStateMachine):
    """A conversation that grows, goes to a file and comes back, in any order."""

    @initialize()
    def begin(self) -> None:
        """Begin with nothing said."""
        self.conversation = Conversation()
        self.said: list[Turn] = []

    @rule(turn=turns)
    def say(self, turn: Turn) -> None:
        """Add a turn; the shorter conversation stays as it was."""
        before = self.conversation
        self.conversation = before.add(turn)
        assert len(before) == len(self.said)
        self.said.append(turn)

    @rule()
    def save_and_load(self) -> None:
        """What comes back is equal, and is saved to the same bytes."""
        saved = self.conversation.to_body().to_bytes()
        loaded = Conversation.from_bytes(saved)
        assert loaded == self.conversation
        assert loaded.to_body().to_bytes() == saved
        assert loaded.to_body().length == len(saved)
        self.conversation = loaded

    @rule(provider=st.sampled_from(["gemini", "openai"]), model=st.sampled_from(["one", "two"]))
    def switch(self, provider: str, model: str) -> None:
        """Look at it as another provider: text, pictures and their order are as they were."""
        seen, removed = self.conversation.without_foreign_state(provider, model)

        def kept(state: ProviderState | None) -> ProviderState | None:
            return state if state is None or is_own(state, provider, model) else None

        expected = []
        for turn in self.said:
            parts = [
                part if isinstance(part, OpaquePart) else attrs.evolve(part, state=kept(part.state))
                for part in turn.parts
                if not isinstance(part, OpaquePart) or is_own(part.state, provider, model)
            ]
            if parts or not turn.parts:
                expected.append(Turn(turn.role, tuple(parts), kept(turn.state)))
        assert list(seen.turns) == expected
        states = states_of(self.conversation)
        assert removed == sum(not is_own(state, provider, model) for state in states)
        assert seen.without_foreign_state(provider, model) == (seen, 0)

    @invariant()
    def nothing_is_lost(self) -> None:
        """What was said is there, in order."""
        assert list(self.conversation.turns) == self.said


def is_own(state: ProviderState, provider: str, model: str) -> bool:
    """Whether a state belongs to that provider and model."""
    return (state.provider, state.model) == (provider, model)


def states_of(conversation: Conversation) -> list[ProviderState]:
    """Every state of a conversation, in order."""
    found = []
    for turn in conversation.turns:
        found += [part.state for part in turn.parts if part.state is not None]
        found += [turn.state] if turn.state is not None else []
    return found


TestConversationMachine = ConversationMachine.TestCase
TestConversationMachine.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)


STATE = ProviderState("gemini", "one", {"thoughtSignature": Lifted(SIGNATURE), "n": [1, None]})
EXAMPLE = Conversation(
    (
        Turn("user", (TextPart("a banana"), ImagePart(PICTURES[1]))),
        Turn(
            "model",
            (
                TextPart("thinking", thought=True),
                TextPart("Here it is", STATE),
                ImagePart(PICTURES[0], STATE),
                OpaquePart(ProviderState("gemini", "one", b"\0\xff\n")),
            ),
            ProviderState("gemini", "one", "response-id"),
        ),
    )
)


def test_file(tmp_path: Path) -> None:
    """A file is its owner's alone, loads back equal, and is saved again to the same bytes."""
    path = EXAMPLE.save(tmp_path / "x.conversation.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = Conversation.load(path)
    assert loaded == EXAMPLE
    again = loaded.save(tmp_path / "again.json")
    assert again.read_bytes() == path.read_bytes()
    assert json.loads(path.read_bytes())["version"] == 1


def test_file_is_not_overwritten_unasked(tmp_path: Path) -> None:
    """With `overwrite=False` a file that stands there stays."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OutputError):
        EXAMPLE.save(path, overwrite=False)
    assert path.read_bytes() == b"old"
    EXAMPLE.save(path)
    assert Conversation.load(path) == EXAMPLE


def test_saving_takes_little_memory(tmp_path: Path) -> None:
    """Large signatures and pictures are written piece by piece."""
    image = Image(data=png() + bytes(6_000_000), media_type="image/png", width=24, height=16)
    state = ProviderState("p", "m", {"signature": Lifted(b"A" * 3_000_000)})
    conversation = Conversation((Turn("model", (ImagePart(image, state),)),))
    tracemalloc.start()
    conversation.save(tmp_path / "file")
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_500_000
    assert Conversation.load(tmp_path / "file") == conversation


def broken(data: bytes) -> SessionStateError:
    """The error that loading `data` gives."""
    with pytest.raises(SessionStateError) as caught:
        Conversation.from_bytes(data)
    assert caught.value.field == "conversation"
    assert caught.value.__cause__ is None
    return caught.value


def test_cut_at_every_byte() -> None:
    """Whatever is missing at the end of a file, it is a cut conversation and nothing else."""
    small = Conversation(
        (
            Turn("user", (TextPart("é世"), ImagePart(picture(1, 1)))),
            Turn("model", (OpaquePart(ProviderState("p", "m", b"\xff")),)),
        )
    )
    saved = small.to_body().to_bytes()
    assert Conversation.from_bytes(saved) == small
    for length in range(len(saved)):
        assert "cut or damaged" in str(broken(saved[:length]))


def edited(change: Callable[[Any], object]) -> bytes:
    """The example as a file, after a change of its JSON."""
    document = json.loads(EXAMPLE.to_body().to_bytes())
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize("version", [2, 99, 0, -1, 10**30, 1.0, True, "1", None, [1]])
def test_other_versions(version: object) -> None:
    """A file of another version, or of none, is refused with what helps."""
    error = broken(edited(lambda document: document.update(version=version)))
    assert "this library reads 1. Update genkit-core" in str(error)


@pytest.mark.parametrize(
    "data",
    [b"[]", b"null", b"5", b'"text"', b"{}", b'{"format": "other", "version": 1, "turns": []}'],
)
def test_other_files(data: bytes) -> None:
    """Some other JSON is no conversation."""
    assert "this is not a conversation" in str(broken(data))


def set_at(*path: Any) -> Callable[[Any], None]:
    """A change that puts the last of `path` where the others lead."""
    *steps, last, value = path

    def change(document: Any) -> None:
        for step in steps:
            document = document[step]
        document[last] = value

    return change


def without(*path: Any) -> Callable[[Any], None]:
    """A change that takes away what is at `path`."""
    *steps, last = path

    def change(document: Any) -> None:
        for step in steps:
            document = document[step]
        del document[last]

    return change


def parts_of_second(*path: Any) -> tuple[Any, ...]:
    """The path to something of the second turn's parts."""
    return ("turns", 1, "parts", *path)


FIRST = "turn 1"
SECOND = "turn 2"
DAMAGES: dict[str, tuple[Callable[[Any], None], str | None]] = {
    "no-turns": (without("turns"), None),
    "turns-object": (set_at("turns", {}), None),
    "turns-text": (set_at("turns", "text"), None),
    "turn-null": (set_at("turns", 0, None), FIRST),
    "turn-list": (set_at("turns", 0, []), FIRST),
    "turn-text": (set_at("turns", 0, "role parts"), FIRST),
    "no-role": (without("turns", 0, "role"), FIRST),
    "role-unknown": (set_at("turns", 1, "role", "assistant"), SECOND),
    "role-list": (set_at("turns", 1, "role", ["user"]), SECOND),
    "no-parts": (without("turns", 0, "parts"), FIRST),
    "parts-text": (set_at("turns", 0, "parts", "kind"), FIRST),
    "part-text": (set_at("turns", 0, "parts", 0, "kind"), FIRST),
    "part-number": (set_at("turns", 0, "parts", 0, 5), FIRST),
    "no-kind": (without("turns", 0, "parts", 0, "kind"), FIRST),
    "kind-unknown": (set_at("turns", 0, "parts", 0, "kind", "video"), FIRST),
    "no-text": (without("turns", 0, "parts", 0, "text"), FIRST),
    "text-number": (set_at("turns", 0, "parts", 0, "text", 5), FIRST),
    "thought-text": (set_at(*parts_of_second(0, "thought", "yes")), SECOND),
    "no-image": (without("turns", 0, "parts", 1, "data"), FIRST),
    "image-number": (set_at("turns", 0, "parts", 1, "data", 5), FIRST),
    "image-no-base64": (set_at("turns", 0, "parts", 1, "data", "é!"), FIRST),
    "image-empty": (set_at("turns", 0, "parts", 1, "data", ""), FIRST),
    "image-none": (set_at("turns", 0, "parts", 1, "data", "aGVsbG8="), FIRST),
    "state-null": (set_at(*parts_of_second(1, "state", None)), SECOND),
    "state-text": (set_at(*parts_of_second(1, "state", "bytes")), SECOND),
    "state-list": (set_at(*parts_of_second(1, "state", [])), SECOND),
    "state-no-provider": (without(*parts_of_second(1, "state", "provider")), SECOND),
    "state-provider-number": (set_at(*parts_of_second(1, "state", "provider", 5)), SECOND),
    "state-no-model": (without(*parts_of_second(1, "state", "model")), SECOND),
    "state-no-data": (without(*parts_of_second(1, "state", "data")), SECOND),
    "state-bytes-number": (set_at(*parts_of_second(3, "state", "bytes", 5)), SECOND),
    "state-bytes-no-bytes": (set_at(*parts_of_second(3, "state", "bytes", "世")), SECOND),
    "opaque-without-state": (without(*parts_of_second(3, "state")), SECOND),
    "turn-state-number": (set_at("turns", 1, "state", 5), SECOND),
}


@pytest.mark.parametrize(("change", "position"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_files(change: Callable[[Any], None], position: str | None) -> None:
    """Whatever is missing or of the wrong kind, the file is damaged, and it is said where."""
    error = broken(edited(change))
    assert "damaged" in str(error)
    assert error.position == position
    assert position is None or position in str(error)


def test_deep_state_is_damage() -> None:
    """A state that is nested without end is damage, not the end of Python's stack."""
    deep: Any = json.loads("[" * 500 + "]" * 500)
    assert "levels deep" in str(broken(edited(set_at(*parts_of_second(1, "state", "data", deep)))))
    assert "cut or damaged" in str(broken(b"[" * 100_000))


@given(conversations, st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_damage_is_session_state(conversation: Conversation, data: st.DataObject) -> None:
    """Any change of any bytes gives a conversation or that one error."""
    saved = bytearray(conversation.to_body().to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(saved) - 1))
        length = data.draw(st.integers(0, 4))
        replacement = data.draw(st.sampled_from([b"", b"5", b"{", b'"', b"null", b"[]", b"\xff"]))
        saved[position : position + length] = replacement
    try:
        loaded = Conversation.from_bytes(bytes(saved))
    except SessionStateError:
        return
    assert Conversation.from_bytes(loaded.to_body().to_bytes()) == loaded


@given(json_values)
def test_any_json_is_a_conversation_or_not(document: Any) -> None:
    """Any JSON in the place of turns gives a conversation or that one error."""

    def plain(value: object) -> str:
        assert isinstance(value, Lifted)
        return value.text

    for turns in (document, [document], [{"role": "user", "parts": [document]}]):
        data = orjson.dumps(
            {"format": "genkit-conversation", "version": 1, "turns": turns}, default=plain
        )
        try:
            loaded = Conversation.from_bytes(data)
        except SessionStateError:
            continue
        assert all(turn.parts == () for turn in loaded.turns)


@pytest.mark.parametrize("name", ["missing.json", "a\0b", ""])
def test_load_what_is_not_there(name: str, tmp_path: Path) -> None:
    """A file that cannot be read is an error of the session, with its name."""
    with pytest.raises(SessionStateError, match="cannot read") as caught:
        Conversation.load(tmp_path / name if name else "")
    assert caught.value.field == "conversation"


def test_load_says_which_file(tmp_path: Path) -> None:
    """Errors of what is in the file name it, and keep the position; a folder is none."""
    path = tmp_path / "file"
    path.write_bytes(edited(set_at("turns", 1, "role", "nobody")))
    with pytest.raises(SessionStateError, match="damaged in turn 2: unknown role") as caught:
        Conversation.load(path)
    assert str(caught.value).startswith(f"'{path}': ")
    assert caught.value.position == "turn 2"
    with pytest.raises(SessionStateError, match="it is a folder"):
        Conversation.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SessionStateError, match="it is no file"):
        Conversation.load(tmp_path / "pipe")


@pytest.mark.parametrize(
    "part",
    [
        TextPart("\ud800"),
        OpaquePart(ProviderState("p", "m", {"a": object()})),
        OpaquePart(ProviderState("p", "m", {"a": 2**70})),
        OpaquePart(ProviderState("p", "m", json.loads("[" * 300 + "]" * 300))),
    ],
)
def test_what_no_file_can_hold(part: Part, tmp_path: Path) -> None:
    """A conversation that JSON has no form for is refused before a file is begun."""
    with pytest.raises(SessionStateError, match="no JSON form"):
        Conversation((Turn("user", (part,)),)).save(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_pictures_of_responses_are_plain_pictures() -> None:
    """What a response knows beside a picture does not enter the conversation."""
    made = GeneratedImage(
        data=png(), media_type="image/png", width=24, height=16, declared_media_type="image/jpeg"
    )
    part = ImagePart(made)
    assert type(part.image) is Image
    assert part.image == picture()
    conversation = Conversation((Turn("model", (part,)),))
    assert Conversation.from_bytes(conversation.to_body().to_bytes()) == conversation


@pytest.mark.parametrize("role", ["assistant", "", None, "USER", 5])
def test_roles(role: Any) -> None:
    """A turn of another role, which no file would give back, cannot be made."""
    with pytest.raises(InvalidRequestError, match="'user' or 'model'") as caught:
        Turn(role, ())
    assert caught.value.field == "conversation"


def test_is_a_value() -> None:
    """Conversations are immutable, equal by content, and survive copies and pickles."""
    for other in (copy.deepcopy(EXAMPLE), pickle.loads(pickle.dumps(EXAMPLE))):
        assert other == EXAMPLE
    listed = [TextPart("a")]
    turn = Turn("user", listed)
    listed.append(TextPart("b"))
    assert turn.parts == (TextPart("a"),)
    assert Conversation([turn]).turns == (turn,)
    assert len(EXAMPLE) == 2


def test_repr_shows_no_content() -> None:
    """Texts, signatures and pictures stand in no log."""
    shown = repr(EXAMPLE)
    for secret in ("banana", "Here", "thinking", SIGNATURE[:20], "thoughtSignature", "response-id"):
        assert secret not in shown
    assert "<8 characters>" in shown


def test_images_of_a_turn_are_no_drafts() -> None:
    """A turn's pictures are those that are not marked as thoughts."""
    turn = Turn("model", (ImagePart(PICTURES[0], thought=True), ImagePart(PICTURES[1])))
    assert turn.images == (PICTURES[1],)


def test_own_state_stays() -> None:
    """For the provider and model that it came from, a conversation is itself."""
    same, removed = EXAMPLE.without_foreign_state("gemini", "one")
    assert same is EXAMPLE
    assert removed == 0


def test_foreign_state_goes() -> None:
    """For another model, states go, opaque parts go, and all that a person sees stays."""
    for provider, model in (("gemini", "two"), ("openai", "one")):
        seen, removed = EXAMPLE.without_foreign_state(provider, model)
        assert removed == 4
        assert seen.turns == (
            EXAMPLE.turns[0],
            Turn(
                "model",
                (
                    TextPart("thinking", thought=True),
                    TextPart("Here it is"),
                    ImagePart(PICTURES[0]),
                ),
            ),
        )


def test_turn_of_foreign_opaque_parts_goes() -> None:
    """A turn of which nothing is left is left out."""
    opaque = OpaquePart(ProviderState("gemini", "one", b""))
    conversation = Conversation((Turn("user", (TextPart("a"),)), Turn("model", (opaque, opaque))))
    seen, removed = conversation.without_foreign_state("openai", "x")
    assert seen.turns == conversation.turns[:1]
    assert removed == 2


PNG = png()
BASE64 = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "image_data",
    [
        PNG,
        bytearray(PNG),
        memoryview(PNG),
        BASE64,
        BASE64.encode(),
        bytearray(BASE64.encode()),
        base64.urlsafe_b64encode(PNG).decode().rstrip("="),
        base64.encodebytes(PNG).decode(),
        f"data:image/png;base64,{BASE64}",
        f"data:image/jpeg;base64,{BASE64}".encode(),
        Image.from_bytes(PNG),
    ],
    ids=range(11),
)
def test_pictures_in_messages(image_data: object) -> None:
    """A picture in a message may be bytes, base64 in any spelling, a data URL or an image."""
    conversation = Conversation.from_messages([{"role": "model", "image_data": image_data}])
    assert conversation == Conversation((Turn("model", (ImagePart(picture()),)),))


def test_messages() -> None:
    """A list of dicts becomes turns in order; text stands before the picture."""
    conversation = Conversation.from_messages(
        [
            {"role": "user", "text": "a banana"},
            {"role": "model", "image_data": jpeg(), "thought_signature": b"kept elsewhere"},
            {"role": "assistant", "text": "Here", "image_data": PNG},
            {"role": "user", "text": "bigger", "image_data": None},
        ]
    )
    assert conversation.turns == (
        Turn("user", (TextPart("a banana"),)),
        Turn("model", (ImagePart(Image.from_bytes(jpeg())),)),
        Turn("model", (TextPart("Here"), ImagePart(picture()))),
        Turn("user", (TextPart("bigger"),)),
    )


@pytest.mark.parametrize(
    "empty",
    [
        {"role": "user"},
        {"role": "user", "text": ""},
        {"role": "user", "text": None, "image_data": None},
        {"role": "model", "text": "", "image_data": b""},
        {"role": "model", "image_data": ""},
        {"role": "model", "thought_signature": b"x"},
    ],
)
def test_empty_messages_are_skipped(empty: dict[str, Any]) -> None:
    """A message without content is no turn, wherever it stands."""
    said = {"role": "user", "text": "a"}
    assert Conversation.from_messages([empty, said, empty]) == Conversation.from_messages([said])
    assert Conversation.from_messages([empty]) == Conversation()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("text", "[1]: expected a dict with role, text, image_data, not str"),
        (None, "[1]: expected a dict"),
        (["role"], "[1]: expected a dict with role, text, image_data, not list"),
        ({}, "[1].role: must be 'user' or 'model', not None"),
        ({"role": "system", "text": "a"}, "[1].role: must be 'user' or 'model', not 'system'"),
        ({"role": "User", "text": "a"}, "[1].role"),
        ({"role": ["user"], "text": "a"}, "[1].role: must be 'user' or 'model', not list"),
        ({"role": "user", "content": "a"}, "[1]: unknown key 'content'; known are role, text"),
        ({"role": "user", "Text": "a"}, "[1]: unknown key 'Text'"),
        ({"role": "user", 5: "a"}, "[1]: unknown key 5"),
        ({"role": "user", "text": b"a"}, "[1].text: expected a str, not bytes"),
        ({"role": "user", "text": ["a"]}, "[1].text: expected a str, not list"),
        ({"role": "user", "text": "a\0"}, "[1].text: has a NUL"),
        ({"role": "user", "text": "\ud800"}, "[1].text: has lone surrogates"),
        ({"role": "user", "image_data": 5}, "[1].image_data: expected bytes or base64, not int"),
        ({"role": "user", "image_data": [1, 2]}, "[1].image_data: expected bytes or base64"),
        ({"role": "user", "image_data": "photo.png"}, "[1].image_data: neither a picture nor"),
        ({"role": "user", "image_data": "\ud800"}, "[1].image_data: neither a picture nor"),
        ({"role": "user", "image_data": b"\xff\xfe"}, "[1].image_data: neither a picture nor"),
        ({"role": "user", "image_data": "aGVsbG8="}, "[1].image_data: these 5 bytes are not a"),
        ({"role": "user", "image_data": PNG[:-4]}, "[1].image_data: the image/png is cut"),
        ({"role": "user", "image_data": BASE64[:-20]}, "[1].image_data: the image/png is cut"),
    ],
)
def test_wrong_messages(message: Any, said: str) -> None:
    """What is wrong with a message is said with its place, and shows none of its content."""
    with pytest.raises(InvalidRequestError) as caught:
        Conversation.from_messages([{"role": "user", "text": "fine"}, message])
    assert caught.value.field == "conversation_history"
    assert str(caught.value).startswith(f"conversation_history{said}")


def test_wrong_messages_of_another_field() -> None:
    """The field that the messages were given for can be named."""
    with pytest.raises(InvalidRequestError, match=r"^history\[0\]: expected a dict") as caught:
        Conversation.from_messages([5], field="history")  # type: ignore[list-item]
    assert caught.value.field == "history"
