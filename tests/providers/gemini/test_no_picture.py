"""Every shape of an answer without a picture, and what it is."""

from __future__ import annotations

from typing import Any

import pytest

from genkit.conversation import TextPart
from genkit.provider import (
    Absence,
    Refusal,
)
from tests.providers.gemini.support import (
    candidate,
    inline,
    outcome,
)


def blocked(**fields: Any) -> Any:
    """A candidate with these fields alone, and usage."""
    return {"candidates": [fields], "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}


RATING = {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "LOW", "blocked": True}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        pytest.param(
            {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
            Refusal(stage="prompt", reason="PROHIBITED_CONTENT"),
            id="no candidates, a block reason",
        ),
        pytest.param(
            {
                "candidates": [],
                "promptFeedback": {"blockReason": "OTHER", "safetyRatings": [RATING]},
            },
            Refusal(stage="prompt", reason="OTHER", categories=("HARM_CATEGORY_HATE_SPEECH",)),
            id="empty candidates, ratings",
        ),
        pytest.param(
            {"promptFeedback": {"blockReason": "MODEL_ARMOR", "blockReasonMessage": "by template"}},
            Refusal(stage="prompt", reason="MODEL_ARMOR", message="by template"),
            id="model armor on the prompt",
        ),
        pytest.param(
            {"promptFeedback": {"blockReason": 77}},
            Refusal(stage="prompt", reason="77"),
            id="a block reason of the future, as a number",
        ),
        pytest.param(
            {"promptFeedback": {"safetyRatings": [RATING]}},
            Refusal(
                stage="prompt",
                reason="BLOCKED_REASON_UNSPECIFIED",
                categories=("HARM_CATEGORY_HATE_SPEECH",),
            ),
            id="blocked ratings alone",
        ),
        pytest.param(
            blocked(content={}, finishReason="SAFETY", safetyRatings=[RATING]),
            Refusal(stage="output", reason="SAFETY", categories=("HARM_CATEGORY_HATE_SPEECH",)),
            id="empty content",
        ),
        pytest.param(
            blocked(
                content={"role": "model"},
                finishReason="IMAGE_PROHIBITED_CONTENT",
                finishMessage="Support codes: 1",
            ),
            Refusal(stage="output", reason="IMAGE_PROHIBITED_CONTENT", message="Support codes: 1"),
            id="content without parts",
        ),
        pytest.param(
            blocked(finishReason="MODEL_ARMOR"),
            Refusal(stage="output", reason="MODEL_ARMOR"),
            id="no content",
        ),
        pytest.param(
            blocked(content={"parts": None}, finishReason="IMAGE_SAFETY"),
            Refusal(stage="output", reason="IMAGE_SAFETY"),
            id="parts null",
        ),
        pytest.param(
            blocked(content=None, finishReason="IMAGE_RECITATION"),
            Refusal(stage="output", reason="IMAGE_RECITATION"),
            id="content null, recitation",
        ),
        pytest.param(
            blocked(finishReason="NEW_POLICY", safetyRatings=[RATING]),
            Refusal(stage="output", reason="NEW_POLICY", categories=("HARM_CATEGORY_HATE_SPEECH",)),
            id="an unknown reason with a blocked rating",
        ),
        pytest.param(
            candidate(inline(thought=True), reason="IMAGE_SAFETY"),
            Refusal(stage="output", reason="IMAGE_SAFETY"),
            id="a draft came, the picture was refused",
        ),
    ],
)
def test_refusals(body: Any, refusal: Refusal) -> None:
    """Every shape of a block is a refusal with its stage and the service's own words."""
    decoded = outcome(body)
    assert decoded.refusal == refusal
    assert decoded.absence is None


@pytest.mark.parametrize(
    ("body", "absence"),
    [
        pytest.param(
            candidate({"text": "I would rather not."}),
            Absence(cause="text", reason="STOP"),
            id="words",
        ),
        pytest.param(
            candidate({"text": "hm", "thought": True}),
            Absence(cause="empty", reason="STOP"),
            id="a thought is no answer",
        ),
        pytest.param(candidate(), Absence(cause="empty", reason="STOP"), id="nothing"),
        pytest.param({"candidates": [{}]}, Absence(cause="empty"), id="an empty candidate"),
        pytest.param({"candidates": []}, Absence(cause="empty"), id="no candidates"),
        pytest.param(
            {"usageMetadata": {"totalTokenCount": 1}}, Absence(cause="empty"), id="usage alone"
        ),
        pytest.param(
            blocked(content={"role": "model"}, finishReason="MAX_TOKENS"),
            Absence(cause="limit", reason="MAX_TOKENS"),
            id="the token limit",
        ),
        pytest.param(
            candidate({"text": "half"}, reason="MAX_TOKENS"),
            Absence(cause="limit", reason="MAX_TOKENS"),
            id="the token limit after words",
        ),
        pytest.param(
            blocked(finishReason="NO_IMAGE", finishMessage="none"),
            Absence(cause="other", reason="NO_IMAGE", message="none"),
            id="no image",
        ),
        pytest.param(
            candidate({"text": "sorry"}, reason="NO_IMAGE"),
            Absence(cause="text", reason="NO_IMAGE"),
            id="no image, but words",
        ),
        pytest.param(
            blocked(finishReason="IMAGE_OTHER"),
            Absence(cause="other", reason="IMAGE_OTHER"),
            id="image other",
        ),
        pytest.param(
            candidate({"text": "x"}, reason="OTHER"),
            Absence(cause="other", reason="OTHER"),
            id="other",
        ),
        pytest.param(
            blocked(finishReason="A_REASON_OF_THE_FUTURE"),
            Absence(cause="other", reason="A_REASON_OF_THE_FUTURE"),
            id="an unknown reason",
        ),
        pytest.param(
            {"candidates": [{"finishReason": "STOP"}, {"finishReason": "LANGUAGE"}]},
            Absence(cause="other", reason="LANGUAGE"),
            id="the candidate that says why",
        ),
    ],
)
def test_absences(body: Any, absence: Absence) -> None:
    """No picture and no refusal: the cause says whether to try again."""
    decoded = outcome(body)
    assert decoded.absence == absence
    assert decoded.refusal is None


def test_only_a_draft() -> None:
    """A single picture that is flagged as a draft is for the core to promote."""
    decoded = outcome(candidate(inline(thought=True)))
    assert (decoded.refusal, decoded.absence) == (None, None)


def test_a_picture_that_came_outweighs_an_odd_end() -> None:
    """A picture is never thrown away; how its answer ended is said."""
    decoded = outcome(candidate(inline(), reason="MAX_TOKENS"))
    assert (decoded.refusal, decoded.absence) == (None, None)
    assert [notice.code for notice in decoded.notices] == ["finish-reason"]
    assert "MAX_TOKENS" in decoded.notices[0].message


def test_a_refusal_keeps_text_and_usage() -> None:
    """What was said and counted before a refusal is there for the error."""
    body = candidate({"text": "I began"}, reason="SAFETY")
    body["usageMetadata"] = {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1120,
        "totalTokenCount": 1125,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    }
    decoded = outcome(body)
    assert decoded.refusal is not None
    assert decoded.parts == (TextPart("I began"),)
    assert decoded.usage is not None
    assert decoded.usage.output_image_tokens == 1120
