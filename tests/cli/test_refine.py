from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genkit.conversation import Conversation, ImagePart, TextPart, Turn
from genkit.images import Image
from genkit.sniff import sniff
from tests.cli.conftest import Genkit
from tests.cli.pictures import picture_bytes
from tests.cli.service import Service


def contents(service: Service) -> Any:
    """What the last request said, turn by turn."""
    return service.ledger.requests[-1].document["contents"]


def size_of(path: Path) -> tuple[int, int]:
    """Pixels of a file."""
    header = sniff(path.read_bytes())
    assert header is not None
    return header.width, header.height


def test_a_picture_is_refined(genkit: Genkit, service: Service, folder: Path) -> None:
    """The conversation beside the picture goes along, the result stands beside, in its size."""
    made = genkit(
        *("generate", "a banana", "--size", "640x360", "--fit", "crop", "-o", "b.png", "--json"),
        *("-m", "gemini:gemini-3-pro-image"),
    )
    assert made.code == 0
    said = genkit("refine", "b.png", "give it sunglasses", "--json")
    assert said.code == 0
    document = said.document
    assert document["prompt_template"] == "strict-refine"
    assert document["model"] == "gemini-3-pro-image"
    (file,) = document["files"]
    assert file["path"] == "b-2.png"
    assert size_of(folder / "b-2.png") == (640, 360)
    first, answer, last = contents(service)
    assert [turn["role"] for turn in (first, answer, last)] == ["user", "model", "user"]
    assert "a banana" in first["parts"][0]["text"]
    assert any("thoughtSignature" in part for part in answer["parts"])
    assert "give it sunglasses" in last["parts"][0]["text"]
    assert service.ledger.requests[-1].facts["turn"] == 2


def test_a_refinement_is_refined(genkit: Genkit, service: Service, folder: Path) -> None:
    """Each refinement has its own conversation, which the next one goes on from."""
    genkit("generate", "a banana", "-o", "b.png")
    genkit("refine", "b.png", "one")
    said = genkit("refine", "b-2.png", "two", "--json")
    assert said.document["files"][0]["path"] == "b-2-2.png"
    assert len(contents(service)) == 5
    assert len(Conversation.load(folder / "b-2-2.genkit-conversation")) == 6


def test_a_picture_that_was_not_fitted_is_not_fitted(
    genkit: Genkit, service: Service, folder: Path
) -> None:
    """Of a picture as the model made it, so is the refinement: nothing is cut or re-encoded."""
    genkit("generate", "a banana", "--aspect", "16:9", "-o", "b")
    (picture,) = [path for path in folder.iterdir() if path.suffix != ".genkit-conversation"]
    said = genkit("refine", picture.name, "more", "--json")
    assert size_of(folder / said.document["files"][0]["path"]) == size_of(picture)
    codes = [notice["code"] for notice in said.document["notices"]]
    assert "re-encoded" not in codes


def test_another_size_may_be_asked_for(genkit: Genkit, service: Service, folder: Path) -> None:
    """Options go before what follows from the picture."""
    genkit("generate", "a banana", "--size", "64x64", "--fit", "crop", "-o", "b.png")
    genkit("refine", "b.png", "wider", "--size", "64x32", "--fit", "resize", "-o", "w.png")
    assert size_of(folder / "w.png") == (64, 32)
    genkit("refine", "b.png", "wider", "--aspect", "16:9", "-o", "a.png")
    assert size_of(folder / "a.png")[0] > 1000


def test_a_picture_without_conversation_is_edited(
    genkit: Genkit, service: Service, folder: Path
) -> None:
    """Any picture can be refined: it is sent as a reference, before others, and this is said."""
    (folder / "mine.png").write_bytes(picture_bytes(width=32, height=16))
    (folder / "other.jpg").write_bytes(picture_bytes("image/jpeg"))
    said = genkit("refine", "mine.png", "sharper", "-i", "other.jpg", "--json")
    assert said.code == 0
    assert said.document["files"][0]["path"] == "mine-2.png"
    assert said.document["prompt_template"] == "strict-edit"
    assert "no-conversation" in [notice["code"] for notice in said.document["notices"]]
    (turn,) = contents(service)
    types = [part["inlineData"]["mimeType"] for part in turn["parts"] if "inlineData" in part]
    assert types == ["image/png", "image/jpeg"]


def test_the_conversation_may_be_with_another_model(genkit: Genkit, service: Service) -> None:
    """With `-m` the state of the former model is left out, and this is said."""
    genkit("generate", "a banana", "-o", "b.png")
    said = genkit("refine", "b.png", "more", "-m", "gemini:gemini-3-pro-image", "--json")
    assert said.code == 0
    assert said.document["model"] == "gemini-3-pro-image"
    assert "foreign-state-left-out" in [notice["code"] for notice in said.document["notices"]]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[: len(data) // 2], "cut or damaged"),
        (lambda data: data.replace(b'"version":1', b'"version":99', 1), "version"),
        (lambda data: b"{}", "not a conversation"),
        (lambda data: b"", "cut or damaged"),
    ],
)
def test_a_conversation_that_cannot_be_read(
    damage: Any, words: str, genkit: Genkit, service: Service, folder: Path
) -> None:
    """A conversation that is cut, newer or none at all ends with 2 before anything is sent."""
    genkit("generate", "a banana", "-o", "b.png")
    beside = folder / "b.genkit-conversation"
    beside.write_bytes(damage(beside.read_bytes()))
    said = genkit("refine", "b.png", "more", "--json")
    assert (said.code, said.error["class"]) == (2, "SessionStateError")
    assert words in said.error["message"]
    assert "b.genkit-conversation" in said.error["message"]
    assert len(service.ledger) == 1


def test_a_conversation_without_a_picture(genkit: Genkit, folder: Path) -> None:
    """A conversation in which nothing was drawn cannot be refined."""
    (folder / "b.png").write_bytes(picture_bytes())
    Conversation((Turn("user", (TextPart("hello"),)),)).save(folder / "b.genkit-conversation")
    said = genkit("refine", "b.png", "more", "--emulator", "--json")
    assert (said.code, said.error["field"]) == (2, "image")


def test_a_conversation_of_unknown_origin(genkit: Genkit, service: Service, folder: Path) -> None:
    """A conversation without any provider's state goes on with the default model."""
    (folder / "b.png").write_bytes(picture_bytes())
    image = Image.from_bytes(picture_bytes())
    turns = (Turn("user", (TextPart("a bee"),)), Turn("model", (ImagePart(image),)))
    Conversation(turns).save(folder / "b.genkit-conversation")
    said = genkit("refine", "b.png", "more", "--json")
    assert said.code == 0
    assert said.document["model"] == "gemini-nano-banana-2.1"


@pytest.mark.parametrize("name", ["nowhere.png", "text.png", "."])
def test_no_picture(name: str, genkit: Genkit, folder: Path) -> None:
    """What is no readable picture ends with 2 and names the field."""
    (folder / "text.png").write_text("no picture")
    said = genkit("refine", name, "more", "--json")
    assert (said.code, said.error["field"]) == (2, "image")


def test_the_next_name_is_free(genkit: Genkit, service: Service, folder: Path) -> None:
    """Nothing is overwritten: a number that is taken is passed by."""
    genkit("generate", "a banana", "-o", "b.png")
    (folder / "b-2.png").write_text("mine")
    said = genkit("refine", "b.png", "more")
    assert said.out == "b-3.png\n"
    assert (folder / "b-2.png").read_text() == "mine"


def test_refining_in_place(genkit: Genkit, service: Service, folder: Path) -> None:
    """With `-o` and `--force` the picture itself is replaced, with its conversation."""
    genkit("generate", "a banana", "-o", "b.png")
    before = (folder / "b.png").read_bytes()
    assert genkit("refine", "b.png", "more", "-o", "b.png").code == 9
    said = genkit("refine", "b.png", "more", "-o", "b.png", "--force")
    assert (said.code, said.out) == (0, "b.png\n")
    assert (folder / "b.png").read_bytes() != before
    assert len(Conversation.load(folder / "b.genkit-conversation")) == 4
