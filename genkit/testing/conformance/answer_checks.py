"""Checks of answers: pictures, refusals, answers without a picture, errors and hints to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

import orjson

from genkit import errors
from genkit.errors import ContentPolicyError, GenerationError, NoImageError
from genkit.provider import ErrorFacts, ErrorKind, Outcome
from genkit.testing.conformance.samples import (
    AbsenceSample,
    ErrorSample,
    RefusalSample,
    Retry,
    Success,
)
from genkit.testing.conformance.subject import Subject, fail, require, same

__all__ = ["USUAL", "AnswerChecks"]

USUAL: Mapping[ErrorKind, tuple[type[GenerationError], Retry]] = MappingProxyType(
    {
        "invalid-request": (errors.InvalidRequestError, "never"),
        "unsupported-option": (errors.UnsupportedOptionError, "never"),
        "model-not-found": (errors.ModelNotFoundError, "never"),
        "session-state": (errors.SessionStateError, "never"),
        "authentication": (errors.AuthenticationError, "never"),
        "permission-denied": (errors.PermissionDeniedError, "never"),
        "conflict": (errors.ConflictError, "never"),
        "content-policy": (errors.ContentPolicyError, "never"),
        "rate-limited": (errors.RateLimitError, "yes"),
        "quota-exhausted": (errors.QuotaExhaustedError, "never"),
        "server-error": (errors.ServerError, "yes"),
        "overloaded": (errors.OverloadedError, "yes"),
        "deadline": (errors.ServerError, "ambiguous"),
        "malformed": (errors.ResponseDecodeError, "ambiguous"),
    }
)
"""What a caller gets by kind, and whether it is tried again, where nothing else is said."""

NEEDED = (
    (errors.AuthenticationError, "a wrong key (authentication)"),
    (errors.InvalidRequestError, "a wrong request (invalid-request)"),
    (errors.RateLimitError, "too many requests (rate-limited)"),
    (errors.ServerError, "a failure of the service (server-error or overloaded)"),
)

LONGEST_WAIT = 10 * 24 * 3600.0
"""Seconds; a hint of more is a reading mistake, such as milliseconds taken for seconds."""
DETAIL_BYTES = 8192


class AnswerChecks(Subject):
    """From answers to what a caller gets."""

    # -- pictures -----------------------------------------------------------------------------

    def test_success(self, success: Success) -> None:
        """An answer with pictures becomes them: as many, of that type, with that text."""
        outcome, answer = self.assembled(success)
        same("number of pictures", len(answer.images), success.images)
        same("number of drafts", len(answer.drafts), success.drafts)
        same("failures", answer.failures, ())
        if success.media_type is not None:
            for image in answer.images:
                same("media type of a picture", image.media_type, success.media_type)
        if success.text is not None:
            same("text", answer.text, success.text)
        require(outcome.refusal is None, "there are pictures and a refusal")
        require(outcome.absence is None, "there are pictures and a reason that there are none")
        if success.check is not None:
            success.check(outcome)

    def test_decoding_again_gives_the_same(self, success: Success) -> None:
        """The same answer is the same outcome each time, and is not changed by being read."""
        first, again = (self.drive(success.answers, success.request) for _ in range(2))
        same("outcome, decoded again", again, first)
        provider, prepared = self.provider, self.prepared(success.request)
        for step, answer in zip(first, success.answers, strict=True):
            decoded = provider.decode(step.response, prepared, step.follow_up)
            same("outcome, decoded by the same provider again", decoded, step.decoded)
            same("answer after it was decoded", step.response, answer.response())

    def test_usage_and_metadata_are_plain(self, success: Success) -> None:
        """Usage counts are no less than nothing; metadata is small JSON, without pictures."""
        outcome, _answer = self.assembled(success)
        require_plain_outcome(outcome)

    # -- no pictures --------------------------------------------------------------------------

    def test_refusal(self, refusal: RefusalSample) -> None:
        """A refusal is a `ContentPolicyError` of its stage and reason, and is never retried."""
        verdict = self.error_of(refusal.answers)
        error = verdict.error
        if not isinstance(error, ContentPolicyError):
            fail(f"a refusal became {error!r}")
        same("stage", error.stage, refusal.stage)
        same("reason", error.reason, refusal.reason)
        same("categories", error.categories, refusal.categories)
        same("retry", verdict.retry, "never")

    def test_absence(self, absence: AbsenceSample) -> None:
        """An answer without a picture is a `NoImageError` with its cause."""
        verdict = self.error_of(absence.answers)
        error = verdict.error
        if not isinstance(error, NoImageError):
            fail(f"an answer without a picture became {error!r}")
        same("cause", error.details.get("cause"), absence.cause)
        if absence.reason is not None:
            same("reason", error.reason, absence.reason)
        once = absence.cause in ("empty", "other")
        same("retry", verdict.retry, "once" if once else "never")

    # -- errors -------------------------------------------------------------------------------

    def test_error(self, error: ErrorSample) -> None:
        """An error has its kind, and through the core's table its class and whether to retry."""
        facts = self._facts(error)
        same("kind", facts.kind, error.kind)
        verdict = self.verdict(error.answer.response(), facts)
        kind, retry = USUAL.get(error.kind or "server-error", (GenerationError, "never"))
        same("class", type(verdict.error), error.error or kind)
        if error.kind is not None or error.retry is not None:
            same("retry", verdict.retry, error.retry or retry)
        if error.code is not None:
            same("code", facts.code, error.code)
        if error.field is not None:
            same("field", facts.field, error.field)
        require_plain_facts(facts)

    def test_error_table_is_whole(self) -> None:
        """The samples tell apart what a caller must: key, request, rate, failure."""
        found = [
            self.verdict(sample.answer.response(), self._facts(sample)).error
            for sample in self.errors
        ]
        missing = [
            words for kind, words in NEEDED if not any(isinstance(one, kind) for one in found)
        ]
        require(not missing, f"`errors` has no sample of: {'; '.join(missing)}")

    def test_every_kind_is_known(self) -> None:
        """The kit's table has every kind of the contract."""
        same("kinds", set(USUAL), set(get_args(ErrorKind)))

    # -- hints --------------------------------------------------------------------------------

    def test_wait_of_an_error(self, error: ErrorSample) -> None:
        """The wait that the service asks for is the one obeyed, and none is made up."""
        verdict = self.verdict(error.answer.response(), self._facts(error))
        same("seconds to wait", verdict.hint, error.retry_after)

    def test_wait_in_the_headers(self, error: ErrorSample) -> None:
        """Every form of a hint in the headers counts beside the body: the longest is obeyed."""
        own = error.retry_after or 0.0
        forms = {
            "retry-after in seconds": {"retry-after": "901"},
            "retry-after as a date": {
                "date": "Sun, 06 Nov 1994 08:00:00 GMT",
                "retry-after": "Sun, 06 Nov 1994 08:15:01 GMT",
            },
            "retry-after-ms": {"retry-after-ms": "901000"},
        }
        for form, headers in forms.items():
            answer = error.answer
            if not headers.keys().isdisjoint(name.lower() for name in answer.headers):
                continue
            response = answer.response(**headers)
            provider = self.provider
            is_error = not 200 <= answer.status < 300
            facts = (
                provider.decode_error(response)
                if is_error
                else provider.decode(response, self.prepared(), None)
            )
            if not isinstance(facts, ErrorFacts):
                fail(f"with {form} it is no error any more: {facts!r:.500}")
            same(f"kind, with {form}", facts.kind, error.kind)
            same(f"wait, with {form}", self.verdict(response, facts).hint, max(own, 901.0))

    def test_hints_never_come_from_words(self, error: ErrorSample) -> None:
        """What kind of error it is does not change with the service's words for people."""
        body = error.answer.body
        if isinstance(body, bytes) or error.kind is None:
            return
        changed = _reworded(body)
        response = type(error.answer)(
            status=error.answer.status, headers=error.answer.headers, body=changed
        ).response()
        provider = self.provider
        facts = (
            provider.decode(response, self.prepared(), None)
            if 200 <= response.status < 300
            else provider.decode_error(response)
        )
        if not isinstance(facts, ErrorFacts):
            fail(f"with other words it is no error any more: {facts!r:.500}")
        same("kind, with other words", facts.kind, error.kind)

    def _facts(self, sample: ErrorSample) -> ErrorFacts:
        decoded = self.drive((sample.answer,))[-1].decoded
        if not isinstance(decoded, ErrorFacts):
            fail(f"an error became no ErrorFacts but {decoded!r:.1000}")
        return decoded


WORDS = "blocked by safety policy: quota exceeded, API key not valid, try again in 99s"


def _reworded(document: object) -> object:
    """A document whose messages for people speak of everything that can go wrong."""
    if isinstance(document, dict):
        return {
            name: WORDS
            if name in ("message", "description", "detail") and isinstance(value, str)
            else _reworded(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [_reworded(item) for item in document]
    return document


def require_plain_facts(facts: ErrorFacts) -> None:
    """Fail the check where an error's facts could not be logged, stored or waited for."""
    try:
        size = len(orjson.dumps(dict(facts.details)))
    except TypeError as error:
        fail(f"ErrorFacts.details is not JSON: {error}")
    require(size <= DETAIL_BYTES, f"ErrorFacts.details has {size} bytes; at most {DETAIL_BYTES}")
    wait = facts.retry_after
    if wait is not None:
        fits = isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0
        require(fits and wait <= LONGEST_WAIT, f"ErrorFacts.retry_after is {wait!r} seconds")
    kinds = get_args(ErrorKind)
    require(facts.kind is None or facts.kind in kinds, f"there is no kind {facts.kind!r}")


def require_plain_outcome(outcome: Outcome) -> None:
    """Fail the check where usage or metadata are not what can be logged and added up."""
    documents = {"Outcome.metadata": dict(outcome.metadata)}
    if outcome.usage is not None:
        documents["Usage.raw"] = dict(outcome.usage.raw)
    for what, document in documents.items():
        try:
            size = len(orjson.dumps(document))
        except TypeError as error:
            fail(f"{what} is not JSON: {error}")
        require(size <= 64 * 1024, f"{what} has {size} bytes: pictures do not belong in it")
    usage = outcome.usage
    counts = (
        ()
        if usage is None
        else (
            usage.input_text_tokens,
            usage.input_image_tokens,
            usage.output_text_tokens,
            usage.output_image_tokens,
            usage.total_tokens,
            usage.images,
        )
    )
    for count in counts:
        fits = count is None or (isinstance(count, int) and count >= 0)
        require(fits, f"a count of usage is {count!r}")
