"""The provider's own options: each on the wire, none dropped, wrong ones named."""

from __future__ import annotations

from typing import Any

import pytest

from genkit.errors import ConfigurationError, InvalidRequestError, UnsupportedOptionError
from genkit.provider import Context, ResolvedSize
from genkit_gemini.options import OPTIONS
from tests.providers.gemini.support import MODEL, encode, request

VERTEX = "https://example.com/v1/publishers/google"
CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
DEFAULT = dict.fromkeys(CATEGORIES, "BLOCK_MEDIUM_AND_ABOVE")

CONFIG = "generationConfig"
THINKING = f"{CONFIG}.thinkingConfig"
ON_THE_WIRE: list[tuple[str, Any, str, Any]] = [
    ("response_modalities", ["IMAGE"], f"{CONFIG}.responseModalities", ["IMAGE"]),
    ("response_modalities", ("image", "text"), f"{CONFIG}.responseModalities", ["IMAGE", "TEXT"]),
    ("temperature", 0, f"{CONFIG}.temperature", 0),
    ("temperature", 0.7, f"{CONFIG}.temperature", 0.7),
    ("top_p", 0.9, f"{CONFIG}.topP", 0.9),
    ("top_k", 40, f"{CONFIG}.topK", 40),
    ("max_output_tokens", 4096, f"{CONFIG}.maxOutputTokens", 4096),
    ("thinking_level", "high", f"{THINKING}.thinkingLevel", "HIGH"),
    ("thinking_budget", 0, f"{THINKING}.thinkingBudget", 0),
    ("thinking_budget", -1, f"{THINKING}.thinkingBudget", -1),
    ("include_thoughts", True, f"{THINKING}.includeThoughts", True),
    ("media_resolution", "low", f"{CONFIG}.mediaResolution", "MEDIA_RESOLUTION_LOW"),
    (
        "media_resolution",
        "MEDIA_RESOLUTION_HIGH",
        f"{CONFIG}.mediaResolution",
        "MEDIA_RESOLUTION_HIGH",
    ),
    (
        "person_generation",
        "allow_adult",
        f"{CONFIG}.imageConfig.personGeneration",
        "ALLOW_ADULT",
    ),
    ("system_instruction", "In ink.", "systemInstruction", {"parts": [{"text": "In ink."}]}),
    ("google_search", True, "tools", [{"googleSearch": {}}]),
    ("google_search", False, "tools", None),
    ("service_tier", "FLEX", "serviceTier", "flex"),
    ("safety_settings", [], "safetySettings", None),
]


def sent(given: Any, model: str = MODEL, **settings: Any) -> Any:
    """What a request with these options becomes."""
    asked = request(provider_options={"gemini": given, "other": {"temperature": "x"}})
    return encode(asked, Context(model=model), **settings)


def at(document: Any, path: str) -> Any:
    """The value at a dotted path; `None` where there is none."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


@pytest.mark.parametrize(("name", "value", "path", "expected"), ON_THE_WIRE)
def test_each_option_on_the_wire(name: str, value: Any, path: str, expected: Any) -> None:
    """Each option changes the request at its place and nowhere else."""
    plain, changed = sent({}, base_url=VERTEX), sent({name: value}, base_url=VERTEX)
    assert at(changed, path) == expected
    top, _, below = path.partition(".")
    assert {key: value for key, value in changed.items() if key != top} == {
        key: value for key, value in plain.items() if key != top
    }
    if below:
        kept = {"responseModalities": ["TEXT", "IMAGE"]} | changed[top]
        kept.pop(below.split(".")[0])
        assert kept.items() <= plain[top].items()


def test_every_option_is_tested() -> None:
    """No option can be added without its place on the wire being checked above."""
    assert {name for name, *_ in ON_THE_WIRE} == set(OPTIONS)


def test_options_meet_what_the_core_decided() -> None:
    """An option below `imageConfig` stands beside ratio and tier."""
    context = Context(model=MODEL, size=ResolvedSize(aspect_ratio="1:1", tier="1K"))
    asked = request(provider_options={"gemini": {"person_generation": "ALLOW_NONE"}})
    assert encode(asked, context, base_url=VERTEX)["generationConfig"]["imageConfig"] == {
        "aspectRatio": "1:1",
        "imageSize": "1K",
        "personGeneration": "ALLOW_NONE",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, DEFAULT),
        ({}, DEFAULT),
        ("off", dict.fromkeys(DEFAULT, "OFF")),
        ({"harassment": "block_none"}, {**DEFAULT, "HARASSMENT": "BLOCK_NONE"}),
        (
            {"HARM_CATEGORY_HATE_SPEECH": "OFF", "civic_integrity": "BLOCK_ONLY_HIGH"},
            {**DEFAULT, "HATE_SPEECH": "OFF", "CIVIC_INTEGRITY": "BLOCK_ONLY_HIGH"},
        ),
        (
            [{"category": "harassment", "threshold": "BLOCK_LOW_AND_ABOVE"}],
            {"HARASSMENT": "BLOCK_LOW_AND_ABOVE"},
        ),
    ],
)
def test_safety_settings(value: Any, expected: dict[str, str]) -> None:
    """The defaults hold, one category is changed, or the whole list is given."""
    assert sent({"safety_settings": value})["safetySettings"] == [
        {"category": f"HARM_CATEGORY_{name}", "threshold": threshold}
        for name, threshold in expected.items()
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("temperature", 2.1, "must be a number from 0 to 2, not 2.1"),
        ("temperature", "hot", "must be a number from 0 to 2, not 'hot'"),
        ("temperature", True, "must be a number"),
        ("top_p", -0.1, "must be a number from 0 to 1"),
        ("top_k", 1.5, "must be a whole number"),
        ("top_k", True, "must be a whole number"),
        ("max_output_tokens", 0, "from 1 to"),
        ("thinking_level", "huge", "minimal, low, medium, high, not 'huge'"),
        ("thinking_level", 3, "must be one of"),
        ("thinking_budget", -2, "from -1 to"),
        ("include_thoughts", "yes", "must be true or false"),
        ("media_resolution", "ultra_high", "low, medium, high"),
        ("response_modalities", ["TEXT"], '["TEXT", "IMAGE"] or ["IMAGE"]'),
        ("response_modalities", ["IMAGE", "AUDIO"], '["TEXT", "IMAGE"] or ["IMAGE"]'),
        ("response_modalities", ["IMAGE", "image"], '["TEXT", "IMAGE"] or ["IMAGE"]'),
        ("response_modalities", ["IMAGE", {}], '["TEXT", "IMAGE"] or ["IMAGE"]'),
        ("response_modalities", "IMAGE", "must be a list, and is str"),
        ("system_instruction", " ", "must be a text"),
        ("system_instruction", ["secret words"], "must be a text"),
        ("google_search", {}, "must be true or false"),
        ("service_tier", "gold", "standard, flex, priority"),
        ("safety_settings", {"harm": "OFF"}, "a category must be one of harassment"),
        ("safety_settings", {"harassment": "LOW"}, "a threshold must be one of block_low"),
        ("safety_settings", 5, "must be a list, and is int"),
        ("safety_settings", ["x"], "must be a list of {category, threshold}"),
        ("safety_settings", [{"category": "harassment"}], "must be a list of"),
    ],
)
def test_wrong_values(name: str, value: Any, message: str) -> None:
    """A wrong value is refused before anything is sent: which option, what is allowed."""
    with pytest.raises(InvalidRequestError) as caught:
        sent({name: value})
    assert caught.value.field == f"provider_options.gemini.{name}"
    assert caught.value.message.startswith(f"provider_options.gemini.{name}: ")
    assert message in caught.value.message
    assert "secret words" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("temperatur", "did you mean temperature?"),
        ("topP", "did you mean top_p?"),
        ("zzz", "there is no such option; there are google_search"),
        ("person_generation", "exists on Vertex only"),
    ],
)
def test_unknown_options(name: Any, message: str) -> None:
    """An option that is not there is refused with the one that may be meant."""
    with pytest.raises(UnsupportedOptionError) as caught:
        sent({name: 1})
    assert caught.value.field == f"provider_options.gemini.{name}"
    assert message in caught.value.message


def test_options_of_models_that_do_not_think() -> None:
    """A model that does not think answers a thinking level with an error; we say it first."""
    with pytest.raises(UnsupportedOptionError, match="does not think"):
        sent({"thinking_level": "high"}, model="gemini-2.5-flash-image")


def test_budget_and_level_exclude_each_other() -> None:
    """The service takes one of the two."""
    with pytest.raises(InvalidRequestError, match="either this or thinking_level"):
        sent({"thinking_level": "high", "thinking_budget": 100})


def test_defaults_of_the_configuration() -> None:
    """The configuration's options hold where the request says nothing, and no further."""
    defaults = {"temperature": 0.1, "top_k": 3}
    config = sent({"temperature": 1.5}, options=defaults)["generationConfig"]
    assert (config["temperature"], config["topK"]) == (1.5, 3)
    config = sent({"temperature": None}, options=defaults)["generationConfig"]
    assert "temperature" not in config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", 10**400),
        ("safety_settings", {5: "OFF"}),
        (5, 1),
    ],
)
def test_values_that_only_a_configuration_can_hold(name: Any, value: Any) -> None:
    """What a request refuses to hold is refused among the defaults, too."""
    with pytest.raises(ConfigurationError, match=f"options.{name}: "):
        encode(options={name: value})


def test_options_go_by_the_name_of_the_provider() -> None:
    """Whatever an account is called, its options stand under the provider's name."""
    asked = request(provider_options={"gemini": {"top_k": 1}})
    for name in ("gemini", "home"):
        assert encode(asked, name=name)["generationConfig"]["topK"] == 1
