"""A transport that answers from a list, and a provider that reads those answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from genkit.errors import (
    AmbiguousError,
    AttemptTimeoutError,
    ConnectionFailedError,
    ContentPolicyError,
    ErrorContext,
    GenerationError,
    NoImageError,
    ResponseDecodeError,
)
from genkit.provider import Absence, Capabilities, Context, ErrorFacts, FollowUp, Outcome, Refusal
from genkit.request import GenerationRequest
from genkit.response import Usage
from genkit.retry import Call, Deadline, RetryPolicy
from genkit.secrets import Secret
from genkit.wire import AuthHeader, WireRequest, WireResponse, json_body

SUBMIT = WireRequest(
    url="https://service.invalid/submit", body=json_body({}), auth=AuthHeader("x-api-key")
)
KEY = Secret("canary-key-1414213562")
DOWNLOAD_URL = "https://pictures.invalid/1.png?signature=canary-signature"

FAULTS: Mapping[str, GenerationError] = {
    "dns": ConnectionFailedError("no such host", phase="dns"),
    "connect": ConnectionFailedError("refused", phase="connect"),
    "tls": ConnectionFailedError("certificate has expired", phase="tls"),
    "proxy": ConnectionFailedError("proxy refused", {"proxy_status": 407}, phase="proxy"),
    "send": ConnectionFailedError("broken", phase="send"),
    "disconnect": AmbiguousError("no answer", context=ErrorContext(charge="maybe")),
    **{
        kind: ResponseDecodeError(
            "cannot be used", kind=kind, context=ErrorContext(status=200, request_id="r-wire")
        )
        for kind in ("truncated", "protocol", "too-large")
    },
}


@attrs.define
class FakeTransport:
    """Gives the next of `answers`, each a mapping, for every request.

    ``takes``: seconds until it comes. ``fault``: a name in `FAULTS` to raise. ``status`` (200),
    ``headers`` and what `FakeProvider` reads make an answer.
    """

    answers: list[Mapping[str, Any]]
    sent: list[str] = attrs.field(factory=list)
    """Method and path of what was sent."""
    timeouts: list[float] = attrs.field(factory=list)

    async def send(
        self,
        request: WireRequest,
        *,
        credential: Secret | None,
        timeout: float,  # noqa: ASYNC109
        max_bytes: int,
    ) -> WireResponse:
        """The next answer, or an error when it would take too long."""
        assert credential == KEY
        assert not request.download
        return await self._answer(f"{request.method} {_last(request.url)}", timeout, max_bytes)

    async def download(
        self,
        request: WireRequest,
        *,
        origin: str | None,
        timeout: float,  # noqa: ASYNC109
        max_bytes: int,
    ) -> WireResponse:
        """The next answer too."""
        assert request.download
        assert origin == SUBMIT.url
        return await self._answer(f"download {_last(request.url)}", timeout, max_bytes)

    async def _answer(self, sent: str, seconds: float, max_bytes: int) -> WireResponse:
        assert max_bytes == 1000
        self.sent.append(sent)
        self.timeouts.append(seconds)
        assert self.answers, "more was sent than the case allows"
        answer = self.answers.pop(0)
        takes = float(answer.get("takes", 0))
        await asyncio.sleep(min(takes, seconds))
        if takes >= seconds:
            raise AttemptTimeoutError("timed out", context=ErrorContext(charge="maybe"))
        if fault := answer.get("fault"):
            error = FAULTS[fault]
            raise fresh(error)
        headers = {name: str(value) for name, value in answer.get("headers", {}).items()}
        return WireResponse.from_bytes(answer.get("status", 200), headers, orjson.dumps(answer))

    async def close(self) -> None:
        """Nothing to free."""


def _last(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


def fresh(error: GenerationError) -> GenerationError:
    """A fresh error like this one: a call fills errors in."""
    rebuild, arguments = error.__reduce__()[:2]
    assert callable(rebuild)
    made = rebuild(*arguments)
    assert isinstance(made, GenerationError)
    made.details = dict(error.details)
    return made


class FakeProvider:
    """Reads what the answers of a case say.

    ``facts``: of an `ErrorFacts`. ``follow_up``: of a `FollowUp` that polls, or ``method``, or that
    downloads (``download``).
    ``absence``: a cause. ``refusal``: a stage. ``bad_image``: the picture is none. ``usage``: total
    tokens. ``raises`` and ``returns``: a provider that breaks its contract.
    """

    name = "fake"
    spec_version = 1
    default_model = "model-1"
    key_variables = ("FAKE_API_KEY",)
    base_url = "https://service.invalid"

    def models(self) -> tuple[str, ...]:
        """One model."""
        return ("model-1",)

    def capabilities(self, model: str) -> Capabilities:
        """Nothing special."""
        return Capabilities(model=model)

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Always the same."""
        return SUBMIT

    def stream_decoder(self, request: GenerationRequest) -> None:
        """It cannot stream."""

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | FollowUp | ErrorFacts:
        """What the case says."""
        said = response.document
        if "raises" in said:
            raise KeyError("canary-text-of-the-provider")
        if "returns" in said:
            return said["returns"]  # type: ignore[no-any-return]
        usage = Usage(total_tokens=said["usage"]) if "usage" in said else None
        if "facts" in said:
            return ErrorFacts(**said["facts"], usage=usage)
        if "follow_up" in said:
            following = said["follow_up"]
            download = following.get("download", False)
            request_ = WireRequest(
                method=following.get("method", "GET"),
                url=DOWNLOAD_URL if download else "https://service.invalid/poll",
                download=download,
            )
            return FollowUp(request=request_, wait=following.get("wait", 0), usage=usage)
        return Outcome(
            usage=usage,
            request_id=said.get("request_id"),
            absence=Absence(cause=said["absence"]) if "absence" in said else None,
            refusal=(
                Refusal(stage=said["refusal"], reason="SAFETY") if "refusal" in said else None
            ),
            metadata={"bad": True} if "bad_image" in said else {},
        )

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """What the case says."""
        if "raises" in response.document:
            raise KeyError("canary-text-of-the-provider")
        return ErrorFacts(**response.document.get("facts", {}))


def finish(outcome: Outcome, response: WireResponse) -> str:
    """What a client makes of an outcome."""
    context = ErrorContext(usage=outcome.usage)
    if outcome.refusal is not None:
        raise ContentPolicyError(
            reason=outcome.refusal.reason, stage=outcome.refusal.stage, context=context
        )
    if outcome.absence is not None:
        raise NoImageError("no image", {"cause": outcome.absence.cause}, context=context)
    if "breaks_finish" in response.document:
        1 / 0  # noqa: B018
    if outcome.metadata:
        raise ResponseDecodeError("not a picture", kind="bad-image", context=context)
    return "image"


def make_call(
    policy: RetryPolicy | None = None, *, estimated_cost: float | None = None, slot: int = 0
) -> Call[str]:
    """A call in the running event loop."""
    policy = policy or RetryPolicy()
    return Call(
        provider=FakeProvider(),
        request=GenerationRequest("canary-prompt", model="model-1"),
        wire=SUBMIT,
        credential=KEY,
        generation_id="g1",
        slot=slot,
        policy=policy,
        deadline=Deadline(policy.deadline),
        finish=finish,
        max_bytes=1000,
        estimated_cost=estimated_cost,
    )
