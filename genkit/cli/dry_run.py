"""What ``--dry-run`` shows: the wire requests as they would be sent, the key masked."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from genkit.body import Base64, Body, Raw
from genkit.cli.documents import VERSION, adjustments_document, notices_document
from genkit.cli.screen import Screen
from genkit.cli.words import adjustment_words, estimated, file_size
from genkit.images import Image
from genkit.lifted import Lifted
from genkit.planning import Plan
from genkit.wire import WireRequest

__all__ = ["plan_document", "show_plan"]

MASK = "***"
MAX_STRING = 256
"""Characters of the longest string without a space that is shown whole."""
_HARMLESS = frozenset({"accept", "accept-encoding", "user-agent", "x-goog-api-client"})
"""Headers whose values are shown."""


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as the document of ``--dry-run --json``."""
    return {
        "version": VERSION,
        "dry_run": True,
        "provider": plan.provider.name,
        "model": plan.model,
        "prompt": plan.prompt,
        "prompt_template": plan.template,
        "requests": [
            {"slot": slot.slot, "images": slot.count, "seed": slot.seed, **_request(slot.wire)}
            for slot in plan.slots
        ],
        "estimate": {
            "cost": plan.estimate.cost,
            "per_image": plan.estimate.per_image,
            "images": plan.estimate.images,
            "basis": plan.estimate.basis,
        },
        "adjustments": adjustments_document(plan.adjustments),
        "notices": notices_document(plan.notices),
    }


def show_plan(plan: Plan, screen: Screen) -> None:
    """Print the plan for people: the requests, then what is to be said of them."""
    for slot in plan.slots:
        wire = slot.wire
        lines = [f"{wire.method} {wire.url}"]
        lines += [f"{name}: {value}" for name, value in _headers(wire).items()]
        body = _body(wire.body)
        if body is not None:
            text = body if isinstance(body, str) else _pretty(body)
            lines += ["", text]
        screen.out("\n".join(lines) + "\n")
    screen.out("Prompt as it is sent:\n")
    screen.out("\n".join(f"  {line}".rstrip() for line in plan.prompt.split("\n")) + "\n")
    rows = [
        ("model", f"{plan.provider.name}:{plan.model}"),
        ("template", plan.template),
        ("requests", str(len(plan.slots))),
        ("cost", f"{estimated(plan.estimate.cost)} ({plan.estimate.basis})"),
        *(("adjusted", adjustment_words(adjustment)) for adjustment in plan.adjustments),
        *(("note", notice.message) for notice in plan.notices),
    ]
    width = max(len(name) for name, _value in rows)
    for name, value in rows:
        screen.out(f"{name:<{width}}  {value}")
    screen.say("Dry run: nothing was sent.")


def _request(wire: WireRequest) -> dict[str, Any]:
    body = wire.body
    return {
        "method": wire.method,
        "url": wire.url,
        "headers": _headers(wire),
        "body": _body(body),
        "body_bytes": body.length if body else 0,
        "body_sha256": body.sha256() if body else None,
    }


def _headers(wire: WireRequest) -> dict[str, str]:
    # Deny by default: headers of the configuration may hold keys of proxies and gateways.
    headers = {name: value if name in _HARMLESS else MASK for name, value in wire.headers.items()}
    if wire.auth is not None:
        headers[wire.auth.name.lower()] = f"{wire.auth.prefix}{MASK}"
    if wire.body is not None:
        headers["content-type"] = wire.body.content_type
        headers["content-length"] = str(wire.body.length)
    return headers


def _body(body: Body | None) -> Any:
    """The body's JSON with stand-ins for what is long, or its text where it is not JSON."""
    if body is None:
        return None
    is_json = body.content_type.partition(";")[0].strip().endswith("json")
    text = b"".join(_segment(segment) for segment in body.segments)
    if not is_json:
        return text.decode(errors="replace")
    return _shortened(orjson.loads(text))


def _segment(segment: bytes | Base64 | Raw | Lifted) -> bytes:
    if isinstance(segment, bytes):
        return segment
    if isinstance(segment, Lifted):
        length = len(segment.encoded)
        digest = hashlib.sha256(segment.encoded).hexdigest()
        return f"<{length} characters, sha256 {digest}>".encode()
    return _stand_in(segment.image).encode()


def _stand_in(image: Image) -> str:
    size = f"{image.width}x{image.height}"
    return f"<{image.media_type} {size}, {len(image.data)} bytes, sha256 {image.sha256}>"


def _shortened(value: Any) -> Any:
    """`value` with stand-ins for long strings without a space: signatures and pictures."""
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, str) and len(value) > MAX_STRING and " " not in value:
        digest = hashlib.sha256(value.encode()).hexdigest()
        return f"<{file_size(len(value))} of text, sha256 {digest}>"
    return value


def _pretty(document: Any) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
