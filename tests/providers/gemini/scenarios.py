"""What the cassettes of Gemini hold, as data: what is asked, and what must come of it.

`scripts/record.py` records it and `test_cassettes.py` plays it, both through `genkit.Client`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import attrs

from genkit import Client, GenerationError, GenerationResponse
from genkit.client import ClientOptions
from genkit.emulator import Fault
from genkit.request import RequestFields
from genkit_gemini.codec import BASE_URL

PROVIDER = "gemini"
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
SERVICE_URL = BASE_URL

PROMPT = "A red kite over a green hill"


def reference() -> bytes:
    """A picture of some 8 KB that is the same on every machine: blue above, sand below."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    sky, sand = b"\0" + b"\x40\x90\xf0" * 64, b"\0" + b"\xe8\xd0\x90" * 64
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 40, 8, 2, 0, 0, 0))
    # Stored, not compressed: compressors differ between releases.
    pixels = chunk(b"IDAT", zlib.compress(sky * 24 + sand * 16, 0))
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

    def client_for(self, key: str, base_url: str | None = None) -> Client:
        """The client that plays this, with the default model."""
        options = ClientOptions(api_key=key, base_url=base_url, strict=False)
        options.update(self.client)
        return Client(PROVIDER, **options)

    async def play(self, client: Client) -> GenerationResponse | GenerationError:
        """Make every call, and give what the last one gave."""
        response: GenerationResponse | None = None
        async with client:
            for turn in self.turns:
                try:
                    if response is None:
                        response = await client.generate(turn.prompt, **_seeded(turn))
                    else:
                        response = await client.refine(response, turn.prompt, **_seeded(turn))
                except GenerationError as error:
                    return error
        assert response is not None
        return response

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


def _seeded(turn: Turn) -> RequestFields:
    # Without one the core draws a seed, and no request would be the same twice.
    return {"seed": 7, **turn.fields}


RECORDED = (
    Scenario(name="generate", about="A picture from words."),
    Scenario(
        name="generate_with_size",
        about="Exact pixels: asked for as a ratio and a tier, then cropped.",
        turns=(Turn(fields={"width": 1280, "height": 720, "fit": "crop", "seed": 0}),),
    ),
    Scenario(
        name="edit_with_reference",
        about="A picture changed as words say.",
        turns=(Turn("Make the sky pink", {"references": (reference(),)}),),
    ),
    Scenario(
        name="refine_twice",
        about="Two refinements, every part of the model's going back with its signature.",
        turns=(Turn(), Turn("Make the kite larger"), Turn("Add a second kite, in blue")),
    ),
    Scenario(
        name="three_with_one_refused",
        about="Three pictures, the first of them refused after it was made.",
        turns=(Turn(fields={"n": 3}),),
        client={"concurrency": 1},
        faults=(Fault("block-output"),),
        expected=Expected(images=2, statuses=(200, 200, 200), failures={0: "ContentPolicyError"}),
    ),
    Scenario(
        name="rate_limited_then_served",
        about="429 with RetryInfo, then the picture.",
        faults=(Fault("rate-limited", retry_after=0.5),),
        expected=Expected(statuses=(429, 200)),
    ),
)
"""Recorded on the emulator, or on the live service where a key is set and nothing must fail."""

ONCE: ClientOptions = {"attempts": 1}

SHAPED = (
    Scenario(
        name="quota_per_minute",
        about="429 with QuotaFailure and RetryInfo.",
        client=ONCE,
        expected=Expected(
            statuses=(429,),
            error="RateLimitError",
            facts={"retry_after": 48.0, "code": "RESOURCE_EXHAUSTED", "charge": "no"},
        ),
    ),
    Scenario(
        name="quota_with_fraction",
        about="429 with a wait that has a fraction.",
        client=ONCE,
        expected=Expected(
            statuses=(429,), error="RateLimitError", facts={"retry_after": 34.4, "charge": "no"}
        ),
    ),
    Scenario(
        name="api_key_invalid",
        about="400 for a wrong key.",
        expected=Expected(
            statuses=(400,), error="AuthenticationError", facts={"status": 400, "charge": "no"}
        ),
    ),
    Scenario(
        name="model_not_found",
        about="404 for an unknown model.",
        client={"model": "gemini-made-up-image"},
        expected=Expected(
            statuses=(404,), error="ModelNotFoundError", facts={"model": "gemini-made-up-image"}
        ),
    ),
    Scenario(
        name="model_not_found_in_other_words",
        about="404 of the same shape in other words.",
        client={"model": "gemini-made-up-image"},
        expected=Expected(statuses=(404,), error="ModelNotFoundError", facts={"code": "NOT_FOUND"}),
    ),
    Scenario(
        name="blocked_output",
        about="200 without content: refused.",
        expected=Expected(
            error="ContentPolicyError",
            facts={
                "reason": "SAFETY",
                "stage": "output",
                "categories": ("HARM_CATEGORY_DANGEROUS_CONTENT",),
                "retryable": False,
            },
        ),
    ),
    Scenario(
        name="max_tokens",
        about="200 without parts: the tokens ran out.",
        expected=Expected(error="NoImageError", facts={"reason": "MAX_TOKENS", "text": None}),
    ),
    Scenario(
        name="text_and_image",
        about="Words and a picture, a signature on each.",
        expected=Expected(
            facts={
                "text": "A kite climbed over the hill. It never wanted to come down again.\n\n",
                "thought_signature": b"made up for the picture part of this cassette",
                "usage.output_image_tokens": 1120,
            }
        ),
    ),
    Scenario(
        name="image_only",
        about="A picture without a word.",
        expected=Expected(
            facts={
                "text": None,
                "thought_signature": b"made up for the only part of this cassette",
                "request_id": "shaped-image-only",
            }
        ),
    ),
)
"""Written by hand after what live services answered, in our own words and pictures."""
