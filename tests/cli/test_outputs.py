from __future__ import annotations

import os
from pathlib import Path

import pytest

from genkit.cli.outputs import Target, conversation_path
from genkit.conversation import Conversation
from genkit.errors import InvalidRequestError, NoImageError, OutputError
from genkit.images import suffix_of
from genkit.response import GeneratedImage, GenerationResponse
from genkit.sniff import sniff
from tests.cli.pictures import picture


def response(*pictures: GeneratedImage, failed: tuple[int, ...] = ()) -> GenerationResponse:
    """A response with these pictures, where some slots failed."""
    return GenerationResponse(
        images=pictures,
        failures={slot: NoImageError("none") for slot in failed},
        generation_id="g",
        provider="p",
        model="m",
    )


def target(out: str | None, folder: Path, **options: object) -> Target:
    """The target that an option means."""
    return Target.of(out, **{"folder": folder, "count": 1, **options})  # type: ignore[arg-type]


def test_a_named_file_is_written_with_its_conversation(folder: Path) -> None:
    """The picture stands at the path that was named, its conversation beside it."""
    made = target("new/banana.png", folder)
    made.check()
    (saved,) = made.save(response(picture()))
    assert saved.path == Path("new/banana.png")
    assert sniff(saved.path.read_bytes()) == sniff(picture().data)
    assert saved.conversation == Path("new/banana.genkit-conversation")
    assert Conversation.load(saved.conversation) == Conversation()
    assert saved.elsewhere is None


def test_the_suffix_decides_the_format(folder: Path) -> None:
    """A PNG saved as .jpg is converted; without a suffix it gets that of its type."""
    (converted,) = target("x.jpg", folder).save(response(picture()))
    assert converted.file.media_type == "image/jpeg"
    assert converted.file.data == converted.path.read_bytes()
    (named,) = target("plain", folder).save(response(picture("image/webp")))
    assert named.path == Path("plain.webp")


@pytest.mark.parametrize(
    ("out", "asked", "used"),
    [
        ("x.png", None, "png"),
        ("x.JPG", None, "jpeg"),
        ("x.jpeg", "jpg", "jpeg"),
        ("x", "webp", "webp"),
        ("x", None, None),
        (None, "tiff", "tiff"),
    ],
)
def test_the_format_is_asked_for(
    out: str | None, asked: str | None, used: str | None, folder: Path
) -> None:
    """The suffix's format is what the service is asked for, or else the one that was named."""
    assert target(out, folder).format(asked) == used


def test_a_contradiction_of_format_and_suffix(folder: Path) -> None:
    """A format that is not the suffix's is refused before anything is paid."""
    with pytest.raises(InvalidRequestError, match="contradicts") as caught:
        target("x.png", folder).format("webp")
    assert caught.value.field == "output_format"


def test_a_name_is_made_of_the_time(folder: Path) -> None:
    """Without a name the file is called by the time, in the folder that is configured."""
    made = target(None, folder / "pictures")
    made.check()
    (saved,) = made.save(response(picture()))
    assert saved.path.parent == folder / "pictures"
    assert saved.path.name.startswith("genkit-2")
    assert saved.path.suffix == ".png"


def test_a_free_name_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that are taken, with whatever suffix, are passed by."""
    monkeypatch.setattr(
        "genkit.cli.outputs._dated", lambda folder: iter([folder / "a", folder / "b"])
    )
    (folder / "a.webp").touch()
    assert target(None, folder).stem == folder / "b"
    (folder / "b-2.png").touch()
    with pytest.raises(StopIteration):
        target(None, folder, count=2)


@pytest.mark.parametrize("out", ["pictures", "new/", f"deep{os.sep}er{os.sep}"])
def test_a_folder_gets_a_name_of_its_own(out: str, folder: Path) -> None:
    """A folder that is there, or a path that ends like one, is where the file goes."""
    (folder / "pictures").mkdir()
    made = target(out, folder)
    assert made.stem.parent == Path(out)
    made.check()


def test_several_pictures_are_numbered_by_slot(folder: Path) -> None:
    """Each picture has its slot's number, also where one before it failed."""
    made = target("x.png", folder, count=3)
    saved = made.save(response(picture(), picture(), failed=(1,)))
    assert [(one.slot, one.path.name) for one in saved] == [(0, "x-1.png"), (2, "x-3.png")]
    assert (folder / "x-3.genkit-conversation").exists()


def test_more_pictures_than_asked_for_are_all_kept(folder: Path) -> None:
    """A service that gives more than was asked for loses none of them."""
    saved = target("x.png", folder).save(response(picture(), picture()))
    assert [one.path.name for one in saved] == ["x.png", "x-2.png"]


@pytest.mark.parametrize("there", ["x.png", "x.genkit-conversation"])
def test_what_is_there_is_not_overwritten(there: str, folder: Path) -> None:
    """A picture or a conversation that is there ends the command before it pays."""
    (folder / there).write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        target("x.png", folder).check()
    forced = target("x.png", folder, force=True)
    forced.check()
    forced.save(response(picture()))
    assert sniff((folder / "x.png").read_bytes()) is not None
    assert Conversation.load(folder / "x.genkit-conversation") == Conversation()


def test_a_conversation_of_another_picture_does_not_stay(folder: Path) -> None:
    """Without its own conversation, a picture that replaces another removes that one's."""
    target("x.png", folder).save(response(picture()))
    forced = target("x.png", folder, force=True, conversation=False)
    forced.check()
    (saved,) = forced.save(response(picture()))
    assert saved.conversation is None
    assert not (folder / "x.genkit-conversation").exists()


@pytest.mark.parametrize("out", ["x.txt", "x.gif", "banana.png.old", " ", "a\0b.png"])
def test_a_path_that_cannot_be_is_refused(out: str, folder: Path) -> None:
    """A suffix that cannot be written, an empty path and a NUL are refused at once."""
    with pytest.raises(OutputError):
        target(out, folder)


def test_every_possible_suffix_is_checked(folder: Path) -> None:
    """Where the type is not known yet, a file of any type in the way is found."""
    (folder / "x.avif").touch()
    with pytest.raises(OutputError, match=r"x\.avif"):
        target("x", folder).check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    """A folder without the right to write is found before anything is paid."""
    (folder / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot write"):
        target("locked/x.png", folder).check()


def test_a_file_where_a_folder_should_be(folder: Path) -> None:
    """A path below a file is found before anything is paid."""
    (folder / "file").touch()
    with pytest.raises(OutputError, match="file"):
        target("file/x.png", folder).check()


def test_a_paid_picture_is_kept_elsewhere(folder: Path) -> None:
    """A file that came in the way while the picture was made costs neither of them."""
    made = target("x.png", folder)
    made.check()
    (folder / "x.png").write_text("somebody else's")
    (saved,) = made.save(response(picture()))
    assert saved.path == Path("x-2.png")
    assert saved.elsewhere is not None
    assert (folder / "x.png").read_text() == "somebody else's"
    assert saved.conversation == Path("x-2.genkit-conversation")


def test_a_paid_picture_is_kept_among_temporary_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be written any more, the picture is in the folder of temporary files."""
    made = target("gone/x.png", folder)
    made.check()
    (folder / "gone").touch()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (saved,) = made.save(response(picture()))
    assert saved.path == tmp_path / "x-2.png"
    assert saved.elsewhere is not None


@pytest.mark.parametrize(("taken", "name"), [((), "a-2"), (("a-2.jpg", "a-3.png"), "a-4")])
def test_a_refined_picture_gets_the_next_number(
    taken: tuple[str, ...], name: str, folder: Path
) -> None:
    """A refinement goes beside its picture, under the next free number and the same suffix."""
    for one in taken:
        (folder / one).touch()
    made = target(None, Path("elsewhere"), beside=folder / "a.jpg")
    assert (made.stem, made.suffix) == (folder / name, ".jpg")


def test_a_type_that_cannot_be_written_gives_way() -> None:
    """A refinement of a GIF gets the suffix of what comes."""
    assert target(None, Path(), beside=Path("a.gif")).suffix == ""
    assert conversation_path(Path("my.own.png")) == Path("my.own.genkit-conversation")
    assert suffix_of(picture().media_type) == ".png"
