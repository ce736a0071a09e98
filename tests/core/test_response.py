"""What came back: never without a picture, countable, and safe to show."""

from __future__ import annotations

import copy
import hashlib
import pickle
from functools import reduce
from operator import add
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.conversation import Conversation, ImagePart, ProviderState, TextPart, Turn
from genkit.errors import RateLimitError
from genkit.request import GenerationRequest
from genkit.response import (
    Adjustment,
    Attempt,
    GeneratedImage,
    GenerationResponse,
    Notice,
    Usage,
)
from tests.core.samples import jpeg, picture, png


def made(data: bytes | None = None, **fields: Any) -> GeneratedImage:
    """A picture that a model made."""
    given_fields = {"data": data or png(), "media_type": "image/png", "width": 24, "height": 16}
    return GeneratedImage(**{**given_fields, **fields})


def response(**fields: Any) -> GenerationResponse:
    """A response with one picture."""
    known = {"images": (made(),), "generation_id": "g", "model": "m", "provider": "p"}
    return GenerationResponse(**{**known, **fields})


@pytest.mark.parametrize("nothing", [(), []])
def test_a_response_has_a_picture(nothing: Any) -> None:
    """A response without a picture cannot be made, nor made by changing one."""
    with pytest.raises(ValueError, match="at least one image"):
        response(images=nothing)
    with pytest.raises(ValueError, match="at least one image"):
        attrs.evolve(response(), images=nothing)


def test_images_are_the_responses_own() -> None:
    """What happens to a list of pictures afterwards does not change the response."""
    images = [made(), made(jpeg())]
    answer = response(images=images)
    images.clear()
    assert len(answer.images) == 2
    assert answer.image_data == png()


def test_what_is_not_known_is_not_zero() -> None:
    """A response of which little is known says so: no cost is not no charge."""
    answer = response()
    assert (answer.cost, answer.usage, answer.seed, answer.thought_signature) == (None,) * 4
    assert (answer.drafts, answer.failures, answer.attempts) == ((), {}, ())
    assert not answer.partial
    assert response(failures={1: RateLimitError()}).partial


def test_generated_image_is_an_image() -> None:
    """A picture that a model made is a picture, with what the service said of it."""
    state = ProviderState("p", "m", "secret")
    image = made(declared_media_type="image/jpeg", state=state)
    assert image.sha256 == hashlib.sha256(image.data).hexdigest()
    assert "secret" not in repr(image)
    assert "PNG" not in repr(image)
    assert image._repr_mimebundle_()["image/png"] == image.data
    for other in (copy.deepcopy(image), pickle.loads(pickle.dumps(image))):
        assert other == image
        assert other.sha256 == image.sha256
    request = GenerationRequest("p", input_image=image)
    assert request.images[0].data == image.data
    assert image != picture()


SAID = Conversation((Turn("user", (TextPart("a banana"),)),))
ANSWERS = tuple(Turn("model", (ImagePart(picture(size, size)),)) for size in (1, 2, 3))


def test_conversation_goes_on_from_one_picture() -> None:
    """Pictures beside each other are different answers to the same question."""
    answer = response(images=[made()] * 3, history=SAID, answers=ANSWERS)
    assert answer.conversation == SAID.add(ANSWERS[0])
    assert answer.conversation_with(2) == SAID.add(ANSWERS[2])
    assert answer.conversation_with(-1) == SAID.add(ANSWERS[2])
    assert answer.history == SAID


@pytest.mark.parametrize("answers", [ANSWERS, ()])
@pytest.mark.parametrize("image", [3, -4, 100])
def test_conversation_with_no_such_picture(answers: tuple[Turn, ...], image: int) -> None:
    """There is no conversation with a picture that is not there."""
    answer = response(images=[made()] * 3, history=SAID, answers=answers)
    with pytest.raises(IndexError, match="there are 3"):
        answer.conversation_with(image)


def test_shows_in_notebooks() -> None:
    """A notebook shows the first picture of a response."""
    bundle = response()._repr_mimebundle_(include=None, exclude=None)
    assert bundle["image/png"] == png()


def test_repr_shows_no_content() -> None:
    """A response in a log shows no picture, prompt, text, signature or conversation."""
    answer = response(
        images=[made(state=ProviderState("p", "m", "secret"))],
        drafts=(made(),),
        text="secret",
        prompt="secret",
        thought_signature=b"secret",
        history=Conversation((Turn("user", (TextPart("secret"),)),)),
        answers=(Turn("model", (TextPart("secret"),)),),
        usage=Usage(total_tokens=5, raw={"a": "secret"}),
        provider_metadata={"p": "secret"},
        metadata={"note": "secret"},
        request=GenerationRequest("secret"),
        raw={"text": "secret"},
    )
    shown = repr(answer)
    assert "secret" not in shown
    assert "PNG" not in shown
    assert "generation_id='g'" in shown
    assert len(shown) < 2000


def test_is_a_value() -> None:
    """Responses survive pickles and copies with everything in them."""
    answer = response(
        images=[made(state=ProviderState("p", "m", b"s"))],
        failures={1: RateLimitError("slow", retry_after=5)},
        history=SAID,
        answers=ANSWERS[:1],
        usage=Usage(images=1),
        adjustments=(Adjustment("size", "1x1", "1:1", "r"),),
        notices=(Notice("code", "message"),),
        attempts=(Attempt(number=1, provider="p", model="m"),),
        request=GenerationRequest("p", conversation_history=[{"role": "user", "text": "a"}]),
    )
    for other in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        failure = other.failures[1]
        assert isinstance(failure, RateLimitError)
        assert (str(failure), failure.retry_after) == ("slow", 5)
        assert attrs.evolve(other, failures={}) == attrs.evolve(answer, failures={})


counts = st.none() | st.integers(0, 10**9)
usages = st.builds(
    Usage,
    **{field.name: counts for field in attrs.fields(Usage) if field.name != "raw"},
    raw=st.just({}),
)


@given(st.lists(usages, min_size=1, max_size=4))
def test_usage_adds_up(several: list[Usage]) -> None:
    """Each count is the sum of those that are known, and unknown only if all are."""
    total = reduce(add, several)
    for field in attrs.fields(Usage):
        if field.name != "raw":
            known = [
                count for usage in several if (count := getattr(usage, field.name)) is not None
            ]
            assert getattr(total, field.name) == (sum(known) if known else None)


@given(usages, usages, usages)
def test_usage_may_be_added_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    """Order and grouping of attempts do not matter, and nothing adds nothing."""
    assert (one + two) + three == one + (two + three)
    assert one + two == two + one
    assert one + Usage() == Usage() + one == one


def test_usage_keeps_the_first_words() -> None:
    """Of several answers the first that said anything is kept in the service's own words."""
    one, two = Usage(raw={"a": 1}), Usage(raw={"b": 2})
    assert (Usage() + one + two).raw == {"a": 1}
