"""Requests on the wire, settings, and what the provider says of itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import genkit_openai
from genkit.body import Raw
from genkit.conversation import Conversation, TextPart, Turn
from genkit.errors import ConfigurationError, InvalidRequestError
from genkit.images import Image, Mask
from genkit.provider import ListsModels, ProviderSettings, ResolvedSize
from genkit.wire import AuthHeader
from genkit_openai import genkit_providers
from tests.providers.openai.support import (
    AZURE,
    MODEL,
    Part,
    answer,
    context,
    document,
    encode,
    files,
    form,
    picture,
    provider,
    request,
    texts,
)

BEARER = AuthHeader("authorization", "Bearer ")


# -- generations ------------------------------------------------------------------------------


def test_a_plain_request() -> None:
    """The model is always named: left out, the service takes one that it has shut down."""
    wire = encode()
    assert (wire.method, wire.url) == ("POST", "https://api.openai.com/v1/images/generations")
    assert wire.auth == BEARER
    assert wire.body is not None
    assert wire.body.to_bytes() == (b'{"model":"gpt-image-2.5-flare","prompt":"a banana","n":1}')


def test_a_full_request() -> None:
    """Every option of the contract stands under its name on the wire."""
    asked = request(
        quality="high",
        background="transparent",
        output_format="webp",
        provider_options={"openai": {"output_compression": 50, "moderation": "low"}},
    )
    wire = provider().encode(asked, context(size=ResolvedSize(width=1536, height=864), count=3))
    assert document(wire) == {
        "model": MODEL,
        "prompt": "a banana",
        "n": 3,
        "size": "1536x864",
        "quality": "high",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 50,
        "moderation": "low",
    }


def test_neither_seed_nor_conversation_is_sent() -> None:
    """The wire has no place for either; the core says so before."""
    history = Conversation((Turn("user", (TextPart("before"),)),))
    wire = provider().encode(request(), context(seed=7, conversation=history))
    assert document(wire) == document(encode())
    able = provider().capabilities(MODEL)
    assert (able.seed, able.multi_turn) == (False, False)


@pytest.mark.parametrize("model", ["dall-e-2", "dall-e-3"])
def test_the_older_models_are_asked_for_pictures_and_not_addresses(model: str) -> None:
    """They give addresses unless told otherwise; the newer ones refuse the parameter."""
    assert document(encode(request(model=model)))["response_format"] == "b64_json"
    assert "response_format" not in document(encode())


def test_a_transparent_jpeg_is_refused() -> None:
    """What the service refuses for certain is refused before."""
    with pytest.raises(InvalidRequestError) as caught:
        encode(request(background="transparent", output_format="jpeg"))
    assert caught.value.field == "background"


# -- edits ------------------------------------------------------------------------------------


def test_one_picture_goes_as_a_form() -> None:
    """One picture has the plain name, with file name and type; its bytes are not copied."""
    image = picture(kind="JPEG")
    wire = encode(request(references=[image], quality="low"))
    assert wire.url == "https://api.openai.com/v1/images/edits"
    parts = form(wire)
    assert texts(parts) == {
        "model": MODEL,
        "prompt": "a banana",
        "n": "1",
        "quality": "low",
    }
    assert files(parts) == [Part("image", image.data, "image-1.jpg", "image/jpeg")]
    assert wire.body is not None
    assert [part.image for part in wire.body.segments if isinstance(part, Raw)] == [image]


def test_several_pictures_and_a_mask_go_as_a_form() -> None:
    """Several pictures share a name that says so, in order; the mask is the last file."""
    first, second = picture(), picture(kind="WEBP")
    mask = Mask(image=picture(mode="RGBA"))
    parts = form(encode(request(input_image=first, references=[second], mask=mask)))
    assert files(parts) == [
        Part("image[]", first.data, "image-1.png", "image/png"),
        Part("image[]", second.data, "image-2.webp", "image/webp"),
        Part("mask", mask.image.data, "mask.png", "image/png"),
    ]


GOLDEN_FORM = (
    b'--%(b)s\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-image-2.5-flare\r\n'
    b'--%(b)s\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na banana\r\n'
    b'--%(b)s\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n'
    b'--%(b)s\r\nContent-Disposition: form-data; name="image"; filename="image-1.png"\r\n'
    b"Content-Type: image/png\r\n\r\nGIVEN\r\n"
    b"--%(b)s--\r\n"
)


def test_the_bytes_of_a_form() -> None:
    """A form is these bytes, in this order."""
    image = Image(data=b"GIVEN", media_type="image/png", width=1, height=1)
    body = encode(request(references=[image])).body
    assert body is not None
    boundary = body.content_type.removeprefix("multipart/form-data; boundary=").encode()
    assert body.to_bytes() == GOLDEN_FORM % {b"b": boundary}


def test_the_bytes_of_json() -> None:
    """As JSON, pictures are data URLs."""
    image = Image(data=b"GIVEN", media_type="image/png", width=1, height=1)
    asked = request(references=[image], provider_options={"openai": {"edit_body": "json"}})
    body = encode(asked).body
    assert body is not None
    assert body.to_bytes() == (
        b'{"model":"gpt-image-2.5-flare","prompt":"a banana","n":1,'
        b'"images":[{"image_url":"data:image/png;base64,R0lWRU4="}]}'
    )


@pytest.mark.parametrize("how", ["request", "configuration", "moderation"])
def test_json_is_chosen(how: str) -> None:
    """JSON is for hosts that take nothing else, and for the option that forms do not have."""
    mask = Mask(image=picture(mode="RGBA"))
    fields: dict[str, Any] = {"references": [picture(), picture()], "mask": mask}
    settings: dict[str, Any] = {}
    if how == "configuration":
        settings["options"] = {"edit_body": "json"}
    elif how == "request":
        fields["provider_options"] = {"openai": {"edit_body": "json"}}
    else:
        fields["provider_options"] = {"openai": {"moderation": "low"}}
    sent = document(encode(request(**fields), **settings))
    assert [set(reference) for reference in sent["images"]] == [{"image_url"}] * 2
    assert sent["mask"]["image_url"].startswith("data:image/png;base64,")
    assert ("moderation" in sent) == (how == "moderation")
    assert "edit_body" not in sent


def test_an_option_that_forms_do_not_have_is_refused_in_them() -> None:
    """Two wishes that exclude each other are told, and neither is dropped."""
    options = {"edit_body": "multipart", "moderation": "low"}
    asked = request(references=[picture()], provider_options={"openai": options})
    with pytest.raises(InvalidRequestError, match="moderation"):
        encode(asked)


@pytest.mark.parametrize(
    ("form", "length", "field"),
    [("multipart", 50 * 1024 * 1024, "references"), ("json", 15_728_625, "references")],
)
def test_pictures_over_the_limit_are_refused(form: str, length: int, field: str) -> None:
    """Megabytes that the service refuses are not uploaded first."""
    options = {"openai": {"edit_body": form}}

    def ask(size: int) -> None:
        image = Image(data=bytes(size), media_type="image/png", width=1, height=1)
        encode(request(references=[image], provider_options=options))

    ask(length - 1000)
    with pytest.raises(InvalidRequestError, match=r"Send a smaller one|less than") as caught:
        ask(length)
    assert caught.value.field == field


# -- other hosts ------------------------------------------------------------------------------


def test_azure_by_deployment() -> None:
    """A deployment is a base URL; the version is a query and the key has its own header."""
    made = provider(base_url=AZURE, query={"api-version": "2026-05-01"})
    wire = made.encode(request(), context())
    assert wire.url == f"{AZURE}/images/generations?api-version=2026-05-01"
    assert wire.auth == AuthHeader("api-key")
    assert made.key_variables == ("AZURE_OPENAI_API_KEY",)
    listing = made.encode_list(None)
    assert listing.url == "https://mine.openai.azure.com/openai/models?api-version=2026-05-01"


def test_azure_with_a_token() -> None:
    """A token is a bearer; no variable for keys holds one."""
    made = provider(base_url="https://mine.openai.azure.com/openai/v1", auth="bearer")
    wire = made.encode(request(references=[picture()]), context())
    assert wire.url == "https://mine.openai.azure.com/openai/v1/images/edits"
    assert wire.auth == BEARER
    assert made.key_variables == ()


def test_any_other_host() -> None:
    """Another host is a base URL, headers, and how the key travels."""
    made = provider(
        name="proxy",
        base_url="https://proxy.example/v1/",
        auth="key",
        headers={"X-Team": "art"},
        query={"a": "b c"},
    )
    wire = made.encode(request(), context("their-model"))
    assert wire.url == "https://proxy.example/v1/images/generations?a=b+c"
    assert wire.auth == AuthHeader("api-key")
    assert wire.headers == {"x-team": "art"}
    assert document(wire)["model"] == "their-model"
    assert made.key_variables == ("OPENAI_API_KEY",)


# -- settings and the rest --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api": "responses"}, "api: must be 'images'"),
        ({"base_url": "https://a.example/v1?x=y"}, "base_url: must end with its path"),
        ({"base_url": "no address"}, "the URL must be"),
        ({"base_url": "https://[a.example/v1"}, "base_url, headers or query: "),
        ({"query": {"api-key": "k"}}, "a key travels in a header"),
        ({"headers": {"X-A": "a\nb"}}, "on one line"),
        ({"options": {"moderaton": "low"}}, "did you mean moderation?"),
        ({"options": {"output_compression": 101}}, "options.output_compression: must be a whole"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    """A setting that cannot work is refused when the provider is made, by name."""
    with pytest.raises(ConfigurationError) as caught:
        genkit_providers()["openai"](ProviderSettings(**{"name": "mine", **settings}))
    assert message in caught.value.message
    assert "provider 'mine'" in caught.value.message


def test_all_problems_of_the_settings_are_told_at_once() -> None:
    """Two mistakes are two problems."""
    with pytest.raises(ConfigurationError) as caught:
        provider(api="x", query={"key": "k"})
    assert len(caught.value.problems) == 2


def test_what_the_provider_says_of_itself() -> None:
    """Name, default, keys and models are what the core and the command line go by."""
    made = provider(name="mine", api="images")
    assert made.name == "openai"
    assert made.spec_version == 1
    assert made.default_model == MODEL
    assert made.key_variables == ("OPENAI_API_KEY",)
    assert made.models()[0] == MODEL
    assert made.stream_decoder(request()) is None
    assert isinstance(made, ListsModels)


def test_the_service_lists_its_models() -> None:
    """At OpenAI the name says what makes pictures; elsewhere only known names do."""
    rows = [
        {"id": "gpt-image-2", "object": "model", "owned_by": "system"},
        {"id": "gpt-image-9-2030-01-01", "shutdown_date": "2031-01-01"},
        {"id": "gpt-6"},
        {"object": "model"},
        "odd",
    ]
    response = answer({"object": "list", "data": rows})
    listed, page = provider().decode_list(response)
    assert page is None
    assert [(row.id, row.makes_images) for row in listed] == [
        ("gpt-image-2", True),
        ("gpt-image-9-2030-01-01", True),
        ("gpt-6", False),
    ]
    assert listed[0].description == "owned by system"
    assert listed[1].description == "shuts down on 2031-01-01"
    elsewhere, _page = provider(base_url="https://proxy.example").decode_list(response)
    assert [row.makes_images for row in elsewhere] == [True, True, None]
    assert provider().encode_list(None).url == "https://api.openai.com/v1/models"


def test_importing_the_package_is_light() -> None:
    """Finding the hooks loads neither codec nor emulation; using them gives what they name."""
    program = (
        "import sys, genkit_openai as g\n"
        "heavy = {'genkit_openai.codec', 'genkit_openai.emulation', 'orjson'}\n"
        "assert not heavy & set(sys.modules)\n"
        "from genkit.provider import ProviderSettings\n"
        "made = g.genkit_providers()['openai'](ProviderSettings(name='openai'))\n"
        "assert isinstance(made, g.OpenAIProvider)\n"
        "assert [emulation.name for emulation in g.genkit_emulations()] == ['openai']\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""
    assert run.returncode == 0


def test_an_unknown_name_of_the_package() -> None:
    """The package has what it says and nothing else."""
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = genkit_openai.nothing_here
