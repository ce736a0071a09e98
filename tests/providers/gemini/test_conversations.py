"""Turns that go back to the service: verbatim, or as the user's."""

from __future__ import annotations

import pytest

from genkit.conversation import Conversation, ImagePart, OpaquePart, TextPart, Turn
from genkit.errors import InvalidRequestError
from genkit.lifted import Lifted
from genkit.provider import (
    Context,
    WireImage,
)
from tests.providers.gemini.support import (
    MODEL,
    candidate,
    continued,
    document,
    inline,
    outcome,
    picture,
    png_text,
    provider,
    request,
    state,
)


def test_answers_go_back_as_they_came() -> None:
    """Each part keeps its place, its flag and everything the service put beside it."""
    first, draft = picture(), picture(2, 2)
    signature = "c2ln" * 2000
    call = {"functionCall": {"name": "f", "args": {"x": [1]}}, "thoughtSignature": "AAAA"}
    before = continued(
        Turn("user", (TextPart("draw"), ImagePart(first))),
        Turn(
            "model",
            (
                TextPart("hm", thought=True),
                ImagePart(draft, thought=True),
                OpaquePart(state(call)),
                TextPart("here", state({"thoughtSignature": Lifted(signature), "extra": None})),
                ImagePart(
                    first,
                    state(
                        {
                            "thoughtSignature": "c2ln",
                            "partMetadata": {"a": 1},
                            "inlineData": {"mimeType": "image/x-odd", "displayName": "d"},
                        }
                    ),
                ),
                TextPart("bye"),
            ),
        ),
    )
    user, model = before
    assert user["role"] == "user"
    assert model["role"] == "model"
    thought, drawn, opaque, text, image, last = model["parts"]
    assert thought == {"text": "hm", "thought": True}
    assert drawn["thought"] is True
    assert drawn["inlineData"]["mimeType"] == "image/png"
    assert opaque == call
    assert text == {"text": "here", "thoughtSignature": signature, "extra": None}
    assert image == {
        "inlineData": {
            "mimeType": "image/x-odd",
            "displayName": "d",
            "data": user["parts"][1]["inlineData"]["data"],
        },
        "thoughtSignature": "c2ln",
        "partMetadata": {"a": 1},
    }
    assert last == {"text": "bye"}


@pytest.mark.parametrize("signature", ["c2lnbmF0dXJl", "a-_b", "not base64 \u00e4", "x" * 9000])
def test_a_signature_keeps_every_character(signature: str) -> None:
    """What came as a signature goes back character by character, lifted or not."""
    data = candidate(inline(data=png_text(), thoughtSignature=signature))
    part = outcome(data).parts[0]
    assert isinstance(part, WireImage)
    (content,) = continued(Turn("model", (ImagePart(picture(), part.state),)))
    assert content["role"] == "model"
    assert content["parts"][0]["thoughtSignature"] == signature


def test_unsigned_answers_go_back_as_the_users() -> None:
    """Where a model wants signatures, a turn without them is the user's, and that is said."""
    turns = (
        Turn("user", (TextPart("draw"),)),
        Turn(
            "model",
            (
                TextPart("thinking", thought=True),
                TextPart("here"),
                ImagePart(picture()),
                ImagePart(picture(2, 2), thought=True),
                OpaquePart(state({"executableCode": {}})),
            ),
        ),
        Turn("model", (ImagePart(picture()),)),
    )
    wire = provider().encode(request(), Context(model=MODEL, conversation=Conversation(turns)))
    contents = document(wire)["contents"]
    assert [content["role"] for content in contents] == ["user"] * 4
    assert [list(part) for part in contents[1]["parts"]] == [["text"], ["inlineData"]]
    (notice,) = wire.notices
    assert notice.code == "history-resent-as-user"
    assert "2 earlier answers" in notice.message


def test_one_unsigned_picture_makes_the_turn_the_users() -> None:
    """A turn whose pictures are not all signed would be refused, so no state of it is sent."""
    signed = state({"thoughtSignature": "c2ln"})
    turn = Turn("model", (TextPart("here", signed), ImagePart(picture())))
    (content,) = continued(turn)
    assert content["role"] == "user"
    assert content["parts"][0] == {"text": "here"}


@pytest.mark.parametrize("key", ["thoughtSignature", "thought_signature"])
def test_later_texts_need_no_signature(key: str) -> None:
    """The service signs pictures and the first part; a turn like that stays the model's."""
    signed = state({key: "c2ln"})
    turn = Turn("model", (ImagePart(picture(), signed), TextPart("anything else?")))
    (content,) = continued(turn)
    assert content["role"] == "model"
    assert content["parts"][1] == {"text": "anything else?"}


def test_models_without_signatures_keep_the_role() -> None:
    """Older models sign nothing and want nothing signed."""
    conversation = Conversation((Turn("model", (ImagePart(picture()),)),))
    wire = provider().encode(
        request(), Context(model="gemini-2.5-flash-image", conversation=conversation)
    )
    assert document(wire)["contents"][0]["role"] == "model"
    assert wire.notices == ()


def test_nothing_empty_is_sent() -> None:
    """Empty texts, parts and contents are refused by the service, so they are left out."""
    assert continued(
        Turn("user", (TextPart(""),)),
        Turn("user", (OpaquePart(state({})), OpaquePart(state("odd")), TextPart("x"))),
    ) == [{"role": "user", "parts": [{"text": "x"}]}]
    (content,) = continued(Turn("model", (TextPart("", state({"thoughtSignature": "c2ln"})),)))
    assert content["parts"] == [{"text": "", "thoughtSignature": "c2ln"}]


def test_what_cannot_be_written_is_refused() -> None:
    """A text that JSON has no form for is named before anything is sent."""
    turn = Turn("user", (TextPart("\ud800"),))
    with pytest.raises(InvalidRequestError) as caught:
        continued(turn)
    assert caught.value.field == "conversation"
