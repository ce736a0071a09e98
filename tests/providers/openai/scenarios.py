"""What the cassettes of OpenAI hold."""

from __future__ import annotations

from genkit.emulator import Fault
from genkit.provider import ProviderSettings
from genkit_openai import openai
from tests.providers.recorded import Expected, Scenario, Suite, Turn, reference

EVENING = b"\xf0\x80\x40"

RECORDED = (
    Scenario(name="generate", about="A picture from words."),
    Scenario(
        name="generate_with_size_and_quality",
        about="Exact pixels and a quality, both by the service's own fields.",
        turns=(Turn(fields={"width": 1536, "height": 1024, "quality": "low"}),),
    ),
    Scenario(
        name="edit_with_reference",
        about="A picture changed as words say, sent as a form.",
        turns=(Turn("Make the sky pink", {"references": (reference(),)}),),
    ),
    Scenario(
        name="edit_with_two_references",
        about="One picture made of two, sent as a form.",
        turns=(
            Turn("Put both into one picture", {"references": (reference(), reference(EVENING))}),
        ),
    ),
    Scenario(
        name="two_at_once",
        about="Two pictures by one request.",
        turns=(Turn(fields={"n": 2}),),
        expected=Expected(images=2),
    ),
    Scenario(
        name="rate_limited_then_served",
        about="429 with a hint when to come back, then the picture.",
        faults=(Fault("rate-limited", retry_after=0.5),),
        expected=Expected(statuses=(429, 200)),
    ),
    Scenario(
        name="moderation_blocked",
        about="400 of the safety system.",
        faults=(Fault("block"),),
        expected=Expected(
            statuses=(400,),
            error="ContentPolicyError",
            facts={"code": "moderation_blocked", "retryable": False},
        ),
    ),
)

SHAPED = (
    Scenario(
        name="invalid_api_key",
        about="401 for a wrong key.",
        expected=Expected(
            statuses=(401,),
            error="AuthenticationError",
            facts={"code": "invalid_api_key", "charge": "no"},
        ),
    ),
    Scenario(
        name="insufficient_quota",
        about="429 that no waiting helps against.",
        expected=Expected(
            statuses=(429,),
            error="QuotaExhaustedError",
            facts={"code": "insufficient_quota", "retryable": False, "charge": "no"},
        ),
    ),
    Scenario(
        name="request_too_large",
        about="429 for a request that has more tokens than a minute has.",
        expected=Expected(
            statuses=(429,),
            error="InvalidRequestError",
            facts={"code": "rate_limit_exceeded", "retryable": False, "charge": "no"},
        ),
    ),
)

SUITE = Suite(provider=openai(ProviderSettings(name="openai")), recorded=RECORDED, shaped=SHAPED)
