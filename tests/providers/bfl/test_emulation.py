"""The emulated service without a server: what it refuses, and what it remembers."""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

import pytest

from genkit.emulation import Answer, Drawing, EmulatedRequest, Store
from genkit.provider import Absence, ErrorFacts, ErrorKind
from genkit.testing.plain_pictures import plain_picture
from genkit_bfl.emulation import BlackForestLabsEmulation

KEY = {"x-key": "made-up", "host": "127.0.0.1:1"}
PICTURE = base64.b64encode(plain_picture("image/png", 30, 10)).decode()


class Service:
    """The emulated service with its memory, and what it had drawn."""

    def __init__(self, polls: int = 2) -> None:
        self.emulation = BlackForestLabsEmulation(polls=polls)
        self.store: Store = MappingProxyType({})
        self.drawings: list[Drawing] = []

    def draw(self, drawing: Drawing, /) -> bytes:
        """Note the drawing."""
        self.drawings.append(drawing)
        return plain_picture(drawing.media_type, 4, 4)

    def submit(self, model: str = "flux-kontext-pro", **document: Any) -> Answer:
        """Submit a task."""
        return self.ask("POST", f"http://127.0.0.1:1/v1/{model}", {"prompt": "x"} | document)

    def ask(self, method: str, url: str, document: Any = None, **headers: str) -> Answer:
        """Send a request and remember."""
        parts = urlsplit(url)
        request = EmulatedRequest(
            method=method,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers=headers or KEY,
            document=document,
        )
        before = self.store
        answer, self.store = self.emulation.answer(request, before, self.draw)
        assert self.emulation.answer(request, before, lambda _drawing: b"")[0].status == (
            answer.status
        )
        return answer


def wrong(answer: Answer) -> str:
    """Name the field that a submission is refused for."""
    assert (answer.status, answer.charged) == (422, False)
    field: str = answer.body["detail"][0]["loc"][1]
    return field


@pytest.mark.parametrize(
    "document",
    [
        {"prompt": 7},
        {"seed": 1.5},
        {"seed": True},
        {"safety_tolerance": 7},
        {"output_format": "webp"},
        {"aspect_ratio": "8:3"},
        {"aspect_ratio": "wide"},
        {"prompt_upsampling": 1},
        {"input_image": "no picture"},
        {"input_image_2": 7},
    ],
)
def test_strict(document: dict[str, Any]) -> None:
    """A submission with a wrong value is refused, names the field and costs nothing."""
    assert wrong(Service().submit(**document)) == next(iter(document))


@pytest.mark.parametrize("document", [{"width": 1000}, {"height": 224}, {"width": 1472}])
def test_strict_edges(document: dict[str, Any]) -> None:
    """Edges are multiples of 32 from 256 to 1440."""
    assert wrong(Service().submit("flux-pro-1.1", **document)) == next(iter(document))


@pytest.mark.parametrize(
    ("model", "document", "size", "references"),
    [
        ("flux-kontext-pro", {}, (1024, 1024), 0),
        ("flux-kontext-pro", {"aspect_ratio": "16:9"}, (1376, 768), 0),
        ("flux-kontext-max", {"input_image": PICTURE}, (1568, 672), 1),
        ("flux-kontext-max", {"input_image": PICTURE, "aspect_ratio": "1:1"}, (1024, 1024), 1),
        ("flux-pro-1.1", {}, (1024, 768), 0),
        ("flux-pro-1.1", {"width": 256, "height": 1440}, (256, 1440), 0),
    ],
)
def test_sizes(
    model: str, document: dict[str, Any], size: tuple[int, int], references: int
) -> None:
    """The picture has the size asked for, or one megapixel in the ratio of the first picture."""
    service = Service(polls=1)
    submitted = service.submit(model, **document)
    ready = service.ask("GET", submitted.body["polling_url"])
    service.ask("GET", ready.body["result"]["sample"], host="127.0.0.1:1")
    drawing = service.drawings[0]
    assert ((drawing.width, drawing.height), drawing.references) == (size, references)


def test_a_task() -> None:
    """A task is charged for once, and its picture delivered to whoever has the address."""
    service = Service(polls=3)
    submitted = service.submit(seed=9, output_format="jpeg")
    answers = [service.ask("GET", submitted.body["polling_url"]) for _ in range(4)]
    assert [answer.body["status"] for answer in answers] == ["Pending", "Pending", "Ready", "Ready"]
    assert submitted.charged
    assert not any(answer.charged for answer in answers)
    sample = answers[-1].body["result"]["sample"]
    delivered = service.ask("GET", sample, host="127.0.0.1:1")
    assert (delivered.status, delivered.images) == (200, 1)
    assert (service.drawings[0].seed, service.drawings[0].media_type) == (9, "image/jpeg")
    # With a key, with another permit, or none: nothing.
    assert service.ask("GET", sample).status == 403
    assert service.ask("GET", sample.partition("?")[0], host="127.0.0.1:1").status == 403
    assert service.ask("GET", f"{sample}0", host="127.0.0.1:1").status == 403


def test_tasks_are_kept_apart() -> None:
    """The same submission twice is two tasks with different pictures."""
    service = Service()
    first, second = service.submit(), service.submit()
    assert first.body["id"] != second.body["id"]
    assert first.facts["seed"] != second.facts["seed"]


def test_strangers() -> None:
    """Without a key, of an unknown model or task, the service says so and charges nothing."""
    service = Service()
    url = "http://127.0.0.1:1/v1/"
    answers = [
        service.ask("POST", f"{url}flux-kontext-pro", {"prompt": "x"}, host="a"),
        service.ask("POST", f"{url}flux-kontext-pro", {"prompt": "x"}, **{"x-key": "invalid"}),
        service.submit("flux-9"),
        service.ask("GET", f"{url}flux-kontext-pro"),
        service.ask("GET", f"{url}get_result?id=nothing"),
        service.ask("GET", f"{url}other"),
    ]
    assert [answer.status for answer in answers] == [403, 403, 404, 404, 404, 404]
    assert not any(answer.charged for answer in answers)


@pytest.mark.parametrize("kind", get_args(ErrorKind))
def test_every_error_can_be_said(kind: ErrorKind) -> None:
    """Each kind has its answer, without a picture."""
    answer = BlackForestLabsEmulation().render_error(ErrorFacts(kind=kind, retry_after=1.5))
    assert answer.images == 0
    assert (answer.status == 200) == (kind in ("content-policy", "malformed"))
    if kind == "rate-limited":
        assert answer.headers["retry-after"] == "1.5"


def test_no_picture_can_be_said() -> None:
    """An answer without a picture is that of a task that is ready and has none."""
    answer = BlackForestLabsEmulation().render_error(Absence(cause="other"))
    assert (answer.body["status"], answer.body["result"]) == ("Ready", None)
