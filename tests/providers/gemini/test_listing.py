"""The service's own list of models."""

from __future__ import annotations

import pytest

from genkit.provider import (
    ListedModel,
)
from tests.providers.gemini.support import (
    VERTEX,
    answer,
    provider,
)


def test_list_of_models() -> None:
    """The list gives bare ids, and says of pictures what can be known."""
    body = {
        "models": [
            {
                "name": "models/gemini-nano-banana-2.1",
                "description": "Draws",
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            },
            {"name": "models/embedding-1", "supportedGenerationMethods": ["embedContent"]},
            {
                "name": "models/new",
                "displayName": "New",
                "supportedGenerationMethods": ["generateContent"],
            },
            {"name": "models/silent"},
            {"description": "nameless"},
            None,
        ],
        "nextPageToken": "t" * 300,
    }
    rows, page = provider().decode_list(answer(body))
    assert rows == (
        ListedModel(id="gemini-nano-banana-2.1", description="Draws", makes_images=True),
        ListedModel(id="embedding-1", description=None, makes_images=False),
        ListedModel(id="new", description="New"),
        ListedModel(id="silent"),
    )
    assert page == "t" * 300


def test_list_of_vertex() -> None:
    """Vertex names its list and its models otherwise."""
    body = {"publisherModels": [{"name": "publishers/google/models/gemini-3-pro-image"}]}
    rows, page = provider(base_url=VERTEX).decode_list(answer(body))
    assert [(row.id, row.makes_images) for row in rows] == [("gemini-3-pro-image", True)]
    assert page is None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"models": 5, "nextPageToken": 5}', b"null"])
def test_a_list_that_is_none(body: bytes) -> None:
    """What is no list of models holds none."""
    assert provider().decode_list(answer(body)) == ((), None)
