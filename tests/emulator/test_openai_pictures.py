from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import PIL.Image
import pytest

from genkit.emulation import EmulatedRequest
from genkit.sniff import sniff
from genkit_openai.emulation import OpenAIEmulation
from genkit_openai.models import IN_SERVICE, MODELS
from tests.emulator.openai_service import (
    KEY,
    MODEL,
    File,
    Service,
    asked,
    data_url,
    picture,
)

RETIRED = OpenAIEmulation(serves_retired=True)


def made(fields: Any, service: Service | None = None, **changes: Any) -> dict[str, Any]:
    """Give the answer to a request that is answered with 200."""
    status, answer = (service or Service()).generate(fields, **changes)
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


# -- generating -------------------------------------------------------------------------------


def test_a_picture() -> None:
    """A prompt gives a picture, what was made of the options, and what it costs."""
    service = Service()
    answer = made(asked(), service)
    [item] = answer.pop("data")
    header = sniff(base64.b64decode(item["b64_json"]))
    assert header is not None
    assert header.media_type == "image/png"
    assert answer == {
        "created": 1_767_225_601,
        "background": "opaque",
        "output_format": "png",
        "quality": "medium",
        "size": "1024x1024",
        "usage": {
            "input_tokens": 2,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 2},
            "output_tokens": 439,
            "output_tokens_details": {"image_tokens": 439, "text_tokens": 0},
            "total_tokens": 441,
        },
    }
    [drawing] = service.drawings
    assert (drawing.prompt, drawing.width, drawing.height) == ("A banana", 1024, 1024)
    assert (service.last.charged, service.last.images) == (True, 1)
    assert service.last.facts["model"] == MODEL
    assert "prompt" not in service.last.facts
    assert service.last.headers["x-request-id"].startswith("req_")


def test_several_pictures() -> None:
    """`n` pictures come in one answer, each another one, and each is counted."""
    service = Service()
    answer = made(asked(n=3, quality="low"), service)
    assert len({item["b64_json"] for item in answer["data"]}) == 3
    assert len({drawing.seed for drawing in service.drawings}) == 3
    assert answer["usage"]["output_tokens"] == 3 * 196
    assert service.last.images == 3


def test_every_answer_is_another() -> None:
    """The service takes no seed: the same request gives another picture, id and time."""
    service = Service()
    answers = [made(asked(), service) for _ in range(2)]
    assert answers[0]["data"] != answers[1]["data"]
    assert answers[1]["created"] - answers[0]["created"] == 1
    again = Service()
    assert [made(asked(), again) for _ in range(2)] == answers


@pytest.mark.parametrize(
    ("quality", "size", "tokens"),
    [
        ("low", "1024x1024", 196),
        ("medium", "1024x1024", 439),
        ("high", "1024x1024", 1756),
        ("xhigh", "1024x1024", 3122),
        ("max", "1024x1024", 7024),
        ("high", "2048x2048", 4 * 1756),
        ("high", "1536x864", round(1756 * 1536 * 864 / 1024**2)),
    ],
)
def test_tokens(quality: str, size: str, tokens: int) -> None:
    """Tokens go by the quality, and by the area."""
    answer = made(asked(quality=quality, size=size))
    assert answer["usage"]["output_tokens"] == tokens
    assert (answer["quality"], answer["size"]) == (quality, size)


@pytest.mark.parametrize(("size", "tokens"), [("1024x1024", 4160), ("1024x1536", 6240)])
def test_tokens_of_a_table(size: str, tokens: int) -> None:
    """Where the table of prices knows a size, that is what is counted."""
    answer = made(asked(model="gpt-image-1.5", quality="high", size=size))
    assert answer["usage"]["output_tokens"] == tokens


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_formats(kind: str) -> None:
    """The format asked for is drawn and said."""
    service = Service()
    fields = asked(output_format=kind, background="opaque", user="u", moderation="low")
    assert made(fields, service)["output_format"] == kind
    assert service.drawings[0].media_type == f"image/{kind}"


@pytest.mark.parametrize("model", IN_SERVICE)
def test_every_model(model: str) -> None:
    """Every model in service makes what its table says that it can."""
    capabilities = MODELS[model].capabilities
    for quality in capabilities.qualities:
        answer = made(asked(model=model, quality=quality, size="1536x1024", n=2))
        assert answer["usage"]["output_tokens"] > 0
        assert len(answer["data"]) == 2


def test_nothing_said_is_nothing_asked() -> None:
    """A field that is null counts as left out."""
    answer = made(asked(size=None, n=None, quality=None, background=None, stream=None))
    assert (answer["size"], answer["quality"]) == ("1024x1024", "medium")


# -- editing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [["image"], ["image[]"], ["image[]", "image[]"]])
def test_edits_by_form(fields: list[str]) -> None:
    """One picture comes as `image`, several as `image[]`, and they are counted."""
    service = Service()
    files = [(name, File(picture())) for name in fields]
    status, answer = service.edit_form(
        ("model", MODEL), ("prompt", "Make it blue"), *files, ("n", "2"), ("size", "1536x864")
    )
    assert status == 200, answer
    assert len(answer["data"]) == 2
    assert answer["usage"]["input_tokens_details"]["image_tokens"] == 194 * len(fields)
    facts = service.last.facts
    assert (facts["references"], facts["form"], facts["masked"]) == (len(fields), True, False)
    assert service.drawings[0].references == len(fields)


def test_edits_by_json() -> None:
    """Pictures come as data URLs, a mask too, and moderation with them."""
    service = Service()
    urls = [data_url(picture(12, 6)), data_url(picture(kind="JPEG"), "image/jpeg")]
    status, answer = service.edit(
        asked(
            images=[{"image_url": url} for url in urls],
            mask={"image_url": data_url(picture(12, 6, mode="RGBA"))},
            moderation="low",
        )
    )
    assert status == 200, answer
    assert answer["size"] == "1536x1024"
    facts = service.last.facts
    assert (facts["references"], facts["form"], facts["masked"]) == (2, False, True)


@pytest.mark.parametrize(
    ("size", "chosen"),
    [((8, 8), "1024x1024"), ((12, 8), "1536x1024"), ((8, 12), "1024x1536")],
)
def test_the_model_chooses_by_the_picture(size: tuple[int, int], chosen: str) -> None:
    """Without a size the first picture's shape decides."""
    _, answer = Service().edit(asked(images=[{"image_url": data_url(picture(*size))}]))
    assert answer["size"] == chosen


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_masks_by_form(mode: str) -> None:
    """A mask is a PNG that has transparency in any of its notations."""
    buffer = io.BytesIO()
    options = {"transparency": 0} if mode == "P" else {}
    PIL.Image.new(mode, (8, 8)).save(buffer, "PNG", **options)
    service = Service()
    status, answer = service.edit_form(
        ("prompt", "x"),
        ("model", "gpt-image-1.5"),
        ("image", File(picture())),
        ("mask", File(buffer.getvalue())),
        ("input_fidelity", "high"),
    )
    assert status == 200, answer
    assert service.last.facts["masked"]


def test_an_old_model_edits_a_square() -> None:
    """The oldest model edits one square PNG, by form alone."""
    service = Service(RETIRED)
    fields = (("prompt", "x"), ("model", "dall-e-2"), ("response_format", "b64_json"))
    status, answer = service.edit_form(*fields, ("image", File(picture())), ("size", "256x256"))
    assert status == 200, answer
    assert answer["data"][0].keys() == {"b64_json"}
    assert "usage" not in answer


# -- addresses --------------------------------------------------------------------------------


def addressed(service: Service, count: int = 1) -> list[EmulatedRequest]:
    """Give the requests for pictures that the service gave as addresses."""
    fields = asked(model="dall-e-2", size="512x512", n=count)
    answer = made(fields, service)
    return [fetching(item["url"]) for item in answer["data"]]


def fetching(url: str) -> EmulatedRequest:
    """Give the request for an address."""
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("http", "127.0.0.1:1")
    query = dict(parse_qsl(parts.query, strict_parsing=True))
    return EmulatedRequest(method="GET", path=parts.path, query=query)


def test_addresses_of_pictures() -> None:
    """Old models give addresses below the emulator, which need no key and draw when asked."""
    service = Service(RETIRED)
    requests = addressed(service, 2)
    assert service.drawings == []
    assert len({request.path for request in requests}) == 2
    for request in requests:
        assert service.emulation.handles(request)
        status, data = service.request(request)
        header = sniff(data)
        assert (status, header is not None) == (200, True)
        assert not service.last.charged
        assert service.last.headers["content-type"] == "image/png"
    assert [drawing.width for drawing in service.drawings] == [512, 512]
    assert service.request(requests[0])[0] == 200  # as often as one likes


def test_addresses_are_permits() -> None:
    """Without its signature, with a key, or for a picture that is not there, nothing is given."""
    service = Service(RETIRED)
    [request] = addressed(service)
    signature = request.query["sig"]
    for query in ({}, {**request.query, "sig": signature.replace("+", " ")}):
        assert service.request(attrs.evolve(request, query=query))[0] == 403
    assert service.request(attrs.evolve(request, headers=KEY))[0] == 400
    assert service.request(attrs.evolve(request, headers={"api-key": "x"}))[0] == 400
    assert service.request(attrs.evolve(request, method="POST"))[0] == 404
    other = f"/v1/emulated-pictures/{'0' * 32}.png"
    assert service.request(attrs.evolve(request, path=other))[0] == 404


def test_addresses_that_fail_at_first() -> None:
    """Each picture fails so often before it is given, with the status asked for."""
    service = Service(attrs.evolve(RETIRED, failing_downloads=2, download_status=500))
    requests = addressed(service, 2)
    for request in requests:
        assert [service.request(request)[0] for _ in range(4)] == [500, 500, 200, 200]


def test_the_latest_addresses_are_kept() -> None:
    """What is remembered does not grow without end."""
    service = Service(RETIRED)
    first = addressed(service)[0]
    for _ in range(26):
        last = addressed(service, 10)[-1]
    assert service.request(first)[0] == 404
    assert service.request(last)[0] == 200
    assert len(service.store["made"]) == 256
