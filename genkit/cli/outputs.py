"""Where pictures go: names that are safe, free and checked before anything is paid."""

from __future__ import annotations

import contextlib
import datetime
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from genkit.errors import InvalidRequestError, OutputError
from genkit.files import check_writable
from genkit.images import Image, suffix_of
from genkit.pictures import save
from genkit.response import GeneratedImage, GenerationResponse
from genkit.sniff import sniff

__all__ = ["CONVERSATION_SUFFIX", "Saved", "Target", "conversation_path"]

CONVERSATION_SUFFIX = ".genkit-conversation"
"""Of the file beside a picture that `genkit refine` goes on from."""

_SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
"""What can be asked for, and which format it is."""
_ALL_SUFFIXES = (*_SUFFIXES, ".gif", ".avif", ".heic", ".bin", CONVERSATION_SUFFIX)
"""What may be written where no suffix was asked for."""


def conversation_path(image: Path) -> Path:
    """Where the conversation of a picture is."""
    return image.with_suffix(CONVERSATION_SUFFIX)


@attrs.frozen(kw_only=True)
class Saved:
    """One picture that was written."""

    slot: int
    path: Path
    file: Image
    """The picture as it stands there: saving may have converted it."""
    conversation: Path | None = None
    elsewhere: OutputError | None = None
    """Why it does not stand where it should."""


@attrs.frozen(kw_only=True)
class Target:
    """Where the pictures of one call go."""

    stem: Path
    """Path without suffix."""
    suffix: str
    """``""``: that of the type that comes."""
    count: int = 1
    force: bool = False
    conversation: bool = True

    @classmethod
    def of(
        cls,
        out: str | None,
        *,
        folder: Path,
        count: int,
        force: bool = False,
        conversation: bool = True,
        beside: Path | None = None,
    ) -> Target:
        """The target that ``--out`` means: a file, a folder, or a free name in `folder`.

        With `beside`, the picture that is refined, the free name is the next one after its own.

        Raises:
            OutputError: the suffix is of no format that can be written.
        """
        named = Path(out).expanduser() if out else None
        if out is not None and (not out.strip() or "\0" in out):
            raise OutputError(f"{out!r} is no path", path=out)
        inside = None
        if named is not None and out is not None and (named.is_dir() or out.endswith(_SEPARATORS)):
            inside = named
        elif named is not None:
            suffix = named.suffix
            if suffix and suffix.lower() not in _SUFFIXES:
                raise OutputError(
                    f"{str(named)!r}: cannot write {suffix!r}; use one of {', '.join(_SUFFIXES)}",
                    path=str(named),
                )
            stem = named.with_suffix("") if suffix else named
            return cls(
                stem=stem, suffix=suffix, count=count, force=force, conversation=conversation
            )
        names: Iterator[Path]
        if beside is not None:
            first = (inside or beside.parent) / beside.stem
            names = (first.with_name(f"{first.name}-{number}") for number in range(2, 1_000_000))
            suffix = beside.suffix if beside.suffix.lower() in _SUFFIXES else ""
        else:
            names = _dated(inside or folder)
            suffix = ""
        free = next(name for name in names if not _taken(name, count))
        return cls(stem=free, suffix=suffix, count=count, conversation=conversation)

    def format(self, asked: str | None) -> str | None:
        """The output format to ask for: that of the suffix, or `asked` where there is none.

        Asked for beforehand, a picture that is fitted or converted here is encoded only once.

        Raises:
            InvalidRequestError: suffix and `asked` contradict each other.
        """
        named = _SUFFIXES.get(self.suffix.lower())
        meant = "jpeg" if asked is not None and asked.lower() == "jpg" else asked
        if named is None or meant is None or meant.lower() == named:
            return named or asked
        raise InvalidRequestError(
            f"output_format: {asked!r} contradicts the suffix {self.suffix!r} of the file",
            field="output_format",
        )

    def check(self) -> None:
        """Check that everything can be written, before it is paid for.

        Raises:
            OutputError: something stands there already, or cannot be written.
        """
        for slot in range(self.count):
            stem = self._stem(slot)
            if self.suffix:
                _check(_with(stem, self.suffix), self.force)
            elif self.force:
                _check(_with(stem, ".png"), self.force)
            else:
                for suffix in _ALL_SUFFIXES:
                    _check(_with(stem, suffix), self.force)
            # Also when none is to be saved: one that is there would be of another picture.
            _check(_with(stem, CONVERSATION_SUFFIX), self.force)

    def save(self, response: GenerationResponse) -> list[Saved]:
        """Write the pictures of `response`, and the conversation of each beside it.

        A picture that cannot be written where it should is written elsewhere, and says why: it
        was paid for.

        Raises:
            OutputError: a picture can be written nowhere.
        """
        slots = [slot for slot in range(self.count) if slot not in response.failures]
        extra = range(self.count, self.count + len(response.images))
        return [
            self._save_one(response, number, slot)
            for number, slot in zip(range(len(response.images)), [*slots, *extra], strict=False)
        ]

    def _save_one(self, response: GenerationResponse, number: int, slot: int) -> Saved:
        image = response.images[number]
        wanted = self._stem(slot)
        suffix = self.suffix or suffix_of(image.media_type)
        elsewhere: OutputError | None = None
        try:
            path = save(image, _with(wanted, suffix), overwrite=self.force)
        except OutputError as error:
            elsewhere = error
            path = _rescue(image, wanted, suffix, error)
        beside: Path | None = conversation_path(path)
        try:
            if self.conversation:
                conversation = response.conversation_with(number)
                conversation.save(conversation_path(path), overwrite=self.force)
            else:
                beside = None
                if self.force:
                    # What is left there is of the picture that was replaced.
                    conversation_path(path).unlink(missing_ok=True)
        except (OutputError, OSError) as error:
            beside = None
            problem = OutputError(str(error), path=str(conversation_path(path)))
            elsewhere = elsewhere or problem
        return Saved(
            slot=slot,
            path=path,
            file=_read_back(path, image),
            conversation=beside,
            elsewhere=elsewhere,
        )

    def _stem(self, slot: int) -> Path:
        if self.count == 1 and slot == 0:
            return self.stem
        return self.stem.with_name(f"{self.stem.name}-{slot + 1}")


_SEPARATORS = tuple(separator for separator in (os.sep, os.altsep) if separator)


def _check(path: Path, force: bool) -> None:
    try:
        check_writable(path, overwrite=force)
    except OutputError as error:
        if path.is_file() and not force:
            raise OutputError(
                f"{str(path)!r} exists already: --force replaces it", path=str(path)
            ) from None
        raise error from None


def _rescue(image: GeneratedImage, wanted: Path, suffix: str, reason: OutputError) -> Path:
    """Write a paid picture to the next free name, or else among the temporary files.

    Raises:
        OutputError: it can be written nowhere.
    """
    own = suffix_of(image.media_type)
    name = wanted.name[:64]
    temporary = Path(tempfile.gettempdir())
    for folder, kept in ((wanted.parent, suffix), (wanted.parent, own), (temporary, own)):
        numbered = (folder / f"{name}-{number}{kept}" for number in range(2, 1_000_000))
        free = next(path for path in numbered if not os.path.lexists(path))
        with contextlib.suppress(OutputError):
            return save(image, free, overwrite=False)
    raise reason


def _read_back(path: Path, image: Image) -> Image:
    data = path.read_bytes()
    header = sniff(data)
    if data == image.data or header is None:
        return image
    return Image(data=data, media_type=header.media_type, width=header.width, height=header.height)


def _with(stem: Path, suffix: str) -> Path:
    # Not `with_suffix`: a stem may have dots of its own.
    return stem.with_name(stem.name + suffix)


def _dated(folder: Path) -> Iterator[Path]:
    """Names of the time, never of the prompt: it may hold anything."""
    now = datetime.datetime.now(tz=datetime.UTC).astimezone()
    name = f"genkit-{now:%Y%m%d-%H%M%S}"
    yield folder / name
    for number in range(2, 1_000_000):
        yield folder / f"{name}-{number}"


def _taken(stem: Path, count: int) -> bool:
    names: Sequence[str] = [stem.name]
    if count > 1:
        names = [stem.name, *(f"{stem.name}-{number}" for number in range(1, count + 1))]
    return any(
        os.path.lexists(stem.with_name(name + suffix)) for name in names for suffix in _ALL_SUFFIXES
    )
