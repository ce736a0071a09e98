"""The provider: a task is submitted, polled until it is ready, and its picture downloaded.

Wire: https://docs.bfl.ai. ``POST {base}/{model}`` gives the task's ``id`` and its ``polling_url``;
``GET`` of that gives a ``status`` and, once it is ``Ready``, the address of the picture, which
works for ten minutes. Only the first costs money, and it is sent once: each further step is a
`FollowUp`, which genkit retries by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

import attrs

from genkit.errors import ConfigurationError, InvalidRequestError, UnsupportedOptionError
from genkit.provider import (
    Absence,
    Capabilities,
    Context,
    ErrorFacts,
    ErrorKind,
    FollowUp,
    Outcome,
    ProviderSettings,
    Refusal,
    StreamDecoder,
    WireImage,
)
from genkit.request import GenerationRequest
from genkit.wire import AuthHeader, Base64, Lifted, WireRequest, WireResponse, json_body
from genkit_bfl.models import DEFAULT_MODEL, MODELS, OPTIONS, find_model

__all__ = ["BASE_URL", "BlackForestLabsProvider"]

NAME = "bfl"
BASE_URL = "https://api.bfl.ai/v1"
DOMAIN = "bfl.ai"
"""Its hosts: ``api.bfl.ai`` sends polls to those of regions, such as ``api.us1.bfl.ai``."""
AUTH = AuthHeader("x-key")

FIRST_WAIT = 0.5
"""Seconds before the first poll."""
WAIT_GROWTH = 1.25
LONGEST_WAIT = 3.0

MODERATED: Mapping[str | None, Literal["prompt", "output"]] = MappingProxyType(
    {"Request Moderated": "prompt", "Content Moderated": "output"}
)
"""Statuses that are a refusal, and of what."""
FAILED = frozenset({"Error", "Failed", "Task not found"})
"""Statuses of a task that will never be ready."""

KINDS: Mapping[int, ErrorKind] = MappingProxyType(
    # Whoever shows a wrong key or none is told 403; a model is a path.
    {403: "authentication", 404: "model-not-found"}
)
"""By status, where the service means something of its own by it."""

MAX_NUMBER = 2**53

_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")


@attrs.frozen
class BlackForestLabsProvider:
    """The FLUX models. It follows `genkit.provider.ImageProvider`.

    Raises:
        ConfigurationError: a setting is wrong; the message says which, and what is allowed.
    """

    settings: ProviderSettings

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.settings.api is not None:
            problems.append("api: there is only one; leave it out")
        if self.settings.auth == "bearer":
            problems.append("auth: the service takes a key in x-key; leave it out")
        try:
            _options(self.settings.options, field="options")
        except InvalidRequestError as error:
            problems.append(error.message)
        try:
            self._request(f"{self.base_url}/{DEFAULT_MODEL}")
        except ValueError as error:
            problems.append(f"base_url, headers or query: {error}")
        if problems:
            name = self.settings.name
            raise ConfigurationError(
                problems=tuple(f"provider {name!r}: {each}" for each in problems)
            )

    @property
    def name(self) -> str:
        """The entry point's, whatever its accounts are called."""
        return NAME

    @property
    def spec_version(self) -> int:
        """The version of the contract that it was written to."""
        return 1  # written out, so that a core of another version is told apart

    @property
    def default_model(self) -> str:
        """The model used when none is named."""
        return DEFAULT_MODEL

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Where the key usually is."""
        return ("BFL_API_KEY",)

    @property
    def base_url(self) -> str:
        """What stands before a model's name."""
        return (self.settings.base_url or BASE_URL).rstrip("/")

    def models(self) -> tuple[str, ...]:
        """Bare ids, the default first."""
        return tuple(MODELS)

    def capabilities(self, model: str) -> Capabilities:
        """What `model` can do, by the table."""
        return find_model(model)

    # -- requests -----------------------------------------------------------------------------

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """The request that submits one task; the same arguments always give the same bytes.

        Raises:
            InvalidRequestError: ``provider_options`` has a name or a value that does not exist.
        """
        document: dict[str, Any] = {"prompt": request.prompt}
        for number, image in enumerate(request.images, start=1):
            document["input_image" if number == 1 else f"input_image_{number}"] = Base64(image)
        if (size := context.size) is not None:
            given = {
                "width": size.width,
                "height": size.height,
                "aspect_ratio": size.aspect_ratio,
            }
            document |= {name: value for name, value in given.items() if value is not None}
        if context.seed is not None:
            document["seed"] = context.seed
        if request.output_format is not None:
            document["output_format"] = request.output_format
        own = {**self.settings.options, **request.provider_options.get(NAME, {})}
        document |= _options(own, field=f"provider_options.{NAME}")
        return attrs.evolve(
            self._request(f"{self.base_url}/{quote(context.model, safe='')}"),
            method="POST",
            body=json_body(document),
        )

    def _request(self, url: str) -> WireRequest:
        """A request that carries the key.

        Raises:
            ValueError: the URL or a header cannot be sent.
        """
        if self.settings.query:
            url += ("&" if urlsplit(url).query else "?") + urlencode(self.settings.query)
        headers = {"accept": "application/json", **self.settings.headers}
        return WireRequest(method="GET", url=url, headers=headers, auth=AUTH)

    # -- answers ------------------------------------------------------------------------------

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | FollowUp | ErrorFacts:
        """What the 2xx answer to a submission (`step` is `None`), a poll or a download holds."""
        notes = _notes(step)
        if step is not None and step.request.download:
            return _picture(response, notes)
        document = response.document
        if not isinstance(document, Mapping):
            return _malformed("the answer is not a JSON object")
        notes |= _facts_of(document)
        status = _text(document.get("status"))
        if (stage := MODERATED.get(status)) is not None:
            return _refused(stage, document, notes)
        if status in FAILED:
            return _failed(status, document)
        if status == "Ready":
            return _download(document, notes)
        if step is None:
            return self._first_poll(document, notes)
        # Pending, or a status that is not known: it is asked again, until the deadline.
        wait = min(step.wait * WAIT_GROWTH, LONGEST_WAIT)
        return attrs.evolve(step, wait=wait, state=notes)

    def _first_poll(
        self, document: Mapping[str, Any], notes: dict[str, Any]
    ) -> FollowUp | ErrorFacts:
        url = _text(document.get("polling_url"))
        if url is None:
            return _malformed("the answer to a submission has no polling_url")
        try:
            request = self._request(url)
        except ValueError:
            return _malformed("the polling_url is no address")
        if not self._is_own(url):
            # The poll carries the key, and the address comes out of an answer.
            return _malformed("the polling_url leads to another service: the key is not sent there")
        return FollowUp(request=request, wait=FIRST_WAIT, state=notes)

    def _is_own(self, url: str) -> bool:
        """Whether `url` is where the base URL is, or at another host of the service."""
        base, there = urlsplit(self.base_url), urlsplit(url)
        if (base.scheme, base.netloc.lower()) == (there.scheme, there.netloc.lower()):
            return True
        hosts = [base.hostname or "", there.hostname or ""]
        is_service = all(
            _HOST.fullmatch(host) and f".{host}".endswith(f".{DOMAIN}") for host in hosts
        )
        return is_service and there.scheme == "https" and there.port in (None, 443)

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """What an answer of any other status says; mostly the status says enough."""
        document = response.document
        if not isinstance(document, Mapping):
            return ErrorFacts(kind=KINDS.get(response.status))
        status = _text(document.get("status"))
        if status in FAILED:
            return _failed(status, document)
        detail = document.get("detail")
        listed = (
            [item for item in detail if isinstance(item, Mapping)]
            if isinstance(detail, list)
            else []
        )
        if not listed:
            return ErrorFacts(kind=KINDS.get(response.status), message=_text(detail, 2048))
        return ErrorFacts(
            kind="invalid-request",
            code=_text(listed[0].get("type")),
            # Only these: what was given, prompts too, stands beside them.
            message="; ".join(filter(None, map(_complaint, listed[:8]))) or None,
            field=_field(listed[0]),
        )

    def stream_decoder(self, request: GenerationRequest) -> StreamDecoder | None:
        """`None`: the service does not stream."""
        return None


# -- a task -----------------------------------------------------------------------------------


def _notes(step: FollowUp | None) -> dict[str, Any]:
    """What the steps so far noted of the task: JSON, so that a follow-up can be stored."""
    return dict(step.state) if step is not None and isinstance(step.state, Mapping) else {}


def _facts_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth telling the caller, of an answer about a task."""
    result = document.get("result")
    seed = result.get("seed") if isinstance(result, Mapping) else None
    facts = {
        "id": _text(document.get("id")),
        "cost": _number(document.get("cost")),
        "seed": _number(seed),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _download(
    document: Mapping[str, Any], notes: dict[str, Any]
) -> Outcome | FollowUp | ErrorFacts:
    result = document.get("result")
    sample = result.get("sample") if isinstance(result, Mapping) else result
    if sample is None:
        absence = Absence(cause="empty", reason="Ready")
        return Outcome(absence=absence, request_id=notes.get("id"), metadata=notes)
    url = _text(sample, 16_384)
    try:
        # The address is its own permit: whatever host it names, it gets neither key nor headers.
        request = WireRequest(method="GET", url=url or "", download=True)
    except ValueError:
        return _malformed("the address of the picture is none")
    return FollowUp(request=request, state=notes)


def _picture(response: WireResponse, notes: dict[str, Any]) -> Outcome | ErrorFacts:
    if response.is_json:
        return _malformed("what was downloaded is no picture but JSON")
    declared = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    image = WireImage(
        data=response.body,
        # Stores of files call anything an octet stream: that says nothing.
        declared_media_type=declared if declared.startswith("image/") else None,
    )
    return Outcome(parts=(image,), request_id=notes.get("id"), metadata=notes)


def _refused(
    stage: Literal["prompt", "output"], document: Mapping[str, Any], notes: dict[str, Any]
) -> Outcome:
    details = document.get("details")
    reasons = details.get("Moderation Reasons") if isinstance(details, Mapping) else None
    texts = [_text(reason) for reason in reasons] if isinstance(reasons, list) else []
    refusal = Refusal(
        stage=stage,
        reason=_text(document.get("status")) or "moderated",
        categories=tuple(text for text in texts if text is not None),
    )
    return Outcome(refusal=refusal, request_id=notes.get("id"), metadata=notes)


def _failed(status: str | None, document: Mapping[str, Any]) -> ErrorFacts:
    return ErrorFacts(
        kind="server-error",
        code=status,
        message=_text(document.get("details"), 2048),
        request_id=_text(document.get("id")),
    )


def _malformed(message: str) -> ErrorFacts:
    return ErrorFacts(kind="malformed", message=message)


# -- reading ----------------------------------------------------------------------------------


def _text(value: object, limit: int = 256) -> str | None:
    """A text of at most `limit` characters; `None` for anything else."""
    text = value.text if isinstance(value, Lifted) else value
    return text if isinstance(text, str) and 0 < len(text) <= limit else None


def _number(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= MAX_NUMBER else None


def _complaint(item: Mapping[str, Any]) -> str | None:
    text = _text(item.get("msg"), 500)
    return f"{'.'.join(_place(item))}: {text}" if text else None


def _place(item: Mapping[str, Any]) -> list[str]:
    """Where the mistake is: ``loc`` is such as ``["body", "width"]``."""
    place = item.get("loc")
    names = [str(name)[:100] for name in place[:8]] if isinstance(place, list) else []
    return names[1:] if names[:1] == ["body"] else names


def _field(item: Mapping[str, Any]) -> str | None:
    """The caller's word for what the service complains of."""
    name = next(iter(_place(item)), None)
    if name in OPTIONS:
        return f"provider_options.{NAME}.{name}"
    return "references" if name is not None and name.startswith("input_image") else name


def _options(given: Mapping[str, Any], *, field: str) -> dict[str, Any]:
    """The options of its own; `None` means that one is not given.

    Raises:
        UnsupportedOptionError: there is no such option.
        InvalidRequestError: an option cannot have that value.
    """
    for name, value in given.items():
        where = f"{field}.{name}"
        if name not in OPTIONS:
            raise UnsupportedOptionError(
                f"{where}: there is no such option; there are {', '.join(OPTIONS)}", field=where
            )
        if value is None:
            continue
        if name == "prompt_upsampling" and not isinstance(value, bool):
            raise InvalidRequestError(f"{where}: must be true or false", field=where)
        if name == "safety_tolerance" and (type(value) is not int or not 0 <= value <= 6):
            raise InvalidRequestError(f"{where}: must be a whole number from 0 to 6", field=where)
    return {name: value for name, value in given.items() if value is not None}
