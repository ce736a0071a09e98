"""The cassettes of OpenAI, played through the client: no emulator, no network, virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import pytest

from genkit import ContentPolicyError, InvalidRequestError
from genkit.testing.cassettes import CassetteFile, CassetteMismatch, cassette_path
from scripts import record
from tests.providers.openai.scenarios import SUITE
from tests.providers.openai.support import files, parse_form, texts
from tests.providers.recorded import Scenario, Turn, name_of


@pytest.fixture
def folder(root: Path) -> Path:
    """Where the cassettes of this module are."""
    return root / "cassettes" / "openai"


@pytest.mark.parametrize("scenario", SUITE.recorded, ids=name_of)
def test_recorded(scenario: Scenario, request: pytest.FixtureRequest, folder: Path) -> None:
    """Every recorded scenario gives what it must when its cassette is played."""
    scenario.check(SUITE.play(scenario, cassette_path(folder, request.node)))


@pytest.mark.parametrize("scenario", SUITE.shaped, ids=name_of)
def test_shaped(scenario: Scenario, request: pytest.FixtureRequest, folder: Path) -> None:
    """Every shape that a live service gave becomes the typed error it must."""
    scenario.check(SUITE.play(scenario, cassette_path(folder, request.node)))


def test_cassettes_say_what_they_are() -> None:
    """No cassette lies about that no test plays, and each says truly where it comes from."""
    SUITE.check_files()


def test_requests_are_for_the_service() -> None:
    """What was recorded on the emulator is asked of the service's own address."""
    asked = {
        scenario.name: {interaction.uri for interaction in SUITE.interactions_of(scenario.name)}
        for scenario in SUITE.scenarios
    }
    generations, edits = (
        {f"https://api.openai.com/v1/images/{kind}"} for kind in ("generations", "edits")
    )
    assert {name for name, uris in asked.items() if uris == edits} == {
        "edit_with_reference",
        "edit_with_two_references",
    }
    assert all(uris in (generations, edits) for uris in asked.values())


def test_size_and_quality_are_asked_for() -> None:
    """The service has fields for both, so the picture needs no change."""
    response = SUITE.response_of("generate_with_size_and_quality")
    ((asked, answered),) = SUITE.bodies_of("generate_with_size_and_quality")
    assert (asked["size"], asked["quality"]) == ("1536x1024", "low")
    assert (answered["size"], answered["quality"]) == ("1536x1024", "low")
    assert response.adjustments == ()


@pytest.mark.parametrize(
    ("name", "field", "count"),
    [("edit_with_reference", "image", 1), ("edit_with_two_references", "image[]", 2)],
)
def test_references_go_along_as_files(name: str, field: str, count: int) -> None:
    """The pictures to edit are files of a form, each its own, beside the fields."""
    SUITE.response_of(name)
    (interaction,) = SUITE.interactions_of(name)
    parts = parse_form(interaction.request_headers["content-type"], interaction.request_body)
    sent = files(parts)
    assert [(part.name, part.media_type) for part in sent] == [(field, "image/png")] * count
    assert len({part.content for part in sent}) == count
    (turn,) = SUITE.named(name).turns
    assert texts(parts)["prompt"] == turn.prompt


def test_two_are_one_request() -> None:
    """Two pictures are asked for at once, in one attempt."""
    response = SUITE.response_of("two_at_once")
    ((asked, _answered),) = SUITE.bodies_of("two_at_once")
    assert asked["n"] == len(response.images) == 2
    assert len(response.attempts) == 1


def test_wait_of_the_service_is_obeyed() -> None:
    """After the 429 as much time passes as the answer says, or more."""
    first, second = SUITE.response_of("rate_limited_then_served").attempts
    assert first.delay is not None
    assert first.delay >= 0.5
    assert second.delay is None


def test_refusal_says_why() -> None:
    """The stage and the categories of a refusal come from the answer."""
    scenario = SUITE.named("moderation_blocked")
    error = SUITE.play(scenario, SUITE.path_of(scenario))
    ((_asked, answered),) = SUITE.bodies_of("moderation_blocked")
    assert isinstance(error, ContentPolicyError)
    assert error.stage == "prompt"
    assert list(error.categories) == answered["error"]["moderation_details"]["categories"]


def test_too_large_is_no_rate_limit() -> None:
    """The same code as a rate limit's, told apart by what stands beside it."""
    ((_asked, limited), _served) = SUITE.bodies_of("rate_limited_then_served")
    ((_asked, large),) = SUITE.bodies_of("request_too_large")
    assert limited["error"]["code"] == large["error"]["code"]
    scenario = SUITE.named("request_too_large")
    assert isinstance(SUITE.play(scenario, SUITE.path_of(scenario)), InvalidRequestError)


@pytest.mark.parametrize("name", ["generate", "edit_with_reference"])
def test_changed_request_comes_through_as_a_mismatch(name: str) -> None:
    """A payload that changed, JSON or form, is no network error and is not retried."""
    (turn,) = SUITE.named(name).turns
    scenario = attrs.evolve(SUITE.named(name), turns=(Turn("Another", turn.fields),))
    with pytest.raises(CassetteMismatch, match="Another"):
        SUITE.play(scenario, SUITE.path_of(SUITE.named(name)))


@pytest.mark.parametrize("name", ["edit_with_two_references", "rate_limited_then_served"])
def test_recording_plays(name: str, tmp_path: Path) -> None:
    """What is recorded on the emulator now is small, plays, and says where it comes from."""
    path = tmp_path / "again.yaml"
    where = asyncio.run(record.record(SUITE, SUITE.named(name), path, None))
    assert where == CassetteFile.read(path).recorded.where == "emulator"
    assert path.stat().st_size < 20_000
    SUITE.named(name).check(SUITE.play(SUITE.named(name), path))


def test_key_is_the_providers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The live service is asked with the key that the provider names, and no other's."""
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "another-made-up-key")
    assert record.key_of(SUITE, SUITE.named("generate")) is None
    monkeypatch.setenv("OPENAI_API_KEY", "made-up-key")
    assert record.key_of(SUITE, SUITE.named("generate")) == "made-up-key"
    assert record.key_of(SUITE, SUITE.named("moderation_blocked")) is None
