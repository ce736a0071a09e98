"""Text that is safe to show: on a terminal, on one line, and not too long."""

from __future__ import annotations

import unicodedata

__all__ = ["SNIPPET_BYTES", "brief", "printable"]

SNIPPET_BYTES = 2048
"""The most that an error carries of a response, in bytes of UTF-8."""

# Controls, format characters (bidirectional marks among them), surrogates, private use, and the
# separators of lines and paragraphs.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def printable(text: str, limit: int = SNIPPET_BYTES) -> str:
    """`text` on one line, safe for a terminal, and at most `limit` bytes of UTF-8.

    Control characters (escape sequences, line breaks), bidirectional marks and lone surrogates are
    written as escapes, because the text of a service may end up on somebody's screen. A text that
    is safe already is given back as it is.
    """
    beginning = text[: limit + 1]
    if not beginning.isprintable():
        beginning = "".join(
            character.encode("unicode_escape").decode("ascii")
            if unicodedata.category(character) in _UNSAFE
            else character
            for character in beginning
        )
    encoded = beginning.encode()
    if len(encoded) <= limit:
        return beginning
    return encoded[: max(0, limit - 3)].decode(errors="ignore") + "..."[:limit]


def brief(value: object, limit: int = 60) -> str:
    """`value` for the message of an error: short, whatever it is.

    A text shows its first `limit` characters, a number itself; of anything else only the type is
    named, because it may be large or private.
    """
    if isinstance(value, str):
        return printable(repr(value[:limit])) + ("..." if len(value) > limit else "")
    if isinstance(value, int) and value.bit_length() > 128:
        # Python refuses to write out very long integers.
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, int | float):
        return repr(value)
    return type(value).__name__
