"""The kit passes a provider that is honest, and catches each way of not being so."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

from genkit.conversation import Conversation, OpaquePart
from genkit.provider import Context, ErrorFacts, FollowUp, Outcome, ProviderSettings, Refusal
from genkit.request import GenerationRequest
from genkit.testing.conformance import (
    ErrorSample,
    GoldenRequest,
    ProviderConformance,
    RefusalSample,
    Success,
    WireAnswer,
    xfail,
)
from genkit.testing.conformance.subject import Subject
from genkit.testing.conformance.wires import parts_of
from genkit.testing.plain_pictures import plain_picture
from genkit.wire import AuthHeader, WireRequest
from tests.testing import honest
from tests.testing.honest import Honest

PICTURE = plain_picture("image/png", 8, 8)
URL = "https://api.honest.example/v1/jobs"
JOB = WireAnswer(body={"id": "7", "poll": "7"})
PENDING = WireAnswer(body={"status": "pending"})
DONE = WireAnswer(
    body={"status": "done", "url": "https://cdn.example/7.png?sig=x", "token": "a-long-token-of-7"}
)
PNG = WireAnswer(headers={"content-type": "image/png"}, body=PICTURE)


def error(status: int, code: str, **fields: Any) -> WireAnswer:
    """An error of the service."""
    return WireAnswer(status=status, body={"code": code, "message": "words", **fields})


class Samples(Subject):
    """What is said of the service."""

    plugin: ModuleType = honest
    settings = ProviderSettings(name="honest")
    golden: tuple[GoldenRequest, ...] = (
        GoldenRequest(
            name="plain",
            request=GenerationRequest("a kite"),
            url=URL,
            auth=("x-key", ""),
            json={"model": "honest-1", "prompt": "a kite", "said": [], "images": []},
        ),
    )
    successes: tuple[Success, ...] = (
        Success(name="polled", answers=(JOB, PENDING, DONE, PNG), media_type="image/png"),
    )
    refusals = (
        RefusalSample(
            name="prompt",
            answers=(JOB, WireAnswer(body={"refused": "gore"})),
            stage="prompt",
            reason="gore",
        ),
    )
    errors = (
        ErrorSample(name="key", answer=error(401, "key"), kind="authentication"),
        ErrorSample(name="bad", answer=error(400, "bad"), kind="invalid-request"),
        ErrorSample(
            name="rate", answer=error(429, "rate", wait=7), kind="rate-limited", retry_after=7
        ),
        ErrorSample(name="down", answer=error(500, "down"), kind="server-error"),
    )
    options: Mapping[str, Any] = {"ink": "red"}
    examples = 25


class TestHonest(Samples, ProviderConformance):
    """The honest provider keeps to the contract."""


# -- providers that are not honest ------------------------------------------------------------


def suite(broken: type[Honest], **said: Any) -> ProviderConformance:
    """The suite of a provider that is broken, or of which something else is said."""
    plugin = ModuleType("broken")
    plugin.__file__ = honest.__file__
    plugin.genkit_providers = lambda: {"honest": broken}  # type: ignore[attr-defined]
    kind = type("Broken", (Samples, ProviderConformance), {"plugin": plugin, **said})
    made: ProviderConformance = kind()
    return made


def caught(check: Callable[..., object], *arguments: object) -> str:
    """What a check says that fails."""
    with pytest.raises(pytest.fail.Exception) as raised:
        check(*arguments)
    return str(raised.value)


class Forgetful(Honest):
    """Drops an option that its capabilities promise."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        return super().encode(attrs.evolve(request, quality=None), context)


class Blind(Honest):
    """Drops the pictures."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        return super().encode(attrs.evolve(request, references=(), input_image=None), context)


class Unruly(Honest):
    """Takes any option of its own and says nothing."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        return super().encode(attrs.evolve(request, provider_options={}), context)


class Fickle(Honest):
    """Sends other bytes each time."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        wire = super().encode(request, context)
        return attrs.evolve(wire, headers={**wire.headers, "x-id": str(random.random())})


class Amnesic(Honest):
    """Forgets the state of what was said."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        said = [
            attrs.evolve(
                turn,
                parts=[
                    attrs.evolve(part, state=None)
                    for part in turn.parts
                    if not isinstance(part, OpaquePart)
                ],
            )
            for turn in context.conversation.turns
        ]
        return super().encode(request, attrs.evolve(context, conversation=Conversation(said)))


class Confused(Honest):
    """Puts the state of every part into one place."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        return attrs.evolve(super().encode(request, context), url=URL + "?x=1")


class Brittle(Honest):
    """Raises for what it does not expect."""

    def decode(self, response: Any, request: Any, step: Any) -> Outcome | FollowUp | ErrorFacts:
        """Decode as it is broken."""
        if response.is_json and len(response.document) and "poll" in response.document:
            response.document["id"]
        return super().decode(response, request, step)


class Meddling(Honest):
    """Changes the answer that it reads."""

    def decode(self, response: Any, request: Any, step: Any) -> Outcome | FollowUp | ErrorFacts:
        """Decode as it is broken."""
        if isinstance(response.document, dict):
            response.document.pop("id", None)
        return super().decode(response, request, step)


class Slow(Honest):
    """Takes long over a deep answer."""

    def decode_error(self, response: Any) -> ErrorFacts:
        """Decode as it is broken."""
        if not response.is_json:
            began = time.process_time()
            while time.process_time() - began < 1.1:
                pass
        return super().decode_error(response)


class Leaky(Honest):
    """Takes its key along to a host that the answer names."""

    def decode(self, response: Any, request: Any, step: Any) -> Outcome | FollowUp | ErrorFacts:
        """Decode as it is broken."""
        decoded = super().decode(response, request, step)
        if isinstance(decoded, FollowUp) and decoded.request.download:
            wire = attrs.evolve(decoded.request, download=False, auth=AuthHeader("x-key"))
            return attrs.evolve(decoded, request=wire)
        return decoded


class Unstorable(Honest):
    """Keeps notes that are no JSON."""

    def decode(self, response: Any, request: Any, step: Any) -> Outcome | FollowUp | ErrorFacts:
        """Decode as it is broken."""
        decoded = super().decode(response, request, step)
        if isinstance(decoded, FollowUp) and isinstance(decoded.state, dict):
            return attrs.evolve(decoded, state={**decoded.state, "request": request})
        return decoded


class Resubmitting(Honest):
    """Polls by submitting again."""

    def decode(self, response: Any, request: Any, step: Any) -> Outcome | FollowUp | ErrorFacts:
        """Decode as it is broken."""
        decoded = super().decode(response, request, step)
        if isinstance(decoded, FollowUp) and decoded.state == {"polling": True}:
            return attrs.evolve(decoded, request=self.encode(request, Context(model="honest-1")))
        return decoded


class Wordy(Honest):
    """Classifies by the words of a message."""

    def decode_error(self, response: Any) -> ErrorFacts:
        """Decode as it is broken."""
        facts = super().decode_error(response)
        said = str(response.document)
        return attrs.evolve(facts, kind="content-policy") if "safety" in said else facts


class Hasty(Honest):
    """Reads seconds as milliseconds."""

    def decode_error(self, response: Any) -> ErrorFacts:
        """Decode as it is broken."""
        facts = super().decode_error(response)
        wait = facts.retry_after
        return facts if wait is None else attrs.evolve(facts, retry_after=wait / 1000)


class Clocked(Honest):
    """Looks at the clock."""

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """Encode as it is broken."""
        time.time()
        return super().encode(request, context)


class Boastful(Honest):
    """Says that a model has a default price of nothing, and that unknown ones are known."""

    def capabilities(self, model: str) -> Any:
        """Say what is not so."""
        return attrs.evolve(super().capabilities(model), known=True, as_of="yesterday")


class Deaf(Honest):
    """Does not go where its settings say."""

    @property
    def base_url(self) -> str:
        """Stay here."""
        return "https://api.honest.example/v1"


class Polite(Honest):
    """Takes a refusal for an answer without a picture."""

    def decode(self, response: Any, request: Any, step: Any) -> Outcome | FollowUp | ErrorFacts:
        """Decode as it is broken."""
        decoded = super().decode(response, request, step)
        refused = isinstance(decoded, Outcome) and isinstance(decoded.refusal, Refusal)
        return Outcome() if refused else decoded


@pytest.mark.parametrize(
    ("broken", "check", "arguments", "words"),
    [
        (Forgetful, "test_field_is_applied_adjusted_or_refused", ["quality"], "same bytes"),
        (Blind, "test_field_is_applied_adjusted_or_refused", ["references"], "not on the wire"),
        (Unruly, "test_unknown_option_of_its_own_is_refused", [], "without a word"),
        (Unruly, "test_option_of_its_own_is_applied", [], "changes nothing"),
        (Unruly, "test_nonsense_in_an_option_of_its_own_is_refused", [], "dropped silently"),
        (Deaf, "test_base_url_headers_and_query_of_the_settings", None, "base_url differs"),
        (Brittle, "test_odd_bodies", None, "the codec raised"),
        (Brittle, "test_any_json", None, "the codec raised"),
        (Brittle, "test_mutated_samples", None, "the codec raised"),
        (Slow, "test_odd_bodies", None, "reading it took"),
        (Leaky, "test_follow_ups_hold_no_credential", None, "would take the key to cdn.example"),
        (Unstorable, "test_follow_ups_can_be_stored", None, "cannot be stored as JSON"),
        (Resubmitting, "test_follow_ups_never_submit_again", None, "paid request again"),
        (Clocked, "test_nothing_is_touched_while_it_works", None, "no files, sockets, clocks"),
        (Boastful, "test_unknown_model", None, "known differs"),
        (Boastful, "test_capabilities", [], "no date YYYY-MM-DD"),
    ],
)
def test_what_is_broken_is_caught(
    broken: type[Honest], check: str, arguments: list[str] | None, words: str
) -> None:
    """Each way of breaking the contract fails the check that is for it, in words that say how."""
    given = [] if arguments is None else ["honest-1", *arguments]
    try:
        said = caught(getattr(suite(broken, examples=200), check), *given)
    except AssertionError as error:
        said = str(error)
    assert words in said


@pytest.mark.parametrize(
    ("broken", "check", "sample", "words"),
    [
        (Fickle, "test_golden_request_is_the_same_each_time", Samples.golden[0], "differs"),
        (Confused, "test_golden_request", Samples.golden[0], "url differs"),
        (Amnesic, "test_state_goes_back_in_its_part", Samples.successes[0], "not on the wire"),
        (Wordy, "test_hints_never_come_from_words", Samples.errors[1], "other words differs"),
        (Hasty, "test_wait_of_an_error", Samples.errors[2], "seconds to wait differs"),
        (Polite, "test_refusal", Samples.refusals[0], "a refusal became NoImageError"),
        (Meddling, "test_decoding_again_gives_the_same", Samples.successes[0], "differs"),
    ],
)
def test_a_sample_that_is_read_wrongly_is_caught(
    broken: type[Honest], check: str, sample: object, words: str
) -> None:
    """A request or an answer that becomes something else fails, and what is different is shown."""
    assert words in caught(getattr(suite(broken), check), sample)


def test_a_cut_picture_is_no_picture() -> None:
    """The honest provider's checks of hostile answers hold for it too."""
    suite(Honest).test_cut_samples()
    suite(Honest).test_samples_with_a_wrong_byte()


def test_missing_samples_are_named() -> None:
    """What the suite says nothing of fails by name: errors, options, everything."""
    poor = suite(Honest, errors=Samples.errors[:2], options={}, golden=())
    assert "rate-limited" in caught(poor.test_error_table_is_whole)
    assert "ink" in caught(poor.test_every_option_of_its_own_has_a_sample)
    assert "golden" in caught(poor.test_there_are_samples)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\n", "time"),
        ("def f():\n    from asyncio import sleep\n", "asyncio"),
        ("import urllib.request\n", "urllib.request"),
        ("from genkit import transport\n", "genkit.transport"),
        ("import genkit.retry.engine\n", "genkit.retry.engine"),
        ("from datetime import datetime\nx = datetime.now()\n", None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import aiohttp\n", None),
        ("from urllib.parse import quote\nimport genkit.provider\n", None),
    ],
)
def test_impure_imports_are_caught(source: str, found: str | None, tmp_path: Path) -> None:
    """An import of what acts is found wherever it stands; one for types alone is no import."""
    made = suite(Honest)
    path = tmp_path / "codec.py"
    path.write_text(source, encoding="utf-8")
    made.plugin.__file__ = str(path)
    if found is None:
        made.test_modules_import_nothing_that_acts()
    else:
        assert f": {found}" in caught(made.test_modules_import_nothing_that_acts)
    if "now()" in source:
        assert "no clock" in caught(made.test_modules_read_no_clock)
    else:
        made.test_modules_read_no_clock()


# -- overriding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"test_any_json": lambda self: None},
        {"test_any_json": None},
        {"test_any_json": pytest.mark.skip(reason="x")(lambda self: None)},
        {"__test__": False},
    ],
)
def test_a_check_cannot_be_switched_off(said: dict[str, Any]) -> None:
    """Overriding a standard check without a reason is an error when the class is made."""
    with pytest.raises(TypeError, match=rf"overrides standard checks.*{next(iter(said))}"):
        type("TestIt", (Samples, ProviderConformance), said)


def test_a_mixin_cannot_switch_off_either() -> None:
    """It is the same where another base class brings the override, or it comes later."""

    class Mixin:
        """A base class."""

        def test_any_json(self) -> None: ...

    with pytest.raises(TypeError, match="test_any_json"):
        type("TestIt", (Mixin, Samples, ProviderConformance), {})
    later = type("TestIt", (Samples, ProviderConformance), {})
    later.test_any_json = lambda self: None  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="test_any_json"):
        later().pytest_generate_tests(None)


def test_a_reason_has_to_be_given() -> None:
    """An expected failure says why."""
    with pytest.raises(ValueError, match="say why"):
        xfail(reason=" ")


SUITE = """
from genkit.testing.conformance import ProviderConformance, xfail
from tests.testing.test_conformance_kit import Forgetful, Samples, suite

class TestIt(Samples, ProviderConformance):
    {body}
"""

KNOWN = """
    @xfail(reason="its errors are not told apart")
    def test_error_table_is_whole(self):
        super().test_error_table_is_whole()
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("errors = Samples.errors[:2]" + KNOWN, "1 xfailed"),
        ("pass" + KNOWN, "XPASS(strict)"),
        ("def test_any_json(self): pass", "overrides standard checks"),
    ],
)
def test_in_a_run_of_pytest(body: str, words: str, tmp_path: Path, root: Path) -> None:
    """A known failure is one, a mark whose reason has gone fails, and so does a silent override."""
    path = tmp_path / "test_it.py"
    path.write_text(SUITE.format(body=body), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"),
            *("-c", "/dev/null", "--rootdir", str(tmp_path), "-k", "error_table or any_json"),
            *("-o", f"pythonpath={root}", str(path)),
        ],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == (0 if "xfailed" in words else 2 if "overrides" in words else 1)
    assert words in done.stdout, done.stdout + done.stderr


def test_multipart_is_read_by_another_library() -> None:
    """Parts come out as they were put in: names, file names, types and bytes of any kind."""
    from genkit.body import Body, Raw
    from genkit.images import Image

    image = Image.from_bytes(PICTURE)
    body = Body(
        (
            b'--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xe9 \xc3\xa9\r\n',
            b'--B\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\n',
            b"Content-Type: image/png\r\n\r\n",
            Raw(image),
            b"\r\n--B--\r\n",
        ),
        "multipart/form-data; boundary=B",
    )
    text, file = parts_of(WireRequest(url=URL, body=body))
    assert (text.name, text.data) == ("prompt", b"\xe9 \xc3\xa9")
    assert (file.name, file.filename, file.content_type) == ("image[]", "a.png", "image/png")
    assert file.data == PICTURE


def test_nothing_stays_out_of_reach() -> None:
    """After a check of purity the clock and the files are there again."""
    suite(Honest).test_nothing_is_touched_while_it_works()
    assert time.time() > 0
    assert Path(__file__).read_text(encoding="utf-8")
