from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Genkit
from tests.cli.pictures import picture_bytes
from tests.cli.service import Service

BAD = {
    "an empty prompt": ([""], "prompt", "empty"),
    "a blank prompt": ([" \n"], "prompt", "empty"),
    "a prompt with a NUL": (["a\0b"], "prompt", "NUL"),
    "a size of zero": (["x", "--size", "0x720"], "width", "from 1 to"),
    "a negative size": (["x", "--size", "-5x10"], "size", "WIDTHxHEIGHT"),
    "a huge size": (["x", "--size", "720x99999"], "height", "from 1 to"),
    "a size that is no number": (["x", "--size", "big"], "size", "'big'"),
    "half a size": (["x", "--size", "512"], "size", "WIDTHxHEIGHT"),
    "a ratio that is none": (["x", "--aspect", "wide"], "aspect_ratio", "'wide'"),
    "size and ratio": (["x", "--size", "8x8", "--aspect", "1:1"], "aspect_ratio", "either"),
    "fit without a size": (["x", "--fit", "crop"], "fit", "width and height"),
    "no pictures": (["x", "-n", "0"], "n", "from 1 to"),
    "too many pictures": (["x", "-n", "1000"], "n", "from 1 to"),
    "a seed that is too large": (["x", "--seed", "3000000000"], "seed", "2147483647"),
    "an unknown provider": (["x", "-m", "nobody:m"], "model", "'nobody'"),
    "an unknown model": (["x", "-m", "no-such-model"], "model", "'no-such-model'"),
    "a provider without a model": (["x", "-m", "gemini:"], "model", "after the colon"),
    "an unknown option": (
        ["x", "--option", "colour=1"],
        "provider_options.gemini.colour",
        "colour",
    ),
    "an option twice": (["x", "--option", "a=1", "--option", "a=2"], "provider_options", "twice"),
    "an unknown template": (["x", "--template", "none"], "template", "'none'"),
    "an unknown variable": (["x", "--var", "a=b"], "variables", "a"),
    "a missing variable": (["{a} {b}", "--var", "a=1"], "variables", "missing b"),
    "a reference that is not there": (["x", "-i", "nowhere.png"], "references", "nowhere.png"),
    "a reference that is a folder": (["x", "-i", "."], "references", "'.'"),
    "a reference that is no picture": (["x", "-i", "text.png"], "references", "not a picture"),
    "a reference that is cut": (["x", "-i", "cut.png"], "references", "cut"),
    "a reference that is a URL": (["x", "-i", "https://a.invalid/x.png"], "references", "URL"),
    "a mask where there is no image": (["x", "--mask", "good.png"], "mask", "no image"),
    "a mask of another size": (
        ["x", "-i", "large.png", "--mask", "good.png"],
        "mask",
        "must be equal",
    ),
    "a mask that the model cannot take": (
        ["x", "-i", "good.png", "--mask", "good.png"],
        "mask",
        "takes no mask",
    ),
    "a timeout of zero": (["x", "--timeout", "0"], "timeout", "over 0"),
    "a deadline that is no number": (["x", "--deadline", "nan"], "deadline", "over 0"),
    "an unknown format": (["x", "--format", "tiff"], "output_format", "png, jpeg, webp"),
    "a format that is not the suffix's": (
        ["x", "--format", "webp", "-o", "x.png"],
        "output_format",
        "contradicts",
    ),
    "what the model cannot do, refused": (
        ["x", "--quality", "high", "--adapt", "refuse"],
        "quality",
        "quality",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(kind: str, genkit: Genkit, service: Service, folder: Path) -> None:
    """Each ends with 2 before anything is sent, and names the field, what was given, what to do."""
    arguments, field, words = BAD[kind]
    (folder / "text.png").write_text("no picture")
    (folder / "good.png").write_bytes(picture_bytes())
    (folder / "large.png").write_bytes(picture_bytes(width=16, height=16))
    (folder / "cut.png").write_bytes(picture_bytes()[:-20])
    before = sorted(folder.iterdir())
    said = genkit("generate", *arguments, "--json")
    assert (said.code, said.error["field"]) == (2, field)
    assert words in said.error["message"]
    assert f"Error: {field.partition('.')[0]}" in said.err
    assert said.error["charge"] == "no"
    assert len(service.ledger) == 0
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x", "-n", "many"], "'-n': 'many' is not a valid integer"),
        (["x", "--seed", "1.5"], "'--seed': '1.5' is not a valid integer"),
        (["x", "--timeout", "soon"], "'--timeout': 'soon' is not a valid float"),
        (["x", "--fit", "stretch"], "'--fit': 'stretch' is not one of"),
        (["x", "--var", "name"], "'--var': 'name' is not of the form NAME=VALUE"),
        (["x", "--option", "=1"], "'--option': '=1' is not of the form NAME=VALUE"),
        (["x", "--size"], "'--size' requires an argument"),
        (["x", "--api-key", "k"], "No such option '--api-key'"),
        ([], "Missing argument 'PROMPT'"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str, genkit: Genkit) -> None:
    """What the command line itself cannot read ends with 2 and names the option."""
    said = genkit("generate", *arguments)
    assert (said.code, said.out) == (2, "")
    assert words in said.err


@pytest.mark.parametrize("attempts", ["0", "1000"])
def test_attempts_out_of_range(attempts: str, genkit: Genkit, service: Service) -> None:
    """A number of attempts that is not allowed ends with 2."""
    said = genkit("generate", "x", "--attempts", attempts)
    assert said.code == 2
    assert "client.attempts: expected a whole number from 1 to 10" in said.err
    assert len(service.ledger) == 0


OUTPUTS = {
    "a file that exists": ("there.png", "--force"),
    "a conversation that exists": ("alone.png", "alone.genkit-conversation"),
    "a path below a file": ("there.png/x.png", "there.png"),
    "a suffix of no picture": ("x.txt", ".png, .jpg"),
    "an empty path": (" ", "is no path"),
    "a device": ("device.png", "no regular file"),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_an_output_that_cannot_be(
    kind: str, genkit: Genkit, service: Service, folder: Path
) -> None:
    """What cannot be written is found before anything is paid, and ends with 9."""
    out, words = OUTPUTS[kind]
    (folder / "there.png").write_text("mine")
    (folder / "alone.genkit-conversation").write_text("mine")
    (folder / "device.png").symlink_to("/dev/null")
    said = genkit("generate", "x", "-o", out, "--json")
    assert (said.code, said.error["class"]) == (9, "OutputError")
    assert words in said.error["message"]
    assert len(service.ledger) == 0
    assert (folder / "there.png").read_text() == "mine"


def test_a_prompt_that_is_no_text(genkit: Genkit, service: Service) -> None:
    """Standard input that is not UTF-8, or far too much, ends with 2."""
    said = genkit("generate", "-", "--json", stdin=b"\xff\xfe")
    assert (said.code, said.error["field"]) == (2, "prompt")
    said = genkit("generate", "-", "--json", stdin=b"x" * (8 * 1024 * 1024 + 1))
    assert (said.code, said.error["field"]) == (2, "prompt")
    said = genkit("generate", "-", "--json", stdin=b"")
    assert (said.code, said.error["field"]) == (2, "prompt")
    assert len(service.ledger) == 0


def test_a_missing_provider_says_how_to_get_one(genkit: Genkit) -> None:
    """An unknown provider's error says where providers come from."""
    said = genkit("generate", "x", "-m", "nobody:m")
    assert "`genkit providers`" in said.err
    assert "genkit-provider-gemini" in said.err
