"""What stands in a cassette where a large string was: a tiny picture, or a short stand-in.

A swap depends on nothing but the original. So an answer and the request that echoes it are swapped
alike, and a conversation that was recorded still matches when it is played.
"""

from __future__ import annotations

import base64
import hashlib
import re

from genkit.lifted import decode_base64
from genkit.sniff import sniff
from genkit.testing.cassettes.pictures import is_large_picture, tiny_picture

__all__ = ["LONG_CHARACTERS", "is_stand_in", "swap_bytes", "swap_string", "swap_text"]

LONG_CHARACTERS = 4096
"""Base64 that is no picture is swapped when it has more characters than this."""

_PREFIX = b"genkit-stand-in:"
_DATA_URL = re.compile(r"data:[^,]{0,256};base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_LONG_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{LONG_CHARACTERS + 1},}}={{0,2}}")


def swap_string(text: str) -> str:
    """A string as it stands in a cassette: a long one in base64, or a data URL, is swapped."""
    if len(text) <= LONG_CHARACTERS:
        return text
    prefix = match.group() if (match := _DATA_URL.match(text)) else ""
    # Some writers break base64 into lines. Spaces never occur: that would be prose.
    payload = text[len(prefix) :].replace("\r", "").replace("\n", "")
    if len(payload) <= LONG_CHARACTERS or not _BASE64.fullmatch(payload):
        return text
    try:
        data = decode_base64(payload)
    except ValueError:
        # Cut short, or only looks like it: just as long, and the characters are as good.
        data = payload.encode()
    if sniff(data) is not None:
        return prefix + base64.b64encode(tiny_picture(data)).decode()
    return prefix + _stand_in(data)


def swap_text(text: str) -> str:
    """A text that may hold long strings in base64, such as a body of events."""
    return _LONG_RUN.sub(lambda match: swap_string(match.group()), text)


def swap_bytes(data: bytes) -> bytes:
    """Bytes as they stand in a cassette: a large picture is swapped."""
    return tiny_picture(data) if is_large_picture(data) else data


def _stand_in(data: bytes) -> str:
    return base64.b64encode(_PREFIX + hashlib.sha256(data).digest()).decode()


def is_stand_in(text: str) -> bool:
    """Whether a string is base64 that stands for a longer one, or of a picture."""
    prefix = match.group() if (match := _DATA_URL.match(text)) else ""
    try:
        data = decode_base64(text[len(prefix) :])
    except ValueError:
        return False
    return data.startswith(_PREFIX) or sniff(data) is not None
