"""Checks with answers that no service should give: any JSON, cut, mutated, not JSON at all."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genkit.assemble import read_outcome
from genkit.errors import GenkitError, InvalidRequestError
from genkit.provider import Context, ErrorFacts, FollowUp, Outcome
from genkit.testing.conformance.answer_checks import require_plain_facts, require_plain_outcome
from genkit.testing.conformance.samples import WireAnswer
from genkit.testing.conformance.subject import Subject, fail, require, same
from genkit.wire import WireResponse

__all__ = ["HostileChecks"]

SECONDS = 1.0
"""Processor time that reading one answer may take."""
STATUSES = (200, 201, 202, 204, 400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503, 529)
DEEPEST = 127
"""Levels of nesting that a document may have when a codec gets it."""

ODD: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \n",
    "null": b"null",
    "true": b"true",
    "a number": b"7",
    "a text": b'"text"',
    "an empty list": b"[]",
    "an empty object": b"{}",
    "HTML": b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>",
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "bytes": bytes(range(256)),
    "an event stream": b'data: {"a": 1}\n\ndata: [DONE]\n\n',
    "deep lists": b"[" * DEEPEST + b"]" * DEEPEST,
    "deeper lists": b"[" * 100_000,
    "deep objects": b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST,
    "a huge integer": b'{"code": ' + b"9" * 4000 + b"}",
    "a huge exponent": b'{"code": 1e400}',
    "the same name twice": b'{"error": 1, "error": {"code": 2}}',
    "a long text": b'{"error": {"message": "' + b"x" * 1_000_000 + b'"}}',
    "NaN": b'{"code": NaN}',
}


class HostileChecks(Subject):
    """Whatever comes, the codec gives facts: it raises nothing, and is quick."""

    def test_odd_bodies(self) -> None:
        """Bodies that are no answer of the service become facts, under every status."""
        for what, body in ODD.items():
            for status in STATUSES:
                self._survive(WireAnswer(status=status, body=body), what)

    def test_any_json(self) -> None:
        """Any JSON, often with the names that the service uses, becomes facts."""
        documents = _json(st.sampled_from(sorted(self._names()) or ["error"]))
        self._explore(
            st.builds(_answer, st.sampled_from(STATUSES), documents),
            lambda answer: self._survive(answer, "any JSON"),
        )

    def test_mutated_samples(self) -> None:
        """A sample with values replaced or taken out becomes facts."""
        samples = [answer for answer in self._samples() if not isinstance(answer.body, bytes)]
        require(samples, "no sample has a JSON body")
        names = st.sampled_from(sorted(self._names()) or ["error"])
        mutated = st.sampled_from(samples).flatmap(
            lambda answer: st.builds(
                _mutated,
                st.just(answer),
                st.lists(
                    st.tuples(
                        st.sampled_from(_paths(answer.body) or [()]), st.just(...) | _json(names)
                    ),
                    min_size=1,
                    max_size=4,
                ),
            )
        )
        self._explore(mutated, lambda answer: self._survive(answer, "a mutated sample"))

    def test_cut_samples(self) -> None:
        """A sample that is cut anywhere is never taken for a picture."""

        def check(answer: WireAnswer, share: float) -> None:
            cut = answer.data[: int(len(answer.data) * share)]
            decoded = self._survive(
                WireAnswer(status=answer.status, headers=answer.headers, body=cut), "a cut sample"
            )
            if 200 <= answer.status < 300 and isinstance(decoded, Outcome):
                response = WireResponse.from_bytes(answer.status, answer.headers, cut)
                try:
                    read_outcome(decoded, response, alternatives=False)
                except GenkitError:
                    return
                fail(f"a cut answer became pictures: {cut!r:.500}")

        samples = st.sampled_from(self._bodies())
        self._explore(
            st.tuples(samples, st.floats(0, 1, exclude_max=True)), lambda drawn: check(*drawn)
        )

    def test_samples_with_a_wrong_byte(self) -> None:
        """A sample with one other byte becomes facts."""

        def changed(answer: WireAnswer, share: float, byte: int) -> WireAnswer:
            data = bytearray(answer.data)
            data[int(len(data) * share)] = byte
            return WireAnswer(status=answer.status, headers=answer.headers, body=bytes(data))

        samples = st.sampled_from(self._bodies())
        answers = st.builds(
            changed, samples, st.floats(0, 1, exclude_max=True), st.integers(0, 255)
        )
        self._explore(answers, lambda answer: self._survive(answer, "one wrong byte"))

    def test_any_model_id(self) -> None:
        """Any text is a model id: it has capabilities, and leads a request nowhere else."""
        base = self.provider.base_url

        def check(model: str) -> None:
            able = self.able(model)
            request = self.prepared()
            try:
                wire = self.provider.encode(request, Context(model=able.model))
            except InvalidRequestError:
                return
            require(wire.url.startswith(base), f"model {model!r} leads to {wire.url!r}")
            golden = self.provider.encode(request, Context(model=self.provider.default_model))
            hosts = [url.split("/")[2] for url in (wire.url, golden.url)]
            same(f"host for model {model!r}", hosts[0], hosts[1])

        names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=24)
        odd = st.sampled_from(["../../x", "a/b", "a?b=c", "a#b", "a b", "@evil", "\\\\x", "%2e%2e"])
        self._explore(names | odd, check)

    # -- how ----------------------------------------------------------------------------------

    def _samples(self) -> list[WireAnswer]:
        answers = [answer for answers in self.chains() for answer in answers]
        return answers + [sample.answer for sample in self.errors]

    def _bodies(self) -> list[WireAnswer]:
        """The samples that have a body."""
        answers = [answer for answer in self._samples() if answer.data]
        require(answers, "no sample has a body")
        return answers

    def _names(self) -> set[str]:
        names: set[str] = set()
        for answer in self._samples():
            if not isinstance(answer.body, bytes):
                names |= _names_in(answer.body)
        return names

    def _explore(self, strategy: st.SearchStrategy[Any], check: Callable[[Any], object]) -> None:
        @settings(
            max_examples=self.examples,
            deadline=None,  # judged by processor time, which a busy machine does not change
            database=None,
            report_multiple_bugs=False,  # one failure, in its own words, not a group of them
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def explore(drawn: Any) -> None:
            check(drawn)

        explore()

    def _survive(self, answer: WireAnswer, what: str) -> object:
        """Decode an answer in every role, and require facts; gives what `decode` gave at first."""
        response = answer.response()
        before = copy.deepcopy(response.document)
        steps: list[FollowUp | None] = [None, *self._known_steps()]
        provider, request = self.provider, self.prepared()
        readings: list[Callable[[], object]] = [
            lambda: provider.decode_error(response),
            *(partial(provider.decode, response, request, step) for step in steps),
        ]
        facts = []
        for read in readings:
            began = time.process_time()
            try:
                facts.append(read())
            except Exception as raised:  # noqa: BLE001 - that it raises nothing is checked
                kind = type(raised).__name__
                fail(f"{what}: the codec raised {kind}: {raised}\n{_shown(answer)}")
            took = time.process_time() - began
            require(took < SECONDS, f"{what}: reading it took {took:.1f} s\n{_shown(answer)}")
        error, *decoded = facts
        same(f"{what}: the answer after it was read", response.document, before)
        require(
            isinstance(error, ErrorFacts),
            f"{what}: decode_error gave {type(error).__name__}\n{_shown(answer)}",
        )
        self._require_facts(error, response)
        for one in decoded:
            self._require_facts(one, response)
        return decoded[0]

    def _known_steps(self) -> list[FollowUp]:
        if "_steps" not in self.__dict__:
            self._steps = [follow_up for follow_up, _answer in self.follow_ups()]
        return self._steps

    def _require_facts(self, decoded: object, response: WireResponse) -> None:
        if isinstance(decoded, ErrorFacts):
            require_plain_facts(decoded)
            self.verdict(response, decoded)
        elif isinstance(decoded, Outcome):
            require_plain_outcome(decoded)
            try:
                read_outcome(decoded, response, alternatives=False)
            except GenkitError:
                return
        else:
            require(isinstance(decoded, FollowUp), f"decode gave {type(decoded).__name__}")


# -- making of answers ------------------------------------------------------------------------


def _answer(status: int, document: Any) -> WireAnswer:
    return WireAnswer(status=status, body=_dumped(document))


def _dumped(document: Any) -> bytes:
    return orjson.dumps(document)


def _json(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8"), max_size=8)
        | st.sampled_from(["", "1s", "http://[", "//x", "QQ==", "x" * 5000, "image/png"])
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                names | st.text(st.characters(codec="utf-8"), max_size=4), inner, max_size=5
            )
        ),
        max_leaves=16,
    )


def _names_in(document: Any) -> set[str]:
    if isinstance(document, dict):
        return {*document, *(name for value in document.values() for name in _names_in(value))}
    if isinstance(document, list):
        return {name for value in document for name in _names_in(value)}
    return set()


def _paths(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here] if here else []
    if isinstance(document, dict | list):
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        for key, inner in pairs:
            found += _paths(inner, (*here, key))
    return found


def _mutated(answer: WireAnswer, changes: list[tuple[tuple[Any, ...], Any]]) -> WireAnswer:
    document = orjson.loads(answer.data)
    for path, value in changes:
        place = document
        try:
            for key in path[:-1]:
                place = place[key]
            if isinstance(place, dict) is not isinstance(path[-1], str):
                continue
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
        except (IndexError, KeyError, TypeError):
            continue  # an earlier change took the place away
    return WireAnswer(status=answer.status, headers=answer.headers, body=_dumped(document))


def _shown(answer: WireAnswer) -> str:
    return f"HTTP {answer.status}: {answer.data[:1000]!r}"
