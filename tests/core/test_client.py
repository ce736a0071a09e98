"""The client from end to end, against a service in memory and in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

import genkit
from genkit.conversation import Conversation
from genkit.emulation import Answer
from genkit.errors import AmbiguousError, ErrorContext
from genkit.events import CallEnd, Event
from genkit.provider import Absence, ErrorFacts
from genkit.testing.clock import run_virtual
from genkit_gemini.emulation import GeminiEmulation
from tests.core.memory import MemoryTransport, client_options

MODEL = "gemini-nano-banana-2.1"


def generate(transport: MemoryTransport, *args: Any, **fields: Any) -> genkit.GenerationResponse:
    """One call of a fresh client, in virtual time."""

    async def call() -> genkit.GenerationResponse:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            return await client.generate(*args, **fields)

    return run_virtual(call())


def test_a_prompt_becomes_a_picture_with_its_facts() -> None:
    """A response says what was sent, what came, and what it cost."""
    transport = MemoryTransport()
    response = generate(transport, "a banana", seed=7)
    (image,) = response.images
    assert image.media_type == "image/jpeg"
    assert response.image_data == image.data
    assert (response.provider, response.model) == ("gemini", MODEL)
    assert response.seed == 7
    assert response.usage is not None
    assert response.cost == pytest.approx(0.0336, rel=0.2)
    assert response.thought_signature
    assert "a banana" in response.prompt
    assert "exactly three" in response.prompt
    (attempt,) = response.attempts
    assert (attempt.status, attempt.outcome, attempt.charge) == (200, "ok", "yes")
    (document,) = transport.documents
    assert document["generationConfig"]["seed"] == 7
    assert document["contents"][-1]["parts"][0]["text"] == response.prompt
    assert transport.keys == ["canary-key"]


def test_fields_go_before_those_of_a_request() -> None:
    """A request is a starting point: keyword arguments change it for one call."""
    transport = MemoryTransport()
    request = genkit.GenerationRequest("a banana", seed=1, strict=False)
    response = generate(transport, request, seed=2)
    assert (response.seed, response.prompt) == (2, "a banana")


def test_a_seed_is_drawn_once_and_counted_on() -> None:
    """Without a seed one is drawn; picture i of an `n` gets seed + i, within int32."""
    transport = MemoryTransport()
    response = generate(transport, "a", n=3)
    seeds = [document["generationConfig"]["seed"] for document in transport.documents]
    assert response.seed == seeds[0]
    assert [seed - seeds[0] for seed in seeds] == [0, 1, 2]
    transport = MemoryTransport()
    generate(transport, "a", n=2, seed=2**31 - 1)
    assert sorted(doc["generationConfig"]["seed"] for doc in transport.documents) == [
        -(2**31),
        2**31 - 1,
    ]


def test_a_size_is_adjusted_and_fitted() -> None:
    """Pixels become ratio and tier on the wire, and are exact after fitting."""
    transport = MemoryTransport()
    response = generate(transport, "a", width=96, height=54, fit="crop", output_format="png")
    (image,) = response.images
    assert (image.width, image.height, image.media_type) == (96, 54, "image/png")
    config = transport.documents[0]["generationConfig"]["imageConfig"]
    assert config == {"aspectRatio": "16:9", "imageSize": "1K"}
    assert [one.field for one in response.adjustments] == ["size"]
    assert "re-encoded" in [notice.code for notice in response.notices]
    # What is sent back in a conversation is the picture as it came.
    assert response.conversation.turns[-1].images[0].media_type == "image/jpeg"


def test_a_failed_slot_costs_no_other_its_picture() -> None:
    """Of three pictures two are there, and the third's error is typed and in its place."""
    transport = MemoryTransport(
        script=[None, ErrorFacts(kind="content-policy", stage="prompt"), None]
    )
    response = generate(transport, "a", n=3)
    assert len(response.images) == 2
    assert response.partial
    assert {slot: type(error) for slot, error in response.failures.items()} == {
        1: genkit.ContentPolicyError
    }
    assert len(response.attempts) == 3


def test_when_every_slot_fails_the_first_error_speaks_for_all() -> None:
    """The error has the attempts of all slots."""
    refusal = ErrorFacts(kind="content-policy", stage="prompt")
    transport = MemoryTransport(script=[refusal, refusal])
    with pytest.raises(genkit.ContentPolicyError) as caught:
        generate(transport, "a", n=2)
    assert len(caught.value.attempts) == 2
    assert caught.value.generation_id


def test_slots_run_side_by_side_up_to_the_concurrency() -> None:
    """No more wire requests are under way than configured."""
    transport = MemoryTransport(script=[5.0] * 6)

    async def call() -> float:
        options = client_options(transport, concurrency=3)
        async with genkit.Client("gemini", **options) as client:
            await client.generate("a", n=6)
        return asyncio.get_running_loop().time()

    assert run_virtual(call()) == pytest.approx(10.0)
    assert transport.most == 3


def test_a_rate_limit_is_waited_out_as_told() -> None:
    """The service's delay is obeyed, and stands in the attempts."""
    transport = MemoryTransport(script=[ErrorFacts(kind="rate-limited", retry_after=7.0)])
    response = generate(transport, "a")
    first, second = response.attempts
    assert first.outcome == "RateLimitError"
    assert first.charge == "no"
    assert first.delay is not None
    assert first.delay >= 7.0
    assert second.outcome == "ok"
    assert response.total_time_ms >= 7000


def test_refining_sends_the_conversation_verbatim() -> None:
    """The signature goes back in its part, the picture byte for byte, over two refinements."""
    transport = MemoryTransport()

    async def call() -> list[genkit.GenerationResponse]:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            first = await client.generate("a banana", aspect_ratio="16:9")
            second = await client.refine(first, "bigger")
            return [first, second, await client.refine(second, "and blue")]

    first, second, third = run_virtual(call())
    contents = transport.documents[-1]["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user", "model", "user"]
    for response, turn in ((first, contents[1]), (second, contents[3])):
        parts = [part for part in turn["parts"] if "inlineData" in part]
        given = [part for part in response.answers[0].parts if hasattr(part, "image")]
        assert len(parts) == len(given) == 1
        assert parts[0]["thoughtSignature"]
    assert contents[0]["parts"][0]["text"] == first.prompt
    # Options of the first request hold for its refinements.
    assert transport.documents[-1]["generationConfig"]["imageConfig"]["aspectRatio"] == "16:9"
    assert len(third.conversation.turns) == 6


def test_another_picture_than_the_first_can_be_refined() -> None:
    """Of several pictures the conversation goes on from the one that is named."""
    transport = MemoryTransport()

    async def call() -> tuple[genkit.GenerationResponse, genkit.GenerationResponse]:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            first = await client.generate("a", n=2)
            with pytest.raises(IndexError, match="image 2"):
                await client.refine(first, "b", image=2)
            return first, await client.refine(first, "b", image=1)

    first, second = run_virtual(call())
    assert second.history.turns[1].images[0].data == first.images[1].data
    assert second.request is not None
    assert second.request.n == 1


def test_a_conversation_goes_on_from_a_file(tmp_path: Path) -> None:
    """What was saved continues as if nothing had been between."""
    transport = MemoryTransport()
    first = generate(transport, "a banana")
    first.conversation.save(tmp_path / "x.json")
    loaded = Conversation.load(tmp_path / "x.json")
    assert loaded == first.conversation
    assert loaded.turns[-1].author == f"gemini:{MODEL}"
    generate(transport, "bigger", conversation=loaded)
    model_turn = transport.documents[-1]["contents"][1]
    assert any("thoughtSignature" in part for part in model_turn["parts"])


def test_switching_the_model_leaves_foreign_state_out() -> None:
    """Another model does not get the first one's signatures, and the response says so."""
    transport = MemoryTransport()

    async def call() -> genkit.GenerationResponse:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            first = await client.generate("a banana")
            return await client.refine(first, "bigger", model="gemini:gemini-3-pro-image")

    response = run_virtual(call())
    codes = [notice.code for notice in response.notices]
    assert "foreign-state-left-out" in codes
    wire = str(transport.documents[-1])
    assert "thoughtSignature" not in wire
    # Without its signature the picture is the user's: the service refuses it otherwise.
    roles = [
        turn["role"]
        for turn in transport.documents[-1]["contents"]
        if any("inlineData" in part for part in turn["parts"])
    ]
    assert roles == ["user"]


def test_many_requests_end_one_by_one() -> None:
    """Outcomes come as they finish, errors among them, and keep to the concurrency."""
    transport = MemoryTransport(script=[9.0, 1.0, ErrorFacts(kind="invalid-request"), 1.0])

    async def call() -> list[genkit.ManyOutcome]:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            last = genkit.GenerationRequest("d")
            prompts: list[str | genkit.GenerationRequest] = ["a", "b", "c", last]
            return [one async for one in client.generate_many(prompts, concurrency=2)]

    outcomes = run_virtual(call())
    assert [one.index for one in outcomes] == [1, 2, 3, 0]
    assert [type(one.error) for one in outcomes if one.error] == [genkit.InvalidRequestError]
    assert all((one.response is None) != (one.error is None) for one in outcomes)
    assert transport.most == 2


def test_leaving_many_early_cancels_what_is_under_way() -> None:
    """Breaking off leaves no request running."""
    transport = MemoryTransport(script=[1.0, 60.0, 60.0])

    async def call() -> float:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            outcomes = client.generate_many(["a", "b", "c"], concurrency=3)
            async for _one in outcomes:
                break
            await outcomes.aclose()
            assert transport.running == 0
            return asyncio.get_running_loop().time()

    assert run_virtual(call()) == pytest.approx(1.0)


def test_cancelling_a_call_cancels_every_slot() -> None:
    """A cancelled call leaves nothing running, and the cancellation comes through."""
    transport = MemoryTransport(script=[60.0, 60.0])

    async def call() -> None:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            task = asyncio.ensure_future(client.generate("a", n=2))
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert transport.running == 0

    run_virtual(call())


def test_a_plan_shows_what_would_be_sent_and_sends_nothing() -> None:
    """Planning needs neither key nor network, and encodes the very bytes."""
    transport = MemoryTransport()
    client = genkit.Client("gemini", transport=transport)
    plan = client.plan("a banana", width=512, height=512, n=2)
    assert not transport.requests
    assert [slot.slot for slot in plan.slots] == [0, 1]
    assert plan.estimate.cost == pytest.approx(2 * 0.0336, rel=0.1)
    assert client.estimate("a banana").images == 1
    assert client.estimate("a", model="gemini:made-up-model").cost is None


def test_an_unknown_model_is_sent_with_a_notice_and_a_404_names_known_ones() -> None:
    """An id that the table lacks passes through; the service's refusal lists what is known."""
    transport = MemoryTransport()
    with pytest.raises(genkit.ModelNotFoundError) as caught:
        generate(transport, "a", model="gemini:made-up-model")
    assert MODEL in str(caught.value)
    assert caught.value.status == 404
    with pytest.raises(genkit.ModelNotFoundError, match="replaced by"):
        generate(transport, "a", model="gemini-2.0-flash-exp")


def test_a_missing_key_says_how_to_get_going() -> None:
    """Before any network the error names the variables, the file and the emulator."""
    transport = MemoryTransport()

    async def call() -> None:
        async with genkit.Client("gemini", transport=transport) as client:
            await client.generate("a")

    with pytest.raises(genkit.AuthenticationError) as caught:
        run_virtual(call())
    for word in ("GEMINI_API_KEY", "genkit.toml", "--emulator"):
        assert word in str(caught.value)
    assert not transport.requests


def test_bad_input_is_told_before_any_network() -> None:
    """Provider, option and reference mistakes are typed and name their field."""
    transport = MemoryTransport()
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"model": "nobody:x"}, "model"),
        ({"provider_options": {"gemini": {"no_such": 1}}}, "provider_options"),
        ({"provider_options": {"nobody": {}}}, "provider_options"),
        ({"references": ["/no/such/file.png"]}, "references"),
        ({"references": [b"no picture"]}, "references"),
        ({"template": "nobody"}, "template"),
        ({"variables": {"unused": 1}}, "variables"),
        ({"output_format": "tiff"}, "output_format"),
        ({"width": 0, "height": 5}, "width"),
    ]
    for fields, field in mistakes:
        with pytest.raises(genkit.InvalidRequestError) as caught:
            generate(transport, "a", **fields)
        assert (caught.value.field or "").startswith(field), fields
    assert not transport.requests


def test_a_closed_client_says_so() -> None:
    """After `close` every call is a clear error."""
    transport = MemoryTransport()

    async def call() -> None:
        client = genkit.Client("gemini", **client_options(transport))
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await client.generate("a")
        with pytest.raises(RuntimeError, match="closed"):
            async with client:
                pass

    run_virtual(call())
    assert transport.closed == 1


def test_a_client_serves_two_event_loops_one_after_the_other() -> None:
    """The same client object works in two runs of a loop."""
    transport = MemoryTransport()
    client = genkit.Client("gemini", **client_options(transport))
    for _ in range(2):
        run_virtual(client.generate("a"))
    assert len(transport.requests) == 2


def test_observers_see_the_whole_call_and_cannot_break_it() -> None:
    """Events come in order, and an observer that raises changes nothing."""
    transport = MemoryTransport(script=[ErrorFacts(kind="overloaded")])
    events: list[Event] = []

    def broken(_event: Event) -> None:
        raise ValueError("an observer's own mistake")

    async def call() -> None:
        options = client_options(transport, observers=[broken, events.append])
        async with genkit.Client("gemini", **options) as client:
            await client.generate("a")

    run_virtual(call())
    assert [event.name for event in events] == [
        "call-start",
        "attempt-start",
        "attempt-end",
        "retry-schedule",
        "attempt-start",
        "attempt-end",
        "call-end",
    ]
    assert len({event.generation_id for event in events}) == 1
    last = events[-1]
    assert isinstance(last, CallEnd)
    assert last.response is not None


def test_an_ambiguous_end_is_repeated_once_and_counted() -> None:
    """A call that may have been paid is tried once more, and the error says maybe."""
    lost = AmbiguousError("no answer", context=ErrorContext(charge="maybe"))
    transport = MemoryTransport(script=[lost, lost, None])
    with pytest.raises(genkit.AmbiguousError) as caught:
        generate(transport, "a")
    assert [attempt.charge for attempt in caught.value.attempts] == ["maybe", "maybe"]
    assert caught.value.charge == "maybe"


def test_a_call_that_is_refused_costs_nothing_and_is_not_repeated() -> None:
    """A refused prompt is one request, whatever the attempts allowed."""
    transport = MemoryTransport(script=[ErrorFacts(kind="content-policy", stage="prompt")])
    with pytest.raises(genkit.ContentPolicyError) as caught:
        generate(transport, "a")
    assert caught.value.stage == "prompt"
    assert len(transport.requests) == 1


def test_words_instead_of_a_picture_are_kept() -> None:
    """An answer in words is an error that carries them."""
    absence = Absence(cause="text", message="I would rather not")
    transport = MemoryTransport(script=[absence])
    with pytest.raises(genkit.NoImageError) as caught:
        generate(transport, "a")
    assert caught.value.charge == "yes"
    assert len(transport.requests) == 1


def test_a_second_attempt_sends_the_same_bytes() -> None:
    """Every attempt of a call is identical on the wire."""
    transport = MemoryTransport(script=[ErrorFacts(kind="server-error")] * 2)
    generate(transport, "a", references=[generate(MemoryTransport(), "ref").images[0]])
    bodies = {request.body.sha256() for request in transport.requests if request.body}
    assert len(transport.requests) == 3
    assert len(bodies) == 1


def test_several_pictures_in_one_answer_are_all_given() -> None:
    """More pictures than asked for are kept: they were paid for."""

    def doubled(answer: Answer) -> Answer:
        body = dict(answer.body)
        candidate = dict(body["candidates"][0])
        content = dict(candidate["content"])
        content["parts"] = [*content["parts"], *content["parts"]]
        candidate["content"] = content
        return attrs.evolve(answer, body={**body, "candidates": [candidate]})

    response = generate(MemoryTransport(script=[doubled]), "a")
    assert len(response.images) == 2
    assert not response.failures


def test_signatures_of_megabytes_survive_a_refinement() -> None:
    """Real signatures are larger than their pictures; they go back to the character."""
    transport = MemoryTransport(GeminiEmulation(signature_bytes=1_500_000))

    async def call() -> genkit.GenerationResponse:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            return await client.refine(await client.generate("a"), "b")

    response = run_virtual(call())
    assert response.images
    assert transport.charged == 2


def test_where_a_key_goes_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A configured address that is not the service's own is told, because the key goes there."""
    path = tmp_path / "genkit.toml"
    path.write_text('[providers.gemini]\nbase_url = "https://proxy.example/v1"\n')
    genkit.Client("gemini", transport=MemoryTransport(), config=path)
    assert "https://proxy.example/v1" in caplog.text


def test_a_plan_is_sent_as_it_was_shown() -> None:
    """Running a plan sends the very bytes that it holds."""
    transport = MemoryTransport()

    async def call() -> tuple[genkit.Plan, genkit.GenerationResponse]:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            plan = client.plan("a banana")
            return plan, await client.run(plan)

    plan, response = run_virtual(call())
    assert transport.requests == [slot.wire for slot in plan.slots]
    assert (response.generation_id, response.seed) == (plan.generation_id, plan.slots[0].seed)


def kept_pictures(caplog: pytest.LogCaptureFixture) -> list[bytes]:
    """The files that the log says pictures were kept in."""
    (message,) = [record.getMessage() for record in caplog.records if "kept in" in record.message]
    return [Path(path).read_bytes() for path in message.partition("kept in ")[2].split(", ")]


def test_a_cancelled_call_keeps_the_pictures_that_had_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of two pictures one had come and was paid for: it is in a file that the log names."""
    transport = MemoryTransport(script=[None, 60.0])

    async def call() -> None:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            task = asyncio.ensure_future(client.generate("a", n=2))
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run_virtual(call())
    (kept,) = kept_pictures(caplog)
    assert kept.startswith(b"\xff\xd8")
    assert transport.charged == 1


def test_leaving_many_early_keeps_what_was_not_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Outcomes that ended together with the last one seen are kept, because they were paid for."""
    transport = MemoryTransport(script=[1.0, 1.0])

    async def call() -> None:
        async with genkit.Client("gemini", **client_options(transport)) as client:
            outcomes = client.generate_many(["a", "b"], concurrency=2)
            async for _one in outcomes:
                break
            await outcomes.aclose()

    run_virtual(call())
    assert len(kept_pictures(caplog)) == 1


def test_a_call_that_would_cost_more_than_allowed_is_not_sent() -> None:
    """`max_cost` is held against the estimate, and refused where there is none."""
    transport = MemoryTransport()
    with pytest.raises(genkit.BudgetExceededError) as caught:
        generate(transport, "a", n=4, max_cost=0.1)
    assert caught.value.charge == "no"
    with pytest.raises(genkit.UnsupportedOptionError, match="no price is known"):
        generate(transport, "a", model="gemini:made-up-model", max_cost=9.0)
    assert not transport.requests
    assert generate(transport, "a", n=2, max_cost=0.1).images
