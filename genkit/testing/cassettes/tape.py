"""The context manager that records a cassette or plays it."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
from vcr import VCR
from vcr.errors import CannotOverwriteExistingCassetteException as CassetteMismatch
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.request import Request

from genkit.testing.cassettes.bodies import canonical, clean
from genkit.testing.cassettes.files import (
    EMULATOR,
    LIVE,
    CassetteError,
    CassetteFile,
    Interaction,
    Recorded,
    content_type_of,
)
from genkit.testing.cassettes.scrub import ALLOWED_HEADERS, Scrubber

if TYPE_CHECKING:
    import pytest

__all__ = ["CassetteMismatch", "Mode", "UnplayedError", "cassette", "cassette_path"]

Mode = Literal["none", "once", "all"]

_MATCH_ON = ("method", "scheme", "host", "port", "path", "query", "canonical_body")

_DIFF_LINES = 24


class UnplayedError(AssertionError):
    """A test ended before it made every request of its cassette."""


@contextmanager
def cassette(
    path: Path | str,
    *,
    record: bool | Mode = "none",
    recorded: Recorded | None = None,
    allow_headers: Iterable[str] = ALLOWED_HEADERS,
    rewrite: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
) -> Iterator[Any]:
    """Play the cassette at `path`, or record it anew.

    Args:
        path: The file, which is YAML.
        record: ``"none"`` (or `False`) plays; ``"all"`` (or `True`) records anew; ``"once"``
            records where there is no file yet, and plays it otherwise.
        recorded: Where the recording is made; needed to record.
        allow_headers: Names of headers that are kept, ``*`` standing for any characters. Headers
            that carry credentials are left out even if they are named here.
        rewrite: Beginnings of addresses and what replaces them, in a recording as in a request
            that is looked up: so a cassette recorded on the emulator plays for the service.
        secrets: Values known to be secret, such as the key in use; taken out wherever they stand.

    Yields:
        The vcrpy cassette; its `requests` are what goes over the wire.

    Raises:
        CassetteMismatch: by the request that is not in the cassette.
        UnplayedError: a request of the cassette was not made.
        FileNotFoundError: there is no such cassette, and it is not to be recorded.
        CassetteError: the file is no cassette, nothing was recorded, or the recording was not
            made where `recorded` says.
        ValueError: `recorded` is missing, or is for a cassette written by hand.
    """
    path = Path(path)
    is_recording = _is_recording(record, path)
    scrubber = Scrubber(
        allow_headers=tuple(allow_headers), rewrite=dict(rewrite or {}), secrets=tuple(secrets)
    )
    tape = _Tape(path=path, scrubber=scrubber, is_recording=is_recording)
    if is_recording:
        _check_place(recorded)
    machine = VCR(
        record_mode="all" if is_recording else "none",
        match_on=_MATCH_ON,
        before_record_request=tape.clean_request,
        before_record_response=tape.clean_response,
        decode_compressed_response=True,
    )
    machine.register_matcher("canonical_body", _match_bodies)
    machine.register_persister(tape)
    try:
        with machine.use_cassette(str(path)) as running:
            yield running
    except CassetteMismatch as mismatch:
        # It holds the request as it was sent, the key among its headers.
        mismatch.failed_request = tape.clean_request(mismatch.failed_request)
        raise
    # Only without an exception: a failed test is not made to fail twice, nor its traffic kept.
    if is_recording and recorded is not None:
        tape.save(recorded, running)
    else:
        _require_played(path, running)


def cassette_path(folder: Path, node: pytest.Item) -> Path:
    """The cassette of a test: ``<folder>/<module>/<test>.yaml``.

    A parameter follows the name of the test: ``test_answer[quota]`` plays ``test_answer-quota``.
    """
    name = re.sub(r"[^\w.-]+", "-", node.name).strip("-")
    return folder / node.path.stem / f"{name}.yaml"


def _is_recording(record: bool | Mode, path: Path) -> bool:
    if record == "once":
        return not path.exists()
    modes: dict[bool | Mode, bool] = {"none": False, False: False, "all": True, True: True}
    if record not in modes:
        raise ValueError(f'record is a bool, "none", "once" or "all", not {record!r}')
    return modes[record]


def _check_place(recorded: Recorded | None) -> None:
    if recorded is None:
        raise ValueError("a recording says where it is made: recorded=Recorded(where=...)")
    if recorded.where not in (EMULATOR, LIVE):
        raise ValueError(f"a recording is made on the {EMULATOR} or the {LIVE}, not shaped by hand")


def _require_played(path: Path, running: Any) -> None:
    unplayed = [
        f"  {number + 1}. {request.method} {request.uri}"
        for number, request in enumerate(running.requests)
        if not running.play_counts[number]
    ]
    if unplayed:
        total = len(running.requests)
        raise UnplayedError(
            f"{len(unplayed)} of {total} requests in {path} were not made:\n" + "\n".join(unplayed)
        )


class _CleanRequest(Request):  # type: ignore[misc]
    """A request that was cleaned: vcrpy hands the same one over several times."""


@attrs.define(kw_only=True)
class _Tape:
    """What vcrpy asks of us while a cassette is in use: cleaning, loading, and no saving."""

    path: Path
    scrubber: Scrubber
    is_recording: bool
    hosts: set[str] = attrs.field(factory=set)

    def clean_request(self, request: Request) -> Request:
        """The request as a cassette holds it; also made of each request that is looked up."""
        if isinstance(request, _CleanRequest):
            return request
        if self.is_recording:
            self.hosts.add(request.host or "")
        headers = self.scrubber.headers(request.headers)
        content_type = request.headers.get("content-type", "")
        body, content_type = clean(_bytes_of(request.body), content_type, self.scrubber)
        return _CleanRequest(
            request.method,
            self.scrubber.address(request.uri),
            body,
            _renewed(headers, body, content_type),
        )

    def clean_response(self, response: dict[str, Any]) -> dict[str, Any]:
        """The answer as a cassette holds it; also made of each one that is loaded."""
        given = {name.lower(): value for name, value in response["headers"].items()}
        body, content_type = clean(
            response["body"].get("string") or b"", content_type_of(given), self.scrubber
        )
        headers = self.scrubber.headers(given)
        return {
            "status": response["status"],
            "headers": _renewed(headers, body, content_type),
            "body": {"string": body},
        }

    def load_cassette(
        self, _path: str, serializer: object
    ) -> tuple[list[Request], list[dict[str, Any]]]:
        """Load the file for vcrpy, strictly."""
        if self.is_recording:
            raise CassetteNotFoundError
        requests, responses = [], []
        for item in CassetteFile.read(self.path).interactions:
            headers = dict(item.request_headers)
            requests.append(Request(item.method, item.uri, item.request_body, headers))
            responses.append(
                {
                    "status": {"code": item.status, "message": item.reason},
                    "headers": dict(item.response_headers),
                    "body": {"string": item.response_body},
                }
            )
        return requests, responses

    def save_cassette(self, _path: str, _content: object, serializer: object) -> None:
        """Nothing: vcrpy leaves aiohttp patched when saving fails, so `save` comes later."""

    def save(self, recorded: Recorded, running: Any) -> None:
        """Write what was recorded, if it was recorded where it says."""
        if not len(running):
            raise CassetteError(f"nothing was recorded for {self.path}")
        self._check_hosts(recorded)
        interactions = [
            Interaction(
                method=request.method,
                uri=request.uri,
                request_headers=dict(request.headers),
                request_body=request.body or b"",
                status=response["status"]["code"],
                reason=response["status"]["message"] or "",
                response_headers=response["headers"],
                response_body=response["body"]["string"],
            )
            for request, response in zip(running.requests, running.responses, strict=True)
        ]
        CassetteFile(recorded=recorded, interactions=tuple(interactions)).write(self.path)

    def _check_hosts(self, recorded: Recorded) -> None:
        """An emulator runs on loopback, a live service elsewhere: neither passes for the other."""
        for host in sorted(self.hosts):
            if _is_loopback(host) != (recorded.where == EMULATOR):
                raise CassetteError(
                    f"{self.path}: {host} is not the {recorded.where}, so nothing was written"
                )


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _renewed(
    headers: dict[str, str | list[str]], body: bytes, content_type: str
) -> dict[str, str | list[str]]:
    renewed = {"content-type": content_type, "content-length": str(len(body))}
    return {name: renewed.get(name, value) for name, value in headers.items()}


def _bytes_of(body: Any) -> bytes:
    """The bytes of a body as vcrpy hands it over.

    Raises:
        TypeError: it can only be known by sending it.
    """
    if hasattr(body, "read"):
        body = body.read()
    match body:
        case None:
            return b""
        case bytes() | bytearray() | memoryview():
            return bytes(body)
        case str():
            return body.encode()
        case dict() | list() if not body or not _is_chunks(body):
            # From aiohttp's `json=`, which vcrpy hands over as it is.
            return json.dumps(body).encode()
    if hasattr(body, "__iter__"):
        chunks = list(body)
        if _is_chunks(chunks):
            return b"".join(chunks)
    raise TypeError(
        f"a body of type {type(body).__name__} cannot be recorded: send bytes, an iterator of "
        "bytes or an async generator, and encode forms and multipart yourself"
    )


def _is_chunks(body: Any) -> bool:
    return isinstance(body, list) and all(isinstance(chunk, bytes | bytearray) for chunk in body)


def _match_bodies(live: Request, stored: Request) -> None:
    """Fail where two bodies differ for the service, and show how.

    Under a name of its own: with one of its own names vcrpy shows the body as it was sent.
    """
    asked, held = (
        canonical(_bytes_of(request.body), content_type_of(request.headers))
        for request in (live, stored)
    )
    if asked == held:
        return
    lines = difflib.unified_diff(
        held.splitlines(), asked.splitlines(), "recorded", "this request", n=1, lineterm=""
    )
    shown = [line[:160] for line in lines]
    if len(shown) > _DIFF_LINES:
        shown[_DIFF_LINES:] = [f"... and {len(shown) - _DIFF_LINES} lines more"]
    raise AssertionError("\n".join(shown))
