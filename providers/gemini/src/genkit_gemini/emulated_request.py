"""What the emulated service understands of a request, and when it refuses one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from genkit.images import nearest_ratio, parse_aspect_ratio
from genkit.provider import ErrorFacts, RatioTiers
from genkit.sniff import sniff
from genkit_gemini.emulated_schema import OTHER_KINDS, check_body
from genkit_gemini.models import Model

__all__ = ["Asked", "Signer", "picture_size", "understand"]

_Kind: TypeAlias = Literal["invalid-request", "session-state", "unsupported-option"]
_INVALID: _Kind = "invalid-request"
_MADE_OF = 16
"""Edges of a picture at 1K are multiples of so many pixels, as in the service's own table."""


@attrs.frozen
class Signer:
    """Makes thought signatures: a digest of what the part holds, drawn out to `size` bytes.

    So a signature that was altered, or that stands in another part, is known to be wrong without
    anything being remembered.
    """

    size: int

    def sign(self, part: Mapping[str, Any]) -> bytes:
        """The signature of a part with ``text``, or with ``inlineData`` whose data are bytes."""
        if "text" in part:
            content = b"text\0" + str(part["text"]).encode("utf-8", "surrogatepass")
        else:
            content = b"image\0" + part["inlineData"]["data"]
        return hashlib.shake_256(b"genkit emulated thought\0" + content).digest(self.size)


@attrs.frozen(kw_only=True)
class Asked:
    """A request that the service can answer."""

    prompt: str = attrs.field(repr=False)
    turn: int
    """How many turns of the user there are."""
    references: int
    """Pictures in the last of them."""
    pictures: int
    """Pictures in all of them."""
    signatures: int
    """Thought signatures that came back."""
    text_tokens: int
    seed: int | None
    ratio: str
    tier: str
    """Value of ``imageSize``; ``""`` where the model takes none."""
    width: int
    height: int
    wants: frozenset[str]
    """Of ``TEXT`` and ``IMAGE``."""
    with_thoughts: bool
    max_output_tokens: int | None

    def facts(self) -> dict[str, Any]:
        """For the ledger."""
        return attrs.asdict(
            self, filter=lambda field, _value: field.name not in ("prompt", "wants")
        ) | {"wants": sorted(self.wants)}


class _RequestError(Exception):
    """The request is answered with an error."""

    def __init__(
        self,
        message: str,
        field: str | None = None,
        kind: _Kind = _INVALID,
    ) -> None:
        super().__init__(message)
        self.facts = ErrorFacts(kind=kind, message=message, field=field)


def understand(document: Any, row: Model, signer: Signer, *, vertex: bool) -> Asked | ErrorFacts:
    """What is asked, or the error that the service answers with."""
    if not isinstance(document, Mapping):
        return ErrorFacts(
            kind=_INVALID, message="Invalid JSON payload received: expected an object.", field=""
        )
    body, violations = check_body(document, vertex=vertex)
    if violations:
        message = "Invalid JSON payload received. " + " ".join(
            violation.description for violation in violations[:5]
        )
        return ErrorFacts(kind=_INVALID, message=message, field=violations[0].field)
    try:
        return _understand(body, row, signer)
    except _RequestError as refused:
        return refused.facts


def _understand(body: Mapping[str, Any], row: Model, signer: Signer) -> Asked:
    contents = body.get("contents") or []
    if not contents:
        raise _RequestError("The contents are not specified.", "contents")
    configuration = body.get("generationConfig", {})
    wants = _modalities(configuration)
    signatures = 0
    for position, content in enumerate(contents, start=1):
        signatures += _check_content(content, position, row, signer)
    if configuration.get("candidateCount", 1) != 1:
        raise _RequestError(
            "Multiple candidates are not enabled for this model.",
            "generation_config.candidate_count",
        )
    thinking = configuration.get("thinkingConfig")
    if thinking is not None and not row.thinks:
        raise _RequestError("Thinking is not enabled for this model.", kind="unsupported-option")
    users = [content for content in contents if content.get("role", "user") == "user"]
    if not users:
        raise _RequestError("The contents hold no turn of the user.", "contents")
    texts = [part["text"] for part in users[-1]["parts"] if "text" in part]
    ratio, tier, (width, height) = _size(configuration, contents, row)
    return Asked(
        prompt="\n".join(texts),
        turn=len(users),
        references=len(list(_pictures(users[-1:]))),
        pictures=len(list(_pictures(contents))),
        signatures=signatures,
        text_tokens=_text_tokens([*contents, body.get("systemInstruction", {})]),
        seed=configuration.get("seed"),
        ratio=ratio,
        tier=tier,
        width=width,
        height=height,
        wants=wants,
        with_thoughts=bool(thinking and thinking.get("includeThoughts")),
        max_output_tokens=configuration.get("maxOutputTokens"),
    )


# -- contents ---------------------------------------------------------------------------------


def _check_content(content: Mapping[str, Any], position: int, row: Model, signer: Signer) -> int:
    """Refuse a content that the service refuses; gives how many signatures are in it."""
    where = f"contents[{position - 1}]"
    role = content.get("role", "user")
    if role not in ("user", "model"):
        raise _RequestError("Use a valid role: user, model.", f"{where}.role")
    if not content.get("parts"):
        raise _RequestError(f"{where}.parts must not be empty.", f"{where}.parts")
    signatures = 0
    for number, part in enumerate(content["parts"], start=1):
        held = [kind for kind in ("text", "inlineData", *OTHER_KINDS) if kind in part]
        field = f"{where}.parts[{number - 1}]"
        if len(held) != 1:
            raise _RequestError(f"{field} must have exactly one kind of data.", field)
        if held == ["inlineData"]:
            _check_picture(part["inlineData"], field)
        if role == "model" and held[0] not in OTHER_KINDS:
            place = f"content position {position}, part position {number}"
            signatures += _check_signature(part, place, row, signer)
    return signatures


def _check_picture(blob: Mapping[str, Any], field: str) -> None:
    if not str(blob.get("mimeType", "")).startswith("image/"):
        raise _RequestError(f"Unsupported MIME type: {blob.get('mimeType')!r}.", field)
    header = sniff(blob.get("data", b""))
    if header is None or not header.complete:
        raise _RequestError("Unable to process the input image.", field)


def _check_signature(part: Mapping[str, Any], place: str, row: Model, signer: Signer) -> int:
    """Refuse a part of the model that came back unsigned or altered; gives 1 if it is signed."""
    signature = part.get("thoughtSignature")
    if not signature:
        # Thoughts are not needed back; only what was said is.
        if row.requires_signatures and not part.get("thought"):
            kind = "text" if "text" in part else "image"
            raise _RequestError(
                f"The {kind} part at {place} is missing its thought_signature. Send the model's"
                " parts back as they came.",
                kind="session-state",
            )
        return 0
    if signature != signer.sign(part):
        raise _RequestError(
            f"The thought_signature of the part at {place} is corrupted.", kind="session-state"
        )
    return 1


def _pictures(contents: list[Mapping[str, Any]]) -> Iterator[bytes]:
    for content in contents:
        for part in content["parts"]:
            if "inlineData" in part and not part.get("thought"):
                yield part["inlineData"]["data"]


def _text_tokens(contents: list[Mapping[str, Any]]) -> int:
    """About what a tokenizer would count."""
    texts = [part.get("text", "") for content in contents for part in content.get("parts", ())]
    return sum(math.ceil(len(text) / 4) for text in texts)


# -- configuration ----------------------------------------------------------------------------


def _modalities(configuration: Mapping[str, Any]) -> frozenset[str]:
    wants = frozenset(configuration.get("responseModalities") or ("TEXT", "IMAGE"))
    if not wants <= {"TEXT", "IMAGE"}:
        others = ", ".join(sorted(wants - {"TEXT", "IMAGE"}))
        raise _RequestError(
            f"The requested response modalities ({others}) are not supported by the model.",
            "generation_config.response_modalities",
        )
    return wants


def _size(
    configuration: Mapping[str, Any], contents: list[Mapping[str, Any]], row: Model
) -> tuple[str, str, tuple[int, int]]:
    """Ratio, tier and pixels of the picture."""
    wanted = configuration.get("imageConfig", {})
    sizes = row.capabilities.sizes
    if not isinstance(sizes, RatioTiers):
        if wanted:
            raise _RequestError("Image configuration is not supported by this model.")
        return "1:1", "", (1024, 1024)
    ratio = wanted.get("aspectRatio")
    if ratio is not None and ratio not in sizes.ratios:
        raise _RequestError(
            f"Aspect ratio {ratio!r:.40} is none of {', '.join(sizes.ratios)}.",
            "generation_config.image_config.aspect_ratio",
        )
    if ratio is None:
        ratio = "1:1"
        for data in _pictures(contents):
            # The latest picture decides.
            if header := sniff(data):
                ratio = nearest_ratio(header.width / header.height, sizes.ratios)
    tier = _tier(wanted.get("imageSize"), sizes)
    return ratio, tier, picture_size(ratio, sizes.tiers.get(tier, 1024))


def _tier(size: str | None, sizes: RatioTiers) -> str:
    if size is None:
        return next(iter(sizes.tiers), "")
    if size in sizes.tiers:
        return size
    if size.upper() in sizes.tiers:
        # A lower-case k is no error: it gives the smallest picture that the model makes.
        return min(sizes.tiers, key=sizes.tiers.__getitem__)
    raise _RequestError(
        f"Image size {size!r:.40} is none of {', '.join(sizes.tiers) or 'this model'}.",
        "generation_config.image_config.image_size",
    )


def picture_size(ratio: str, edge: int) -> tuple[int, int]:
    """Width and height in pixels of a picture with about the area of a square of this edge."""
    proportion = math.sqrt(parse_aspect_ratio(ratio))
    width, height = (
        math.ceil(round(1024 * factor / _MADE_OF, 6)) * _MADE_OF
        for factor in (proportion, 1 / proportion)
    )
    return width * edge // 1024, height * edge // 1024
