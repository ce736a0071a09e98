"""Bringing requests to what models can do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.adapt import adapt
from genkit.conversation import Conversation, ImagePart, TextPart, Turn
from genkit.errors import InvalidRequestError, UnsupportedOptionError
from genkit.images import Image, Mask
from genkit.provider import Capabilities, FixedSizes, FreeSizes, RatioTiers, ResolvedSize
from genkit.request import GenerationRequest

TIERS = RatioTiers(("1:1", "16:9", "9:16", "4:3"), {"1K": 1024, "2K": 2048, "4K": 4096})
FIXED = FixedSizes(((1024, 1024), (1536, 1024), (1024, 1536)))
FREE = FreeSizes(
    multiple=16, min_pixels=655_360, max_pixels=8_294_400, max_edge=3840, max_ratio=3.0
)


def model(**facts: Any) -> Capabilities:
    """Capabilities of a model that can do little but what the test says."""
    return Capabilities(**{"model": "test-1", "sizes": TIERS, "seed": True, **facts})


def picture(width: int = 8, height: int = 8, media_type: str = "image/png") -> Image:
    """A picture as a value; its bytes do not matter here."""
    return Image(data=b"x", media_type=media_type, width=width, height=height)


@pytest.mark.parametrize(
    ("size", "ratio", "tier"),
    [
        ((512, 512), "1:1", "1K"),
        ((1024, 1024), "1:1", "1K"),
        ((1280, 720), "16:9", "1K"),
        ((1920, 1080), "16:9", "2K"),
        ((720, 1280), "9:16", "1K"),
        ((8000, 8000), "1:1", "4K"),
        ((1000, 760), "4:3", "1K"),
    ],
)
def test_pixels_become_ratio_and_tier(size: tuple[int, int], ratio: str, tier: str) -> None:
    """The nearest ratio and the smallest tier that covers the size are used, and said."""
    adapted = adapt(GenerationRequest("a", *size), model(), "adjust")
    assert adapted.size == ResolvedSize(aspect_ratio=ratio, tier=tier)
    (adjustment,) = adapted.adjustments
    assert adjustment.field == "size"
    assert adjustment.requested == f"{size[0]}x{size[1]}"
    assert adjustment.used == f"{ratio} at {tier}"


def test_pixels_are_refused_where_adjusting_is_not_wanted() -> None:
    """Under "refuse" a size that the model cannot make exactly is an error naming the field."""
    with pytest.raises(UnsupportedOptionError) as caught:
        adapt(GenerationRequest("a", 512, 512), model(), "refuse")
    assert caught.value.field == "size"


def test_fitting_makes_a_size_exact_under_either_policy() -> None:
    """With `fit` the pixels are what was asked, so that "refuse" has nothing to refuse."""
    adapted = adapt(GenerationRequest("a", 512, 512, fit="crop"), model(), "refuse")
    assert "fitted to 512x512" in adapted.adjustments[0].reason


def test_a_known_ratio_is_applied_and_another_is_adjusted() -> None:
    """A ratio of the table passes as it is; the nearest one stands in for another."""
    known = adapt(GenerationRequest("a", aspect_ratio="16:9"), model(), "refuse")
    assert known.size == ResolvedSize(aspect_ratio="16:9")
    assert not known.adjustments
    same = adapt(GenerationRequest("a", aspect_ratio="32:18"), model(), "refuse")
    assert same.size == ResolvedSize(aspect_ratio="16:9")
    other = adapt(GenerationRequest("a", aspect_ratio="2:1"), model(), "adjust")
    assert (other.adjustments[0].requested, other.adjustments[0].used) == ("2:1", "16:9")


def test_no_size_leaves_the_choice_to_the_model() -> None:
    """Without a size nothing is sent and nothing is adjusted."""
    adapted = adapt(GenerationRequest("a"), model(), "adjust")
    assert adapted.size is None
    assert not adapted.adjustments


def test_a_model_without_sizes_says_that_the_size_was_left_out() -> None:
    """A size that cannot be expressed is adjusted to nothing, or refused."""
    adapted = adapt(GenerationRequest("a", 64, 64), model(sizes=None), "adjust")
    assert adapted.size is None
    assert adapted.adjustments[0].used is None
    with pytest.raises(UnsupportedOptionError):
        adapt(GenerationRequest("a", 64, 64), model(sizes=None), "refuse")


def test_fixed_sizes_take_the_nearest() -> None:
    """Of a closed list the size with the nearest ratio, then area, is used."""
    adapted = adapt(GenerationRequest("a", 1280, 720), model(sizes=FIXED), "adjust")
    assert adapted.size == ResolvedSize(width=1536, height=1024)
    exact = adapt(GenerationRequest("a", 1024, 1536), model(sizes=FIXED), "refuse")
    assert exact.size == ResolvedSize(width=1024, height=1536)
    assert not exact.adjustments


def test_free_sizes_are_applied_exactly_where_they_fit() -> None:
    """A size within the rule is used as it is."""
    adapted = adapt(GenerationRequest("a", 1536, 864), model(sizes=FREE), "refuse")
    assert adapted.size == ResolvedSize(width=1536, height=864)
    assert not adapted.adjustments


@given(width=st.integers(1, 16_384), height=st.integers(1, 16_384))
def test_free_sizes_always_end_within_the_rule(width: int, height: int) -> None:
    """Whatever is asked, the size used keeps to every bound of the rule."""
    adapted = adapt(GenerationRequest("a", width, height), model(sizes=FREE), "adjust")
    size = adapted.size
    assert size is not None
    assert size.width is not None
    assert size.height is not None
    assert size.width % 16 == size.height % 16 == 0
    assert 655_360 <= size.width * size.height <= 8_294_400
    assert max(size.width, size.height) <= 3840
    assert max(size.width, size.height) <= 3 * min(size.width, size.height)


def test_options_that_a_model_lacks_are_adjusted_or_refused() -> None:
    """Quality and background end as applied, adjusted or refused, never dropped in silence."""
    request = GenerationRequest("a", quality="high", background="transparent")
    able = adapt(request, model(qualities=("high",), backgrounds=("transparent",)), "refuse")
    assert (able.request.quality, able.request.background) == ("high", "transparent")
    unable = adapt(request, model(), "adjust")
    assert (unable.request.quality, unable.request.background) == (None, None)
    assert [one.field for one in unable.adjustments] == ["quality", "background"]
    with pytest.raises(UnsupportedOptionError, match="quality"):
        adapt(request, model(), "refuse")


def test_output_formats_are_asked_for_or_converted_to() -> None:
    """A format that the service cannot give is made here; one that nobody knows is an error."""
    able = adapt(
        GenerationRequest("a", output_format="jpg"), model(output_formats=("jpeg",)), "adjust"
    )
    assert (able.request.output_format, able.convert_to) == ("jpeg", None)
    unable = adapt(GenerationRequest("a", output_format="PNG"), model(), "refuse")
    assert (unable.request.output_format, unable.convert_to) == (None, "png")
    with pytest.raises(InvalidRequestError) as caught:
        adapt(GenerationRequest("a", output_format="tiff"), model(), "adjust")
    assert caught.value.field == "output_format"


def test_references_over_the_limit_are_refused_under_either_policy() -> None:
    """Leaving a picture out would change what was meant, so that it is never adjusted."""
    request = GenerationRequest("a", references=[picture(), picture()])
    assert adapt(request, model(max_references=2), "adjust").request.images == request.images
    with pytest.raises(UnsupportedOptionError) as caught:
        adapt(request, model(max_references=1), "adjust")
    assert caught.value.field == "references"
    with pytest.raises(UnsupportedOptionError, match="cannot edit"):
        adapt(request, model(), "adjust")
    gif = GenerationRequest("a", references=[picture(media_type="image/gif")])
    with pytest.raises(UnsupportedOptionError, match="image/gif"):
        adapt(gif, model(max_references=1), "adjust")


def test_a_mask_needs_a_model_that_takes_one() -> None:
    """Dropping a mask would redraw the whole picture, so that it is refused."""
    request = GenerationRequest("a", references=[picture()], mask=Mask(image=picture()))
    assert adapt(request, model(max_references=1, mask=True), "adjust").request.mask
    with pytest.raises(UnsupportedOptionError) as caught:
        adapt(request, model(max_references=1), "adjust")
    assert caught.value.field == "mask"


def test_a_seed_that_is_not_taken_is_said() -> None:
    """A model without seeds gives a notice, or refuses a seed that was asked for."""
    adapted = adapt(GenerationRequest("a", seed=0), model(seed=False), "adjust")
    assert adapted.request.seed is None
    assert [notice.code for notice in adapted.notices] == ["seed-unsupported"]
    with pytest.raises(UnsupportedOptionError):
        adapt(GenerationRequest("a", seed=0), model(seed=False), "refuse")


def test_unknown_and_retired_models_pass_with_a_notice() -> None:
    """A closed list of models would rot, so that other ids are sent and said."""
    unknown = adapt(GenerationRequest("a"), model(known=False), "refuse")
    assert [notice.code for notice in unknown.notices] == ["model-unknown"]
    retired = adapt(GenerationRequest("a"), model(retired=True, replacement="test-2"), "refuse")
    assert "test-2" in retired.notices[0].message


def test_a_conversation_becomes_an_edit_where_turns_are_not_taken() -> None:
    """A model without conversations edits the last picture, and the response says so."""
    last = picture(9, 9)
    history = Conversation(
        (
            Turn("user", (TextPart("draw"),)),
            Turn("model", (ImagePart(picture()),)),
            Turn("user", (TextPart("again"),)),
            Turn("model", (ImagePart(last),)),
        )
    )
    request = GenerationRequest("bigger", conversation=history)
    adapted = adapt(request, model(max_references=1), "adjust")
    assert adapted.request.images == (last,)
    assert adapted.request.history().turns == ()
    assert adapted.notices[0].code == "conversation-flattened"
    with pytest.raises(UnsupportedOptionError) as caught:
        adapt(request, model(max_references=1), "refuse")
    assert caught.value.field == "conversation"
    kept = adapt(request, model(multi_turn=True), "refuse")
    assert kept.request.history() == history
