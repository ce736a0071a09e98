"""Reading the body of an answer under its caps.

The one place where bodies are read: whole, for now. `BodyReader` does no I/O, so that it is tested
from bytes.
"""

from __future__ import annotations

import asyncio
import io
import zlib
from typing import Protocol

import aiohttp

from genkit.errors import DecodeKind, ErrorContext, ResponseDecodeError
from genkit.transport import spool
from genkit.transport.interface import request_id
from genkit.transport.progress import Progress
from genkit.wire import WireResponse

__all__ = ["BodyReader", "GarbledError", "is_success", "read_answer", "unusable", "what_came"]

ERROR_BYTES = 1024 * 1024
"""Bytes that are read of an answer that is no success; the rest of it is left."""
FREE_BYTES = 1024 * 1024
"""Decompressed bytes up to which the ratio is not looked at."""
MAX_RATIO = 100
"""Decompressed bytes to each compressed one at most, beyond `FREE_BYTES`."""
LOOK_SECONDS = 0.25
"""How often a connection that gives nothing is looked at; see `_Watch`."""
_PIECE_BYTES = 256 * 1024


class GarbledError(aiohttp.ClientError):
    """The answer stopped being HTTP in the middle of its body."""


def is_success(status: int | None) -> bool:
    """Whether an answer of this status may hold what was paid for."""
    return status is not None and 200 <= status < 300


def unusable(
    message: str, *, kind: DecodeKind, progress: Progress, kept: bytes = b""
) -> ResponseDecodeError:
    """The error of an answer that cannot be used; what came of it is kept in a file."""
    path = spool.keep(kept) if is_success(progress.status) else None
    return ResponseDecodeError(
        f"{message}; what came is kept in {path}" if path else message,
        kind=kind,
        spool_path=path,
        context=ErrorContext(
            status=progress.status, request_id=request_id(progress.headers), charge="maybe"
        ),
    )


class _Decompressor(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class BodyReader:
    """Takes a body in pieces, decompresses it and counts: nothing grows over `max_bytes`.

    Raises:
        ResponseDecodeError: it is too large, or not compressed as its headers say.
    """

    def __init__(self, progress: Progress, max_bytes: int) -> None:
        self._progress = progress
        self._max_bytes = max_bytes
        self._wire = io.BytesIO()
        self._encoding = progress.headers.get("content-encoding", "").strip().lower()
        self._plain = self._wire if self._encoding in ("", "identity") else io.BytesIO()
        self._decompressor: _Decompressor | None = None
        if self._plain is not self._wire and self._encoding not in ("gzip", "x-gzip", "deflate"):
            raise self._fail(f"the answer is compressed with {self._encoding!r}, not asked for")
        length = progress.headers.get("content-length", "")
        if is_success(progress.status) and length.isdecimal() and int(length[:20]) > max_bytes:
            raise self._too_large(f"{length[:20]} bytes")

    @property
    def wire_bytes(self) -> int:
        """Bytes that came."""
        return self._wire.tell()

    @property
    def raw(self) -> bytes:
        """What came, as it came."""
        return self._wire.getvalue()

    @property
    def plain(self) -> bytes:
        """What came, decompressed."""
        return self._plain.getvalue()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._wire.write(chunk)
        if self.wire_bytes > self._max_bytes:
            raise self._too_large("more bytes")
        if self._plain is not self._wire and not self._decompress(chunk):
            raise self._fail(f"the answer is not the {self._encoding} that it says")

    def finish(self) -> bytes:
        """The whole body, decompressed."""
        decompressor = self._decompressor
        if decompressor is not None and not decompressor.eof:
            raise self._fail(f"the answer's {self._encoding} data ends early")
        return self.plain

    def _decompress(self, chunk: bytes) -> bool:
        """Whether `chunk` is what the encoding says."""
        piece = b""
        while chunk or len(piece) == _PIECE_BYTES:  # after a full piece more may be held back
            decompressor = self._decompressor
            if decompressor is None or (decompressor.eof and chunk):
                # The first, or a further member: gzip data may have several.
                decompressor = self._decompressor = self._new_decompressor(chunk)
            # The caps are looked at after each piece, so a bomb never grows by more than one.
            try:
                piece = decompressor.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                return False
            self._plain.write(piece)
            self._check_ratio()
            chunk = decompressor.unconsumed_tail or decompressor.unused_data
        return True

    def _new_decompressor(self, chunk: bytes) -> _Decompressor:
        if self._encoding == "deflate":
            # RFC 9110 means the zlib format; some send the bare one. The first byte tells.
            return zlib.decompressobj(zlib.MAX_WBITS if chunk[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        return zlib.decompressobj(16 + zlib.MAX_WBITS)

    def _check_ratio(self) -> None:
        size = self._plain.tell()
        if size > self._max_bytes or size > max(FREE_BYTES, MAX_RATIO * self.wire_bytes):
            raise self._too_large(f"{self.wire_bytes} bytes that become {size} and more")

    def _fail(self, message: str) -> ResponseDecodeError:
        return unusable(message, kind="malformed", progress=self._progress, kept=self.raw)

    def _too_large(self, found: str) -> ResponseDecodeError:
        return unusable(
            f"the answer is too large: {found}, where at most {self._max_bytes} are read"
            f" and at most {MAX_RATIO} for each compressed one",
            kind="too-large",
            progress=self._progress,
        )


async def read_answer(
    response: aiohttp.ClientResponse, progress: Progress, reader: BodyReader
) -> WireResponse:
    """Read the body to its end and parse it. Of an answer that is no success, its beginning."""
    success = is_success(progress.status)
    watch = _Watch(response)
    try:
        async for chunk in response.content.iter_any():
            reader.feed(chunk)
            if not success and reader.wire_bytes >= ERROR_BYTES:
                return what_came(progress, reader)
    finally:
        watch.cancel()
    if not success:
        return what_came(progress, reader)
    return WireResponse.from_bytes(response.status, progress.headers, reader.finish())


def what_came(progress: Progress, reader: BodyReader | None) -> WireResponse:
    """The answer as far as it came: of an error the status says enough."""
    body = reader.plain if reader is not None else b""
    return WireResponse.from_bytes(progress.status or 0, progress.headers, body)


class _Watch:
    """Ends the reading of a body whose connection is gone.

    aiohttp closes a connection whose answer turns to nonsense in the middle of the body, and does
    not tell who waits for the rest of it.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._gone = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def cancel(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        content, connection = self._response.content, self._response.connection
        if content.is_eof() or content.exception() is not None:
            return
        gone = connection is not None and connection.closed
        if gone and self._gone:  # twice, because an ordinary end closes a moment before it tells
            content.set_exception(GarbledError())
            return
        self._gone = gone
        self._timer = self._loop.call_later(LOOK_SECONDS, self._look)
