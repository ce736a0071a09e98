"""The cassettes of Gemini, played through the client: no emulator, no network, virtual time."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from PIL import Image

from genkit import GenerationError, GenerationResponse
from genkit.client import ClientOptions
from genkit.emulator import Emulator
from genkit.testing.cassettes import (
    CassetteError,
    CassetteFile,
    CassetteMismatch,
    cassette,
    cassette_path,
)
from genkit.testing.clock import run_virtual
from scripts import record
from tests.providers.gemini import scenarios
from tests.providers.gemini.scenarios import RECORDED, SHAPED, Scenario, Turn

KEY = "made-up-key"
NAMED = {scenario.name: scenario for scenario in (*RECORDED, *SHAPED)}


def name_of(scenario: Scenario) -> str:
    """The id of a test."""
    return scenario.name


@pytest.fixture
def folder(root: Path) -> Path:
    """Where the cassettes of this module are."""
    return root / "cassettes" / "gemini"


def play(scenario: Scenario, path: Path) -> GenerationResponse | GenerationError:
    """Play a scenario's cassette."""
    with cassette(path):
        return run_virtual(scenario.play(scenario.client_for(KEY)))


def response_of(name: str, folder: Path) -> GenerationResponse:
    """What a recorded scenario gives."""
    path = folder / "test_cassettes" / f"test_recorded-{name}.yaml"
    result = play(NAMED[name], path)
    assert isinstance(result, GenerationResponse)
    return result


def bodies_of(name: str, folder: Path) -> list[tuple[Any, Any]]:
    """The parsed requests and answers of a recorded scenario."""
    file = CassetteFile.read(folder / "test_cassettes" / f"test_recorded-{name}.yaml")
    return [
        (json.loads(interaction.request_body), json.loads(interaction.response_body))
        for interaction in file.interactions
    ]


@pytest.mark.parametrize("scenario", RECORDED, ids=name_of)
def test_recorded(scenario: Scenario, request: pytest.FixtureRequest, folder: Path) -> None:
    """Every recorded scenario gives what it must when its cassette is played."""
    scenario.check(play(scenario, cassette_path(folder, request.node)))


@pytest.mark.parametrize("scenario", SHAPED, ids=name_of)
def test_shaped(scenario: Scenario, request: pytest.FixtureRequest, folder: Path) -> None:
    """Every shape that a live service gave becomes the response or the typed error it must."""
    scenario.check(play(scenario, cassette_path(folder, request.node)))


def test_every_cassette_is_played(folder: Path) -> None:
    """No cassette lies about that no test plays."""
    expected = {f"test_recorded-{scenario.name}" for scenario in RECORDED}
    expected |= {f"test_shaped-{scenario.name}" for scenario in SHAPED}
    assert {path.stem for path in (folder / "test_cassettes").iterdir()} == expected


def test_cassettes_say_what_they_are(folder: Path) -> None:
    """Shaped ones never claim to be recordings, and scripted faults come from the emulator."""
    for scenario in NAMED.values():
        kind = "recorded" if scenario in RECORDED else "shaped"
        path = folder / "test_cassettes" / f"test_{kind}-{scenario.name}.yaml"
        where = CassetteFile.read(path).recorded.where
        if kind == "shaped":
            assert where.startswith("shaped after ")
        else:
            assert where in {"emulator"} | (set() if scenario.faults else {"live service"})


def test_size_is_asked_for_and_cropped(folder: Path) -> None:
    """The service is asked for a ratio and a tier, and the picture has the pixels asked for."""
    response = response_of("generate_with_size", folder)
    ((asked, _answer),) = bodies_of("generate_with_size", folder)
    assert asked["generationConfig"]["imageConfig"]["aspectRatio"] == "16:9"
    assert asked["generationConfig"]["seed"] == response.seed == 0
    with Image.open(io.BytesIO(response.image_data)) as image:
        assert image.size == (1280, 720)
    assert [adjustment.field for adjustment in response.adjustments] != []


def test_reference_goes_along(folder: Path) -> None:
    """The picture to edit is sent beside the words, and stands in the file as a tiny one."""
    response_of("edit_with_reference", folder)
    ((asked, _answer),) = bodies_of("edit_with_reference", folder)
    parts = asked["contents"][-1]["parts"]
    sent = [part["inlineData"] for part in parts if "inlineData" in part]
    assert [part["mimeType"] for part in sent] == ["image/png"]
    assert len(scenarios.reference()) > 3072 > len(base64.b64decode(sent[0]["data"]))


def test_refinement_sends_every_part_back(folder: Path) -> None:
    """The model's parts go back as they came: signature, picture and words, turn for turn."""
    response_of("refine_twice", folder)
    first, second, third = bodies_of("refine_twice", folder)
    made = [answer["candidates"][0]["content"] for _asked, answer in (first, second)]
    assert [turn for turn in second[0]["contents"] if turn["role"] == "model"] == made[:1]
    assert [turn for turn in third[0]["contents"] if turn["role"] == "model"] == made
    assert all(part["thoughtSignature"] for turn in made for part in turn["parts"])


def test_refused_slot_keeps_the_others(folder: Path) -> None:
    """Of three pictures one is refused: two stay, and the error has its own slot."""
    response = response_of("three_with_one_refused", folder)
    assert response.partial
    assert sorted(attempt.slot for attempt in response.attempts) == [0, 1, 2]
    seeds = [a["generationConfig"]["seed"] for a, _ in bodies_of("three_with_one_refused", folder)]
    assert seeds == [7, 8, 9]


def test_wait_of_the_service_is_obeyed(folder: Path) -> None:
    """After the 429 as much time passes as the answer says, or more."""
    first, second = response_of("rate_limited_then_served", folder).attempts
    assert first.delay is not None
    assert first.delay >= 0.5
    assert second.delay is None


@pytest.mark.parametrize("name", ["generate", "three_with_one_refused"])
def test_changed_request_comes_through_as_a_mismatch(name: str, folder: Path) -> None:
    """A payload that changed is no network error, is not retried, and names what differs."""
    changed = (Turn(fields={**NAMED[name].turns[0].fields, "seed": 1234}),)
    scenario = attrs.evolve(NAMED[name], turns=changed)
    with pytest.raises(CassetteMismatch, match='"seed": 1234'):
        play(scenario, folder / "test_cassettes" / f"test_recorded-{name}.yaml")


@pytest.mark.parametrize("name", ["refine_twice", "rate_limited_then_served"])
def test_recording_plays(name: str, tmp_path: Path) -> None:
    """What is recorded on the emulator now is small, plays, and says where it comes from."""
    path = tmp_path / "again.yaml"
    where = asyncio.run(record.record(NAMED[name], scenarios, path, None))
    assert where == CassetteFile.read(path).recorded.where == "emulator"
    assert path.stat().st_size < 20_000
    NAMED[name].check(play(NAMED[name], path))


def test_emulator_never_passes_for_the_service(tmp_path: Path) -> None:
    """A recording with a key that went to the emulator all the same is refused, and not written."""
    path = tmp_path / "claim.yaml"

    async def claim() -> None:
        async with Emulator() as emulator:
            client: ClientOptions = {"base_url": emulator.base_url("gemini")}
            scenario = attrs.evolve(NAMED["generate"], client=client)
            await record.record(scenario, scenarios, path, KEY)

    with pytest.raises(CassetteError, match=r"127\.0\.0\.1 is not the live service"):
        asyncio.run(claim())
    assert not path.exists()


def test_key_decides_where_to_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key it is the live service, but never for what must go wrong."""
    faulty = NAMED["rate_limited_then_served"]
    assert record.key_of(scenarios, NAMED["generate"]) is None
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    assert record.key_of(scenarios, NAMED["generate"]) == KEY
    assert record.key_of(scenarios, faulty) is None


def test_table_is_written_between_its_marks(tmp_path: Path, folder: Path) -> None:
    """Only the table of the README changes, and it names every cassette."""
    (tmp_path / "one.yaml").write_bytes(next(folder.rglob("*.yaml")).read_bytes())
    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{record.TABLE_BEGINS}old\n{record.TABLE_ENDS}below\n", "utf-8")
    record.write_table(tmp_path)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"above\n{record.TABLE_BEGINS}| cassette |")
    assert "| `one.yaml` |" in text
    assert text.endswith(f"|\n{record.TABLE_ENDS}below\n")
