"""One word of configuration changes the provider, and nothing else has to change."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import genkit
from genkit.cli import main
from genkit.emulator import Emulator
from genkit.testing.plain_pictures import plain_picture
from tests.swap.conftest import Configure, needs
from tests.swap.program import run

REFERENCES = tuple(
    genkit.Image.from_bytes(plain_picture("image/png", 64, 64, bytes([shade]) * 32))
    for shade in (60, 190)
)


async def test_one_program_for_all(name: str, configure: Configure, emulator: Emulator) -> None:
    """The same program generates, edits, refines and survives what fails, with each provider."""
    report = await run(configure(name), REFERENCES, emulator)
    assert emulator.faults == ()
    made = (
        report.generated,
        report.edited,
        report.refined,
        report.refined_again,
        report.limited,
        report.several,
    )
    assert {response.provider for response in made} == {name}
    assert {entry.provider for entry in emulator.ledger} == {name}

    assert [len(response.images) for response in made] == [1, 1, 1, 1, 1, 2]
    square = report.generated.images[0]
    assert square.width == square.height
    # Each picture is another one, so each request said what it was about.
    assert len({image.sha256 for response in made for image in response.images}) == 7
    assert [response.partial for response in made] == [False] * 5 + [True]
    (failure,) = report.several.failures.values()
    assert isinstance(failure, genkit.ContentPolicyError | genkit.NoImageError)

    assert (report.blocked.provider, report.blocked.stage) == (name, "prompt")
    statuses = [attempt.status for attempt in report.limited.attempts]
    assert statuses[:2] == [429, 200]
    assert report.limited.attempts[0].charge == "no"

    # Charged is every answer that held a picture or held one back, and nothing else.
    calls = sum(attempt.step == "submit" for attempt in report.several.attempts)
    assert calls in (1, 3)  # by what the service makes in one answer
    assert len(emulator.ledger.charged) == 5 + calls


async def test_references_are_on_the_wire(
    name: str, configure: Configure, emulator: Emulator
) -> None:
    """Both references go to whichever service is asked, and none to another."""
    config = configure(name)
    async with genkit.Client(config=config) as client:
        await client.generate("Both of them", references=REFERENCES)
    (entry,) = emulator.ledger.charged
    assert entry.facts["references"] == 2
    assert entry.provider == name


async def test_what_cannot_be_done_is_said_or_refused(
    name: str, configure: Configure, emulator: Emulator
) -> None:
    """The same wish ends as applied, adjusted or refused, by what each model can do."""
    config = configure(name)
    async with genkit.Client(config=config) as client:
        wish = genkit.GenerationRequest("A fox", width=1000, height=500, seed=3, quality="low")
        response = await client.generate(wish)
        able = client.plan(wish).capabilities
        said = {adjustment.field for adjustment in response.adjustments}
        assert ("quality" in said) == ("low" not in able.qualities)
        assert "size" in said or (response.images[0].width, response.images[0].height) == (
            1000,
            500,
        )
        codes = {notice.code for notice in response.notices}
        assert ("seed-unsupported" in codes) == (not able.seed)
        assert response.seed == (3 if able.seed else None)
        before = len(emulator.ledger)
        with pytest.raises(genkit.UnsupportedOptionError):
            await client.generate(wish, quality="no-such-quality", adapt="refuse")
        assert len(emulator.ledger) == before


async def test_the_word_may_stand_in_code(
    name: str, configure: Configure, emulator: Emulator
) -> None:
    """``Client("name")`` and ``model="name:model"`` go before the configuration's default."""
    config = configure("gemini" if name != "gemini" else "bfl")
    async with genkit.Client(name, config=config) as client:
        first = await client.generate("A fox")
    async with genkit.Client(config=config) as client:
        second = await client.generate("A fox", model=f"{name}:{first.model}")
    assert [response.provider for response in (first, second)] == [name, name]


@pytest.mark.parametrize("reference", ["gemini:gemini-3-pro-image", "openai:gpt-image-2", "bfl"])
async def test_the_word_may_stand_on_the_command_line(
    reference: str, configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``-m provider:model`` is the whole change on the command line."""
    name, _, model = reference.partition(":")
    needs(name)
    default = "gemini" if name != "gemini" else "bfl"
    arguments = ["generate", "A fox", "-m", reference, "-o", str(tmp_path / "fox.png"), "--json"]
    arguments += ["--config", str(configure(default))]
    code = await asyncio.to_thread(main, arguments)
    said = capsys.readouterr()
    assert code == 0, said.err
    document = json.loads(said.out)
    assert document["provider"] == name
    assert model in ("", document["model"])
    assert (tmp_path / "fox.png").exists()
