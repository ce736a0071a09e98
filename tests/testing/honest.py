"""A provider in one file that keeps to the contract: it remembers, is polled and downloaded from.

POST /jobs       {"model", "prompt", "size", "seed", "quality", "ink", "images", "said"}
200              {"id", "poll": path}
GET  /jobs/<id>  {"status": "pending"} or {"status": "done", "url", "token"} or {"refused"}
GET  <url>       the picture
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import attrs

from genkit.body import Base64, json_body
from genkit.conversation import ImagePart, OpaquePart, ProviderState, TextPart, Turn
from genkit.errors import InvalidRequestError, UnsupportedOptionError
from genkit.provider import (
    SPEC_VERSION,
    Capabilities,
    Context,
    ErrorFacts,
    ErrorKind,
    FixedSizes,
    FollowUp,
    Outcome,
    ProviderFactory,
    ProviderSettings,
    Refusal,
    StreamDecoder,
    WireImage,
)
from genkit.request import GenerationRequest
from genkit.wire import AuthHeader, WireRequest, WireResponse

KINDS: Mapping[str, ErrorKind] = {
    "key": "authentication",
    "bad": "invalid-request",
    "rate": "rate-limited",
    "down": "server-error",
}


@attrs.frozen
class Honest:
    """The provider."""

    settings: ProviderSettings
    spec_version: int = SPEC_VERSION
    default_model: str = "honest-1"
    key_variables: tuple[str, ...] = ("HONEST_KEY",)

    @property
    def name(self) -> str:
        """The entry point's, whatever its account is called."""
        return "honest"

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self.settings.base_url or "https://api.honest.example/v1"

    def models(self) -> tuple[str, ...]:
        """Two of them."""
        return ("honest-1", "honest-2")

    def capabilities(self, model: str) -> Capabilities:
        """All the same."""
        return Capabilities(
            model=model,
            known=model in self.models(),
            sizes=FixedSizes(((512, 512), (1024, 512))),
            max_references=2,
            multi_turn=True,
            seed=True,
            qualities=("low", "high"),
            options=("ink",),
        )

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Submit a job."""
        document: dict[str, Any] = {
            "model": context.model,
            "prompt": request.prompt,
            "said": [self.said(turn) for turn in context.conversation.turns],
            "images": [Base64(image) for image in request.images],
        }
        if context.size is not None:
            document["size"] = [context.size.width, context.size.height]
        if context.seed is not None:
            document["seed"] = context.seed
        if request.quality is not None:
            document["quality"] = request.quality
        options = {**self.settings.options, **request.provider_options.get(self.name, {})}
        for name, value in options.items():
            if name != "ink":
                raise UnsupportedOptionError(f"{name}: no such option", field=name)
            if value not in ("red", "blue"):
                raise InvalidRequestError("ink: must be red or blue", field="ink")
            document["ink"] = value
        return WireRequest(
            url=self.url("/jobs"),
            headers=self.settings.headers,
            body=json_body(document),
            auth=AuthHeader("x-key"),
        )

    def url(self, path: str) -> str:
        """An address of the service."""
        query = urlencode(dict(self.settings.query))
        return f"{self.base_url}{path}" + (f"?{query}" if query else "")

    def said(self, turn: Turn) -> dict[str, Any]:
        """A turn as it goes back."""
        parts: list[dict[str, Any]] = []
        for part in turn.parts:
            token = part.state.data if part.state is not None else None
            beside = {"token": token} if isinstance(token, str) else {}
            if isinstance(part, TextPart):
                parts.append({"text": part.text, **beside})
            elif isinstance(part, ImagePart):
                parts.append({"image": Base64(part.image), **beside})
            elif isinstance(part, OpaquePart) and beside:
                parts.append(beside)
        return {"role": turn.role, "parts": parts}

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | FollowUp | ErrorFacts:
        """A job, its state, or its picture."""
        document = response.document if isinstance(response.document, Mapping) else {}
        notes = step.state if step is not None and isinstance(step.state, Mapping) else {}
        if "token" in notes:
            state = ProviderState(
                self.name, request.model or self.default_model, str(notes["token"])
            )
            return Outcome(parts=(WireImage(data=response.body, state=state),))
        if isinstance(document.get("refused"), str):
            return Outcome(refusal=Refusal(stage="prompt", reason=document["refused"][:100]))
        url, token, poll = (document.get(name) for name in ("url", "token", "poll"))
        try:
            if isinstance(url, str) and isinstance(token, str):
                wire = WireRequest(method="GET", url=url, download=True)
                return FollowUp(request=wire, state={"token": token[:1000]})
            if step is not None and document.get("status") == "pending":
                return attrs.evolve(step, wait=0.5)
            if isinstance(poll, str):
                return FollowUp(
                    request=WireRequest(
                        method="GET", url=self.url(f"/jobs/{poll}"), auth=AuthHeader("x-key")
                    ),
                    wait=0.5,
                    state={"polling": True},
                )
        except ValueError:
            pass
        return ErrorFacts(kind="malformed", message="no job, and no picture")

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """By code."""
        document = response.document if isinstance(response.document, Mapping) else {}
        code, wait = document.get("code"), document.get("wait")
        fits = isinstance(wait, int | float) and not isinstance(wait, bool)
        code = code[:100] if isinstance(code, str) else None
        return ErrorFacts(
            kind=KINDS.get(code or ""),
            code=code,
            retry_after=float(wait) if fits and wait is not None and 0 <= wait < 1e5 else None,
        )

    def stream_decoder(self, request: GenerationRequest) -> StreamDecoder | None:
        """None."""
        return None


def genkit_providers() -> Mapping[str, ProviderFactory]:
    """The hook."""
    return {"honest": Honest}
