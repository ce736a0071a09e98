"""A provider of someone else's, as a type checker sees it: checked, never run."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from genkit import GenerationRequest, hookimpl
from genkit.body import json_body
from genkit.provider import (
    SPEC_VERSION,
    Capabilities,
    Context,
    ErrorFacts,
    FollowUp,
    ImageProvider,
    Outcome,
    ProviderFactory,
    ProviderSettings,
    StreamDecoder,
    WireImage,
)
from genkit.wire import WireRequest, WireResponse


@attrs.frozen
class Sketch:
    """The least that a provider is."""

    settings: ProviderSettings
    name: str = "sketch"
    spec_version: int = SPEC_VERSION
    default_model: str = "sketch-1"
    key_variables: tuple[str, ...] = ("SKETCH_API_KEY",)

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self.settings.base_url or "https://sketch.example"

    def models(self) -> tuple[str, ...]:
        """The one model."""
        return (self.default_model,)

    def capabilities(self, model: str) -> Capabilities:
        """What it can do."""
        return Capabilities(model=model)

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """The request."""
        body = json_body({"prompt": request.prompt, "model": context.model})
        return WireRequest(method="POST", url=f"{self.base_url}/draw", body=body)

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | FollowUp | ErrorFacts:
        """The picture."""
        return Outcome(parts=(WireImage(data=response.document["image"]),))

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """Nothing but the status."""
        return ErrorFacts()

    def stream_decoder(self, request: GenerationRequest) -> StreamDecoder | None:
        """It does not stream."""
        return None


@hookimpl
def genkit_providers() -> Mapping[str, ProviderFactory]:
    """The factory."""
    return {"sketch": Sketch}


def is_one(settings: ProviderSettings) -> ImageProvider:
    """The class keeps to the contract."""
    return Sketch(settings)
