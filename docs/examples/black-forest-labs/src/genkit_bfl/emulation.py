"""The service as it behaves towards its clients, for the emulator: a pure function.

A task that is submitted is charged for, is ``Pending`` for some polls, and then ``Ready``; its
picture is painted when it is fetched. Shapes and bounds: https://docs.bfl.ai.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from genkit.emulation import Answer, Draw, Drawing, EmulatedRequest, Store
from genkit.provider import Absence, ErrorFacts
from genkit_bfl.emulated_request import Complaint, understand
from genkit_bfl.models import MODELS

__all__ = ["BlackForestLabsEmulation"]

_PATH = re.compile(
    r"/v1/(?:(?P<poll>get_result)|delivery/(?P<picture>[0-9a-f]{32})\.(?:png|jpeg)"
    r"|(?P<model>flux[a-z0-9.-]*))"
)
PRICE = 4.0
"""Credits that a picture of the emulator costs."""

_DETAILS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "invalid-request": (422, "The request is not valid."),
        "unsupported-option": (422, "The model does not know this option."),
        "session-state": (422, "There is nothing to go on with."),
        "authentication": (403, "Not authenticated."),
        "permission-denied": (403, "This key may not do that."),
        "model-not-found": (404, "Not Found"),
        "conflict": (409, "The request conflicts with another one."),
        "rate-limited": (429, "Too many tasks are active."),
        "quota-exhausted": (402, "There are no credits left."),
        "server-error": (500, "Internal Server Error"),
        "overloaded": (503, "Service Unavailable"),
        "deadline": (504, "Gateway Timeout"),
    }
)


@attrs.frozen(kw_only=True)
class BlackForestLabsEmulation:
    """Submits, polls and delivers like the service."""

    name: str = "bfl"
    polls: int = attrs.field(default=2, validator=attrs.validators.ge(1))
    """At which poll a task is ready."""

    @property
    def base_path(self) -> str:
        """The API version."""
        return "/v1"

    def handles(self, request: EmulatedRequest) -> bool:
        """Whether it is a path of the service."""
        return _PATH.fullmatch(request.path) is not None

    def answer(self, request: EmulatedRequest, store: Store, draw: Draw) -> tuple[Answer, Store]:
        """What the service answers; it remembers the tasks."""
        path = _PATH.fullmatch(request.path)
        if path is None:
            return self.render_error(ErrorFacts(kind="model-not-found")), store
        if path["picture"] is not None:
            return _delivered(request, path["picture"], store, draw), store
        if request.headers.get("x-key", "invalid") == "invalid":
            return self.render_error(ErrorFacts(kind="authentication")), store
        if path["poll"] is not None:
            return self._polled(request, store)
        return self._submitted(request, path["model"], store)

    # -- the three steps --------------------------------------------------------------------

    def _submitted(
        self, request: EmulatedRequest, model: str, store: Store
    ) -> tuple[Answer, Store]:
        if request.method != "POST" or model not in MODELS:
            return self.render_error(ErrorFacts(kind="model-not-found")), store
        asked = understand(request.document, model)
        if isinstance(asked, Complaint):
            return Answer(status=422, body={"detail": [asked.to_json()]}), store
        count = store.get("count", 0) + 1
        digest = hashlib.sha256(b"%d\0%s" % (count, request.body)).digest()
        task = digest[:16].hex()
        seed = asked.seed if asked.seed is not None else int.from_bytes(digest[16:20], "big") >> 1
        remembered = {**attrs.asdict(asked), "seed": seed, "polls": 0}
        body = {
            "id": task,
            "polling_url": f"{_address(request)}/get_result?id={task}",
            "cost": PRICE,
        }
        facts = {
            "model": model,
            "seed": seed,
            "width": asked.width,
            "height": asked.height,
            "references": asked.references,
        }
        answer = Answer(body=body, charged=True, facts=facts)
        return answer, _with_task(store, task, remembered, count=count)

    def _polled(self, request: EmulatedRequest, store: Store) -> tuple[Answer, Store]:
        name = request.query.get("id", "")
        task = store.get("tasks", {}).get(name)
        if request.method != "GET" or task is None:
            missing = {"id": name, "status": "Task not found", "result": None}
            return Answer(status=404, body=missing), store
        polls = task["polls"] + 1
        body: dict[str, Any] = {"id": name, "status": "Pending", "result": None}
        body["progress"] = polls / self.polls
        if polls >= self.polls:
            sample = f"{_address(request)}/delivery/{name}.{task['output_format']}"
            sample += f"?sig={_signature(name)}"
            result = {"sample": sample, "seed": task["seed"], "prompt": task["prompt"]}
            body |= {"status": "Ready", "result": result, "progress": 1.0}
        facts = {"model": task["model"], "polls": polls}
        return Answer(body=body, facts=facts), _with_task(store, name, {**task, "polls": polls})

    # -- faults -----------------------------------------------------------------------------

    def render_error(self, facts: ErrorFacts | Absence) -> Answer:
        """The error, refusal or empty answer in the service's forms."""
        if isinstance(facts, Absence):
            body: dict[str, Any] = {"id": "0" * 32, "status": "Ready", "result": None}
            return Answer(body=body, charged=True)
        if facts.kind == "content-policy":
            return _moderated(facts)
        if facts.kind == "malformed":
            return Answer(headers={"content-type": "text/html"}, body=b"<!doctype html><p>?</p>")
        status, detail = _DETAILS[facts.kind or "server-error"]
        # The service names no time to wait; the emulator may, to be told to wait less.
        wait = {} if facts.retry_after is None else {"retry-after": f"{facts.retry_after:g}"}
        if facts.field is not None and status == 422:
            complaint = Complaint(facts.field, facts.message or detail, facts.code or "value_error")
            return Answer(status=422, body={"detail": [complaint.to_json()]})
        return Answer(status=status, headers=wait, body={"detail": facts.message or detail})


def _address(request: EmulatedRequest) -> str:
    """Where the service is, as the client sees it; the real one names the host of a region."""
    # Not under the emulation's name, which is the emulator's business: `handles` knows the path.
    return f"http://{request.headers.get('host', 'localhost')}/v1"


def _delivered(request: EmulatedRequest, name: str, store: Store, draw: Draw) -> Answer:
    """The picture: whoever has its address may have it, and nobody shows a key there."""
    task = store.get("tasks", {}).get(name)
    is_ready = task is not None and request.query.get("sig") == _signature(name)
    if request.method != "GET" or not is_ready or "x-key" in request.headers:
        return Answer(status=403, headers={"content-type": "text/plain"}, body=b"Forbidden")
    media_type = f"image/{task['output_format']}"
    drawing = Drawing(
        prompt=task["prompt"],
        width=task["width"],
        height=task["height"],
        seed=task["seed"],
        references=task["references"],
        media_type=media_type,
    )
    headers = {"content-type": media_type}
    return Answer(headers=headers, body=draw(drawing), images=1, facts={"model": task["model"]})


def _moderated(facts: ErrorFacts) -> Answer:
    """A refusal: of the prompt or the references, or of the picture that was made."""
    is_output = facts.stage == "output"
    body = {
        "id": "0" * 32,
        "status": facts.code or ("Content Moderated" if is_output else "Request Moderated"),
        "result": None,
        "details": {"Moderation Reasons": list(facts.categories or ("Safety Filter",))},
    }
    return Answer(body=body, charged=is_output)


def _signature(name: str) -> str:
    """What stands for the permit of an address."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _with_task(
    store: Store, name: str, task: Mapping[str, Any], *, count: int | None = None
) -> Store:
    tasks = MappingProxyType({**store.get("tasks", {}), name: MappingProxyType(dict(task))})
    counted = store.get("count", 0) if count is None else count
    return MappingProxyType({**store, "tasks": tasks, "count": counted})
