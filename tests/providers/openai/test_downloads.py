"""Pictures that an answer only points to: fetched one at a time, each by a step of its own."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from genkit.assemble import read_outcome
from genkit.conversation import OpaquePart
from genkit.lifted import Lifted
from genkit.provider import ErrorFacts, FollowUp, Outcome, WireImage
from genkit.wire import WireResponse
from tests.providers.openai.support import answer, outcome, picture, provider, request

SIGNED = "https://files.example/a%2Fb.png?se=2026-11-22T10%3A00%3A00Z&sig=a%2Bb%3D&key=k"


def first(body: Any, headers: dict[str, str] | None = None) -> FollowUp:
    """The first step that an answer asks for."""
    decoded = provider().decode(answer(body, headers=headers), request(), None)
    assert isinstance(decoded, FollowUp)
    return decoded


def fetched(data: bytes) -> WireResponse:
    """The answer to a download."""
    return WireResponse(status=200, headers={"x-request-id": "of the files"}, body=data)


def stored(step: FollowUp) -> FollowUp:
    """A step whose state was written as JSON and read back, as a journal does."""
    written = json.dumps(step.state, default=lambda value: {"lifted": value.text})

    def revive(document: dict[str, Any]) -> Any:
        return Lifted(document["lifted"]) if set(document) == {"lifted"} else document

    return FollowUp(request=step.request, state=json.loads(written, object_hook=revive))


def follow(step: FollowUp, *pictures: bytes) -> Outcome:
    """What comes of an answer when its downloads give these bytes."""
    decoded: Any = step
    for data in pictures:
        assert isinstance(decoded, FollowUp)
        decoded = provider().decode(fetched(data), request(), stored(decoded))
    assert isinstance(decoded, Outcome)
    return decoded


def test_a_download_carries_no_credential_and_its_address_unchanged() -> None:
    """A signed address is its own permit, byte by byte; nothing of the API goes along."""
    made = provider(headers={"x-team": "art"}, query={"api-version": "1"})
    step = made.decode(answer({"data": [{"url": SIGNED}]}), request(), None)
    assert isinstance(step, FollowUp)
    assert step.request.url == SIGNED
    assert (step.request.method, step.request.auth, step.request.download) == ("GET", None, True)
    assert step.request.headers == {}
    assert step.request.body is None
    assert step.wait == 0


def test_the_picture_takes_the_place_of_its_address() -> None:
    """What was downloaded is the picture; everything else is told as of the answer itself."""
    usage = {"input_tokens": 10, "output_tokens": 196, "total_tokens": 206}
    body = {
        "created": 5,
        "data": [{"url": SIGNED, "revised_prompt": "better"}],
        "usage": usage,
    }
    step = first(body, {"x-request-id": "req_1"})
    assert step.usage is not None
    assert (step.usage.output_image_tokens, step.usage.images) == (196, 1)
    image = picture()
    found = follow(step, image.data)
    read = read_outcome(found, fetched(b""), alternatives=False)
    assert read.images[0].data == image.data
    assert found.request_id == "req_1"
    assert found.metadata == {"created": 5, "revised_prompts": ["better"]}
    # It was counted with the step.
    assert found.usage is None


def test_several_pictures_are_fetched_in_order() -> None:
    """One step for each address, one after the other; pictures that came inline stay in place."""
    inline = b64encode(picture(9, 9).data).decode()
    body = {"data": [{"url": f"{SIGNED}&1"}, {"b64_json": inline}, {"url": f"{SIGNED}&2"}]}
    step = first(body)
    assert step.request.url.endswith("&1")
    second = provider().decode(fetched(picture(1, 1).data), request(), step)
    assert isinstance(second, FollowUp)
    assert second.request.url.endswith("&2")
    assert second.usage is None
    found = follow(second, picture(2, 2).data)
    read = read_outcome(found, fetched(b""), alternatives=True)
    assert [image.width for image in read.images] == [1, 9, 2]


def test_the_state_can_be_stored() -> None:
    """A step's state is JSON but for lifted strings, and says no more after being stored."""
    step = first({"data": [{"url": SIGNED}, {"url": SIGNED}]})
    second = provider().decode(fetched(picture(30, 30).data), request(), step)
    assert isinstance(second, FollowUp)
    assert stored(second).state == second.state
    assert follow(second, b"two") == follow(stored(second), b"two")


def test_the_answer_that_came_is_left_alone() -> None:
    """Decoding a download changes neither the step nor the answer in it."""
    step = first({"data": [{"url": SIGNED}]})
    before = json.dumps(step.state)
    follow(step, picture().data)
    assert json.dumps(step.state) == before


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://a/b", "https://", "https://user:pw@a/b", "https://a/b c", "//a/b", 3, None],
)
def test_an_address_that_cannot_be_fetched_is_kept(url: Any) -> None:
    """What leads nowhere is no picture, and is not lost."""
    found = outcome({"data": [{"url": url}]})
    assert [type(part) for part in found.parts] == [OpaquePart]
    assert found.absence is not None


def test_an_answer_cannot_send_us_about_for_ever() -> None:
    """After as many downloads as a request could ask pictures for, the others are left."""
    decoded: Any = first({"data": [{"url": SIGNED}] * 40})
    steps = 0
    while isinstance(decoded, FollowUp):
        steps += 1
        decoded = provider().decode(fetched(b"x"), request(), decoded)
    assert steps == 16
    assert isinstance(decoded, Outcome)
    assert sum(isinstance(part, WireImage) for part in decoded.parts) == 16


@pytest.mark.parametrize("body", [b"", b"{}", b'{"error": {"code": "expired"}}'])
def test_a_download_that_is_no_picture(body: bytes) -> None:
    """JSON or nothing where a picture should be is malformed; the answer is not asked for again."""
    decoded = provider().decode(answer(body), request(), first({"data": [{"url": SIGNED}]}))
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {},
        {"answer": {"data": []}, "headers": {}, "downloads": 0},
        {"answer": 1, "headers": {}, "downloads": 0},
        {"answer": {"data": [{"url": SIGNED}]}, "headers": 3, "downloads": "x"},
    ],
)
def test_a_damaged_state(state: Any) -> None:
    """A state that was not ours ends in facts, never in an exception."""
    step = FollowUp(request=first({"data": [{"url": SIGNED}]}).request, state=state)
    decoded = provider().decode(fetched(b"x"), request(), step)
    assert isinstance(decoded, ErrorFacts)
    assert decoded.kind == "malformed"
