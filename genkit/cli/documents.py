"""What ``--json`` prints: the documents, as plain values. Fields are added to them, never renamed.

Times are in seconds where a name ends in ``_seconds`` and in milliseconds where it ends in ``_ms``,
money is in USD, sizes are in pixels. A fact that is not known is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from genkit.cli.exit_codes import exit_code_of
from genkit.cli.outputs import Saved
from genkit.cli.words import waits_seconds
from genkit.errors import GenerationError
from genkit.images import Image
from genkit.response import Adjustment, Attempt, GenerationResponse, Notice, Usage

__all__ = [
    "VERSION",
    "adjustments_document",
    "error_document",
    "notices_document",
    "response_document",
]

VERSION = 1
"""Of all documents; it grows when a field changes its meaning."""

_ERROR_FIELDS = (
    "field",
    "provider",
    "model",
    "status",
    "code",
    "request_id",
    "generation_id",
    "retry_after",
    "retryable",
    "charge",
)
"""In every error's document."""
_FURTHER_FIELDS = (
    "reason",
    "stage",
    "categories",
    "text",
    "kind",
    "phase",
    "path",
    "name",
    "position",
    "spool_path",
    "problems",
)
"""Only where the error's class has them."""


def response_document(
    response: GenerationResponse, saved: Sequence[Saved], *, template: str | None
) -> dict[str, Any]:
    """The document of pictures that came."""
    first = saved[0].conversation if saved else None
    return {
        "version": VERSION,
        "generation_id": response.generation_id,
        "request_id": response.request_id,
        "provider": response.provider,
        "model": response.model,
        "seed": response.seed,
        "prompt": response.prompt,
        "prompt_template": template,
        "files": [_file(one) for one in saved],
        "drafts": [_picture(draft) for draft in response.drafts],
        "failures": {
            str(slot): error_document(error)["error"] for slot, error in response.failures.items()
        },
        "text": response.text,
        "attempts": attempts_document(response.attempts),
        "waits_seconds": round(waits_seconds(response.attempts), 3),
        "inference_time_ms": round(response.inference_time_ms, 1),
        "total_time_ms": round(response.total_time_ms, 1),
        "cost": response.cost,
        "usage": _usage(response.usage),
        "adjustments": adjustments_document(response.adjustments),
        "notices": notices_document(response.notices),
        "conversation": str(first) if first else None,
    }


def error_document(error: BaseException, *, charge: str | None = None) -> dict[str, Any]:
    """The document of a command that failed."""
    usage = error.usage if isinstance(error, GenerationError) else None
    facts: dict[str, Any] = {
        "class": type(error).__name__,
        "message": str(error),
        "exit_code": int(exit_code_of(error)),
        **{name: getattr(error, name, None) for name in _ERROR_FIELDS},
        "attempts": attempts_document(getattr(error, "attempts", ())),
        "usage": _usage(usage),
        "details": dict(getattr(error, "details", {})),
    }
    if charge is not None:
        facts["charge"] = charge
    for name in _FURTHER_FIELDS:
        if hasattr(error, name):
            facts[name] = getattr(error, name)
    return {"version": VERSION, "error": facts}


def attempts_document(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """What was tried, oldest first."""
    return [
        {
            "number": attempt.number,
            "slot": attempt.slot,
            "step": attempt.step,
            "provider": attempt.provider,
            "model": attempt.model,
            "status": attempt.status,
            "outcome": attempt.outcome,
            "code": attempt.code,
            "request_id": attempt.request_id,
            "latency_seconds": round(attempt.latency, 3),
            "delay_seconds": None if attempt.delay is None else round(attempt.delay, 3),
            "charge": attempt.charge,
        }
        for attempt in attempts
    ]


def adjustments_document(adjustments: Sequence[Adjustment]) -> list[dict[str, Any]]:
    """What was changed to what the model can do."""
    return [attrs.asdict(adjustment) for adjustment in adjustments]


def notices_document(notices: Sequence[Notice]) -> list[dict[str, Any]]:
    """What the caller should know."""
    return [attrs.asdict(notice) for notice in notices]


def _file(saved: Saved) -> dict[str, Any]:
    return {
        "path": str(saved.path),
        "slot": saved.slot,
        **_picture(saved.file),
        "conversation": str(saved.conversation) if saved.conversation else None,
    }


def _picture(image: Image) -> dict[str, Any]:
    return {
        "width": image.width,
        "height": image.height,
        "media_type": image.media_type,
        "bytes": len(image.data),
        "sha256": image.sha256,
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return attrs.asdict(usage, filter=attrs.filters.exclude("raw"))
