"""The Gemini API as it behaves towards its clients, for the emulator: a pure function.

It reads requests as strictly as the service does, answers in its forms, signs what it says and
wants the signatures back. What it draws is painted by whoever calls it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from genkit.body import Base64
from genkit.emulation import Answer, Draw, Drawing, EmulatedRequest, Store
from genkit.images import Image
from genkit.provider import Absence, ErrorFacts
from genkit_gemini.emulated_errors import render
from genkit_gemini.emulated_request import Asked, Signer, understand
from genkit_gemini.models import MODELS, Model

__all__ = ["GeminiEmulation"]

_PATH = re.compile(
    r"/(?P<version>v1|v1alpha|v1beta|v1beta1)"
    r"(?P<vertex>(?:/projects/[^/]+/locations/[^/]+)?/publishers/google)?"
    r"/models(?:/(?P<model>[^/:]+))?(?::(?P<method>\w+))?"
)
_HEADERS = MappingProxyType({"X-Gemini-Service-Tier": "standard"})
_REFERENCE_TOKENS = 258
"""Tokens of a picture that comes in, where the price table does not say."""
_PICTURE_TOKENS = 1120
_PAGE_SIZE = 50


@attrs.frozen(kw_only=True)
class GeminiEmulation:
    """Generates and lists like the service, at the Developer API's paths and at Vertex AI's."""

    name: str = "gemini"
    signature_bytes: int = attrs.field(default=16 * 1024, validator=attrs.validators.ge(32))
    """Size of each thought signature; the service's own have one to three million bytes."""
    serves_retired: bool = False
    """Whether models that were shut down still answer, as they did before."""

    @property
    def base_path(self) -> str:
        """The API version."""
        return "/v1beta"

    def handles(self, request: EmulatedRequest) -> bool:
        """Whether it is a path of the models."""
        return _PATH.fullmatch(request.path) is not None

    def render_error(self, facts: ErrorFacts | Absence) -> Answer:
        """The error, refusal or empty answer in the service's forms."""
        return attrs.evolve(render(facts), headers={**_HEADERS, **render(facts).headers})

    def answer(self, request: EmulatedRequest, store: Store, draw: Draw) -> tuple[Answer, Store]:
        """What the service answers; it remembers only how many pictures it made."""
        path = _PATH.fullmatch(request.path)
        if path is None:
            return self._not_found(f"The path {request.path[:200]!r} is not found."), store
        if (refusal := self._refused_caller(request)) is not None:
            return refusal, store
        model, method = path["model"], path["method"]
        if request.method == "GET" and method is None:
            return (self._listed(request.query) if model is None else self._shown(model)), store
        if request.method != "POST" or model is None or method is None:
            return self._not_found(f"{request.method} is not served at this path."), store
        answer, store = self._generated(request, path, store, draw)
        return attrs.evolve(answer, facts={"model": model, **answer.facts}), store

    # -- callers ----------------------------------------------------------------------------

    def _refused_caller(self, request: EmulatedRequest) -> Answer | None:
        """Any key is good but the word ``invalid``."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token.strip():
            if token.strip() != "invalid":
                return None
            return self._error(401, "UNAUTHENTICATED", "The access token is not valid.")
        key = request.headers.get("x-goog-api-key") or request.query.get("key")
        if not key:
            message = "Unregistered callers may not use this method. Send an API key."
            return self.render_error(ErrorFacts(kind="permission-denied", message=message))
        if key == "invalid":
            return self.render_error(ErrorFacts(kind="authentication"))
        return None

    def _error(self, code: int, status: str, message: str) -> Answer:
        error = {"code": code, "message": message, "status": status}
        return Answer(status=code, headers=_HEADERS, body={"error": error})

    def _not_found(self, message: str) -> Answer:
        return self.render_error(ErrorFacts(kind="model-not-found", message=message))

    # -- models -----------------------------------------------------------------------------

    def _rows(self) -> dict[str, Model]:
        return {
            model: row
            for model, row in MODELS.items()
            if self.serves_retired or not row.capabilities.retired
        }

    def _listed(self, query: Mapping[str, str]) -> Answer:
        """A page of the models."""
        models = list(self._rows())
        size, token = query.get("pageSize", str(_PAGE_SIZE)), query.get("pageToken", "0")
        if not (size.isdecimal() and token.isdecimal() and int(token) < len(models)):
            facts = ErrorFacts(kind="invalid-request", message="The page is not valid.")
            return self.render_error(facts)
        start, end = int(token), int(token) + min(int(size) or _PAGE_SIZE, 1000)
        body: dict[str, Any] = {"models": [_description(model) for model in models[start:end]]}
        if end < len(models):
            body["nextPageToken"] = str(end)
        return Answer(headers=_HEADERS, body=body)

    def _shown(self, model: str) -> Answer:
        if model not in self._rows():
            return self._unknown_model(model)
        return Answer(headers=_HEADERS, body=_description(model))

    def _unknown_model(self, model: str) -> Answer:
        return self._not_found(
            f"models/{model[:100]} is not found, or does not support generateContent."
            " ModelService.ListModels lists the models that do."
        )

    # -- pictures ---------------------------------------------------------------------------

    def _generated(
        self, request: EmulatedRequest, path: re.Match[str], store: Store, draw: Draw
    ) -> tuple[Answer, Store]:
        if path["method"] == "streamGenerateContent":
            return self._error(501, "UNIMPLEMENTED", "Streaming is not emulated."), store
        row = self._rows().get(path["model"])
        if row is None or path["method"] != "generateContent":
            return self._unknown_model(path["model"]), store
        signer = Signer(self.signature_bytes)
        asked = understand(request.document, row, signer, vertex=path["vertex"] is not None)
        if isinstance(asked, ErrorFacts):
            return self.render_error(asked), store
        count = store.get("answers", 0) + 1
        digest = hashlib.sha256(b"%d\0%s" % (count, request.body)).digest()
        answer = _Making(row=row, asked=asked, digest=digest, signer=signer, draw=draw).answer()
        return answer, MappingProxyType({**store, "answers": count})


def _description(model: str) -> dict[str, Any]:
    """A model as the service lists it."""
    return {
        "name": f"models/{model}",
        "version": "emulated",
        "displayName": model.replace("-", " ").title(),
        "description": "Makes and edits pictures; emulated.",
        "inputTokenLimit": 65536,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent"],
        "temperature": 1,
        "maxTemperature": 2,
    }


@attrs.frozen(kw_only=True)
class _Making:
    """The making of one answer."""

    row: Model
    asked: Asked
    digest: bytes
    """Of the request and of its number: what the service chooses itself comes from it."""
    signer: Signer
    draw: Draw

    @property
    def seed(self) -> int:
        """The seed asked for, or else one that the service chooses."""
        if self.asked.seed is not None:
            return self.asked.seed
        return int.from_bytes(self.digest[:4], "big") >> 1

    def answer(self) -> Answer:
        """The answer with a picture, or with what stands in its place."""
        model = self.row.capabilities.model
        makes_image = "IMAGE" in self.asked.wants
        limit = self.asked.max_output_tokens
        is_cut = makes_image and limit is not None and limit < self._picture_tokens()
        content: dict[str, Any] = {"role": "model"}
        if not is_cut:
            content["parts"] = self._parts()
        made = int(makes_image and not is_cut)
        candidate = {
            "content": content,
            "finishReason": "MAX_TOKENS" if is_cut else "STOP",
            "index": 0,
        }
        body = {
            "candidates": [candidate],
            "usageMetadata": self._usage(images=made),
            "modelVersion": model,
            "responseId": base64.urlsafe_b64encode(self.digest[4:20]).decode().rstrip("="),
        }
        facts = {**self.asked.facts(), "seed": self.seed}
        return Answer(headers=_HEADERS, body=body, charged=True, images=made, facts=facts)

    def _parts(self) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        if self.asked.with_thoughts:
            parts.append({"text": "A first sketch, to judge the composition.", "thought": True})
            if "IMAGE" in self.asked.wants:
                parts.append({**self._picture(is_draft=True), "thought": True})
        if "TEXT" in self.asked.wants:
            text = f"Here is the picture of turn {self.asked.turn}."
            if "IMAGE" not in self.asked.wants:
                text = "Without the modality IMAGE there is only this text."
            parts.append(self._signed({"text": text}))
        if "IMAGE" in self.asked.wants:
            parts.append(self._picture())
        return parts

    def _picture(self, *, is_draft: bool = False) -> dict[str, Any]:
        # Recorded answers: JPEG since the third generation, PNG before.
        media_type = "image/jpeg" if self.row.thinks else "image/png"
        drawing = Drawing(
            prompt=f"Draft\n{self.asked.prompt}" if is_draft else self.asked.prompt,
            width=self.asked.width,
            height=self.asked.height,
            seed=self.seed,
            turn=self.asked.turn,
            references=self.asked.references,
            media_type=media_type,
        )
        data = self.draw(drawing)
        image = Image(
            data=data, media_type=media_type, width=self.asked.width, height=self.asked.height
        )
        part = {"inlineData": {"mimeType": media_type, "data": Base64(image)}}
        if is_draft:
            return part
        signature = self._signature({"inlineData": {"data": data}})
        return {**part, **signature}

    def _signed(self, part: dict[str, Any]) -> dict[str, Any]:
        return {**part, **self._signature(part)}

    def _signature(self, part: Mapping[str, Any]) -> dict[str, Any]:
        if not self.row.requires_signatures:
            return {}
        return {"thoughtSignature": base64.b64encode(self.signer.sign(part)).decode()}

    def _picture_tokens(self) -> int:
        prices = self.row.capabilities.prices
        tokens = prices.image_tokens if prices else {}
        return tokens.get(self.asked.tier, tokens.get("", _PICTURE_TOKENS))

    def _usage(self, *, images: int) -> dict[str, Any]:
        asked = self.asked
        prices = self.row.capabilities.prices
        each = (prices and prices.input_image_tokens) or _REFERENCE_TOKENS
        text, pictures = asked.text_tokens, asked.pictures * each
        made = images * self._picture_tokens()
        said = 10 if "TEXT" in asked.wants else 0
        thought = 64 + self.digest[20] if self.row.thinks else 0
        incoming = [("TEXT", text), ("IMAGE", pictures)]
        usage: dict[str, Any] = {
            "promptTokenCount": text + pictures,
            "candidatesTokenCount": made + said,
            "totalTokenCount": text + pictures + made + said + thought,
            "promptTokensDetails": [
                {"modality": modality, "tokenCount": tokens}
                for modality, tokens in incoming
                if tokens
            ],
            "serviceTier": "standard",
        }
        if made:
            usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": made}]
        if thought:
            usage["thoughtsTokenCount"] = thought
        return usage
