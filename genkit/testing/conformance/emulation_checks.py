"""Checks of the emulation: it answers the provider's own requests, and its errors read as meant."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import orjson
import pytest

from genkit.assemble import read_outcome
from genkit.body import json_body
from genkit.emulation import Answer, Drawing, EmulatedRequest, Emulation, Store
from genkit.errors import AuthenticationError, GenerationError, PermissionDeniedError
from genkit.provider import Absence, ErrorFacts, ErrorKind, FollowUp, Outcome
from genkit.request import GenerationRequest
from genkit.testing.conformance.samples import GoldenRequest
from genkit.testing.conformance.subject import Subject, fail, require, same
from genkit.testing.plain_pictures import plain_picture
from genkit.wire import WireRequest, WireResponse

__all__ = ["EmulationChecks"]

KEY = "made-up-key"
MOST_STEPS = 50
SERVED_AT = "http://127.0.0.1:8765"

REFUSALS: tuple[ErrorFacts, ...] = (
    ErrorFacts(kind="content-policy", stage="prompt"),
    ErrorFacts(kind="content-policy", stage="output"),
)


def draw(drawing: Drawing, /) -> bytes:
    """A plain picture for a drawing."""
    return plain_picture(drawing.media_type, drawing.width, drawing.height)


class EmulationChecks(Subject):
    """What a plugin offers to the emulator. A plugin without an emulation is not checked."""

    def test_emulation_answers_the_providers_own_requests(self, golden: GoldenRequest) -> None:
        """A golden request, sent to the emulation, ends in pictures, through all its steps."""
        emulation = self._emulated()
        context = self.context(golden)
        request = attrs.evolve(golden.request, model=context.model)
        provider = self.make(base_url=SERVED_AT + emulation.base_path)
        wire = provider.encode(request, context)
        store: Store = MappingProxyType({})
        step: FollowUp | None = None
        for _ in range(MOST_STEPS):
            answer, response, store = self._ask(emulation, wire, store)
            require(
                200 <= response.status < 300,
                f"the emulation refuses the provider's own request: {response.status}"
                f" {response.snippet(500)}",
            )
            decoded = provider.decode(response, request, step)
            if isinstance(decoded, FollowUp):
                step, wire = decoded, decoded.request
                continue
            if not isinstance(decoded, Outcome):
                fail(f"the emulation's answer became {decoded!r:.1000}")
            try:
                read = read_outcome(decoded, response, alternatives=context.count > 1)
            except GenerationError as error:
                fail(f"the emulation's answer has no picture: {error!r}")
            same("pictures", len(read.images), context.count)
            self._require_charge(answer, step is not None)
            return
        fail(f"after {MOST_STEPS} steps there is no picture")

    @staticmethod
    def _require_charge(answer: Answer, is_polled: bool) -> None:
        if not is_polled:
            require(answer.charged, "an answer with pictures is not marked as charged")
        require(answer.images > 0 or is_polled, "an answer with pictures counts none of them")

    def test_emulation_is_pure(self, golden: GoldenRequest) -> None:
        """The same request and memory give the same answer, and the memory is not changed."""
        emulation = self._emulated()
        context = self.context(golden)
        provider = self.make(base_url=SERVED_AT + emulation.base_path)
        wire = provider.encode(attrs.evolve(golden.request, model=context.model), context)
        store: Store = MappingProxyType({})
        answers = [self._ask(emulation, wire, store) for _ in range(2)]
        same("answer, asked again", answers[1], answers[0])
        same("memory that was given", dict(store), {})

    def test_emulation_knows_its_paths(self, golden: GoldenRequest) -> None:
        """The emulation handles the provider's requests at their own paths, and not any path."""
        emulation = self._emulated()
        provider = self.make(base_url=SERVED_AT + emulation.base_path)
        context = self.context(golden)
        wire = provider.encode(attrs.evolve(golden.request, model=context.model), context)
        require(emulation.handles(received(wire)), f"handles() is false for {wire.url!r}")
        strange = attrs.evolve(received(wire), path="/no/such/path/of/anybody")
        require(not emulation.handles(strange), "handles() is true for every path")

    def test_emulation_wants_a_key(self) -> None:
        """Without a credential the emulation answers with an error of access."""
        emulation = self._emulated()
        provider = self.make(base_url=SERVED_AT + emulation.base_path)
        golden = self.golden[0]
        context = self.context(golden)
        wire = provider.encode(attrs.evolve(golden.request, model=context.model), context)
        if wire.auth is None:
            return
        asked = attrs.evolve(received(wire), headers=dict(wire.headers))
        answer, _store = emulation.answer(asked, MappingProxyType({}), draw)
        response = answered(answer)
        require(response.status >= 400, "it answers without a key")
        error = self.verdict(response, provider.decode_error(response)).error
        require(
            isinstance(error, AuthenticationError | PermissionDeniedError),
            f"without a key the error is {error!r}",
        )

    def test_emulation_says_every_error(self, kind: ErrorKind) -> None:
        """An error of each kind, in the emulation's words, is read as that kind again."""
        emulation, expected = self._emulated(), self.indistinct.get(kind, kind)
        facts = ErrorFacts(kind=kind, stage="prompt" if kind == "content-policy" else None)
        response = answered(emulation.render_error(facts))
        if kind == "content-policy":
            return  # by stage, below
        read = self._read(response)
        if not isinstance(read, ErrorFacts):
            fail(f"{kind}, in the emulation's words, is read as {read!r:.500}")
        verdict = self.verdict(response, read)
        like = self.verdict(response, attrs.evolve(read, kind=expected))
        same(f"class of {kind}", type(verdict.error), type(like.error))
        if read.kind is not None:
            same("kind", read.kind, expected)

    def test_emulation_says_every_refusal(self) -> None:
        """A refusal of each stage, in the emulation's words, is read as that refusal again."""
        emulation = self._emulated()
        for facts in REFUSALS:
            response = answered(emulation.render_error(facts))
            read = self._read(response)
            if isinstance(read, Outcome) and read.refusal is not None:
                same("stage", read.refusal.stage, facts.stage)
            elif isinstance(read, ErrorFacts):
                same("kind", read.kind, "content-policy")
                same("stage", read.stage, facts.stage)
            else:
                fail(f"a refusal of the {facts.stage} is read as {read!r:.500}")

    def test_emulation_says_every_wait(self) -> None:
        """The wait of a rate limit, in the emulation's words, is read as that many seconds."""
        emulation = self._emulated()
        for seconds in (2.0, 37.0):
            facts = ErrorFacts(kind="rate-limited", retry_after=seconds)
            response = answered(emulation.render_error(facts))
            read = self._read(response)
            if not isinstance(read, ErrorFacts):
                fail(f"a rate limit is read as {read!r:.500}")
            same("seconds to wait", self.verdict(response, read).hint, seconds)

    def test_emulation_says_that_there_is_no_picture(self) -> None:
        """An answer without a picture, in the emulation's words, is an outcome without one."""
        emulation = self._emulated()
        response = answered(emulation.render_error(Absence(cause="other")))
        read = self._read(response)
        if isinstance(read, Outcome):
            try:
                read_outcome(read, response, alternatives=False)
            except GenerationError:
                return
        fail(f"an answer without a picture is read as {read!r:.500}")

    # -- how ----------------------------------------------------------------------------------

    def _emulated(self) -> Emulation:
        emulation = self.emulation
        if emulation is None:
            pytest.skip("the plugin offers no emulation under the provider's name")
        return emulation

    def _ask(
        self, emulation: Emulation, wire: WireRequest, store: Store
    ) -> tuple[Answer, WireResponse, Store]:
        answer, store = emulation.answer(received(wire), store, draw)
        return answer, answered(answer), store

    def _read(self, response: WireResponse) -> object:
        provider = self.provider
        if 200 <= response.status < 300:
            return provider.decode(response, self.prepared(GenerationRequest("a kite")), None)
        return provider.decode_error(response)


def received(wire: WireRequest) -> EmulatedRequest:
    """A wire request as the emulator hands it to an emulation, with a made-up key."""
    parts = urlsplit(wire.url)
    body = b"" if wire.body is None else wire.body.to_bytes()
    headers = {"host": parts.netloc, **wire.headers}
    if wire.body is not None:
        headers |= {"content-type": wire.body.content_type, "content-length": str(len(body))}
    if wire.auth is not None:
        headers[wire.auth.name] = wire.auth.prefix + KEY
    document: Any = None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    return EmulatedRequest(
        method=wire.method,
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        document=document,
        body=body,
    )


def answered(answer: Answer) -> WireResponse:
    """An emulation's answer as the transport hands it over."""
    body = answer.body if isinstance(answer.body, bytes) else json_body(answer.body).to_bytes()
    return WireResponse.from_bytes(answer.status, dict(answer.headers), body)
