"""The OpenAI Images API as it behaves towards its clients, for the emulator: a pure function.

It reads requests as strictly as the service does and answers in its forms. Pictures that are given
as addresses lie below the emulator itself. What it draws is painted by whoever calls it.
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import attrs

from genkit.body import Base64
from genkit.emulation import Answer, Draw, Drawing, EmulatedRequest, Store
from genkit.images import Image
from genkit.provider import Absence, ErrorFacts
from genkit_openai.emulated_errors import HEADERS, envelope, render
from genkit_openai.emulated_models import DESCRIBED, rules_of
from genkit_openai.emulated_request import Asked, Operation, understand
from genkit_openai.models import MODELS

__all__ = ["OpenAIEmulation"]

_PATH = re.compile(
    r"(?:/openai)?(?:/v1|/deployments/(?P<deployment>[^/]+))"
    r"(?:/images/(?P<operation>generations|edits)|/models(?:/(?P<model>[^/]+))?)"
)
_PICTURE = re.compile(r"/v1/emulated-pictures/(?P<id>[0-9a-f]{32})\.png")
_EPOCH = 1_767_225_600
"""Unix time of the first answer; each one after it is a second later."""
_KEPT = 256
"""Pictures that can be fetched by their address, the latest ones."""
_XML = {"content-type": "application/xml"}


@attrs.frozen(kw_only=True)
class OpenAIEmulation:
    """Generates, edits and lists like the service, at its own paths and at Azure's.

    Any key is good but the word ``invalid``, as ``Authorization: Bearer`` or as ``api-key``.
    Answers of an error's status are not charged.
    """

    name: str = "openai"
    serves_retired: bool = False
    """Whether models that were shut down still answer, as they do at other hosts of this wire."""
    failing_downloads: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """How often each picture that is given as an address fails before it can be fetched."""
    download_status: int = 503
    """The status of those failures."""

    @property
    def base_path(self) -> str:
        """The API version."""
        return "/v1"

    def handles(self, request: EmulatedRequest) -> bool:
        """Whether it is a path of the Images API or of a picture; `models` alone is anybody's."""
        if _PICTURE.fullmatch(request.path):
            return True
        path = _PATH.fullmatch(request.path)
        return path is not None and (path["operation"] is not None or _bearer(request) != "")

    def render_error(self, facts: ErrorFacts | Absence) -> Answer:
        """The error, refusal or empty answer in the service's forms."""
        return render(facts)

    def hold_back(self, answer: Answer) -> Answer:
        """`answer` with one picture fewer than was asked for."""
        body = {**answer.body, "data": answer.body["data"][:-1]}
        return attrs.evolve(answer, body=body, images=answer.images - 1)

    def answer(self, request: EmulatedRequest, store: Store, draw: Draw) -> tuple[Answer, Store]:
        """What the service answers; it remembers how often, and what can be fetched."""
        if (picture := _PICTURE.fullmatch(request.path)) is not None:
            return self._fetched(request, picture["id"], store, draw)
        path = _PATH.fullmatch(request.path)
        is_azure = path is not None and path["deployment"] is not None
        if (refusal := _refused_caller(request, is_azure=is_azure)) is not None:
            return refusal, store
        if path is None or (is_azure and "api-version" not in request.query):
            return _not_found(is_azure=is_azure), store
        if path["operation"] is None:
            return self._models(request, path["model"]), store
        if request.method != "POST":
            message = f"{request.method} is not allowed here."
            body = envelope(message, "invalid_request_error", None, "method_not_supported")
            return Answer(status=405, headers=HEADERS, body=body), store
        operation: Operation = "generations" if path["operation"] == "generations" else "edits"
        return self._made(request, operation, path["deployment"], store, draw)

    # -- pictures ---------------------------------------------------------------------------

    def _made(
        self,
        request: EmulatedRequest,
        operation: Operation,
        deployment: str | None,
        store: Store,
        draw: Draw,
    ) -> tuple[Answer, Store]:
        count = store.get("answers", 0) + 1
        digest = hashlib.sha256(b"%d\0%s" % (count, request.body)).digest()
        request_id = f"req_{digest.hex()[:32]}"
        asked = understand(
            request, operation, deployment=deployment, serves_retired=self.serves_retired
        )
        if isinstance(asked, ErrorFacts):
            return render(attrs.evolve(asked, request_id=request_id)), store
        if asked.stream:
            body = envelope("Streaming is not emulated.", "invalid_request_error", "stream")
            return Answer(status=501, headers=HEADERS, body=body), store
        drawings = _drawings(asked, digest)
        store = {**store, "answers": count}
        if asked.as_url:
            addresses = _addresses(request.headers.get("host", ""), digest, len(drawings))
            latest = [attrs.asdict(drawing) for drawing in drawings]
            made = {**store.get("made", {}), **dict(zip(addresses, latest, strict=True))}
            store["made"] = dict(list(made.items())[-_KEPT:])
            data: list[dict[str, Any]] = [
                {"url": url, "revised_prompt": asked.prompt} for url in addresses.values()
            ]
        else:
            data = [{"b64_json": _painted(drawing, draw)} for drawing in drawings]
        answer = Answer(
            headers={**HEADERS, "x-request-id": request_id},
            body={"created": _EPOCH + count, "data": data, **_echo(asked)},
            charged=True,
            images=asked.n,
            facts={**asked.facts(), "operation": operation},
        )
        return answer, MappingProxyType(store)

    def _fetched(
        self, request: EmulatedRequest, number: str, store: Store, draw: Draw
    ) -> tuple[Answer, Store]:
        """A picture by its address, as a store of files gives it: no key, a signature."""
        made = store.get("made", {})
        if request.method != "GET" or number not in made:
            return Answer(status=404, headers=_XML, body=b"<Error/>"), store
        if request.headers.keys() & {"authorization", "api-key"}:
            # Such stores take one permit only. It also shows that a client gives its key away.
            return Answer(status=400, headers=_XML, body=b"<Error/>"), store
        if request.query.get("sig") != _signature(number):
            return Answer(status=403, headers=_XML, body=b"<Error/>"), store
        failed = store.get("failed", {})
        if failed.get(number, 0) < self.failing_downloads:
            failed = {**failed, number: failed.get(number, 0) + 1}
            answer = Answer(status=self.download_status, headers=_XML, body=b"<Error/>")
            return answer, MappingProxyType({**store, "failed": failed})
        drawing = Drawing(**made[number])
        return Answer(headers={"content-type": drawing.media_type}, body=draw(drawing)), store

    # -- models -----------------------------------------------------------------------------

    def _models(self, request: EmulatedRequest, model: str | None) -> Answer:
        if request.method != "GET":
            return _not_found(is_azure=False)
        here = [one for one in DESCRIBED if self._is_here(one)]
        if model is None:
            body = {"object": "list", "data": [_description(one) for one in here]}
            return Answer(headers=HEADERS, body=body)
        if model not in here:
            message = f"The model {model[:100]!r} does not exist."
            return render(ErrorFacts(kind="model-not-found", message=message))
        return Answer(headers=HEADERS, body=_description(model))

    def _is_here(self, model: str) -> bool:
        if model not in MODELS:
            return True  # one that makes no pictures
        return rules_of(model, serves_retired=self.serves_retired) is not None


def _drawings(asked: Asked, digest: bytes) -> list[Drawing]:
    """What is painted; the service takes no seed and so makes every picture anew."""
    seed = int.from_bytes(digest[:4], "big") >> 1
    return [
        Drawing(
            prompt=asked.prompt,
            width=asked.width,
            height=asked.height,
            seed=(seed + number) % 2**31,
            references=asked.references,
            media_type=f"image/{asked.output_format}",
        )
        for number in range(asked.n)
    ]


def _painted(drawing: Drawing, draw: Draw) -> Base64:
    return Base64(
        Image(
            data=draw(drawing),
            media_type=drawing.media_type,
            width=drawing.width,
            height=drawing.height,
        )
    )


def _addresses(host: str, digest: bytes, count: int) -> dict[str, str]:
    """Signed addresses below the host that the client asked, by the number of the picture."""
    numbers = [hashlib.sha256(digest + b"%d" % index).hexdigest()[:32] for index in range(count)]
    return {
        number: f"http://{host}/v1/emulated-pictures/{number}.png"
        f"?se=2099-01-01T00%3A00%3A00Z&sig={quote(_signature(number), safe='')}"
        for number in numbers
    }


def _signature(number: str) -> str:
    # With characters that a client spoils when it quotes an address anew.
    return f"{hashlib.sha256(number.encode()).hexdigest()[:16]}+/%2B="


def _echo(asked: Asked) -> dict[str, Any]:
    """What the service says beside the pictures; the old models say nothing."""
    if not asked.quality:
        return {}
    made = asked.n * asked.output_tokens
    given = asked.text_tokens + asked.image_tokens
    return {
        "background": asked.background,
        "output_format": asked.output_format,
        "quality": asked.quality,
        "size": f"{asked.width}x{asked.height}",
        "usage": {
            "input_tokens": given,
            "input_tokens_details": {
                "image_tokens": asked.image_tokens,
                "text_tokens": asked.text_tokens,
            },
            "output_tokens": made,
            "output_tokens_details": {"image_tokens": made, "text_tokens": 0},
            "total_tokens": given + made,
        },
    }


# -- callers ----------------------------------------------------------------------------------


def _bearer(request: EmulatedRequest) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _refused_caller(request: EmulatedRequest, *, is_azure: bool) -> Answer | None:
    key = _bearer(request) or request.headers.get("api-key", "")
    if key and key != "invalid":
        return None
    message = "The API key is not correct." if key else "There is no API key in the request."
    if is_azure or "api-key" in request.headers:
        # Azure writes the status in place of a code.
        body = {"error": {"code": "401", "message": message}}
        return Answer(status=401, headers={"apim-request-id": "emulated"}, body=body)
    facts = ErrorFacts(kind="authentication", message=message)
    refusal = render(facts)
    if not key:
        refusal.body["error"]["code"] = None
    return refusal


def _not_found(*, is_azure: bool) -> Answer:
    if is_azure:
        body: dict[str, Any] = {"error": {"code": "404", "message": "The resource is not found."}}
    else:
        body = envelope("This path is not served.", "invalid_request_error")
    return Answer(status=404, headers=HEADERS, body=body)


def _description(model: str) -> dict[str, Any]:
    """A model as the service lists it."""
    return {"id": model, "object": "model", "created": _EPOCH, "owned_by": "openai"}
