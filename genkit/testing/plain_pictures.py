"""Pictures of one plain colour, of any size, made without an imaging library.

For the tests of codecs and emulations, which need a valid picture and not what is in it.
"""

from __future__ import annotations

from genkit.testing.cassettes.pictures import PAINTERS

__all__ = ["plain_picture"]


def plain_picture(media_type: str, width: int, height: int, colour: bytes = b"\x5a" * 32) -> bytes:
    """The encoded picture; the same arguments give the same bytes.

    Args:
        media_type: ``image/png``, ``image/jpeg``, ``image/webp`` or ``image/gif``.
        width: Pixels.
        height: Pixels.
        colour: At least six bytes that it is chosen by.

    Raises:
        ValueError: the media type is none of these.
    """
    painter = PAINTERS.get(media_type)
    if painter is None:
        raise ValueError(f"{media_type!r} cannot be made; one of {', '.join(PAINTERS)}")
    return painter(width, height, colour)
