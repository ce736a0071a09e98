"""Submit, poll, download against the emulated service, and what becomes of each that fails."""

from __future__ import annotations

from typing import Any

import pytest

import genkit
from genkit.emulator import Emulator

POLL, DOWNLOAD = "/get_result", "/delivery/"


def steps(emulator: Emulator) -> list[str]:
    """Name the requests in the order in which they came."""
    names = []
    for entry in emulator.ledger:
        is_step = [name for name in (POLL, DOWNLOAD) if name in entry.path]
        names.append(is_step[0].strip("/") if is_step else "submit")
    return names


async def test_a_picture(client: genkit.Client, emulator: Emulator) -> None:
    """A task is submitted once, polled until it is ready, and its picture downloaded."""
    response = await client.generate("A cup", aspect_ratio="16:9", seed=7, output_format="jpeg")
    (image,) = response.images
    assert (image.width, image.height, image.media_type) == (1376, 768, "image/jpeg")
    assert steps(emulator) == ["submit", "get_result", "get_result", "delivery"]
    assert [entry.method for entry in emulator.ledger] == ["POST", "GET", "GET", "GET"]
    assert [attempt.step for attempt in response.attempts] == ["submit", *["follow-up"] * 3]
    metadata = response.provider_metadata["bfl"]
    assert (metadata["cost"], metadata["seed"]) == (4.0, 7)
    assert response.request_id == metadata["id"]
    assert response.cost is None
    assert response.notices == ()


async def test_the_key_stays_with_the_service(client: genkit.Client, emulator: Emulator) -> None:
    """The key goes to the API, polls included, and not to where the picture is."""
    await client.generate("A cup")
    carrying = ["x-key" in entry.headers for entry in emulator.ledger]
    assert carrying == [True, True, True, False]


@pytest.mark.parametrize("path", [POLL, DOWNLOAD])
@pytest.mark.parametrize("fault", ["rate-limited", "overloaded", "server-error", "cut"])
async def test_a_failing_step_never_submits_again(
    client: genkit.Client, emulator: Emulator, path: str, fault: Any
) -> None:
    """A poll or a download that fails is sent again by itself: one task was paid for."""
    wait = 0.0 if fault == "rate-limited" else None
    emulator.fail(fault, path=path, times=2, retry_after=wait)
    response = await client.generate("A cup")
    assert len(response.images) == 1
    assert emulator.faults == ()
    (paid,) = emulator.ledger.charged
    assert paid.path == "/bfl/v1/flux-kontext-pro"
    assert steps(emulator).count("submit") == 1


@pytest.mark.parametrize(
    ("path", "error"), [(POLL, genkit.ServerError), (DOWNLOAD, genkit.DownloadError)]
)
async def test_a_step_that_keeps_failing(
    client: genkit.Client,
    emulator: Emulator,
    path: str,
    error: type[genkit.GenerationError],
) -> None:
    """After the last attempt of a step the call fails, says that it may cost, and is not begun
    again.
    """
    emulator.fail("server-error", path=path, times=9)
    with pytest.raises(error) as caught:
        await client.generate("A cup")
    assert steps(emulator).count("submit") == 1
    assert len(emulator.faults) == 6
    assert caught.value.charge in ("maybe", "yes")
    assert caught.value.attempts[0].step == "submit"


@pytest.mark.parametrize("path", [None, POLL])
@pytest.mark.parametrize(("fault", "stage"), [("block", "prompt"), ("block-output", "output")])
async def test_refusals(
    client: genkit.Client, emulator: Emulator, fault: Any, stage: str, path: str | None
) -> None:
    """A refusal, whichever answer tells it, is typed with its stage and never tried again."""
    emulator.fail(fault, path=path)
    with pytest.raises(genkit.ContentPolicyError) as caught:
        await client.generate("A cup")
    assert (caught.value.stage, caught.value.categories) == (stage, ("Safety Filter",))
    assert len(emulator.ledger) == (1 if path is None else 2)


async def test_references_and_refinement(client: genkit.Client, emulator: Emulator) -> None:
    """References are numbered; a refinement edits the last picture and says what it left out."""
    first = await client.generate("A cup", seed=1)
    await client.generate("Both", references=[first.images[0], first.images[0]])
    refined = await client.refine(first, "With a crack")
    assert [notice.code for notice in refined.notices] == ["conversation-flattened"]
    documents = [entry.document for entry in emulator.ledger.charged]
    pictures = [sorted(set(document) & {"input_image", "input_image_2"}) for document in documents]
    assert pictures == [[], ["input_image", "input_image_2"], ["input_image"]]


async def test_too_many_references(client: genkit.Client, emulator: Emulator) -> None:
    """Five references, or any for a model that cannot edit, are refused before anything is sent."""
    image = (await client.generate("A cup")).images[0]
    emulator.ledger.clear()
    for model, count in (("bfl:flux-kontext-max", 5), ("bfl:flux-pro-1.1", 1)):
        with pytest.raises(genkit.UnsupportedOptionError) as caught:
            await client.generate("All", model=model, references=[image] * count)
        assert caught.value.field == "references"
    assert len(emulator.ledger) == 0


async def test_several(client: genkit.Client, emulator: Emulator) -> None:
    """Several pictures are several tasks; one that is refused leaves the others."""
    emulator.fail("block-output", path=POLL)
    response = await client.generate("A cup", n=3, seed=5)
    assert len(response.images) == 2
    (failure,) = response.failures.values()
    assert isinstance(failure, genkit.ContentPolicyError)
    submitted = [entry.document for entry in emulator.ledger if entry.method == "POST"]
    assert sorted(document["seed"] for document in submitted) == [5, 6, 7]


async def test_sizes_in_pixels(client: genkit.Client, emulator: Emulator) -> None:
    """A model of free sizes is given the nearest that it makes, and the service agrees."""
    response = await client.generate("A cup", model="bfl:flux-pro-1.1", width=1000, height=500)
    image = response.images[0]
    assert (image.width, image.height) == (992, 512)
    assert response.adjustments[0].used == "992x512"


async def test_bad_key(emulator: Emulator, client: genkit.Client) -> None:
    """A key that the service does not take is told as that, before any task."""
    emulator.fail("authentication")
    with pytest.raises(genkit.AuthenticationError):
        await client.generate("A cup")
    assert emulator.ledger.charged == ()


@pytest.mark.parametrize("polls", [10**6])
async def test_a_task_that_is_never_ready(client: genkit.Client, emulator: Emulator) -> None:
    """The deadline ends the polling; the task may be charged for, and is not submitted again."""
    with pytest.raises(genkit.DeadlineExceededError) as caught:
        await client.generate("A cup", deadline=0.2)
    assert caught.value.charge == "maybe"
    assert steps(emulator).count("submit") == 1
    assert len(emulator.ledger) > 3
