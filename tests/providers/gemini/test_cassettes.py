"""The cassettes of Gemini, played through the client: no emulator, no network, virtual time."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

import attrs
import pytest
from PIL import Image

from genkit.client import ClientOptions
from genkit.emulator import Emulator
from genkit.testing.cassettes import (
    CassetteError,
    CassetteFile,
    CassetteMismatch,
    cassette_path,
)
from scripts import record
from tests.providers.gemini.scenarios import SUITE
from tests.providers.recorded import Scenario, Turn, name_of, reference

KEY = "made-up-key"


@pytest.fixture
def folder(root: Path) -> Path:
    """Where the cassettes of this module are."""
    return root / "cassettes" / "gemini"


@pytest.mark.parametrize("scenario", SUITE.recorded, ids=name_of)
def test_recorded(scenario: Scenario, request: pytest.FixtureRequest, folder: Path) -> None:
    """Every recorded scenario gives what it must when its cassette is played."""
    scenario.check(SUITE.play(scenario, cassette_path(folder, request.node)))


@pytest.mark.parametrize("scenario", SUITE.shaped, ids=name_of)
def test_shaped(scenario: Scenario, request: pytest.FixtureRequest, folder: Path) -> None:
    """Every shape that a live service gave becomes the response or the typed error it must."""
    scenario.check(SUITE.play(scenario, cassette_path(folder, request.node)))


def test_cassettes_say_what_they_are() -> None:
    """No cassette lies about that no test plays, and each says truly where it comes from."""
    SUITE.check_files()


def test_size_is_asked_for_and_cropped() -> None:
    """The service is asked for a ratio and a tier, and the picture has the pixels asked for."""
    response = SUITE.response_of("generate_with_size")
    ((asked, _answer),) = SUITE.bodies_of("generate_with_size")
    assert asked["generationConfig"]["imageConfig"]["aspectRatio"] == "16:9"
    assert asked["generationConfig"]["seed"] == response.seed == 0
    with Image.open(io.BytesIO(response.image_data)) as image:
        assert image.size == (1280, 720)
    assert [adjustment.field for adjustment in response.adjustments] != []


def test_reference_goes_along() -> None:
    """The picture to edit is sent beside the words, and stands in the file as a tiny one."""
    SUITE.response_of("edit_with_reference")
    ((asked, _answer),) = SUITE.bodies_of("edit_with_reference")
    parts = asked["contents"][-1]["parts"]
    sent = [part["inlineData"] for part in parts if "inlineData" in part]
    assert [part["mimeType"] for part in sent] == ["image/png"]
    assert len(reference()) > 3072 > len(base64.b64decode(sent[0]["data"]))


def test_refinement_sends_every_part_back() -> None:
    """The model's parts go back as they came: signature, picture and words, turn for turn."""
    SUITE.response_of("refine_twice")
    first, second, third = SUITE.bodies_of("refine_twice")
    made = [answer["candidates"][0]["content"] for _asked, answer in (first, second)]
    assert [turn for turn in second[0]["contents"] if turn["role"] == "model"] == made[:1]
    assert [turn for turn in third[0]["contents"] if turn["role"] == "model"] == made
    assert all(part["thoughtSignature"] for turn in made for part in turn["parts"])


def test_refused_slot_keeps_the_others() -> None:
    """Of three pictures one is refused: two stay, and the error has its own slot."""
    response = SUITE.response_of("three_with_one_refused")
    assert response.partial
    assert sorted(attempt.slot for attempt in response.attempts) == [0, 1, 2]
    seeds = [a["generationConfig"]["seed"] for a, _ in SUITE.bodies_of("three_with_one_refused")]
    assert seeds == [7, 8, 9]


def test_wait_of_the_service_is_obeyed() -> None:
    """After the 429 as much time passes as the answer says, or more."""
    first, second = SUITE.response_of("rate_limited_then_served").attempts
    assert first.delay is not None
    assert first.delay >= 0.5
    assert second.delay is None


@pytest.mark.parametrize("name", ["generate", "three_with_one_refused"])
def test_changed_request_comes_through_as_a_mismatch(name: str) -> None:
    """A payload that changed is no network error, is not retried, and names what differs."""
    changed = (Turn(fields={**SUITE.named(name).turns[0].fields, "seed": 1234}),)
    scenario = attrs.evolve(SUITE.named(name), turns=changed)
    with pytest.raises(CassetteMismatch, match='"seed": 1234'):
        SUITE.play(scenario, SUITE.path_of(SUITE.named(name)))


@pytest.mark.parametrize("name", ["refine_twice", "rate_limited_then_served"])
def test_recording_plays(name: str, tmp_path: Path) -> None:
    """What is recorded on the emulator now is small, plays, and says where it comes from."""
    path = tmp_path / "again.yaml"
    where = asyncio.run(record.record(SUITE, SUITE.named(name), path, None))
    assert where == CassetteFile.read(path).recorded.where == "emulator"
    assert path.stat().st_size < 20_000
    SUITE.named(name).check(SUITE.play(SUITE.named(name), path))


def test_emulator_never_passes_for_the_service(tmp_path: Path) -> None:
    """A recording with a key that went to the emulator all the same is refused, and not written."""
    path = tmp_path / "claim.yaml"

    async def claim() -> None:
        async with Emulator() as emulator:
            client: ClientOptions = {"base_url": emulator.base_url("gemini")}
            scenario = attrs.evolve(SUITE.named("generate"), client=client)
            await record.record(SUITE, scenario, path, KEY)

    with pytest.raises(CassetteError, match=r"127\.0\.0\.1 is not the live service"):
        asyncio.run(claim())
    assert not path.exists()


def test_key_decides_where_to_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key it is the live service, but never for what must go wrong."""
    faulty = SUITE.named("rate_limited_then_served")
    assert record.key_of(SUITE, SUITE.named("generate")) is None
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    assert record.key_of(SUITE, SUITE.named("generate")) == KEY
    assert record.key_of(SUITE, faulty) is None


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
