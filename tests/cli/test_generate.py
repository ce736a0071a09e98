from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from genkit.conversation import Conversation
from genkit.sniff import sniff
from tests.cli.conftest import Ended, Genkit
from tests.cli.pictures import picture_bytes
from tests.cli.service import KEY, Service


def size_of(path: Path) -> tuple[str, int, int]:
    """Type and pixels of a file."""
    header = sniff(path.read_bytes())
    assert header is not None
    return header.media_type, header.width, header.height


def facts(said: Ended) -> dict[str, str]:
    """The table at the end, as it was said on standard error."""
    lines = [re.match(r"  (\S.*?)  +(\S.*)", line) for line in said.err.splitlines()]
    return {line[1]: line[2] for line in lines if line}


def test_a_picture(genkit: Genkit, folder: Path) -> None:
    """`--emulator` gives a picture of exactly the size, its path alone on standard output."""
    said = genkit(
        *("generate", "A cute cartoon banana mascot waving", "--emulator"),
        *("--size", "512x512", "--fit", "crop", "--seed", "7", "-o", "banana.png"),
    )
    assert (said.code, said.out) == (0, "banana.png\n")
    assert size_of(folder / "banana.png") == ("image/png", 512, 512)
    assert "Emulated: the pictures are made up, nothing is paid." in said.err
    table = facts(said)
    assert table["banana.png"].startswith("512x512  image/png  ")
    assert table["model"] == "gemini:gemini-nano-banana-2.1"
    assert table["attempts"] == "1 (200)"
    assert table["seed"] == "7"
    assert re.fullmatch(r"\$0\.03\d\d estimated", table["cost"])
    assert re.fullmatch("[0-9a-f]{32}", table["generation id"])
    assert table["adjusted"].startswith("size: 512x512 became 1:1 at 1K;")
    assert table["to go on"] == "genkit refine banana.png PROMPT"
    conversation = Conversation.load(folder / "banana.genkit-conversation")
    assert [turn.role for turn in conversation.turns] == ["user", "model"]


def test_a_rate_limit_is_waited_out(genkit: Genkit, service: Service) -> None:
    """A 429 with its wait is seen on the screen, waited out, and in the table."""
    service.fail("rate-limited", retry_after=0.2)
    said = genkit("generate", "a banana")
    assert said.code == 0
    assert re.search(
        r"rate limited \(429 RESOURCE_EXHAUSTED\)(, as the service asks)?: waiting [\d.]+ s"
        r" before attempt 2 of \d",
        said.err,
    )
    assert re.fullmatch(
        r"2 \(429 rate limited, waited [\d.]+ s, then 200\)", facts(said)["attempts"]
    )
    assert [entry.answer and entry.answer.status for entry in service.ledger] == [429, 200]


DOCUMENT = {
    "version": int,
    "generation_id": str,
    "request_id": str,
    "provider": str,
    "model": str,
    "seed": int,
    "prompt": str,
    "prompt_template": str,
    "files": list,
    "drafts": list,
    "failures": dict,
    "text": str,
    "attempts": list,
    "waits_seconds": float,
    "inference_time_ms": float,
    "total_time_ms": float,
    "cost": float,
    "usage": dict,
    "adjustments": list,
    "notices": list,
    "conversation": str,
}


def test_the_document(genkit: Genkit, folder: Path) -> None:
    """`--json` gives one document with exactly the fields that are promised, and of their types."""
    said = genkit("generate", "a {colour} banana", "--var", "colour=red", "--emulator", "--json")
    document = said.document
    assert {name: type(value) for name, value in document.items()} == DOCUMENT
    (file,) = document["files"]
    assert set(file) == {
        *("path", "slot", "width", "height", "media_type", "bytes", "sha256", "conversation")
    }
    data = (folder / file["path"]).read_bytes()
    assert len(data) == file["bytes"]
    assert size_of(folder / file["path"]) == (file["media_type"], file["width"], file["height"])
    assert set(document["attempts"][0]) == {
        *("number", "slot", "step", "provider", "model", "status", "outcome", "code"),
        *("request_id", "latency_seconds", "delay_seconds", "charge"),
    }
    assert document["prompt_template"] == "strict"
    assert "a red banana" in document["prompt"]
    assert document["usage"]["images"] == 1
    assert document["attempts"][0]["charge"] == "yes"


def test_several_pictures_where_one_fails(genkit: Genkit, service: Service, folder: Path) -> None:
    """The pictures that came are saved under their numbers, the failed one is told, code 10."""
    service.fail("block")
    said = genkit("generate", "a banana", "-n", "3", "-o", "b.png", "--json")
    assert said.code == 10
    document = said.document
    (failed,) = document["failures"]
    assert document["failures"][failed]["class"] == "ContentPolicyError"
    slots = [file["slot"] for file in document["files"]]
    assert sorted([*slots, int(failed)]) == [0, 1, 2]
    assert [file["path"] for file in document["files"]] == [f"b-{slot + 1}.png" for slot in slots]
    assert all((folder / file["path"]).exists() for file in document["files"])
    assert (folder / document["conversation"]).exists()


def test_the_failed_picture_is_named_on_the_screen(genkit: Genkit, service: Service) -> None:
    """Without `--json` the failed picture stands in the table."""
    service.fail("block")
    said = genkit("generate", "a banana", "-n", "2", "-o", "b.png")
    assert said.code == 10
    assert len(said.out.splitlines()) == 1
    failed = [value for name, value in facts(said).items() if name.endswith(" failed")]
    assert len(failed) == 1
    assert "polic" in failed[0]


@pytest.mark.parametrize(
    ("fault", "code", "name", "charge"),
    [
        ("rate-limited", 5, "RateLimitError", "no"),
        ("overloaded", 6, "OverloadedError", "no"),
        ("server-error", 6, "ServerError", "no"),
        ("authentication", 3, "AuthenticationError", "no"),
        ("block", 4, "ContentPolicyError", "no"),
        ("block-output", 4, "ContentPolicyError", "yes"),
        ("no-image", 8, "NoImageError", "yes"),
        ("cut", 8, "ResponseDecodeError", "maybe"),
        ("hang", 7, "AttemptTimeoutError", "maybe"),
    ],
)
def test_failures(
    fault: Any, code: int, name: str, charge: str, genkit: Genkit, service: Service, folder: Path
) -> None:
    """Each way to fail ends with its code and class, tells the charge, and leaves no file."""
    service.fail(fault, times=2)
    said = genkit(
        *("generate", "a banana", "--attempts", "1", "--timeout", "1", "-o", "x.png"),
        *("--json", "-vv"),
    )
    assert (said.code, said.error["class"], said.error["charge"]) == (code, name, charge)
    assert [attempt["outcome"] for attempt in said.error["attempts"]] == [name]
    assert said.error["model"] == "gemini-nano-banana-2.1"
    assert said.err.count("Error: ") == 1
    assert "generation id  " in said.err
    assert KEY not in said.out + said.err
    assert list(folder.iterdir()) == []


def test_nobody_there(genkit: Genkit, folder: Path) -> None:
    """A service that cannot be reached ends with 7, and nothing was charged."""
    (folder / "genkit.toml").write_text(
        '[providers.gemini]\nbase_url = "http://127.0.0.1:9"\napi_key = "env:HOME"\n'
    )
    said = genkit("generate", "a banana", "--attempts", "1", "--json", "--config", "genkit.toml")
    assert (said.code, said.error["class"]) == (7, "ConnectionFailedError")
    assert said.error["charge"] == "no"


def test_without_a_key(genkit: Genkit) -> None:
    """Without a key it ends with 3 and says every way to get going."""
    said = genkit("generate", "a banana")
    assert said.code == 3
    for word in ("GEMINI_API_KEY", "api_key", "env:", "file:", "command:", "--emulator"):
        assert word in said.err


def test_the_key_is_nowhere(genkit: Genkit, service: Service, folder: Path) -> None:
    """The key shows in no output and no file, even with all logs."""
    for arguments in ([], ["--json"], ["-vv"], ["--dry-run"], ["--dry-run", "--json"]):
        said = genkit("generate", "a banana", *arguments)
        assert said.code == 0
        assert KEY not in said.out + said.err
    assert len(service.ledger) == 3
    files = [path.read_bytes() for path in folder.iterdir()]
    assert len(files) == 6
    assert not any(KEY.encode() in data for data in files)


def test_logs(genkit: Genkit, service: Service) -> None:
    """`-v` logs attempts with the generation id, and never the prompt."""
    said = genkit("generate", "a secret banana", "-v", "--json")
    lines = [line for line in said.err.splitlines() if said.document["generation_id"] in line]
    assert lines
    assert "secret banana" not in said.err
    assert "info:" in said.err
    assert "info:" not in genkit("generate", "a banana").err


def test_quiet(genkit: Genkit) -> None:
    """`--quiet` leaves the path alone."""
    said = genkit("generate", "a banana", "--emulator", "-q", "-o", "x.png")
    assert (said.code, said.out, said.err) == (0, "x.png\n", "")


def test_a_prompt_on_standard_input(genkit: Genkit, service: Service) -> None:
    """`-` reads the prompt from standard input."""
    said = genkit("generate", "-", "--json", stdin=" ein Bär\n".encode())
    assert said.code == 0
    assert "\nein Bär\n" in said.document["prompt"]


def test_references(genkit: Genkit, service: Service, folder: Path) -> None:
    """Pictures given with `-i` are sent in order, and the prompt is the one for edits."""
    (folder / "one.png").write_bytes(picture_bytes())
    (folder / "two.jpg").write_bytes(picture_bytes("image/jpeg"))
    said = genkit("generate", "both", "-i", "one.png", "-i", "two.jpg", "--json")
    assert said.document["prompt_template"] == "strict-edit"
    (entry,) = service.ledger
    parts = entry.document["contents"][0]["parts"]
    types = [part["inlineData"]["mimeType"] for part in parts if "inlineData" in part]
    assert types == ["image/png", "image/jpeg"]


def test_options_reach_the_wire(genkit: Genkit, service: Service) -> None:
    """Seed, ratio, the provider's own options and a plain prompt are what is sent."""
    said = genkit(
        *("generate", "a banana", "--seed", "5", "--aspect", "16:9", "--no-strict"),
        *("--option", "temperature=0.5", "-m", "gemini:gemini-3-pro-image", "--json"),
    )
    assert said.code == 0
    (entry,) = service.ledger
    assert entry.model == "gemini-3-pro-image"
    settings = entry.document["generationConfig"]
    assert (settings["seed"], settings["temperature"]) == (5, 0.5)
    assert settings["imageConfig"]["aspectRatio"] == "16:9"
    assert entry.document["contents"][0]["parts"] == [{"text": "a banana"}]


def test_the_configured_folder(
    genkit: Genkit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `-o` pictures go to the configured folder; their names hold nothing of the prompt."""
    monkeypatch.setenv("GENKIT_OUTPUT", "pictures")
    said = genkit("generate", "../../secret", "--emulator", "--format", "webp")
    assert said.code == 0
    (path,) = [Path(line) for line in said.out.splitlines()]
    assert path.parent.name == "pictures"
    assert re.fullmatch(r"genkit-\d{8}-\d{6}\.webp", path.name)
    assert size_of(path)[0] == "image/webp"


def test_without_a_conversation(genkit: Genkit, folder: Path) -> None:
    """`--no-conversation` leaves the picture alone."""
    said = genkit("generate", "x", "--emulator", "--no-conversation", "-o", "x.png", "--json")
    assert said.document["conversation"] is None
    assert [path.name for path in folder.iterdir()] == ["x.png"]


def test_what_is_not_emulated_is_not_asked(
    genkit: Genkit, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--emulator` nothing goes to a service that is not emulated."""
    monkeypatch.setattr("genkit.plugins.Plugins.emulations", lambda _self, _names: ())
    said = genkit("generate", "a banana", "--emulator", "--json")
    assert (said.code, said.error["field"]) == (2, "emulator")
    assert len(service.ledger) == 0
