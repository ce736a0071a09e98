from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from genkit.body import Body, Raw
from genkit.cli import dry_run
from genkit.images import Image
from genkit.wire import AuthHeader, WireRequest
from tests.cli.conftest import Genkit
from tests.cli.pictures import picture_bytes
from tests.cli.service import KEY, Service


def test_the_request_is_shown(genkit: Genkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, URL, headers and body are shown as they would be sent, the key masked."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    said = genkit("generate", "a banana", "--size", "1280x720", "--seed", "3", "--dry-run")
    assert said.code == 0
    head, body, *_rest = said.out.split("\n\n")
    assert head.splitlines()[0] == (
        "POST https://generativelanguage.googleapis.com/v1beta/models/"
        "gemini-nano-banana-2.1:generateContent"
    )
    assert "x-goog-api-key: ***" in head.splitlines()
    assert json.loads(body)["generationConfig"]["seed"] == 3
    assert "\n  a banana\n" in said.out
    assert re.search(r"cost +\$0\.03\d\d estimated \(list prices of", said.out)
    assert re.search("adjusted +size: 1280x720 became 16:9 at 1K", said.out)
    assert said.err == "Dry run: nothing was sent.\n"
    assert KEY not in said.out


def test_nothing_is_sent_and_no_key_is_needed(genkit: Genkit, service: Service) -> None:
    """A dry run leaves the service alone, writes nothing and asks for no key."""
    service.config.write_text(service.config.read_text().replace("CANARY_KEY", "NO_SUCH_KEY"))
    assert genkit("generate", "a banana", "--dry-run", "-o", "x.png").code == 0
    assert len(service.ledger) == 0
    assert not Path("x.png").exists()


def test_the_document(genkit: Genkit) -> None:
    """`--json` gives the requests as a document, one for each picture of `-n`."""
    said = genkit("generate", "a banana", "-n", "2", "--seed", "5", "--dry-run", "--json")
    document = said.document
    assert document["dry_run"] is True
    assert [request["seed"] for request in document["requests"]] == [5, 6]
    request = document["requests"][0]
    assert request["headers"]["x-goog-api-key"] == "***"
    assert request["body"]["generationConfig"]["seed"] == 5
    assert len(request["body_sha256"]) == 64
    assert document["estimate"]["cost"] == pytest.approx(2 * document["estimate"]["per_image"])
    assert "a banana" in document["prompt"]


def test_pictures_and_signatures_are_named(genkit: Genkit, service: Service, folder: Path) -> None:
    """Pictures and signatures are shown by type, size and hash, never by their characters."""
    genkit("generate", "a banana", "-o", "b.png")
    data = picture_bytes(width=32, height=16)
    (folder / "ref.png").write_bytes(data)
    said = genkit("refine", "b.png", "more", "-i", "ref.png", "--dry-run")
    digest = hashlib.sha256(data).hexdigest()
    assert f"<image/png 32x16, {len(data)} bytes, sha256 {digest}>" in said.out
    assert "<image/jpeg 1024x1024, " in said.out
    assert re.search(r'"thoughtSignature": "<\d+ characters, sha256 [0-9a-f]{64}>"', said.out)
    assert max(map(len, said.out.splitlines())) < 2000


def test_headers_of_the_configuration_are_masked(genkit: Genkit, folder: Path) -> None:
    """Only headers that are known to be harmless are shown: others may be somebody's secret."""
    (folder / "genkit.toml").write_text(
        f'[providers.gemini]\nheaders = {{ x-team = "{KEY}", user-agent = "mine" }}\n'
    )
    said = genkit("generate", "a banana", "--dry-run")
    assert "x-team: ***" in said.out
    assert "user-agent: mine" in said.out
    assert KEY not in said.out


def test_other_bodies() -> None:
    """A body that is no JSON is shown as text with its pictures named, and none as none."""
    image = Image.from_bytes(picture_bytes())
    body = Body((b"--x\r\n", Raw(image), b"\xff\r\n--x--"), "multipart/form-data; boundary=x")
    shown = dry_run._request(
        WireRequest(
            url="https://service.invalid/", body=body, auth=AuthHeader("Authorization", "Bearer ")
        )
    )
    assert shown["body"].startswith("--x\r\n<image/png 8x4, ")
    assert shown["headers"]["authorization"] == "Bearer ***"
    assert (
        dry_run._request(WireRequest(method="GET", url="https://service.invalid/"))["body"] is None
    )


def test_the_emulator_may_be_meant(genkit: Genkit) -> None:
    """With `--emulator` the dry run shows the emulator's address."""
    said = genkit("generate", "a banana", "--dry-run", "--emulator")
    assert said.out.startswith("POST http://127.0.0.1:")


def test_a_control_character_does_not_reach_the_terminal(genkit: Genkit) -> None:
    """A prompt with an escape sequence is shown escaped."""
    said = genkit("generate", "a \x1b]52;c;x\x07 banana", "--dry-run")
    assert "\x1b" not in said.out
    assert "\\x1b]52;c;x\\x07" in said.out
