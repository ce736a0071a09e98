"""Reading and writing files whole, carefully."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from genkit.errors import InvalidRequestError, OutputError
from genkit.images import MAX_REFERENCE_BYTES, Image

__all__ = ["check_writable", "load_image", "read_regular_file", "write_atomically"]


def read_regular_file(path: str | os.PathLike[str], *, max_bytes: int, field: str) -> bytes:
    """The bytes of a regular file of at most `max_bytes`; pipes and devices are refused.

    Raises:
        InvalidRequestError: it cannot be read, is no regular file or is too large.
    """
    name = os.fspath(path)
    try:
        # Non-blocking, so that opening a pipe that nobody writes to does not hang.
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidRequestError(f"{field}: {name!r} is not a regular file", field=field)
            if status.st_size > max_bytes:
                raise InvalidRequestError(
                    f"{field}: {name!r} has {status.st_size} bytes; at most {max_bytes}",
                    field=field,
                )
            return file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(f"{field}: cannot read {name!r}: {reason}", field=field) from None


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
        raise InvalidRequestError(f"{field}: {os.fspath(path)!r}: {message}", field=field) from None


def check_writable(path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """`path`, checked so that a later write to it is likely to succeed.

    Done before money is spent: the folder is there (or can be made) and can be written, and
    nothing stands at the path unless `overwrite`.

    Raises:
        OutputError: it cannot be written to.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise OutputError(f"{str(target)!r} is a folder", path=str(target))
        if os.path.lexists(target) and not overwrite:
            raise OutputError(f"{str(target)!r} exists already", path=str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except (OSError, ValueError) as error:
        raise _output_error(target, error) from None
    return target


def write_atomically(
    path: str | os.PathLike[str],
    chunks: Iterable[bytes],
    *,
    overwrite: bool = True,
    mode: int = 0o644,
) -> Path:
    """Write `chunks` to `path` so that there is the whole file or none, also after a crash.

    Raises:
        OutputError: it cannot be written, or stands there already and `overwrite` is false.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.")
        with open(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        if overwrite:
            os.replace(temporary, target)
        else:
            # A hard link fails where a file stands, and is atomic: no window between the two.
            os.link(temporary, target)
            os.unlink(temporary)
        temporary = None
        _sync_folder(target.parent)
    except (OSError, ValueError) as error:
        raise _output_error(target, error) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return target


def _sync_folder(folder: Path) -> None:
    # Makes the new name itself durable; not every system lets one sync a folder.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _output_error(target: Path, error: OSError | ValueError) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"cannot write {str(target)!r}: {reason}", path=str(target))
