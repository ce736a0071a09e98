"""Requests to Gemini's wire, by example, and what the provider's settings do."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import Any

import pytest

import genkit_gemini
from genkit.errors import ConfigurationError
from genkit.provider import (
    Context,
    ListsModels,
    ProviderSettings,
    ResolvedSize,
)
from genkit_gemini import genkit_providers
from tests.providers.gemini.support import (
    MODEL,
    VERTEX,
    encode,
    picture,
    provider,
    request,
)

SAFETY = [
    {"category": f"HARM_CATEGORY_{name}", "threshold": "BLOCK_MEDIUM_AND_ABOVE"}
    for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
]


def test_smallest_request() -> None:
    """A prompt alone becomes these very bytes."""
    wire = provider().encode(request(), Context(model=MODEL))
    assert wire.body is not None
    assert wire.body.to_bytes() == (
        b'{"contents":[{"role":"user","parts":[{"text":"a banana"}]}],'
        b'"generationConfig":{"responseModalities":["TEXT","IMAGE"]},"safetySettings":['
        b'{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_MEDIUM_AND_ABOVE"},'
        b'{"category":"HARM_CATEGORY_HATE_SPEECH","threshold":"BLOCK_MEDIUM_AND_ABOVE"},'
        b'{"category":"HARM_CATEGORY_SEXUALLY_EXPLICIT","threshold":"BLOCK_MEDIUM_AND_ABOVE"},'
        b'{"category":"HARM_CATEGORY_DANGEROUS_CONTENT","threshold":"BLOCK_MEDIUM_AND_ABOVE"}]}'
    )
    assert wire.method == "POST"
    assert wire.url == (
        "https://generativelanguage.googleapis.com/v1beta/models/"
        "gemini-nano-banana-2.1:generateContent"
    )
    assert wire.body.content_type == "application/json"
    assert wire.auth is not None
    assert (wire.auth.name, wire.auth.prefix) == ("x-goog-api-key", "")
    assert wire.notices == ()


def test_everything_the_core_decides() -> None:
    """Size, seed and references stand where the wire has them, the text before the pictures."""
    first, second = picture(), picture(8, 8, "JPEG")
    size = ResolvedSize(aspect_ratio="16:9", tier="2K")
    sent = encode(
        request(input_image=first, references=[second]),
        Context(model=MODEL, size=size, seed=0),
    )
    assert sent["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
        "seed": 0,
    }
    text, one, two = sent["contents"][0]["parts"]
    assert text == {"text": "a banana"}
    for part, image in ((one, first), (two, second)):
        assert part["inlineData"]["mimeType"] == image.media_type
        assert base64.b64decode(part["inlineData"]["data"], validate=True) == image.data
    assert sent["safetySettings"] == SAFETY


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        (
            MODEL,
            ResolvedSize(aspect_ratio="1:8", tier="4K"),
            {"aspectRatio": "1:8", "imageSize": "4K"},
        ),
        (MODEL, ResolvedSize(aspect_ratio="1:1"), {"aspectRatio": "1:1"}),
        (MODEL, None, None),
        (
            "gemini-2.5-flash-image",
            ResolvedSize(aspect_ratio="3:2", tier="1K"),
            {"aspectRatio": "3:2"},
        ),
        ("gemini-2.0-flash-exp", ResolvedSize(aspect_ratio="3:2", tier="1K"), None),
    ],
)
def test_size(model: str, size: ResolvedSize | None, expected: dict[str, str] | None) -> None:
    """Ratio and tier are sent where the model knows them, and nothing else is."""
    sent = encode(context=Context(model=model, size=size))
    assert sent["generationConfig"].get("imageConfig") == expected


@pytest.mark.parametrize(
    ("model", "in_url"),
    [
        ("models/gemini-3-pro-image", "gemini-3-pro-image"),
        ("publishers/google/models/gemini-3-pro-image", "gemini-3-pro-image"),
        ("../../v1/tuned", "..%2F..%2Fv1%2Ftuned"),
        ("a b?key=c#d", "a%20b%3Fkey%3Dc%23d"),
    ],
)
def test_model_in_the_url(model: str, in_url: str) -> None:
    """A model id is one segment of the path, whatever it holds."""
    wire = provider().encode(request(), Context(model=model))
    assert wire.url.endswith(f"/v1beta/models/{in_url}:generateContent")


def test_headers_and_query_of_the_settings() -> None:
    """What the configuration adds goes with generating and with listing."""
    made = provider(
        base_url="http://127.0.0.1:8080/v1beta/", headers={"X-Team": "art"}, query={"trace": "a b"}
    )
    wire = made.encode(request(), Context(model=MODEL))
    assert wire.url == f"http://127.0.0.1:8080/v1beta/models/{MODEL}:generateContent?trace=a+b"
    assert wire.headers == {"x-team": "art"}
    listing = made.encode_list("next/page")
    assert listing.method == "GET"
    assert listing.body is None
    assert listing.url == (
        "http://127.0.0.1:8080/v1beta/models?trace=a+b&pageSize=100&pageToken=next%2Fpage"
    )
    assert listing.headers == {"x-team": "art"}


def test_vertex() -> None:
    """A Vertex address takes a bearer token, and lists models outside of the project."""
    made = provider(base_url=VERTEX)
    wire = made.encode(request(), Context(model=MODEL))
    assert wire.url == f"{VERTEX}/models/{MODEL}:generateContent"
    assert wire.auth is not None
    assert (wire.auth.name, wire.auth.prefix) == ("authorization", "Bearer ")
    assert made.key_variables == ()
    assert made.encode_list(None).url == (
        "https://aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=100"
    )


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "x-goog-api-key"),
        ({"auth": "bearer"}, "authorization"),
        ({"auth": "key", "base_url": VERTEX}, "x-goog-api-key"),
        ({"base_url": "https://aiplatform.googleapis.com/v1/publishers/google"}, "x-goog-api-key"),
    ],
)
def test_which_header_takes_the_credential(settings: dict[str, str], name: str) -> None:
    """Keys and tokens each have their header; the settings can say which it is."""
    auth = provider(**settings).encode(request(), Context(model=MODEL)).auth
    assert auth is not None
    assert auth.name == name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api": "interactions"}, "api: must be 'generate-content'"),
        ({"base_url": "ftp://example.com"}, "absolute"),
        ({"base_url": "https://example.com/v1?x=1"}, "base_url: must end with its path"),
        ({"query": {"key": "k"}}, "a key travels in a header"),
        ({"headers": {"x": "a\nb"}}, "on one line"),
        ({"options": {"temperatur": 1}}, "did you mean temperature?"),
        ({"options": {"top_k": 0}}, "options.top_k: must be a whole number"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    """A setting that cannot work is refused when the provider is made, by name."""
    with pytest.raises(ConfigurationError) as caught:
        genkit_providers()["gemini"](ProviderSettings(**{"name": "mine", **settings}))
    assert message in caught.value.message
    assert "provider 'mine'" in caught.value.message


def test_all_problems_of_the_settings_are_told_at_once() -> None:
    """Two mistakes are two problems."""
    with pytest.raises(ConfigurationError) as caught:
        provider(api="x", query={"key": "k"})
    assert len(caught.value.problems) == 2


def test_what_the_provider_says_of_itself() -> None:
    """Name, default, keys and models are what the core and the command line go by."""
    made = provider(name="home", api="generate-content")
    assert made.name == "gemini", "the entry point's, not the account's"
    assert made.spec_version == 1
    assert made.default_model == MODEL
    assert made.key_variables == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert made.models()[0] == MODEL
    assert made.stream_decoder(request()) is None
    assert isinstance(made, ListsModels)


def test_importing_the_package_is_light() -> None:
    """Finding the hooks loads neither codec nor emulation; using them gives what they name."""
    program = (
        "import sys, genkit_gemini as g\n"
        "heavy = {'genkit_gemini.codec', 'genkit_gemini.emulation', 'orjson'}\n"
        "assert not heavy & set(sys.modules)\n"
        "from genkit.provider import ProviderSettings\n"
        "made = g.genkit_providers()['gemini'](ProviderSettings(name='gemini'))\n"
        "assert isinstance(made, g.GeminiProvider)\n"
        "assert [emulation.name for emulation in g.genkit_emulations()] == ['gemini']\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.returncode == 0


def test_an_unknown_name_of_the_package() -> None:
    """The package has what it says and nothing else."""
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = genkit_gemini.nothing_here
