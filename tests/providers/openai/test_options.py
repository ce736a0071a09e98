"""The provider's own options: each on the wire, none dropped, wrong ones named."""

from __future__ import annotations

from typing import Any

import pytest

from genkit.errors import ConfigurationError, InvalidRequestError, UnsupportedOptionError
from genkit_openai.models import MODELS
from genkit_openai.options import OPTIONS
from tests.providers.openai.support import (
    MODEL,
    document,
    encode,
    form,
    picture,
    provider,
    request,
    texts,
)

# Name, value, model, fields of the request that it needs, value on the wire.
ON_THE_WIRE: list[tuple[str, Any, str, dict[str, Any], Any]] = [
    ("moderation", "low", MODEL, {}, "low"),
    ("moderation", "AUTO", MODEL, {}, "auto"),
    ("output_compression", 0, MODEL, {"output_format": "jpeg"}, 0),
    ("output_compression", 100, MODEL, {"output_format": "webp"}, 100),
    ("safety_identifier", "hash of a name", MODEL, {}, "hash of a name"),
    ("user", "user-1", "dall-e-3", {}, "user-1"),
    ("complexity", "high", "gpt-image-2.6-flare", {}, "high"),
    ("style", "natural", "dall-e-3", {}, "natural"),
    ("response_format", "url", "dall-e-2", {}, "url"),
    ("response_format", "b64_json", "somebody-elses", {}, "b64_json"),
]


@pytest.mark.parametrize(("name", "value", "model", "fields", "expected"), ON_THE_WIRE)
def test_an_option_is_on_the_wire(
    name: str, value: Any, model: str, fields: dict[str, Any], expected: Any
) -> None:
    """Giving an option changes the request by it and by nothing else."""
    plain = document(encode(request(model=model, **fields)))
    given = request(model=model, provider_options={"openai": {name: value}}, **fields)
    assert document(encode(given)) == {**plain, name: expected}


def test_fidelity_is_on_the_wire_of_edits() -> None:
    """How closely pictures are followed is an option of the models that can choose."""
    fields: dict[str, Any] = {"model": "gpt-image-1.5", "references": [picture()]}
    plain = texts(form(encode(request(**fields))))
    options = {"openai": {"input_fidelity": "high"}}
    given = texts(form(encode(request(**fields, provider_options=options))))
    assert given == {**plain, "input_fidelity": "high"}


def test_every_option_is_tested() -> None:
    """An option that is added needs a row above; the form of edits has tests of its own."""
    assert {row[0] for row in ON_THE_WIRE} | {"input_fidelity", "edit_body"} == set(OPTIONS)


def test_every_model_names_options_that_exist() -> None:
    """The table of models and the table of options agree, both ways."""
    named = {name for row in MODELS.values() for name in row.capabilities.options}
    assert named == set(OPTIONS)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"moderaton": "low"}, UnsupportedOptionError, "did you mean moderation?"),
        ({"style": "vivid"}, UnsupportedOptionError, "this model does not have it"),
        ({"input_fidelity": "low"}, UnsupportedOptionError, "this model does not have it"),
        ({"partial_images": 1}, UnsupportedOptionError, "does not stream"),
        ({"stream": True}, UnsupportedOptionError, "does not stream"),
        ({"moderation": "high"}, InvalidRequestError, "must be one of auto, low, not 'high'"),
        ({"moderation": None, "user": 3}, InvalidRequestError, "must be a text"),
        ({"user": "a\nb"}, InvalidRequestError, "no control characters"),
        ({"user": " "}, InvalidRequestError, "1 to 512 characters"),
        ({"output_compression": True}, InvalidRequestError, "whole number from 0 to 100"),
        ({"output_compression": 2**62}, InvalidRequestError, "whole number from 0 to 100"),
        ({"output_compression": 50}, InvalidRequestError, "is for jpeg and webp"),
        ({"edit_body": "json"}, InvalidRequestError, "the request has no picture"),
    ],
)
def test_a_wrong_option_is_refused(
    options: dict[str, Any], kind: type[InvalidRequestError], message: str
) -> None:
    """What is wrong is said with the name of the option, before anything is sent."""
    with pytest.raises(kind, match=message) as caught:
        encode(request(provider_options={"openai": options}))
    assert type(caught.value) is kind
    name = next(name for name, value in options.items() if value is not None)
    assert caught.value.field == f"provider_options.openai.{name}"


def test_none_is_not_given() -> None:
    """`None` takes a default of the configuration back."""
    defaults = {"moderation": "low"}
    assert document(encode(options=defaults))["moderation"] == "low"
    asked = request(provider_options={"openai": {"moderation": None}})
    assert "moderation" not in document(encode(asked, options=defaults))


def test_defaults_that_have_no_meaning_in_a_request_are_left_out() -> None:
    """A default for edits or for JPEG says nothing of other requests; the request's own would."""
    defaults = {"input_fidelity": "high", "output_compression": 50, "edit_body": "json"}
    plain = encode(request(model="gpt-image-1.5"), options=defaults)
    assert document(plain) == document(encode(request(model="gpt-image-1.5")))
    edit = request(model="gpt-image-1.5", references=[picture()], output_format="jpeg")
    sent = document(encode(edit, options=defaults))
    assert (sent["input_fidelity"], sent["output_compression"]) == ("high", 50)


def test_options_of_another_name_are_not_ours() -> None:
    """Options go by the provider's name, whatever the account is called."""
    asked = request(provider_options={"azure": {"moderation": "low"}})
    assert "moderation" not in document(encode(asked, name="azure"))
    asked = request(provider_options={"openai": {"moderation": "low"}})
    assert document(encode(asked, name="azure"))["moderation"] == "low"


def test_wrong_defaults_are_told_when_the_provider_is_made() -> None:
    """A configuration is checked once, not with each request."""
    with pytest.raises(ConfigurationError, match=r"options\.moderation"):
        provider(options={"moderation": "none"})
