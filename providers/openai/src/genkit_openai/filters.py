"""The verdicts of a content filter: what a request or a picture was blocked for."""

from __future__ import annotations

from collections.abc import Mapping

from genkit.reading import items, member, read

__all__ = ["blocked_categories", "stated_categories"]

MAX_CATEGORIES = 32


def stated_categories(moderation: Mapping[str, object]) -> tuple[str, ...]:
    """The ``categories`` of OpenAI's ``moderation_details``."""
    names = items(moderation, "categories")
    return tuple(name for name in names if isinstance(name, str) and 0 < len(name) <= 256)[
        :MAX_CATEGORIES
    ]


def blocked_categories(judged: object) -> tuple[str, ...]:
    """The categories of Azure's ``content_filter_results`` that something was blocked for."""
    for name in ("content_filter_results", "content_filter_result"):
        results = member(judged, name)
        blocked = tuple(
            category
            for category, verdict in results.items()
            if isinstance(category, str) and read(verdict, "filtered") is True
        )
        if blocked:
            return blocked[:MAX_CATEGORIES]
    return ()
