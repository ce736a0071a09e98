"""A service small enough to be seen through: it charges for every POST that holds a prompt."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import aiohttp
import attrs

from genkit.emulation import Answer, Draw, Drawing, EmulatedRequest, Store
from genkit.provider import Absence, ErrorFacts

STATUS = {"rate-limited": 429, "overloaded": 503, "server-error": 500, "authentication": 401}


@attrs.frozen(kw_only=True)
class ToyEmulation:
    """Answers with how often it was asked; `size` is what its answer is padded to."""

    name: str = "toy"
    base_path: str = "/v7"
    size: int = 0
    draws: bool = False

    def handles(self, request: EmulatedRequest) -> bool:
        """Everything below its version is its own."""
        return request.path.startswith("/v7/")

    def answer(self, request: EmulatedRequest, store: Store, draw: Draw) -> tuple[Answer, Store]:
        """Counts paid requests; a document that is the word `raise` breaks it."""
        document = request.document
        if document == "raise":
            raise RuntimeError("a secret prompt")
        if document == "stream":
            return Answer(events=({},)), store
        if not isinstance(document, dict) or "prompt" not in document:
            return Answer(status=400, body={"error": "no prompt"}), store
        count = store.get("count", 0) + 1
        picture = draw(Drawing(prompt="x", width=8, height=8)) if self.draws else b""
        body = {"count": count, "path": request.path, "padding": "x" * self.size}
        answer = Answer(
            body=body,
            headers={"X-Toy": str(len(picture))},
            charged=True,
            images=1,
            facts={"model": "toy-1", "count": count},
        )
        return answer, MappingProxyType({"count": count})

    def render_error(self, facts: ErrorFacts | Absence) -> Answer:
        """Says the facts as they are."""
        if isinstance(facts, Absence):
            return Answer(body={"absence": facts.cause}, charged=True)
        return Answer(
            status=STATUS.get(facts.kind or "", 403 if facts.stage is None else 200),
            headers={} if facts.retry_after is None else {"Retry-After": f"{facts.retry_after:g}"},
            body={
                "kind": facts.kind,
                "stage": facts.stage,
                "message": facts.message,
                "model": facts.details.get("model"),
            },
            charged=facts.stage == "output",
        )


async def ask(
    session: aiohttp.ClientSession, url: str, document: Any = None, **options: Any
) -> tuple[int, Any]:
    """Post a document, by default a paid one; gives status and answer."""
    document = {"prompt": "a banana"} if document is None else document
    async with session.post(url, json=document, **options) as response:
        return response.status, await response.json()
