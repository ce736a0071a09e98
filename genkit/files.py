"""Reading and writing files whole, carefully."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from genkit.errors import InvalidRequestError, OutputError, brief
from genkit.images import MAX_REFERENCE_BYTES, Image

__all__ = ["check_writable", "load_image", "read_regular_file", "write_atomically"]

_PIECE_BYTES = 1024 * 1024


def read_regular_file(path: str | os.PathLike[str], *, max_bytes: int, field: str) -> bytes:
    """The bytes of a regular file of at most `max_bytes`; pipes and devices are refused.

    Raises:
        InvalidRequestError: it cannot be read, is no regular file or is too large.
    """
    name = os.fsdecode(path)
    try:
        # Non-blocking, so that opening a pipe that nobody writes to does not hang.
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            return _read_descriptor(descriptor, max_bytes)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            f"{field}: cannot read {brief(name, 200)}: {_reason(error)}", field=field
        ) from None


def _read_descriptor(descriptor: int, max_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no file")
    if status.st_size > max_bytes:
        raise ValueError(f"it has {status.st_size} bytes; at most {max_bytes}")
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        data = file.read(status.st_size + 1)
        # A file may grow while it is read, and some say that they are empty and are not.
        while len(data) <= max_bytes and (piece := file.read(_PIECE_BYTES)):
            data += piece
    if len(data) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes")
    return data


def load_image(path: str | os.PathLike[str], *, field: str = "references") -> Image:
    """The picture in a file, to be used as a reference, an input image or a mask.

    Raises:
        InvalidRequestError: the file cannot be read or is not a picture; its `field` is `field`.
    """
    data = read_regular_file(path, max_bytes=MAX_REFERENCE_BYTES, field=field)
    try:
        return Image.from_bytes(data, field=field)
    except InvalidRequestError as error:
        message = error.message.removeprefix(f"{field}: ")
        name = brief(os.fsdecode(path), 200)
        raise InvalidRequestError(f"{field}: {name}: {message}", field=field) from None


def check_writable(path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """`path`, checked so that a later `write_atomically` to it is likely to succeed.

    Done before money is spent: its folder, or the nearest one that there is, can be written, and
    nothing stands at the path unless `overwrite`. Nothing is left behind.

    Raises:
        OutputError: it cannot be written to.
    """
    target = Path(path)
    try:
        _check_place(target, overwrite)
        folder = target.parent
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        raise _output_error(target, error) from None
    return target


def write_atomically(
    path: str | os.PathLike[str],
    chunks: Iterable[bytes],
    *,
    overwrite: bool = True,
    mode: int = 0o666,
) -> Path:
    """Write `chunks` to `path` so that there is the whole file or none, also after a crash.

    Folders on the way are made. The file gets the permissions `mode` less the umask. A symbolic
    link at `path` is replaced, not followed.

    Raises:
        OutputError: it cannot be written, or stands there already and `overwrite` is false.
    """
    target = Path(path)
    temporary = target.parent / f".genkit-{secrets.token_hex(8)}.tmp"
    try:
        _check_place(target, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                os.replace(temporary, target)
            else:
                _move_to_free_place(temporary, target)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:
        raise _output_error(target, error) from None
    return target


def _check_place(target: Path, overwrite: bool) -> None:
    """Raise what speaks against writing to `target`: what stands there, or its name."""
    try:
        os.lstat(target)
    except FileNotFoundError:
        return
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if target.exists() and not target.is_file():
        # Replacing a device or a pipe by a picture helps nobody.
        raise OSError(errno.EINVAL, "it is no regular file")
    if not overwrite:
        raise FileExistsError(errno.EEXIST, "it exists already")


def _move_to_free_place(temporary: Path, target: Path) -> None:
    """Give `temporary` the name `target`, unless something has it: atomically, either way."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has hard links: claim the name, then fill it.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.replace(temporary, target)


def _sync_folder(folder: Path) -> None:
    # Makes the new name itself durable; not every system lets one sync a folder.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _output_error(target: Path, error: OSError | ValueError) -> OutputError:
    return OutputError(
        f"cannot write {brief(str(target), 200)}: {_reason(error)}", path=str(target)
    )


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
