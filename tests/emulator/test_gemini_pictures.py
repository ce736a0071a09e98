from __future__ import annotations

import base64
from typing import Any

import pytest

from genkit.emulation import Drawing
from genkit_gemini.emulated_request import picture_size
from genkit_gemini.emulation import GeminiEmulation
from genkit_gemini.models import ALL_RATIOS
from tests.emulator.gemini import MODEL, Service, contents, made, png


def test_what_is_asked_is_drawn() -> None:
    """Prompt, size, seed and references of the request are those of the drawing."""
    service = Service()
    picture = {"mimeType": "image/png", "data": base64.b64encode(png()).decode()}
    turn = {"parts": [{"text": "A banana"}, {"text": "waving"}, {"inline_data": picture}]}
    image_config = {"aspectRatio": "16:9", "imageSize": "2K"}
    made(contents(turn, seed=0, imageConfig=image_config), service)
    assert service.drawings == [
        Drawing(
            prompt="A banana\nwaving",
            width=2752,
            height=1536,
            seed=0,
            references=1,
            media_type="image/jpeg",
        )
    ]
    assert service.last is not None
    assert service.last.facts["model"] == MODEL
    assert service.last.facts["tier"] == "2K"


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", (1024, 1024)),
        ("16:9", (1376, 768)),
        ("9:16", (768, 1376)),
        ("3:2", (1264, 848)),
        ("4:5", (928, 1152)),
        ("1:4", (512, 2048)),
    ],
)
def test_sizes_at_1k(ratio: str, size: tuple[int, int]) -> None:
    """A ratio gives the pixels that the service gives."""
    assert picture_size(ratio, 1024) == size


@pytest.mark.parametrize("ratio", ALL_RATIOS)
@pytest.mark.parametrize("edge", [512, 1024, 2048, 4096])
def test_sizes_keep_area_and_ratio(ratio: str, edge: int) -> None:
    """Every ratio at every tier has about the area of the square and about its proportion."""
    width, height = picture_size(ratio, edge)
    wide, high = (int(term) for term in ratio.split(":"))
    assert width * height == pytest.approx(edge * edge, rel=0.06)
    assert width / height == pytest.approx(wide / high, rel=0.03)


def test_a_seed_is_chosen_where_none_is_given() -> None:
    """Without a seed two equal requests give two pictures, and another run gives the same two."""
    first, second = Service(), Service()
    for service in (first, second):
        for _ in range(2):
            made(contents("A banana"), service)
    seeds = [drawing.seed for drawing in first.drawings]
    assert seeds[0] != seeds[1]
    assert seeds == [drawing.seed for drawing in second.drawings]


def test_a_lower_case_tier_gives_the_smallest() -> None:
    """A tier in lower case is no error and gives the smallest picture."""
    service = Service()
    made(contents("A banana", imageConfig={"imageSize": "4k"}), service)
    assert service.drawings[0].width == 1024


def test_modalities() -> None:
    """The answer holds text, picture or both, as asked; both where nothing is asked."""

    def kinds(**configuration: Any) -> list[str]:
        parts = made(contents("A banana", **configuration))["parts"]
        return [next(kind for kind in ("text", "inlineData") if kind in part) for part in parts]

    assert kinds() == ["text", "inlineData"]
    assert kinds(responseModalities=["IMAGE"]) == ["inlineData"]
    assert kinds(responseModalities=["TEXT"]) == ["text"]


def test_drafts_are_marked() -> None:
    """A draft is marked as a thought, unsigned, and not counted as a picture."""
    service = Service()
    asked = contents("A banana", thinkingConfig={"includeThoughts": True})
    parts = made(asked, service)["parts"]
    assert [part.get("thought", False) for part in parts] == [True, True, False, False]
    assert ["thoughtSignature" in part for part in parts] == [False, False, True, True]
    assert service.last is not None
    assert service.last.images == 1


def test_a_token_limit_leaves_nothing() -> None:
    """A limit below what a picture needs gives MAX_TOKENS without parts, and is charged."""
    service = Service()
    status, answer = service.generate(contents("A banana", maxOutputTokens=100))
    assert (status, answer["candidates"][0]["finishReason"]) == (200, "MAX_TOKENS")
    assert answer["candidates"][0]["content"] == {"role": "model"}
    assert service.last is not None
    assert (service.last.charged, service.last.images) == (True, 0)


def test_usage_adds_up() -> None:
    """The total is the sum of its parts, and pictures are counted in and out."""
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(png()).decode()}}
    _, answer = Service().generate(contents({"parts": [{"text": "abcdefgh"}, picture]}))
    usage = answer["usageMetadata"]
    assert usage["totalTokenCount"] == (
        usage["promptTokenCount"] + usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]
    )
    assert usage["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 2},
        {"modality": "IMAGE", "tokenCount": 1120},
    ]
    assert usage["candidatesTokensDetails"] == [{"modality": "IMAGE", "tokenCount": 1120}]


# -- conversations ----------------------------------------------------------------------------


def continued(change: Any = None, **options: Any) -> tuple[int, Any, Service]:
    """Make a picture, let `change` alter the answered content, and go on from it."""
    service = Service(**options)
    content = made(contents("A banana"), service)
    if change is not None:
        change(content["parts"])
    status, answer = service.generate(contents("A banana", content, "With a hat"))
    return status, answer, service


def test_a_conversation_goes_on() -> None:
    """A conversation sent back as it was goes on with the next turn."""
    status, _, service = continued()
    assert status == 200
    assert service.drawings[-1].turn == 2
    assert service.drawings[-1].prompt == "With a hat"
    assert service.last is not None
    assert service.last.facts["signatures"] == 2


def drop_text(parts: Any) -> None:
    """Drop the text's signature."""
    del parts[0]["thoughtSignature"]


def drop_image(parts: Any) -> None:
    """Drop the picture's signature."""
    del parts[1]["thoughtSignature"]


def exchange(parts: Any) -> None:
    """Let two parts change their signatures."""
    first, second = parts
    first["thoughtSignature"], second["thoughtSignature"] = (
        second["thoughtSignature"],
        first["thoughtSignature"],
    )


def alter(parts: Any) -> None:
    """Change one character of a signature."""
    signature = parts[1]["thoughtSignature"]
    parts[1]["thoughtSignature"] = ("B" if signature[0] == "A" else "A") + signature[1:]


def rewrite(parts: Any) -> None:
    """Change what was said under a signature."""
    parts[0]["text"] += "!"


def cut(parts: Any) -> None:
    """Leave out the end of a signature."""
    parts[0]["thoughtSignature"] = parts[0]["thoughtSignature"][:40]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_text, "text part at content position 2, part position 1 is missing"),
        (drop_image, "image part at content position 2, part position 2 is missing"),
        (exchange, "content position 2, part position 1 is corrupted"),
        (alter, "content position 2, part position 2 is corrupted"),
        (rewrite, "content position 2, part position 1 is corrupted"),
        (cut, "content position 2, part position 1 is corrupted"),
    ],
)
def test_signatures_are_wanted_back(change: Any, words: str) -> None:
    """A part that comes back unsigned, altered or with another's signature is refused by place."""
    status, answer, _ = continued(change)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in answer["error"]["message"]


def test_url_safe_signatures_are_taken() -> None:
    """A signature may come back in the other alphabet of base64."""

    def respell(parts: Any) -> None:
        for part in parts:
            signature = base64.b64decode(part["thoughtSignature"])
            part["thoughtSignature"] = base64.urlsafe_b64encode(signature).decode()

    assert continued(respell)[0] == 200


def test_signatures_of_any_size() -> None:
    """Signatures have the size that was set, up to those of the live service."""
    emulation = GeminiEmulation(signature_bytes=1_000_000)
    content = made(contents("A banana"), Service(emulation))
    sizes = [len(base64.b64decode(part["thoughtSignature"])) for part in content["parts"]]
    assert sizes == [1_000_000, 1_000_000]


def test_pictures_of_the_user_need_no_signature() -> None:
    """An earlier picture goes back as the user's without a signature, and gives its ratio."""
    service = Service()
    parts = made(contents("A banana"), service)["parts"]
    again = {"role": "user", "parts": [{"inlineData": parts[1]["inlineData"]}, {"text": "A hat"}]}
    made(contents(again), service)
    assert service.drawings[-1].references == 1
    assert (service.drawings[-1].width, service.drawings[-1].height) == picture_size("3:2", 1024)


def test_an_older_model_signs_nothing() -> None:
    """A model of the second generation gives PNG, signs nothing, and takes history as it is."""
    service = Service(GeminiEmulation(serves_retired=True))
    old = "gemini-2.5-flash-image"
    content = made(contents("A banana"), service, model=old)
    assert content["parts"][1]["inlineData"]["mimeType"] == "image/png"
    assert not any("thoughtSignature" in part for part in content["parts"])
    made(contents("A banana", content, "With a hat"), service, model=old)
    for configuration in (
        contents("A banana", imageConfig={"imageSize": "1K"}),
        contents("A banana", thinkingConfig={}),
    ):
        assert service.generate(configuration, model=old)[0] == 400
