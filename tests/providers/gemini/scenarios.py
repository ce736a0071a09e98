"""What the cassettes of Gemini hold."""

from __future__ import annotations

from genkit.client import ClientOptions
from genkit.emulator import Fault
from genkit.provider import ProviderSettings
from genkit_gemini import gemini
from tests.providers.recorded import Expected, Scenario, Suite, Turn, reference

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

SUITE = Suite(
    provider=gemini(ProviderSettings(name="gemini")),
    recorded=RECORDED,
    shaped=SHAPED,
    # Without one the core draws a seed, and no request would be the same twice.
    fields={"seed": 7},
)
