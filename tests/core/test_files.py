"""Reading and writing files whole: what is refused, and what is never left behind."""

from __future__ import annotations

import errno
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genkit.errors import InvalidRequestError, OutputError
from genkit.files import check_writable, load_image, read_regular_file, write_atomically
from tests.core.samples import jpeg, png, png_header


def open_descriptors() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


@pytest.fixture(autouse=True)
def _no_descriptor_stays_open() -> Iterator[None]:
    """Whatever a test does, no file stays open."""
    before = open_descriptors()
    yield
    assert open_descriptors() <= before


def unreadable(path: str | os.PathLike[str], max_bytes: int = 100) -> InvalidRequestError:
    """The error that reading `path` gives."""
    with pytest.raises(InvalidRequestError) as caught:
        read_regular_file(path, max_bytes=max_bytes, field="references")
    assert caught.value.field == "references"
    assert caught.value.__cause__ is None
    return caught.value


def test_reads(tmp_path: Path) -> None:
    """A regular file of up to the limit is read whole, by any kind of path, through a link too."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    link = tmp_path / "link"
    link.symlink_to(file)
    for path in (file, str(file), os.fsencode(file), link):
        data = read_regular_file(path, max_bytes=100, field="f")  # type: ignore[arg-type]
        assert data == b"x" * 100
    (tmp_path / "empty").touch()
    assert read_regular_file(tmp_path / "empty", max_bytes=0, field="f") == b""


def test_reads_files_that_hide_their_size() -> None:
    """Files of the system say that they are empty and are not; the limit holds all the same."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("this system has no /proc")
    assert read_regular_file("/proc/self/cmdline", max_bytes=10**6, field="f")
    assert "more than 3 bytes" in str(unreadable("/proc/self/cmdline", max_bytes=3))


def test_large_file(tmp_path: Path) -> None:
    """A file over the limit is refused by its size, before it is read."""
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(10**12)
    error = unreadable(file)
    assert "it has 1000000000000 bytes; at most 100" in str(error)


def test_missing_and_folder(tmp_path: Path) -> None:
    """A missing file, a folder and a file as folder are refused, each with its reason."""
    assert "No such file" in str(unreadable(tmp_path / "missing.png"))
    assert "it is a folder" in str(unreadable(tmp_path))
    (tmp_path / "file").touch()
    assert "Not a directory" in str(unreadable(tmp_path / "file" / "x.png"))
    assert "No such file" in str(unreadable(""))


def test_pipe_does_not_hang(tmp_path: Path) -> None:
    """A pipe that nobody writes to, and one that somebody does, are refused at once."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "it is no file" in str(unreadable(pipe))
    both = os.open(pipe, os.O_RDWR)
    try:
        os.write(both, b"x")
        assert "it is no file" in str(unreadable(pipe))
    finally:
        os.close(both)


def test_devices_and_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices without end and sockets are refused."""
    assert "it is no file" in str(unreadable("/dev/zero"))
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "cannot read 'socket'" in str(unreadable("socket"))


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000, "\x1b]52;c;x\x07\n" * 50])
def test_paths_that_no_file_can_have(path: str) -> None:
    """Impossible names are refused like missing files, on one short and safe line."""
    message = str(unreadable(path))
    assert message.isprintable()
    assert len(message) < 1000


def test_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read says so."""
    file = tmp_path / "file"
    file.touch()

    def refuse(*_arguments: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert str(unreadable(file)).endswith(": Permission denied")


def test_load_image(tmp_path: Path) -> None:
    """A picture is known by its bytes, not by its name."""
    file = tmp_path / "wrong.png"
    file.write_bytes(jpeg())
    assert load_image(file).media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<svg/>", "they look like SVG"),
        (b"", "0 bytes"),
        (png()[:-1], "is cut"),
        (png_header(65535, 65535), "megapixels"),
    ],
)
def test_load_no_image(tmp_path: Path, data: bytes, said: str) -> None:
    """What is in the file and wrong with it is said once, with the file and the field."""
    file = tmp_path / "file.png"
    file.write_bytes(data)
    with pytest.raises(InvalidRequestError) as caught:
        load_image(file, field="input_image")
    assert caught.value.field == "input_image"
    assert str(caught.value).startswith(f"input_image: '{file}': ")
    assert str(caught.value).count("input_image") == 1
    assert said in str(caught.value)


def unwritable(path: str | Path, *, overwrite: bool = False) -> OutputError:
    """The error that both checking and writing give."""
    with pytest.raises(OutputError) as checked:
        check_writable(path, overwrite=overwrite)
    with pytest.raises(OutputError) as written:
        write_atomically(path, [b"new"], overwrite=overwrite)
    assert checked.value.path == written.value.path == str(path)
    assert checked.value.__cause__ is None
    assert str(checked.value) == str(written.value)
    return checked.value


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """The names under `folder`, with the content of the files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("overwrite", [False, True])
def test_writes(tmp_path: Path, overwrite: bool) -> None:
    """All pieces are written, folders are made on the way, and nothing else is left."""
    target = tmp_path / "a" / "b" / "file.png"
    assert write_atomically(target, iter([b"one", b"", b"two"]), overwrite=overwrite) == target
    assert everything_in(tmp_path) == {"a": None, "a/b": None, "a/b/file.png": b"onetwo"}


def test_overwrites_only_when_told(tmp_path: Path) -> None:
    """What stands at the path is kept, or replaced as a whole."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    assert "it exists already" in str(unwritable(target))
    assert everything_in(tmp_path) == {"file": b"old"}
    assert check_writable(target, overwrite=True) == target
    write_atomically(target, [b"new"])
    assert everything_in(tmp_path) == {"file": b"new"}


def test_longest_names(tmp_path: Path) -> None:
    """A name as long as the file system takes can be written, in any script."""
    name = "世" * 84 + "abc"
    assert len(name.encode()) == 255
    write_atomically(check_writable(tmp_path / name), [b"x"])
    assert everything_in(tmp_path) == {name: b"x"}


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\ud800", "file/x.png"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_impossible_names(tmp_path: Path, name: str, overwrite: bool) -> None:
    """A name that cannot be written is found before anything is paid for."""
    (tmp_path / "file").touch()
    assert str(unwritable(tmp_path / name, overwrite=overwrite)).isprintable()
    assert everything_in(tmp_path) == {"file": b""}


@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_pipes_and_devices(tmp_path: Path, overwrite: bool) -> None:
    """A folder, a pipe, a device and links to them are never replaced by a picture."""
    folder, pipe = tmp_path / "folder", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    (tmp_path / "to-folder").symlink_to(folder)
    (tmp_path / "to-device").symlink_to("/dev/null")
    before = everything_in(tmp_path)
    assert "it is a folder" in str(unwritable(folder, overwrite=overwrite))
    assert "it is a folder" in str(unwritable(tmp_path / "to-folder", overwrite=overwrite))
    assert "it is no regular file" in str(unwritable(pipe, overwrite=overwrite))
    assert "it is no regular file" in str(unwritable(tmp_path / "to-device", overwrite=overwrite))
    with pytest.raises(OutputError, match="it is no regular file"):
        check_writable("/dev/null", overwrite=overwrite)
    assert everything_in(tmp_path) == before


def test_links_are_replaced_not_followed(tmp_path: Path) -> None:
    """A link that somebody placed does not lead a picture over another file."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name, aim in (("link", victim), ("dangling", tmp_path / "nowhere")):
        link = tmp_path / name
        link.symlink_to(aim)
        assert "it exists already" in str(unwritable(link))
        write_atomically(link, [b"new"])
        assert not link.is_symlink()
    assert everything_in(tmp_path) == {"victim": b"precious", "link": b"new", "dangling": b"new"}


def test_check_leaves_nothing_behind(tmp_path: Path) -> None:
    """A check makes no file and no folder, and changes no file that is there."""
    (tmp_path / "file").write_bytes(b"old")
    check_writable(tmp_path / "new.png")
    check_writable(tmp_path / "a" / "b" / "new.png")
    check_writable(tmp_path / "file", overwrite=True)
    assert everything_in(tmp_path) == {"file": b"old"}


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare name means the working directory."""
    monkeypatch.chdir(tmp_path)
    write_atomically(check_writable("x.png"), [b"x"])
    assert everything_in(tmp_path) == {"x.png": b"x"}
    assert "it is a folder" in str(unwritable("."))
    with pytest.raises(OutputError, match="it is a folder"):
        check_writable("")


def refuse_writing(*_arguments: object, **_options: object) -> int:
    """As in a folder that may not be written."""
    raise PermissionError(errno.EACCES, "Permission denied")


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be written to is found by the check."""
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", refuse_writing)
        patch.setattr(os, "open", refuse_writing)
        assert str(unwritable(tmp_path / "x.png")).endswith("x.png': Permission denied")


class BrokenError(Exception):
    """What no caller expects."""


def break_off() -> Iterator[bytes]:
    """Pieces that end in an unexpected error."""
    yield b"half"
    raise BrokenError


@pytest.mark.parametrize("overwrite", [False, True])
def test_broken_source_leaves_the_old_file(tmp_path: Path, overwrite: bool) -> None:
    """When the pieces end in an error there is the old file or none, and no half one."""
    target = tmp_path / "file"
    with pytest.raises(BrokenError):
        write_atomically(target, break_off(), overwrite=overwrite)
    assert everything_in(tmp_path) == {}
    target.write_bytes(b"old")
    with pytest.raises(BrokenError):
        write_atomically(target, break_off())
    assert everything_in(tmp_path) == {"file": b"old"}


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_disk_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    """A full or broken disk is an error of the output, and leaves what was there."""
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def fail(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OutputError, match=os.strerror(code)):
        write_atomically(target, [b"new"])
    assert everything_in(tmp_path) == {"file": b"old"}


def test_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    """Another program's file that came while ours was written is not overwritten."""
    target = tmp_path / "file"

    def race() -> Iterator[bytes]:
        yield b"ours"
        target.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="File exists"):
        write_atomically(target, race(), overwrite=False)
    assert everything_in(tmp_path) == {"file": b"theirs"}


@pytest.mark.parametrize("stands_already", [False, True])
def test_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stands_already: bool
) -> None:
    """File systems without hard links are written to all the same, and overwrite nothing."""
    target = tmp_path / "file"

    def unable(*_arguments: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    def pieces() -> Iterator[bytes]:
        yield b"ours"
        if stands_already:
            target.write_bytes(b"theirs")

    monkeypatch.setattr(os, "link", unable)
    if stands_already:
        with pytest.raises(OutputError, match="File exists"):
            write_atomically(target, pieces(), overwrite=False)
    else:
        write_atomically(target, pieces(), overwrite=False)
    assert everything_in(tmp_path) == {"file": b"theirs" if stands_already else b"ours"}


def test_only_one_of_many_writers_wins(tmp_path: Path) -> None:
    """Of several that may not overwrite, exactly one writes, and its file is whole."""
    target = tmp_path / "file"
    results: list[bool] = []
    barrier = threading.Barrier(8)

    def write(content: bytes) -> None:
        barrier.wait()
        try:
            write_atomically(target, [content] * 100, overwrite=False)
            results.append(True)
        except OutputError:
            results.append(False)

    threads = [threading.Thread(target=write, args=(b"%d" % number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    assert list(everything_in(tmp_path)) == ["file"]
    assert len(set(target.read_bytes())) == 1


@pytest.mark.parametrize(
    ("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)]
)
def test_permissions(tmp_path: Path, mask: int, expected: int) -> None:
    """A file is as open as the user's umask lets files be, or as private as it must."""
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "file", [b"x"])
        write_atomically(tmp_path / "private", [b"x"], mode=0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
