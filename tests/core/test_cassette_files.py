"""The files of cassettes: what is refused, what an audit finds, and the project's own."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest

from genkit.testing.cassettes import CassetteError, CassetteFile, Recorded, audit, provenance_table
from genkit.testing.cassettes.files import Interaction
from genkit.testing.cassettes.pictures import tiny_picture

BROKEN = {
    "no provenance": "interactions: []\n",
    "made-up source": "recorded: {where: dream, date: 2026-01-01, note: x}\ninteractions: []\n",
    "no date": "recorded: {where: emulator, date: today, note: x}\ninteractions: []\n",
    "no request": "recorded: {where: emulator, date: 2026-01-01, note: x}\ninteractions: []\n",
    "an object": "recorded: !!python/object/apply:os.getcwd []\ninteractions: []\n",
    "no YAML": "recorded: [\n",
    "a list": "- 1\n",
}

INTERACTION = Interaction(
    method="POST",
    uri="https://images.example.com/v1",
    request_headers={"content-type": "application/json"},
    request_body=b'{"prompt":"a kite"}',
    status=200,
    reason="OK",
    response_headers={"x-ratelimit-limit": ["1", "2"]},
    response_body=b"\xff\x00 bytes",
)
EMULATED = CassetteFile(recorded=Recorded(where="emulator"), interactions=(INTERACTION,))


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_file_is_named(text: str, tmp_path: Path) -> None:
    """A file that is no cassette is refused by name, and never made an object of."""
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CassetteError, match=r"broken\.yaml"):
        CassetteFile.read(path)
    assert [finding for finding in audit(tmp_path) if "broken.yaml" in finding] != []


def test_file_reads_back(tmp_path: Path) -> None:
    """A cassette that was written is read back as it was."""
    path = tmp_path / "a" / "b.yaml"
    EMULATED.write(path)
    assert CassetteFile.read(path) == EMULATED
    assert [file.name for file in path.parent.iterdir()] == ["b.yaml"]


def test_table_names_every_file(tmp_path: Path) -> None:
    """The table has a row for each cassette, with its source, its date and its note."""
    EMULATED.write(tmp_path / "a" / "one.yaml")
    where = "shaped after another|recording"
    CassetteFile(
        recorded=Recorded(where=where, note="words | of\nours"), interactions=(INTERACTION,)
    ).write(tmp_path / "two.yaml")
    rows = provenance_table(tmp_path).splitlines()[2:]
    assert len(rows) == 2
    assert rows[0].startswith("| `a/one.yaml` | emulator | 20")
    assert rows[1].startswith(r"| `two.yaml` | shaped after another\|recording | 20")
    assert rows[1].endswith(r" | words \| of ours |")


def random_key(length: int = 48) -> str:
    """Letters and digits as a service draws them for a key."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(random.Random(7).choices(letters, k=length))


PLANTED = {
    "google key": "AIza" + "B" * 35,
    "api key": "sk-proj-abcdefghij",
    "bearer": "Authorization: Bearer abcdefghijkl",
    "google token": "ya29.abcdefghijk",
    "private key": "-----BEGIN PRIVATE KEY-----",
    "drawn at random": random_key(),
    "hidden in a name": f"name-{random_key(40)}",
    "random base64": base64.b64encode(random.Random(7).randbytes(60)).decode(),
    "port": "http://127.0.0.1:40123/v1",
}


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("name", ["note.md", "cassette.yaml"])
def test_audit_finds_secrets(secret: str, name: str, tmp_path: Path) -> None:
    """A secret in any file is found, and the finding does not repeat it."""
    text = f"recorded:\n  note: some {secret}\n" if name == "cassette.yaml" else f"# {secret}\n"
    (tmp_path / name).write_text(text, encoding="utf-8")
    findings = [line for line in audit(tmp_path) if "is no cassette" not in line]
    assert [line for line in findings if line.startswith(f"{name}: ")] != []
    assert [line for line in findings if secret in line] == []


def test_audit_finds_what_a_file_breaks_over_lines(tmp_path: Path) -> None:
    """A token that the file puts on the line after its name is found all the same."""
    text = "note: Bearer\n  abcdefghijklmnop\n"
    (tmp_path / "folded.yaml").write_text(text, encoding="utf-8")
    assert "folded.yaml: .note: a bearer token" in audit(tmp_path)


def test_audit_finds_large_files(tmp_path: Path) -> None:
    """A file above the cap is named with its size."""
    (tmp_path / "large.md").write_text("large " * 100, encoding="utf-8")
    assert audit(tmp_path, most_bytes=600) == []
    assert audit(tmp_path, most_bytes=599) == ["large.md: 600 bytes, more than 599"]


def test_audit_leaves_pictures_and_words_alone(tmp_path: Path) -> None:
    """Tiny pictures, signatures, addresses and long names are no secrets."""
    picture = base64.b64encode(tiny_picture(b"GIF89a\x01\0\x01\0" + bytes(5000))).decode()
    lines = [
        picture,
        f"data:image/gif;base64,{picture}",
        "https://images.example.com/v1beta/models/gemini-nano-banana-2.1:generateContent",
        "GenerateContentPaidTierInputTokensPerModelPerMinute",
        "someone__else-ai/gemini_200_finish_SAFETY_EMPTY_content-2.5-Pro.yaml",
        "Bearer REDACTED, org-REDACTED, projects/REDACTED",
    ]
    (tmp_path / "fine.md").write_text("\n".join(lines), encoding="utf-8")
    EMULATED.write(tmp_path / "signed.yaml")
    with (tmp_path / "signed.yaml").open("a", encoding="utf-8") as file:
        file.write(f"more: {{thoughtSignature: {random_key()}}}\n")
    assert audit(tmp_path) == []


def test_audit_knows_what_is_random_by_nature(tmp_path: Path) -> None:
    """Ids of requests and our own boundaries are no secrets; the same elsewhere may be one."""
    digest = "9f3a1b7c" * 4
    ours, theirs = f"boundary=genkit-{digest}", f"boundary=made-{digest}"
    lines = [
        f"content-type: multipart/form-data; {ours}",
        f"x-request-id: req_{digest}",
        f"note: req_{digest}",
        f"other: multipart/form-data; {theirs}",
    ]
    (tmp_path / "random.yaml").write_text("\n".join(lines), encoding="utf-8")
    findings = [line for line in audit(tmp_path) if "is no cassette" not in line]
    assert findings == [
        "random.yaml: .note: looks like a secret",
        "random.yaml: .other: looks like a secret",
    ]


def test_project_cassettes_are_clean(root: Path) -> None:
    """No file of the project's cassettes is large, holds a secret or hides where it comes from."""
    assert audit(root / "cassettes") == []


def test_readme_says_where_each_cassette_comes_from(root: Path) -> None:
    """The table in the README is the one that the cassettes themselves make."""
    table = provenance_table(root / "cassettes")
    assert table in (root / "cassettes" / "README.md").read_text(encoding="utf-8")
