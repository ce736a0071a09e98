"""What cassettes hold, as data: what is asked, and what must come of it; for every provider.

A provider's `scenarios.py` has a `Suite`, which `scripts/record.py` records and the provider's
`test_cassettes.py` plays, both through `genkit.Client`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs

from genkit import Client, GenerationError, GenerationResponse
from genkit.client import ClientOptions
from genkit.emulator import Fault
from genkit.provider import ImageProvider
from genkit.request import RequestFields
from genkit.testing.cassettes import CassetteFile, cassette
from genkit.testing.cassettes.files import Interaction
from genkit.testing.clock import run_virtual

PROMPT = "A red kite over a green hill"


def reference(sky: bytes = b"\x40\x90\xf0") -> bytes:
    """A picture of some 8 KB that is the same on every machine: the sky above, sand below."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    above, below = b"\0" + sky * 64, b"\0" + b"\xe8\xd0\x90" * 64
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 40, 8, 2, 0, 0, 0))
    # Stored, not compressed: compressors differ between releases.
    pixels = chunk(b"IDAT", zlib.compress(above * 24 + below * 16, 0))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@attrs.frozen
class Turn:
    """One call: the first of a scenario generates, each further one refines what came."""

    prompt: str = PROMPT
    fields: RequestFields = attrs.field(factory=RequestFields)


@attrs.frozen(kw_only=True)
class Expected:
    """What must come of the last call."""

    statuses: tuple[int, ...] = (200,)
    """Of its attempts, slot by slot."""
    images: int = 1
    failures: Mapping[int, str] = attrs.field(factory=dict)
    """By slot, the class of the error."""
    error: str = ""
    """The class of the error that is raised, where one is."""
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    """Attributes of the response or of the error, by dotted name."""


@attrs.frozen(kw_only=True)
class Scenario:
    """One cassette: its name, what is asked, and what must come of it."""

    name: str
    about: str
    """For people, in the cassette and in the table of them all."""
    turns: tuple[Turn, ...] = (Turn(),)
    client: ClientOptions = attrs.field(factory=ClientOptions)
    faults: tuple[Fault, ...] = ()
    """What the emulator is told to do wrong; with these, no live service can be recorded."""
    expected: Expected = attrs.field(factory=Expected)

    def check(self, result: GenerationResponse | GenerationError) -> None:
        """Hold what came against what was expected.

        Raises:
            AssertionError: they differ.
        """
        statuses = tuple(attempt.status for attempt in result.attempts)
        assert statuses == self.expected.statuses, result
        if isinstance(result, GenerationError):
            assert type(result).__name__ == self.expected.error
        else:
            assert self.expected.error == ""
            assert len(result.images) == self.expected.images
            kinds = {slot: type(error).__name__ for slot, error in result.failures.items()}
            assert kinds == dict(self.expected.failures)
        found = {name: attrgetter(name)(result) for name in self.expected.facts}
        assert found == dict(self.expected.facts)


@attrs.frozen(kw_only=True)
class Suite:
    """The scenarios of one provider, and where their cassettes are."""

    provider: ImageProvider
    """With its usual settings: it names the variables of the key, and the service's address."""
    recorded: tuple[Scenario, ...]
    """Recorded on the emulator, or on the live service where a key is set and nothing must fail."""
    shaped: tuple[Scenario, ...]
    """Written by hand after what live services answered, in our own words and pictures."""
    fields: RequestFields = attrs.field(factory=RequestFields)
    """Of every call that does not say otherwise."""
    cassettes: Path = Path(__file__).resolve().parents[2] / "cassettes"

    @property
    def folder(self) -> Path:
        """Where the cassettes of this provider are."""
        return self.cassettes / self.provider.name / "test_cassettes"

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """All of them."""
        return (*self.recorded, *self.shaped)

    def named(self, name: str) -> Scenario:
        """The scenario of this name."""
        (found,) = (scenario for scenario in self.scenarios if scenario.name == name)
        return found

    def path_of(self, scenario: Scenario) -> Path:
        """The cassette of a scenario, under the test that plays it."""
        kind = "recorded" if scenario in self.recorded else "shaped"
        return self.folder / f"test_{kind}-{scenario.name}.yaml"

    async def ask(
        self, scenario: Scenario, key: str, base_url: str | None = None
    ) -> GenerationResponse | GenerationError:
        """Make every call of a scenario, with the default model, and give what the last gave."""
        options = ClientOptions(api_key=key, base_url=base_url, strict=False)
        options.update(scenario.client)
        response: GenerationResponse | None = None
        async with Client(self.provider.name, **options) as client:
            for turn in scenario.turns:
                fields: RequestFields = {**self.fields, **turn.fields}
                try:
                    if response is None:
                        response = await client.generate(turn.prompt, **fields)
                    else:
                        response = await client.refine(response, turn.prompt, **fields)
                except GenerationError as error:
                    return error
        assert response is not None
        return response

    def play(self, scenario: Scenario, path: Path) -> GenerationResponse | GenerationError:
        """Play a scenario's cassette: no emulator, no network, virtual time."""
        with cassette(path):
            return run_virtual(self.ask(scenario, "made-up-key"))

    def response_of(self, name: str) -> GenerationResponse:
        """What a scenario gives that does not fail."""
        scenario = self.named(name)
        result = self.play(scenario, self.path_of(scenario))
        assert isinstance(result, GenerationResponse)
        return result

    def interactions_of(self, name: str) -> tuple[Interaction, ...]:
        """The requests and answers of a scenario."""
        return CassetteFile.read(self.path_of(self.named(name))).interactions

    def bodies_of(self, name: str) -> list[tuple[Any, Any]]:
        """The parsed requests and answers of a scenario."""
        return [
            (json.loads(interaction.request_body), json.loads(interaction.response_body))
            for interaction in self.interactions_of(name)
        ]

    def check_files(self) -> None:
        """Hold the files against the scenarios: each has one, which says truly what it is.

        Shaped ones never claim to be recordings, and scripted faults come from the emulator.

        Raises:
            AssertionError: a file is missing, is played by no test, or claims what cannot be.
        """
        paths = {self.path_of(scenario) for scenario in self.scenarios}
        assert set(self.folder.iterdir()) == paths
        for scenario in self.scenarios:
            where = CassetteFile.read(self.path_of(scenario)).recorded.where
            if scenario in self.shaped:
                assert where.startswith("shaped after ")
            else:
                assert where in {"emulator"} | (set() if scenario.faults else {"live service"})


def name_of(scenario: Scenario) -> str:
    """The id of a test."""
    return scenario.name
