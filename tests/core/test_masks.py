"""Masks: read as meant, written as the service reads them, refused where they mark nothing."""

from __future__ import annotations

import io

import PIL.Image
import pytest

import genkit.masks
from genkit.conversation import Conversation, ImagePart, Turn
from genkit.errors import InvalidRequestError, UnsupportedOptionError
from genkit.images import Image, Mask, MaskMeaning
from genkit.masks import prepare_mask
from genkit.planning import Defaults, Plan, plan_call
from genkit.prompts import PromptTemplates
from genkit.provider import Capabilities
from genkit.request import GenerationRequest
from genkit.wire import WireRequest
from tests.core.samples import picture

SIZE = (6, 4)
TRANSPARENT: MaskMeaning = "transparent-is-edit"
WHITE: MaskMeaning = "white-is-edit"


def saved(drawn: PIL.Image.Image, kind: str = "PNG", **options: object) -> Image:
    """A drawing as a picture."""
    written = io.BytesIO()
    drawn.save(written, kind, **options)
    return Image.from_bytes(written.getvalue())


def rgba(marked: bool = True, size: tuple[int, int] = SIZE) -> PIL.Image.Image:
    """Red and solid, but for its left half where something is marked."""
    drawn = PIL.Image.new("RGBA", size, (255, 0, 0, 255))
    if marked:
        drawn.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    return drawn


def grey(marked: int = 255, ground: int = 0, mode: str = "L") -> PIL.Image.Image:
    """Dark, but for its left half."""
    drawn = PIL.Image.new("L", SIZE, ground)
    drawn.paste(marked, (0, 0, SIZE[0] // 2, SIZE[1]))
    return drawn.convert(mode)


def deep() -> PIL.Image.Image:
    """Sixteen bits of grey: dark, but for its left half."""
    row = [0xFF00] * (SIZE[0] // 2) + [0x0FFF] * (SIZE[0] // 2)
    samples = b"".join(value.to_bytes(2, "little") for value in row * SIZE[1])
    return PIL.Image.frombytes("I;16", SIZE, samples)


def prepared(image: Image, meaning: MaskMeaning, wanted: MaskMeaning = TRANSPARENT) -> Image:
    """The mask that a model gets that reads masks as `wanted`."""
    request = GenerationRequest(
        "a", references=[picture(*SIZE)], mask=Mask(image=image, meaning=meaning)
    )
    able = Capabilities(model="m", max_references=1, mask=True, mask_meaning=wanted)
    found, notices = prepare_mask(request, able)
    assert notices == ()
    assert found.mask is not None
    assert found.mask.meaning == wanted
    return found.mask.image


def editable(image: Image) -> list[bool]:
    """Of the pixels of the uppermost row, which may change where transparency marks it."""
    drawn = image.to_pil()
    assert (image.media_type, drawn.mode, drawn.size) == ("image/png", "RGBA", SIZE)
    alphas = [drawn.getchannel("A").getpixel((x, 0)) for x in range(SIZE[0])]
    assert set(alphas) <= {0, 255}
    return [alpha == 0 for alpha in alphas]


LEFT_HALF = [True] * 3 + [False] * 3


def test_a_mask_that_is_right_stays_as_it_is() -> None:
    """What the service reads already is not written anew."""
    given = saved(rgba())
    assert prepared(given, TRANSPARENT) is given
    given = saved(grey())
    assert prepared(given, WHITE, WHITE) is given


@pytest.mark.parametrize(
    "image",
    [
        saved(grey()),
        saved(grey(mode="RGB")),
        saved(grey(mode="1")),
        saved(grey(mode="P")),
        saved(grey(marked=128, ground=127)),
        saved(grey(mode="RGB"), "WEBP", lossless=True),
        saved(deep()),
    ],
    ids=["grey", "colour", "one-bit", "palette", "nearly", "webp", "sixteen-bit"],
)
def test_white_becomes_transparent(image: Image) -> None:
    """White that marks what may change becomes transparency, whichever way it was stored."""
    assert editable(prepared(image, WHITE)) == LEFT_HALF


def test_a_jpeg_of_black_and_white_is_read_by_half() -> None:
    """Coding leaves no pure white; what is nearer to it counts."""
    drawn = grey().resize((16, 8), PIL.Image.Resampling.NEAREST)
    image = saved(drawn, "JPEG", quality=60)
    request = GenerationRequest(
        "a", references=[picture(16, 8)], mask=Mask(image=image, meaning=WHITE)
    )
    found, _notices = prepare_mask(request, Capabilities(model="m", max_references=1, mask=True))
    assert found.mask is not None
    alphas = found.mask.image.to_pil().getchannel("A")
    assert [alphas.getpixel((x, 4)) for x in range(16)] == [0] * 8 + [255] * 8


def test_what_shows_through_a_white_mask_is_kept() -> None:
    """A transparent pixel is not white."""
    drawn = grey(mode="RGBA")
    drawn.putpixel((0, 0), (255, 255, 255, 0))
    assert editable(prepared(saved(drawn), WHITE)) == [False, *LEFT_HALF[1:]]


def test_transparency_becomes_white() -> None:
    """Only what is wholly transparent may change; it is white for services that read white."""
    drawn = rgba()
    drawn.putpixel((0, 0), (0, 0, 0, 1))
    made = prepared(saved(drawn), TRANSPARENT, WHITE).to_pil()
    assert made.mode == "L"
    assert [made.getpixel((x, 0)) for x in range(6)] == [0, 255, 255, 0, 0, 0]


@pytest.mark.parametrize("kind", ["palette", "grey", "webp"])
def test_transparency_of_other_kinds_is_written_as_rgba(kind: str) -> None:
    """Transparency that services do not read everywhere becomes an alpha channel."""
    image = {
        "palette": lambda: saved(grey(mode="P"), transparency=255),
        "grey": lambda: saved(PIL.Image.merge("LA", (grey(), grey(marked=0, ground=255)))),
        "webp": lambda: saved(rgba(), "WEBP", lossless=True),
    }[kind]()
    assert editable(prepared(image, TRANSPARENT)) == LEFT_HALF


@pytest.mark.parametrize(
    ("image", "meaning"),
    [
        (saved(rgba(marked=False)), TRANSPARENT),
        (saved(grey()), TRANSPARENT),
        (saved(grey(mode="RGB"), "JPEG"), TRANSPARENT),
        (saved(grey(marked=127)), WHITE),
        (saved(PIL.Image.new("RGBA", SIZE, (255, 255, 255, 0))), WHITE),
    ],
)
def test_a_mask_that_marks_nothing_is_refused(image: Image, meaning: MaskMeaning) -> None:
    """Without a pixel that may change the whole call would be for nothing."""
    other = WHITE if meaning == TRANSPARENT else TRANSPARENT
    with pytest.raises(InvalidRequestError, match=f'meaning="{other}"') as caught:
        prepared(image, meaning)
    assert caught.value.field == "mask"


def test_a_mask_of_another_size_is_refused() -> None:
    """The mask belongs to the first image, also where the conversation gave that one."""
    mask = Mask(image=saved(rgba()))
    request = GenerationRequest("a", references=[picture(*SIZE)], mask=mask)
    other = GenerationRequest("a", references=[picture(8, 8)])
    object.__setattr__(request, "references", other.references)
    with pytest.raises(InvalidRequestError, match="6x4 pixels, the first image 8x8"):
        prepare_mask(request, Capabilities(model="m", mask=True))


def test_a_mask_that_cannot_be_decoded_is_refused() -> None:
    """Damage behind the header is found before anything is paid."""
    whole = saved(rgba()).data
    damaged = whole.replace(b"IDAT", b"IDAX")
    image = Image(data=damaged, media_type="image/png", width=SIZE[0], height=SIZE[1])
    with pytest.raises(InvalidRequestError, match="mask: ") as caught:
        prepared(image, TRANSPARENT)
    assert caught.value.field == "mask"


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask that needs no change is sent unchecked, and said so; any other is refused."""
    monkeypatch.setattr(genkit.masks, "has_pillow", lambda: False)
    able = Capabilities(model="m", max_references=1, mask=True)
    request = GenerationRequest(
        "a", references=[picture(*SIZE)], mask=Mask(image=saved(rgba(marked=False)))
    )
    found, (notice,) = prepare_mask(request, able)
    assert found is request
    assert notice.code == "mask-unchecked"
    for image, meaning in ((saved(rgba()), WHITE), (saved(grey()), TRANSPARENT)):
        with pytest.raises(UnsupportedOptionError, match=r"genkit-core\[imaging\]") as caught:
            prepared(image, meaning)
        assert caught.value.field == "mask"


def test_a_request_without_a_mask_is_left_alone() -> None:
    """Nothing is done where there is no mask."""
    request = GenerationRequest("a")
    assert prepare_mask(request, Capabilities(model="m")) == (request, ())


class Recorder:
    """A provider that keeps what it was asked to encode."""

    name, spec_version, default_model, key_variables = "test", 1, "m", ()

    def __init__(self) -> None:
        self.asked: list[GenerationRequest] = []

    def capabilities(self, model: str) -> Capabilities:
        """A model that takes a mask."""
        return Capabilities(model=model, max_references=2, mask=True)

    def encode(self, request: GenerationRequest, _context: object) -> WireRequest:
        """A request of no content."""
        self.asked.append(request)
        return WireRequest(url="https://example.com/")


def planned(request: GenerationRequest) -> tuple[Plan, list[GenerationRequest]]:
    """The plan of a call, and the requests as the provider was given them."""
    provider = Recorder()
    defaults = Defaults(templates=PromptTemplates())
    plan = plan_call(request, provider, account="test", model="m", defaults=defaults)  # type: ignore[arg-type]
    return plan, provider.asked


def test_a_planned_request_has_the_mask_that_the_service_reads() -> None:
    """The provider is given the converted mask; the caller's request keeps its own."""
    mask = Mask(image=saved(grey()), meaning=WHITE)
    request = GenerationRequest("a", references=[picture(*SIZE)], mask=mask)
    plan, (asked,) = planned(request)
    assert asked.mask is not None
    assert editable(asked.mask.image) == LEFT_HALF
    assert plan.request.mask is mask


def test_a_mask_belongs_to_the_given_image_and_not_to_the_conversation() -> None:
    """Where a conversation is flattened, the image of the mask stays the first one."""
    masked, earlier = picture(*SIZE), picture(8, 8)
    request = GenerationRequest(
        "a",
        references=[masked],
        mask=Mask(image=saved(rgba())),
        conversation=Conversation((Turn("model", (ImagePart(earlier),)),)),
    )
    _plan, (asked,) = planned(request)
    assert asked.images == (masked, earlier)
