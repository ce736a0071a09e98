"""The parts of the transport that need no socket, and how it stands with vcrpy."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import aiohttp
import orjson
import pytest
import vcr
from hypothesis import given, settings
from hypothesis import strategies as st
from vcr.errors import CannotOverwriteExistingCassetteException

from genkit.errors import AmbiguousError, ConnectionFailedError, ResponseDecodeError
from genkit.transport import spool
from genkit.transport.failures import describe_failure
from genkit.transport.interface import request_id
from genkit.transport.progress import Progress, Upload
from genkit.transport.reading import BodyReader
from genkit.wire import Body, WireRequest, WireResponse, json_body
from tests.core.transport_server import answer, answering, fetch, serving


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data`, cut at these places."""
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def read(wire: bytes, cuts: list[int], encoding: str, max_bytes: int = 1 << 20) -> bytes:
    """Read a body that comes in these pieces."""
    progress = Progress(status=200, headers={"content-encoding": encoding})
    reader = BodyReader(progress, max_bytes)
    for piece in pieces(wire, cuts):
        reader.feed(piece)
    return reader.finish()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": lambda data: gzip.compress(data) + gzip.compress(b""),
}


@given(
    data=st.binary(max_size=5000),
    repeat=st.integers(1, 60),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
    encoding=st.sampled_from(sorted(ENCODERS)),
)
def test_any_cutting_gives_the_same_bytes(
    data: bytes, repeat: int, cuts: list[int], encoding: str
) -> None:
    """However a body is cut on the way, compressed or not, its bytes are the same."""
    assert read(ENCODERS[encoding](data * repeat), cuts, encoding) == data * repeat


@settings(deadline=None)
@given(
    size=st.integers(0, 3_000_000),
    max_bytes=st.integers(0, 2_000_000),
    encoding=st.sampled_from(["", "gzip", "deflate"]),
)
def test_the_cap_holds(size: int, max_bytes: int, encoding: str) -> None:
    """What is read is whole and within the cap, or it is refused; nothing between."""
    wire = ENCODERS[encoding](b"ab" * (size // 2))
    try:
        body = read(wire, [100, 1000], encoding, max_bytes)
    except ResponseDecodeError as error:
        assert error.kind == "too-large"  # noqa: PT017
        assert max(len(wire), size) > min(max_bytes, 1_000_000)
    else:
        assert len(body) == size // 2 * 2 <= max_bytes


@given(
    wire=st.binary(max_size=300), encoding=st.sampled_from(["gzip", "deflate", "br", "gzip, br"])
)
def test_any_bytes_are_read_or_refused(wire: bytes, encoding: str) -> None:
    """Bytes that call themselves compressed give bytes or one typed error, nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "keep", lambda _data: None)
        try:
            assert isinstance(read(wire, [7], encoding), bytes)
        except ResponseDecodeError as error:
            assert error.kind == "malformed"  # noqa: PT017


@pytest.mark.parametrize("extra", [-1, 0, 1, 21, 28, 53, 258])
def test_output_that_ends_at_the_edge_of_a_piece(extra: int) -> None:
    """Data that is whole when the decompressor has read it all, and not yet written, is whole."""
    data = b"\0" * (256 * 1024 + extra)
    assert read(gzip.compress(data), [], "gzip") == data
    assert read(zlib.compress(data, wbits=-15), [], "deflate") == data


async def test_upload_gives_way() -> None:
    """Between two pieces of a large body, everything else that is ready has its turn."""
    progress = Progress(streamed=True)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    upload = Upload(Body((b"a" * 10, b"", b"b" * 20, b"c"), "text/plain"), progress)
    seen: list[tuple[bytes, bool, bool]] = []
    async for chunk in upload:
        seen.append((chunk[:1], turns >= 2 * (len(seen) + 1), progress.complete))
    counter.cancel()
    assert seen == [(b"a", True, False), (b"b", True, False), (b"c", True, True)]


def test_write_to_a_connection_that_was_closed() -> None:
    """A failure to write anything at all was no sending, even of a body of one piece."""
    progress = Progress(connected=True, began=True, complete=True)
    request = WireRequest(url="https://service.invalid/v1")
    error = aiohttp.ClientOSError(None, "cannot write")
    assert isinstance(describe_failure(error, request, progress, b""), AmbiguousError)
    error.__cause__ = aiohttp.ClientConnectionResetError("cannot write to closing transport")
    for unsent in (error, error.__cause__):
        described = describe_failure(unsent, request, progress, b"")
        assert isinstance(described, ConnectionFailedError)
        assert described.phase == "send"


def test_request_id_is_short() -> None:
    """The service's id is found under its usual names and cannot flood a message."""
    assert request_id({"x-request-id": "a" * 999}) == "a" * 128
    assert request_id({"request-id": "b"}) == "b"
    assert request_id({"date": "x"}) is None


# -- what is kept -------------------------------------------------------------------------------


def test_kept_for_the_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and folder are for their owner, under the folder for state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first, second = spool.keep(b"one"), spool.keep(b"two")
    assert first is not None
    assert second is not None
    assert (Path(first).read_bytes(), Path(second).read_bytes()) == (b"one", b"two")
    assert Path(first).parent == tmp_path / "genkit" / "spool"
    assert stat.S_IMODE(Path(first).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(first).parent.stat().st_mode) == 0o700


def test_kept_elsewhere_where_the_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state folder that is a file does not lose what was paid for."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = spool.keep(b"data")
    assert path is not None
    assert Path(path).parent == tmp_path


def test_keeping_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written there is no path, and no error over the error."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert spool.keep(b"data") is None
    assert spool.keep(b"") is None


def test_answers_are_kept_whole() -> None:
    """A parsed answer is kept with its long strings; one that is not JSON as its bytes."""
    document = {"short": "ü", "long": "A" * 5000}
    path = spool.keep_answer(WireResponse.from_bytes(200, {}, orjson.dumps(document)))
    assert path is not None
    assert orjson.loads(Path(path).read_bytes()) == document
    path = spool.keep_answer(WireResponse.from_bytes(200, {}, b"\xff plain"))
    assert path is not None
    assert Path(path).read_bytes() == b"\xff plain"


# -- cassettes ----------------------------------------------------------------------------------


async def test_replays_from_a_cassette(tmp_path: Path) -> None:
    """What vcrpy recorded, a large body that matches by its bytes too, plays without a server."""
    recorder = vcr.VCR(match_on=["method", "uri", "body"])
    cassette = str(tmp_path / "cassette.yaml")
    raw = answer(b'{"long": "' + b"A" * 5000 + b'"}', x_request_id="r1")
    async with serving(answering(raw)) as server:
        requests = [
            WireRequest(url=server.url, body=json_body({"prompt": "x"})),
            WireRequest(url=server.url, body=Body((b"y" * 200_000,), "text/plain")),
        ]
        with recorder.use_cassette(cassette):
            recorded = [await fetch(request) for request in requests]
    with recorder.use_cassette(cassette, record_mode="none"):
        assert [await fetch(request) for request in requests] == recorded
        with pytest.raises(CannotOverwriteExistingCassetteException):
            await fetch(WireRequest(url=server.url, body=json_body({"prompt": "other"})))
