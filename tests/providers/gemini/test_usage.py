"""Tokens by kind, as far as the service says."""

from __future__ import annotations

from typing import Any

import pytest

from genkit.response import Usage
from tests.providers.gemini.support import (
    candidate,
    inline,
    outcome,
)


def usage(metadata: Any, *parts: Any) -> Usage | None:
    """The usage of an answer with these parts; one picture where none are given."""
    body = candidate(*(parts or (inline(),)))
    return outcome({**body, "usageMetadata": metadata}).usage


def test_usage_by_kind() -> None:
    """Details that fall short leave the rest to text, and thinking counts as text."""
    metadata = {
        "promptTokenCount": 1100,
        "candidatesTokenCount": 1780,
        "thoughtsTokenCount": 529,
        "toolUsePromptTokenCount": 10,
        "totalTokenCount": 3419,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 8},
            {"modality": "IMAGE", "tokenCount": 1088},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    assert usage(metadata) == Usage(
        input_text_tokens=22,
        input_image_tokens=1088,
        output_text_tokens=1189,
        output_image_tokens=1120,
        total_tokens=3419,
        images=1,
        raw=metadata,
    )


def test_usage_without_details_is_not_guessed() -> None:
    """With a picture and no details, nobody can tell text from picture."""
    known = usage({"promptTokenCount": 5, "candidatesTokenCount": 1300, "totalTokenCount": 1305})
    assert known is not None
    assert known.total_tokens == 1305
    assert known.output_text_tokens is None
    assert known.output_image_tokens is None
    assert known.input_text_tokens is None


def test_usage_of_words_alone() -> None:
    """Without a picture, what came out is text, details or not."""
    known = usage({"candidatesTokenCount": 30, "thoughtsTokenCount": 4}, {"text": "no"})
    assert known is not None
    assert known.output_text_tokens == 34
    assert known.images == 0


@pytest.mark.parametrize("number", [-1, 2**31, 1.5, "12", True, None, [], {}])
def test_impossible_counts_are_unknown(number: Any) -> None:
    """A count that no service can mean is not passed on to the sums."""
    known = usage(
        {
            "promptTokenCount": number,
            "totalTokenCount": number,
            "candidatesTokenCount": 1120,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": number}],
        }
    )
    assert known is not None
    assert known.total_tokens is None
    assert known.output_image_tokens is None
    assert known.output_text_tokens is None


def test_details_that_exceed_their_total() -> None:
    """What is left for text cannot be negative; then it is not known."""
    known = usage(
        {
            "candidatesTokenCount": 10,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        }
    )
    assert known is not None
    assert (known.output_image_tokens, known.output_text_tokens) == (1120, None)


@pytest.mark.parametrize("metadata", [None, {}, [], "x", 5])
def test_no_usage(metadata: Any) -> None:
    """An answer without usage has none, rather than zeros."""
    assert usage(metadata) is None
