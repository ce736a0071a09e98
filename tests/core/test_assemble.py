"""Reading what one answer holds."""

from __future__ import annotations

import base64
import io

import PIL.Image
import pytest

from genkit.assemble import read_outcome, signature_of, total_usage
from genkit.conversation import ImagePart, OpaquePart, ProviderState, TextPart
from genkit.errors import ContentPolicyError, NoImageError, ResponseDecodeError
from genkit.lifted import Lifted
from genkit.provider import Absence, Outcome, Refusal, WireImage
from genkit.response import GeneratedImage, Usage
from genkit.wire import WireResponse

ANSWER = WireResponse(status=200, document={"ok": True}, is_json=True)


def png(width: int = 6, height: int = 4, color: str = "red", kind: str = "PNG") -> bytes:
    """The bytes of a small picture."""
    written = io.BytesIO()
    PIL.Image.new("RGB", (width, height), color).save(written, kind)
    return written.getvalue()


def wire_image(data: bytes, **facts: object) -> WireImage:
    """A picture as the wire gives it."""
    return WireImage(data=Lifted(base64.b64encode(data)), **facts)  # type: ignore[arg-type]


def test_parts_become_images_text_and_one_turn() -> None:
    """Pictures, text and unknown parts stand in the model's turn in the order they came in."""
    state = ProviderState("p", "m", {"thoughtSignature": "c2ln"})
    odd = OpaquePart(ProviderState("p", "m", {"functionCall": {}}))
    parts = (TextPart("here ", state), wire_image(png(), state=state), odd, TextPart("it is"))
    answer = read_outcome(Outcome(parts=parts), ANSWER, alternatives=False)
    assert [(image.width, image.height) for image in answer.images] == [(6, 4)]
    assert answer.text == "here it is"
    (turn,) = answer.turns
    assert turn.role == "model"
    assert [type(part) for part in turn.parts] == [TextPart, ImagePart, OpaquePart, TextPart]
    assert turn.parts[1].state == state
    assert answer.raw == {"ok": True}


def test_drafts_stand_apart_and_stay_in_the_turn() -> None:
    """A picture marked as a thought is a draft, and is sent back with the rest."""
    parts = (wire_image(png(1, 1), thought=True), wire_image(png(2, 2)))
    answer = read_outcome(Outcome(parts=parts), ANSWER, alternatives=False)
    assert [image.width for image in answer.images] == [2]
    assert [image.width for image in answer.drafts] == [1]
    assert len(answer.turns[0].parts) == 2


def test_the_last_draft_is_promoted_where_there_is_nothing_else() -> None:
    """A draft that was paid for is better than no picture, and the promotion is said."""
    parts = (wire_image(png(1, 1), thought=True), wire_image(png(2, 2), thought=True))
    answer = read_outcome(Outcome(parts=parts), ANSWER, alternatives=False)
    assert [image.width for image in answer.images] == [2]
    assert [image.width for image in answer.drafts] == [1]
    assert [notice.code for notice in answer.notices] == ["draft-promoted"]


def test_the_type_is_sniffed_and_a_wrong_one_is_said() -> None:
    """What the service calls the picture is kept apart from what it is."""
    part = wire_image(png(kind="JPEG"), declared_media_type="image/png")
    answer = read_outcome(Outcome(parts=(part,)), ANSWER, alternatives=False)
    (image,) = answer.images
    assert (image.media_type, image.declared_media_type) == ("image/jpeg", "image/png")
    assert [notice.code for notice in answer.notices] == ["media-type-mismatch"]


def test_alternatives_are_turns_of_their_own() -> None:
    """Of pictures made beside each other a conversation goes on from one of them."""
    parts = (wire_image(png(1, 1)), TextPart("both"), wire_image(png(2, 2)))
    outcome = Outcome(parts=parts)
    apart = read_outcome(outcome, ANSWER, alternatives=True)
    assert [[image.width for image in turn.images] for turn in apart.turns] == [[1], [2]]
    together = read_outcome(outcome, ANSWER, alternatives=False)
    assert [[image.width for image in turn.images] for turn in together.turns] == [[1, 2]] * 2


@pytest.mark.parametrize(
    "data",
    [
        Lifted("not base64 !"),
        Lifted(base64.b64encode(b"<html>no picture</html>")),
        Lifted(base64.b64encode(png()[:-12])),
        b"",
    ],
)
def test_a_picture_that_is_none_is_an_error_with_its_usage(data: Lifted | bytes) -> None:
    """Bad base64, no picture and a cut picture are told as such, and as paid."""
    outcome = Outcome(parts=(WireImage(data=data),), usage=Usage(total_tokens=5))
    with pytest.raises(ResponseDecodeError) as caught:
        read_outcome(outcome, ANSWER, alternatives=False)
    assert caught.value.kind == "bad-image"
    assert caught.value.usage == Usage(total_tokens=5)


def test_a_bad_picture_does_not_cost_the_good_one() -> None:
    """What can be used is given; what cannot is a failure beside it."""
    parts = (wire_image(b"nothing"), wire_image(png()))
    answer = read_outcome(Outcome(parts=parts), ANSWER, alternatives=True)
    assert len(answer.images) == 1
    assert [type(error) for error in answer.failures] == [ResponseDecodeError]


def test_a_pixel_bomb_is_judged_by_its_header() -> None:
    """A header that promises too many pixels is refused without decoding one."""
    bomb = bytearray(png())
    bomb[16:24] = (65_535).to_bytes(4, "big") * 2
    with pytest.raises(ResponseDecodeError, match="megapixels"):
        read_outcome(Outcome(parts=(wire_image(bytes(bomb)),)), ANSWER, alternatives=False)


@pytest.mark.parametrize("stage", ["prompt", "output"])
def test_a_refusal_carries_its_facts(stage: str) -> None:
    """Stage, the service's own reason, categories, text and usage are on the error."""
    outcome = Outcome(
        parts=(TextPart("I cannot"),),
        refusal=Refusal(stage=stage, reason="IMAGE_SAFETY", categories=("violence",)),  # type: ignore[arg-type]
        usage=Usage(total_tokens=7),
    )
    with pytest.raises(ContentPolicyError) as caught:
        read_outcome(outcome, ANSWER, alternatives=False)
    error = caught.value
    assert (error.stage, error.reason, error.categories) == (stage, "IMAGE_SAFETY", ("violence",))
    assert (error.text, error.usage) == ("I cannot", Usage(total_tokens=7))


@pytest.mark.parametrize(
    ("outcome", "cause", "text"),
    [
        (Outcome(), "empty", None),
        (Outcome(parts=(TextPart("no"),)), "text", "no"),
        (Outcome(parts=(TextPart("hm", thought=True),)), "empty", None),
        (Outcome(absence=Absence(cause="limit", reason="MAX_TOKENS")), "limit", None),
        (Outcome(absence=Absence(cause="other", reason="IMAGE_OTHER")), "other", None),
    ],
)
def test_why_there_is_no_picture_is_told(outcome: Outcome, cause: str, text: str | None) -> None:
    """Silence, words, limits and reasons of the service are told apart."""
    with pytest.raises(NoImageError) as caught:
        read_outcome(outcome, ANSWER, alternatives=False)
    assert caught.value.details == {"cause": cause}
    assert caught.value.text == text
    if outcome.absence:
        assert caught.value.reason == outcome.absence.reason


def test_signatures_are_given_as_bytes() -> None:
    """The signature is decoded where it is base64, and absent where there is none."""

    def image(data: object) -> GeneratedImage:
        state = None if data is None else ProviderState("p", "m", data)
        return GeneratedImage(data=b"", media_type="image/png", width=1, height=1, state=state)

    assert signature_of([image({"thoughtSignature": Lifted("c2ln")})]) == b"sig"
    assert signature_of([image({"thoughtSignature": "c2ln"})]) == b"sig"
    assert signature_of([image(b"sig")]) == b"sig"
    assert signature_of([image({"other": 1})]) is None
    assert signature_of([image(None)]) is None


def test_usage_is_summed_over_what_is_known() -> None:
    """Unknown usage adds nothing, and nothing known is `None`."""
    one = Usage(input_text_tokens=1, output_image_tokens=2)
    assert total_usage([None, one, one]) == Usage(input_text_tokens=2, output_image_tokens=4)
    assert total_usage([None]) is None
