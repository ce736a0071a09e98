"""Requests of every kind that the core can hand to the provider, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from genkit.adapt import adapt
from genkit.images import Image, Mask
from genkit.provider import Capabilities, Context
from genkit.request import GenerationRequest
from genkit_openai.models import MODELS, find_model
from tests.providers.openai.support import picture

PICTURES = [picture(), picture(kind="JPEG"), picture(kind="WEBP")]
MASK = Mask(image=picture(mode="RGBA"))
NAMES = [*MODELS, "gpt-image-2-2026-04-21", "my-deployment"]

PROMPTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30
).filter(str.strip)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "moderation": st.sampled_from(["auto", "low"]),
    "output_compression": st.integers(0, 100),
    "input_fidelity": st.sampled_from(["low", "high"]),
    "complexity": st.sampled_from(["low", "medium", "high"]),
    "safety_identifier": st.just("hash-1"),
    "user": st.just("user-1"),
    "style": st.sampled_from(["vivid", "natural"]),
    "response_format": st.sampled_from(["b64_json", "url"]),
    "edit_body": st.sampled_from(["multipart", "json"]),
}


def _images(able: Capabilities) -> st.SearchStrategy[list[Image]]:
    usable = [image for image in PICTURES if image.media_type in able.reference_media_types]
    return st.lists(st.sampled_from(usable), max_size=min(3, able.max_references))


def _options(draw: st.DrawFn, able: Capabilities, *, is_edit: bool, coded: bool) -> dict[str, Any]:
    names = set(able.options)
    if not is_edit:
        names -= {"input_fidelity", "edit_body"}
    if not coded:
        names -= {"output_compression"}
    chosen = draw(st.sets(st.sampled_from(sorted(names))))
    if {"moderation", "edit_body"} <= chosen:
        # As a form there is no such option, and asking for both is refused.
        chosen.remove("edit_body")
    return {name: draw(VALUES[name]) for name in sorted(chosen)}


@st.composite
def askings(draw: st.DrawFn) -> tuple[GenerationRequest, Context]:
    """A request and what the core decided, both as `encode` is given them."""
    model = draw(st.sampled_from(NAMES))
    able = find_model(model).capabilities
    images = draw(_images(able))
    fields: dict[str, Any] = {
        "quality": draw(st.sampled_from([None, *able.qualities])),
        "background": draw(st.sampled_from([None, *able.backgrounds])),
        "output_format": draw(st.sampled_from([None, *able.output_formats])),
        "references": images,
    }
    if fields["background"] == "transparent" and fields["output_format"] == "jpeg":
        fields["background"] = None
    if images and able.mask and images[0].media_type == "image/png" and draw(st.booleans()):
        fields["mask"] = MASK
    coded = fields["output_format"] in ("jpeg", "webp")
    options = _options(draw, able, is_edit=bool(images), coded=coded)
    if draw(st.booleans()):
        fields["width"], fields["height"] = draw(st.integers(16, 5000)), draw(st.integers(16, 5000))
    request = GenerationRequest(
        draw(PROMPTS), model=model, provider_options={"openai": options}, **fields
    )
    adapted = adapt(request, able, "adjust")
    count = draw(st.integers(1, able.max_images_per_call))
    return adapted.request, Context(model=model, size=adapted.size, count=count)
