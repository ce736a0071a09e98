from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web
from PIL import Image

from genkit.sniff import sniff
from genkit.testing import cassettes
from genkit.testing.cassettes import (
    CassetteError,
    CassetteFile,
    CassetteMismatch,
    Recorded,
    UnplayedError,
    cassette,
    cassette_path,
)

EMULATOR = Recorded(where="emulator")
KEY = "AIzaSyMADE-UP-key-for-these-tests-0001"
HOST = "https://images.example.com"


@attrs.define
class Service:
    """A server on loopback that gives prepared answers and keeps what it was asked."""

    url: str = ""
    answers: list[web.Response] = attrs.field(factory=list)
    asked: list[bytes] = attrs.field(factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Give the next answer."""
        self.asked.append(await request.read())
        return self.answers.pop(0) if self.answers else web.json_response({"ok": True})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service on a free port of loopback."""
    service = Service()
    application = web.Application(client_max_size=2**26)
    application.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = site.name.rstrip("/")
    yield service
    await runner.cleanup()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test keeps its cassette."""
    return tmp_path / "some" / "test.yaml"


async def post(url: str, body: Any, **headers: str) -> tuple[int, bytes]:
    """Send a body as the transport does, and read the answer in pieces."""
    named = {"Content-Type": "application/json", "x-goog-api-key": KEY}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.request("POST", url, data=body, headers=named, allow_redirects=False) as answer,
    ):
        return answer.status, b"".join([piece async for piece in answer.content.iter_chunked(999)])


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body as an async generator gives it."""
    for start in range(0, len(body), 7):
        yield body[start : start + 7]


def as_json(document: Any) -> bytes:
    """A document as people write it."""
    return json.dumps(document, indent=2).encode()


def picture(colour: int = 0, kind: str = "PNG") -> bytes:
    """A picture of some 10 KB."""
    image = Image.effect_noise((90, 120), 90 + colour)
    file = io.BytesIO()
    image.save(file, kind)
    assert len(file.getvalue()) > 4096
    return file.getvalue()


def content_of(path: Path) -> str:
    """What stands in a file; nothing where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def encoded(data: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(data).decode()


async def test_what_was_recorded_is_played(service: Service, path: Path) -> None:
    """A played answer has the status and content of the recorded one, without any server."""
    service.answers = [web.json_response({"text": "grüße", "n": [1, 2.5, None]}, status=201)]
    body = as_json({"prompt": "a red kite"})
    with cassette(path, record=True, recorded=EMULATOR, rewrite={service.url: HOST}):
        recorded = await post(f"{service.url}/v1/images", body)
    with cassette(path) as running:
        played = await post(f"{HOST}/v1/images", body)
    assert (played[0], json.loads(played[1])) == (recorded[0], json.loads(recorded[1]))
    assert len(service.asked) == 1
    assert json.loads(running.requests[0].body) == {"prompt": "a red kite"}


async def test_bodies_are_readable_and_without_the_port(service: Service, path: Path) -> None:
    """JSON stands parsed in the file, and the server's address nowhere."""
    service.answers = [web.json_response({"next": f"{service.url}/v1/jobs/7"})]
    with cassette(path, record=True, recorded=EMULATOR, rewrite={service.url: HOST}):
        await post(f"{service.url}/v1", as_json({"prompt": "two\nlines", "seed": 7}))
    text = content_of(path)
    assert "seed: 7" in text
    assert f"{HOST}/v1/jobs/7" in text
    assert "127.0.0.1" not in text


async def test_generated_body_is_sent_recorded_and_matched(service: Service, path: Path) -> None:
    """A body from an async generator with a length reaches the server and matches when played."""
    body = as_json({"prompt": "a red kite"})
    length = str(len(body))
    with cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, pieces(body), Content_Length=length)
    assert service.asked == [body]
    with cassette(path):
        assert (await post(service.url, pieces(body), Content_Length=length))[0] == 200


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1?alt=sse", {"prompt": "a red kite", "seed": 8}),
        ("/v1?alt=sse", {"prompt": "a red kite", "seed": "7"}),
        ("/v1?alt=json", {"prompt": "a red kite", "seed": 7}),
        ("/v2?alt=sse", {"prompt": "a red kite", "seed": 7}),
    ],
)
async def test_changed_request_fails(
    url: str, body: dict[str, Any], service: Service, path: Path
) -> None:
    """A request with another body, query or path is not in the cassette, and no server is asked."""
    with cassette(path, record=True, recorded=EMULATOR):
        await post(f"{service.url}/v1?alt=sse", as_json({"prompt": "a red kite", "seed": 7}))
    with pytest.raises(CassetteMismatch), cassette(path):
        await post(f"{service.url}{url}", as_json(body))
    assert len(service.asked) == 1


async def test_mismatch_shows_the_difference_without_the_key(service: Service, path: Path) -> None:
    """The error shows which lines of the body differ, cleaned of secrets."""
    with cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, as_json({"prompt": "a red kite"}))
    with pytest.raises(CassetteMismatch) as caught, cassette(path):
        await post(service.url, as_json({"prompt": f"a kite {KEY}"}))
    assert '+ "prompt": "a kite REDACTED"' in str(caught.value)
    assert KEY not in str(caught.value)
    kept = caught.value.failed_request
    assert KEY not in f"{kept.headers} {kept.body!r} {kept.uri}"


async def test_same_json_written_otherwise_matches(service: Service, path: Path) -> None:
    """White space and the order of keys tell nothing to a service, so they do not matter."""
    with cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, b'{"a":1,"b":[true]}')
    with cassette(path):
        await post(service.url, b'{ "b": [true],\n "a": 1 }')


async def test_same_request_is_played_in_order(service: Service, path: Path) -> None:
    """The same request twice gets the first answer, then the second, and no third."""
    service.answers = [web.json_response({}, status=429), web.json_response({})]
    with cassette(path, record=True, recorded=EMULATOR):
        for _ in range(2):
            await post(service.url, b"{}")
    with cassette(path):
        assert [(await post(service.url, b"{}"))[0] for _ in range(2)] == [429, 200]
        with pytest.raises(CassetteMismatch):
            await post(service.url, b"{}")


async def test_unplayed_request_fails(service: Service, path: Path) -> None:
    """A test that does not make every request of its cassette fails, and is told which."""
    with cassette(path, record=True, recorded=EMULATOR):
        await post(f"{service.url}/one", b"{}")
        await post(f"{service.url}/two", b"{}")
    with pytest.raises(UnplayedError, match=r"1 of 2 .*\n  2\. POST .*/two$"), cassette(path):
        await post(f"{service.url}/one", b"{}")


async def test_failing_test_keeps_its_own_error(service: Service, path: Path) -> None:
    """An error in the test is raised as it is, though requests were not made."""
    with cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, b"{}")
    with pytest.raises(ZeroDivisionError), cassette(path):
        _ = 1 / 0


async def test_failing_recording_writes_nothing(service: Service, path: Path) -> None:
    """A test that fails while it records leaves no file behind."""

    async def fail() -> None:
        await post(service.url, b"{}")
        _ = 1 / 0

    with pytest.raises(ZeroDivisionError), cassette(path, record=True, recorded=EMULATOR):
        await fail()
    assert content_of(path) == ""


async def test_headers_are_kept_by_an_allow_list(service: Service, path: Path) -> None:
    """Listed headers stand in the file; credentials never do, even if they are listed."""
    listed = ["X-Trace", "x-goog-api-key", "Authorization", "set-cookie", "retry-*"]
    secret = {"Set-Cookie": "session=abc", "Openai-Organization": "org-x", "Date": "today"}
    service.answers = [web.json_response({}, headers={"Retry-After": "7", "X-B": "1", **secret})]
    with cassette(path, record=True, recorded=EMULATOR, allow_headers=listed):
        await post(service.url, b"{}", X_Trace="kept", Authorization="Bearer abcdefgh12345678")
    (interaction,) = CassetteFile.read(path).interactions
    assert interaction.request_headers == {"x-trace": "kept"}
    assert interaction.response_headers == {"retry-after": "7"}


async def test_known_secret_is_taken_out_in_every_form(service: Service, path: Path) -> None:
    """A value named as secret stands nowhere in the file: not plain, quoted or in base64."""
    secret = "kälte/42 plain"
    forms = [secret, encoded(secret.encode()), "k%C3%A4lte%2F42%20plain"]
    service.answers = [web.Response(text=" ".join(forms))]
    with cassette(path, record=True, recorded=EMULATOR, secrets=[secret]):
        await post(f"{service.url}/?q={forms[2]}", as_json({"echo": forms}))
    text = content_of(path)
    assert [form for form in forms if form in text] == []


async def test_compressed_answer_is_stored_plainly(service: Service, path: Path) -> None:
    """An answer that came compressed is stored and played as what it says."""
    packed = gzip.compress(b'{"text": "plain"}')
    service.answers = [web.Response(body=packed, headers={"Content-Encoding": "gzip"})]
    with cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, b"{}")
    with cassette(path):
        assert json.loads((await post(service.url, b"{}"))[1]) == {"text": "plain"}


async def test_refinement_matches_when_played(service: Service, path: Path) -> None:
    """A large picture and a long signature are echoed as the cassette gave them, and match."""
    drawing, reference = picture(1), picture(2, "JPEG")
    part = {"data": encoded(drawing), "thoughtSignature": encoded(b"signed" * 9999)}
    first = as_json({"prompt": "a kite", "reference": encoded(reference)})

    async def talk() -> bytes:
        _status, answer = await post(service.url, pieces(first))
        echoed = {"history": json.loads(answer)["part"], "prompt": "larger"}
        await post(service.url, as_json(echoed))
        return base64.b64decode(echoed["history"]["data"])

    service.answers = [web.json_response({"part": part})]
    with cassette(path, record=True, recorded=EMULATOR):
        assert await talk() == drawing
    with cassette(path):
        tiny = await talk()
    assert len(content_of(path)) < 4096
    with Image.open(io.BytesIO(tiny)) as image:
        assert image.size == (24, 32)


async def test_raw_picture_is_swapped_on_both_ways(service: Service, path: Path) -> None:
    """A picture that is the whole body is swapped, and the length in the headers with it."""
    drawing, small = picture(), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    service.answers = [web.Response(body=drawing, content_type="image/png")]
    with cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, drawing, Content_Type="image/png")
        await post(service.url, small, Content_Type="image/png")
    first, second = CassetteFile.read(path).interactions
    assert first.request_body == first.response_body != drawing
    assert sniff(first.response_body) is not None
    assert first.response_headers["content-length"] == str(len(first.response_body))
    assert second.request_body == small
    with cassette(path):
        _status, tiny = await post(service.url, drawing, Content_Type="image/png")
        await post(service.url, small, Content_Type="image/png")
    assert tiny == first.response_body


@pytest.mark.parametrize("where", ["live service", "emulator"])
async def test_recording_must_be_made_where_it_says(
    where: str, service: Service, path: Path
) -> None:
    """What loopback answered never passes for a live service; the emulator may say so."""
    recorded = Recorded(where=where)
    if where == "emulator":
        with cassette(path, record=True, recorded=recorded, rewrite={service.url: HOST}):
            await post(service.url, b"{}")
        assert CassetteFile.read(path).recorded == recorded
        return
    with (
        pytest.raises(CassetteError, match=r"127\.0\.0\.1 is not the live service"),
        cassette(path, record=True, recorded=recorded, rewrite={service.url: HOST}),
    ):
        await post(service.url, b"{}")
    assert content_of(path) == ""


def test_recording_needs_a_source(path: Path) -> None:
    """Nothing is recorded that does not say where, or that says it was written by hand."""
    with pytest.raises(ValueError, match="says where it is made"), cassette(path, record=True):
        pass
    shaped = Recorded(where="shaped after someone's recording")
    with (
        pytest.raises(ValueError, match="not shaped"),
        cassette(path, record=True, recorded=shaped),
    ):
        pass
    for where in ("somewhere", "shaped after ", "Live Service"):
        with pytest.raises(ValueError, match="where a cassette was recorded"):
            Recorded(where=where)


def test_empty_recording_is_refused(path: Path) -> None:
    """A recording without a request is a mistake in the test, not a cassette."""
    with (
        pytest.raises(CassetteError, match="nothing was recorded"),
        cassette(path, record=True, recorded=EMULATOR),
    ):
        pass


async def test_modes(service: Service, path: Path) -> None:
    """`once` records where nothing is, then plays; playing what is absent says so."""
    with pytest.raises(FileNotFoundError, match="record it first"), cassette(path):
        pass
    for _ in range(2):
        with cassette(path, record="once", recorded=EMULATOR):
            await post(service.url, b"{}")
    assert len(service.asked) == 1
    with pytest.raises(ValueError, match="new_episodes"), cassette(path, record="new_episodes"):  # type: ignore[arg-type]
        pass


async def test_form_that_cannot_be_recorded_is_refused(service: Service, path: Path) -> None:
    """A form of aiohttp is refused before it is sent, and aiohttp is itself again afterwards."""
    form = aiohttp.FormData({"a": "b"})
    with pytest.raises(TypeError, match="FormData"), cassette(path, record=True, recorded=EMULATOR):
        await post(service.url, form)
    assert content_of(path) == ""
    assert (await post(service.url, b"{}"))[0] == 200


def test_path_follows_the_test(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A cassette stands under the module and the test that play it."""
    expected = tmp_path / "test_cassettes" / "test_path_follows_the_test.yaml"
    assert cassette_path(tmp_path, request.node) == expected


@pytest.mark.parametrize("text", ["a/b"])
def test_path_holds_parameters(text: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A parameter follows the name, without what file systems dislike."""
    assert text in request.node.name
    assert cassette_path(tmp_path, request.node).name == "test_path_holds_parameters-a-b.yaml"


def test_old_vcrpy_is_refused() -> None:
    """A release that loads files unsafely, or cannot record generated bodies, is named."""
    for release in ("8.2.0", "8.4.0", "7.0.0"):
        with pytest.raises(ImportError, match=release):
            cassettes.require_vcrpy(release)
    cassettes.require_vcrpy("8.5.0")
    cassettes.require_vcrpy("10.0")
