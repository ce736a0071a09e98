"""Bringing a request to what a model can do, before a provider sees it.

One place for all providers, so that two cannot disagree about what an unsupported size means.
Every option ends as applied, adjusted (and said) or refused; none is dropped.
"""

from __future__ import annotations

import math
from typing import Any

import attrs

from genkit.errors import InvalidRequestError, UnsupportedOptionError
from genkit.images import nearest_ratio, parse_aspect_ratio
from genkit.pictures import FORMATS
from genkit.provider import (
    Capabilities,
    FixedSizes,
    FreeSizes,
    RatioTiers,
    ResolvedSize,
)
from genkit.request import Adapt, GenerationRequest
from genkit.response import Adjustment, Notice

__all__ = ["Adapted", "adapt"]


@attrs.frozen(kw_only=True)
class Adapted:
    """A request that the model can take, and what was changed to make it so."""

    request: GenerationRequest
    size: ResolvedSize | None = None
    convert_to: str | None = None
    """Output format that the service cannot give and that is converted to here."""
    adjustments: tuple[Adjustment, ...] = ()
    notices: tuple[Notice, ...] = ()


def adapt(request: GenerationRequest, capabilities: Capabilities, policy: Adapt) -> Adapted:
    """`request`, adjusted to `capabilities`, or refused.

    What cannot be adjusted without changing what was meant (too many references, a mask) is
    refused under either policy.

    Raises:
        UnsupportedOptionError: an option that the model cannot do; its `field` says which.
        InvalidRequestError: a value that no model takes.
    """
    work = _Work(request, capabilities, policy)
    work.check_model()
    work.check_conversation()
    work.check_references()
    size = work.resolve_size()
    work.choose("quality", capabilities.qualities)
    work.choose("background", capabilities.backgrounds)
    convert_to = work.output_format()
    work.check_seed()
    return Adapted(
        request=work.request,
        size=size,
        convert_to=convert_to,
        adjustments=tuple(work.adjustments),
        notices=tuple(work.notices),
    )


class _Work:
    """One request on its way through the rules."""

    def __init__(
        self, request: GenerationRequest, capabilities: Capabilities, policy: Adapt
    ) -> None:
        self.request = request
        self.capabilities = capabilities
        self.policy = policy
        self.adjustments: list[Adjustment] = []
        self.notices: list[Notice] = []

    def check_model(self) -> None:
        model = self.capabilities.model
        if self.capabilities.retired:
            instead = self.capabilities.replacement
            self.notices.append(
                Notice(
                    "model-retired",
                    f"{model} has been shut down by its service"
                    + (f"; use {instead}" if instead else ""),
                )
            )
        elif not self.capabilities.known:
            self.notices.append(
                Notice(
                    "model-unknown",
                    f"{model} is not in the provider's table: it is sent as it is, its limits and"
                    " prices are guesses",
                )
            )

    def check_conversation(self) -> None:
        history = self.request.history()
        if not history.turns or self.capabilities.multi_turn:
            return
        if self.policy == "refuse":
            raise self.unsupported(
                "conversation", "takes no conversation; give the last picture as a reference"
            )
        pictures = [image for turn in history.turns for image in turn.images]
        # The last picture is what a refinement is about; a mask is about the first one.
        last, given = tuple(pictures[-1:]), self.request.images
        self.request = attrs.evolve(
            self.request,
            conversation=None,
            conversation_history=(),
            input_image=None,
            references=last + given if self.request.mask is None else given + last,
        )
        self.notices.append(
            Notice(
                "conversation-flattened",
                f"{self.capabilities.model} takes no conversation: the last picture is sent as"
                " the image to edit, what was said before is not",
            )
        )

    def check_references(self) -> None:
        images = self.request.images
        limit = self.capabilities.max_references
        if len(images) > limit:
            raise self.unsupported(
                "references",
                f"takes at most {limit} images, not {len(images)}"
                if limit
                else "cannot edit or follow images",
            )
        for image in images:
            if image.media_type not in self.capabilities.reference_media_types:
                allowed = ", ".join(self.capabilities.reference_media_types)
                raise self.unsupported(
                    "references", f"takes {allowed}, not {image.media_type}; convert it first"
                )
        if self.request.mask is not None and not self.capabilities.mask:
            raise self.unsupported(
                "mask", "takes no mask; leave it out and say in the prompt what to change"
            )

    def resolve_size(self) -> ResolvedSize | None:
        request, rule = self.request, self.capabilities.sizes
        if request.width is None and request.aspect_ratio is None:
            return None
        wanted = request.aspect_ratio or f"{request.width}x{request.height}"
        if rule is None:
            self.adjust("size", wanted, None, "takes no size")
            return None
        if isinstance(rule, RatioTiers):
            return self.ratio_and_tier(rule)
        width, height = (
            _nearest_fixed(rule, request)
            if isinstance(rule, FixedSizes)
            else _within(rule, request)
        )
        exact = (width, height) == (request.width, request.height)
        ratio = request.aspect_ratio
        if not exact and (ratio is None or not _is_ratio(width, height, ratio)):
            self.adjust_size(wanted, f"{width}x{height}", "is the nearest size it makes")
        return ResolvedSize(width=width, height=height)

    def ratio_and_tier(self, rule: RatioTiers) -> ResolvedSize:
        request = self.request
        if request.width is None or request.height is None:
            asked = request.aspect_ratio or ""
            if asked in rule.ratios:
                return ResolvedSize(aspect_ratio=asked)
            ratio = nearest_ratio(parse_aspect_ratio(asked), rule.ratios)
            same = math.isclose(parse_aspect_ratio(asked), parse_aspect_ratio(ratio))
            if not same:
                self.adjust("aspect_ratio", asked, ratio, "makes only certain ratios")
            return ResolvedSize(aspect_ratio=ratio)
        ratio = nearest_ratio(request.width / request.height, rule.ratios)
        tier = _tier_for(rule, ratio, request.width, request.height)
        used = f"{ratio} at {tier}" if tier else ratio
        self.adjust_size(
            f"{request.width}x{request.height}", used, "makes ratios and tiers, not exact pixels"
        )
        return ResolvedSize(aspect_ratio=ratio, tier=tier)

    def adjust_size(self, requested: str, used: str, reason: str) -> None:
        """Record the size used; `fit` brings the pixels to what was asked, so nothing is lost."""
        if self.request.fit == "none":
            self.adjust("size", requested, used, reason)
            return
        reason = f"{self.capabilities.model} {reason}; fitted to {requested} ({self.request.fit})"
        self.adjustments.append(Adjustment("size", requested, used, reason))

    def choose(self, field: str, allowed: tuple[str, ...]) -> None:
        value: str | None = getattr(self.request, field)
        if value is None or value in allowed:
            return
        reason = f"knows {', '.join(allowed)}" if allowed else f"has no option {field}"
        self.adjust(field, value, None, reason)
        cleared: dict[str, Any] = {field: None}
        self.request = attrs.evolve(self.request, **cleared)

    def output_format(self) -> str | None:
        asked = self.request.output_format
        if asked is None:
            return None
        name = "jpeg" if asked.lower() == "jpg" else asked.lower()
        if name not in FORMATS:
            raise InvalidRequestError(
                f"output_format: must be one of {', '.join(FORMATS)}, not {asked!r}",
                field="output_format",
            )
        able = name in self.capabilities.output_formats
        self.request = attrs.evolve(self.request, output_format=name if able else None)
        return None if able else name

    def check_seed(self) -> None:
        if self.capabilities.seed:
            return
        if self.request.seed is not None and self.policy == "refuse":
            raise self.unsupported("seed", "takes no seed")
        self.request = attrs.evolve(self.request, seed=None)
        self.notices.append(
            Notice("seed-unsupported", f"{self.capabilities.model} takes no seed: none was sent")
        )

    def adjust(self, field: str, requested: object, used: object, reason: str) -> None:
        if self.policy == "refuse":
            raise self.unsupported(field, f"{reason}, not {requested!r}")
        reason = f"{self.capabilities.model} {reason}"
        self.adjustments.append(Adjustment(field, requested, used, reason))

    def unsupported(self, field: str, reason: str) -> UnsupportedOptionError:
        return UnsupportedOptionError(f"{field}: {self.capabilities.model} {reason}", field=field)


def _tier_for(rule: RatioTiers, ratio: str, width: int, height: int) -> str | None:
    """The smallest tier whose picture covers the size, or the largest tier there is."""
    root = math.sqrt(parse_aspect_ratio(ratio))
    tiers = sorted(rule.tiers.items(), key=lambda item: item[1])
    for name, edge in tiers:
        # Services round to blocks: a picture within 2 % of the size covers it.
        if edge * root >= width * 0.98 and edge / root >= height * 0.98:
            return name
    return tiers[-1][0] if tiers else None


def _nearest_fixed(rule: FixedSizes, request: GenerationRequest) -> tuple[int, int]:
    if request.width and request.height:
        ratio, area = request.width / request.height, request.width * request.height
    else:
        ratio, area = parse_aspect_ratio(request.aspect_ratio or "1:1"), 0

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        width, height = size
        return abs(math.log(width / height / ratio)), abs(width * height - area)

    return min(rule.sizes, key=distance)


def _within(rule: FreeSizes, request: GenerationRequest) -> tuple[int, int]:
    if request.width and request.height:
        width, height = float(request.width), float(request.height)
    else:
        ratio = parse_aspect_ratio(request.aspect_ratio or "1:1")
        area = rule.default[0] * rule.default[1]
        width, height = math.sqrt(area * ratio), math.sqrt(area / ratio)
    longer, shorter = max(width, height), min(width, height)
    if longer / shorter > rule.max_ratio:
        # Keep the longer edge, bring the shorter up to the ratio allowed.
        shorter = longer / rule.max_ratio
        width, height = (longer, shorter) if width >= height else (shorter, longer)
    scale = min(1.0, math.sqrt(rule.max_pixels / (width * height)), rule.max_edge / longer)
    scale = max(scale, math.sqrt(rule.min_pixels / (width * height)))
    width, height = width * scale, height * scale
    rounded = _multiple(width, rule.multiple), _multiple(height, rule.multiple)
    return _inside(rule, rounded)


def _multiple(edge: float, multiple: int) -> int:
    return max(multiple, round(edge / multiple) * multiple)


def _inside(rule: FreeSizes, size: tuple[int, int]) -> tuple[int, int]:
    """Undo what rounding to the multiple pushed over a bound, a step at a time."""
    width, height = size
    step = rule.multiple
    while width * height > rule.max_pixels or max(width, height) > rule.max_edge:
        width, height = (width - step, height) if width >= height else (width, height - step)
    while width * height < rule.min_pixels or max(width, height) > rule.max_ratio * min(
        width, height
    ):
        width, height = (width + step, height) if width < height else (width, height + step)
    return width, height


def _is_ratio(width: int, height: int, ratio: str) -> bool:
    return abs(math.log(width / height / parse_aspect_ratio(ratio))) < 0.02
