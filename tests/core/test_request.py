"""What is asked for: every field's bad values, refused by name before anything is sent."""

from __future__ import annotations

import base64
import copy
import math
import pickle
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.conversation import Conversation, ImagePart, TextPart, Turn
from genkit.errors import GenkitError, InvalidRequestError
from genkit.images import Image, Mask
from genkit.request import GenerationRequest, RequestFields
from tests.core.samples import jpeg, picture, png, png_header

HISTORY: list[dict[str, Any]] = [
    {"role": "user", "text": "secret banana"},
    {"role": "model", "image_data": base64.b64encode(png()).decode(), "thought_signature": b"x"},
    {"role": "user", "text": ""},
]

HUGE = 10**5000
"""An integer that Python refuses to write out."""


def refused(**fields: Any) -> InvalidRequestError:
    """The error that a request with these fields gives."""
    with pytest.raises(InvalidRequestError) as caught:
        GenerationRequest(**{"prompt": "a banana", **fields})
    error = caught.value
    assert type(error) is InvalidRequestError
    assert error.field is not None
    assert str(error).startswith(error.field)
    assert len(str(error)) < 500
    return error


def test_defaults() -> None:
    """A prompt is enough, and says nothing of anything else."""
    request = GenerationRequest("a banana")
    given_fields = attrs.asdict(request, recurse=False)
    assert given_fields == {
        "prompt": "a banana",
        "n": 1,
        "fit": "none",
        "references": (),
        "conversation_history": (),
        "variables": {},
        "provider_options": {},
        "metadata": {},
    } | {name: None for name, value in given_fields.items() if value is None}
    assert request.images == ()
    assert request.history() == Conversation()


def test_positional_order() -> None:
    """Programs exist that give the first seven by position, in this order."""
    history = [{"role": "user", "text": "a"}]
    request = GenerationRequest("p", 640, 480, "gemini:x", 7, png(), history)
    assert (request.prompt, request.width, request.height) == ("p", 640, 480)
    assert (request.model, request.seed) == ("gemini:x", 7)
    assert request.input_image == picture()
    assert list(request.conversation_history) == history
    with pytest.raises(TypeError, match="positional"):
        GenerationRequest("p", 640, 480, "m", 7, None, [], "16:9")  # type: ignore[call-arg]


def test_unknown_field() -> None:
    """A field that is misspelt is Python's own error, as everywhere."""
    with pytest.raises(TypeError, match="heigth"):
        GenerationRequest("p", heigth=5)  # type: ignore[call-arg]


def test_keyword_type_names_every_field() -> None:
    """The type of the keyword arguments has exactly the fields but the prompt, in order."""
    names = [field.name for field in attrs.fields(GenerationRequest)]
    assert ["prompt", *get_type_hints(RequestFields)] == names


BAD_VALUES: list[tuple[str, Any, str]] = [
    # prompt
    ("prompt", "", "is empty"),
    ("prompt", "  \n\t\u3000", "is empty"),
    ("prompt", None, "expected a str, not NoneType"),
    ("prompt", 5, "expected a str, not int"),
    ("prompt", b"secret", "expected a str, not bytes"),
    ("prompt", ["secret"], "expected a str, not list"),
    ("prompt", "secret\0", "NUL"),
    ("prompt", "secret\ud800", "lone surrogates"),
    ("prompt", "secret" * 200_000, "has 1200000 characters; at most 1000000"),
    # model, quality, background, output_format, template
    *(
        (field, value, said)
        for field in ("model", "quality", "background", "output_format", "template")
        for value, said in [
            ("", "1 to 256 characters, not ''"),
            ("  ", "1 to 256 characters, not '  '"),
            ("x" * 257, "1 to 256 characters, not 'xxx"),
            ("a\nb", r"control characters: 'a\nb'"),
            ("a\r\nx-evil: 1", "control characters"),
            ("a\0", "control characters"),
            ("\x1b[2J", "control characters"),
            ("a\u202eb", "control characters"),
            ("\ud800", "control characters"),
            (5, "not 5"),
            (True, "not True"),
            (b"secret", "not bytes"),
            ({"secret": 1}, "not dict"),
        ]
    ),
    # width, height
    *(
        (field, value, said)
        for field in ("width", "height")
        for value, said in [
            (0, "must be from 1 to 16384 pixels, not 0"),
            (-512, "not -512"),
            (16385, "not 16385"),
            (HUGE, "an integer of 16610 bits"),
            (-HUGE, "an integer of 16610 bits"),
            (512.0, "expected a whole number of pixels, not 512.0"),
            (math.nan, "not nan"),
            (math.inf, "not inf"),
            ("512", "not '512'"),
            (True, "not True"),
            (b"512", "not bytes"),
            ([512], "not list"),
        ]
    ),
    # seed
    ("seed", 2**31, "must be from -2147483648 to 2147483647, not 2147483648"),
    ("seed", -(2**31) - 1, "not -2147483649"),
    ("seed", HUGE, "an integer of 16610 bits"),
    ("seed", 1.0, "expected a whole number, not 1.0"),
    ("seed", math.nan, "not nan"),
    ("seed", "7", "not '7'"),
    ("seed", False, "not False"),
    # n
    ("n", 0, "must be from 1 to 64, not 0"),
    ("n", -1, "not -1"),
    ("n", 65, "not 65"),
    ("n", HUGE, "an integer"),
    ("n", None, "expected a whole number, not None"),
    ("n", 2.0, "not 2.0"),
    ("n", True, "not True"),
    ("n", "2", "not '2'"),
    # timeout, deadline
    *(
        (field, value, said)
        for field in ("timeout", "deadline")
        for value, said in [
            (0, "must be over 0 and at most 86400 seconds, not 0"),
            (0.0, "not 0.0"),
            (-1, "not -1"),
            (86400.5, "not 86400.5"),
            (math.nan, "not nan"),
            (math.inf, "not inf"),
            (-math.inf, "not -inf"),
            (HUGE, "an integer of 16610 bits"),
            ("60", "expected a number of seconds, not '60'"),
            (True, "not True"),
            ([60], "not list"),
        ]
    ),
    # max_cost
    ("max_cost", 0, "must be over 0 and at most 1e+06 USD, not 0"),
    ("max_cost", -0.01, "not -0.01"),
    ("max_cost", math.nan, "not nan"),
    ("max_cost", math.inf, "not inf"),
    ("max_cost", HUGE, "an integer of 16610 bits"),
    ("max_cost", "1", "expected a number of USD, not '1'"),
    ("max_cost", True, "not True"),
    # aspect_ratio
    *(
        ("aspect_ratio", value, said)
        for value, said in [
            ("", "not of the form WIDTH:HEIGHT, such as 16:9"),
            ("wide", "'wide' is not of the form"),
            ("16/9", "not of the form"),
            ("0:1", "not of the form"),
            ("1:0", "not of the form"),
            ("-1:1", "not of the form"),
            ("1.5:1", "not of the form"),
            ("1:" + "9" * 9999, "not of the form"),
            ("16:9\x1b[2J", "not of the form"),
            (1.777, "expected a text such as 16:9, not 1.777"),
            ((16, 9), "not tuple"),
        ]
    ),
    # fit, adapt, strict
    ("fit", "stretch", "must be one of none, crop, pad, resize, not 'stretch'"),
    ("fit", None, "not None"),
    ("fit", ["crop"], "not list"),
    ("fit", True, "not True"),
    ("adapt", "ignore", "must be 'adjust' or 'refuse', not 'ignore'"),
    ("adapt", ["adjust"], "not list"),
    ("adapt", False, "not False"),
    ("strict", "yes", "expected true or false, not 'yes'"),
    ("strict", 1, "not 1"),
    # input_image
    *(
        ("input_image", value, said)
        for value, said in [
            (b"", "0 bytes are not a picture"),
            (b"<svg/>", "they look like SVG"),
            (png()[:-3], "is cut"),
            (png_header(65535, 65535), "at most 50 megapixels"),
            ("", "cannot read"),
            ("missing.png", "cannot read 'missing.png': No such file"),
            (Path("missing.png"), "cannot read 'missing.png': No such file"),
            ("a\0b", "cannot read"),
            (".", "it is a folder"),
            ("https://example.com/a.png", "a URL is not fetched; pass the picture's bytes"),
            ("HTTP://example.com/a.png", "a URL is not fetched"),
            ("data:image/png;base64,secret", "a URL is not fetched"),
            (base64.b64encode(png(64, 64)).decode(), "cannot read"),
            (5, "expected an Image, bytes or a path, not int"),
            ([png()], "not list"),
            (object(), "not object"),
        ]
    ),
    # references
    ("references", 5, "expected a list of images, not int"),
    ("references", {"a": png()}, "not dict"),
    ("references", {png()}, "not set"),
    ("references", [png(), b"secret"], "[1]: these 6 bytes are not a picture"),
    ("references", [png(), "missing.png"], "[1]: cannot read 'missing.png'"),
    ("references", (png(), None), "[1]: expected an Image, bytes or a path, not NoneType"),
    ("references", ["https://example.com/a.png"], "[0]: a URL is not fetched"),
    # mask
    ("mask", png(), "expected a Mask, not bytes"),
    ("mask", picture(), "expected a Mask, not Image"),
    ("mask", Mask(image=picture()), "there is no image that it could belong to"),
    # conversation_history
    *(
        ("conversation_history", value, said)
        for value, said in [
            ("secret", "expected a list of dicts, not str"),
            ({"role": "user"}, "not dict"),
            (5, "not int"),
            (["secret"], "[0]: expected a dict"),
            ([{"role": "user", "text": "a"}, {"role": "x"}], "[1].role: must be 'user' or 'model'"),
            ([{"role": "user", "txt": "a"}], "[0]: unknown key 'txt'"),
            ([{"role": "user", "text": 5}], "[0].text: expected a str"),
            ([{"role": "user", "image_data": b"secret"}], "[0].image_data: these"),
        ]
    ),
    # conversation
    ("conversation", [], "expected a Conversation, not list; a list of dicts goes into"),
    ("conversation", Turn("user", ()), "expected a Conversation, not Turn"),
    (
        "conversation",
        Conversation((Turn("user", ()), Turn("model", (TextPart("secret\ud800"),)))),
        "turn 2: has lone surrogates",
    ),
    # variables, metadata
    *(
        (field, value, said)
        for field in ("variables", "metadata", "provider_options")
        for value, said in [
            ("secret", "expected a mapping, not str"),
            ([("secret", 1)], "expected a mapping, not list"),
            (5, "expected a mapping, not int"),
            ({5: {}}, "names are texts, not 5"),
            ({b"secret": {}}, "names are texts, not bytes"),
        ]
    ),
    # provider_options
    *(
        ("provider_options", value, said)
        for value, said in [
            ({"gemini": "secret"}, "['gemini'] must be a mapping of that provider's options"),
            ({"gemini": None}, "['gemini'] must be a mapping"),
            ({"gemini": {"a": math.nan}}, "['gemini']['a'] must be a finite number, not nan"),
            ({"gemini": {"a": [1, math.inf]}}, "['gemini']['a'][1] must be a finite number"),
            ({"gemini": {"a": HUGE}}, "['a'] must fit into 64 bits, not an integer of 16610 bits"),
            ({"gemini": {"a": 2**63}}, "must fit into 64 bits"),
            ({"gemini": {"a": b"secret"}}, "['gemini']['a'] must be a JSON value, not bytes"),
            ({"gemini": {"a": {1, 2}}}, "must be a JSON value, not set"),
            ({"gemini": {"a": object()}}, "must be a JSON value, not object"),
            ({"gemini": {"a": {5: 1}}}, "['gemini']['a']: names are texts, not 5"),
            ({"gemini": {"a": "secret\ud800"}}, "['gemini']['a']: has lone surrogates"),
            ({"gemini": {"a\0": 1}}, "['gemini']: a name: has a NUL"),
        ]
    ),
]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    BAD_VALUES,
    ids=[f"{field}-{number}" for number, (field, _value, _said) in enumerate(BAD_VALUES)],
)
def test_bad_values(field: str, value: object, said: str) -> None:
    """Each bad value is refused by its field's name, with what was given and what is allowed."""
    error = refused(**{field: value})
    assert error.field == field
    assert said in str(error)
    assert "secret" not in str(error)


def test_options_nested_without_end() -> None:
    """Options that hold themselves are refused before Python's stack ends."""
    options: dict[str, Any] = {}
    options["again"] = options
    assert "nested more than 32 levels" in str(refused(provider_options={"gemini": options}))


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"width": 512}, "height", "width and height go together"),
        ({"height": 512}, "width", "width and height go together"),
        ({"width": 5, "height": 5, "aspect_ratio": "1:1"}, "aspect_ratio", "either width and"),
        ({"fit": "crop"}, "fit", "'crop' needs width and height"),
        ({"fit": "pad", "aspect_ratio": "1:1"}, "fit", "'pad' needs width and height"),
        (
            {"conversation": Conversation(), "conversation_history": HISTORY},
            "conversation_history",
            "give either this or conversation",
        ),
        (
            {"input_image": png(), "mask": Mask(image=picture(8, 8))},
            "mask",
            "has 8x8 pixels, its image 24x16; they must be equal",
        ),
        (
            {"references": [png(8, 8), png()], "mask": Mask(image=picture())},
            "mask",
            "has 24x16 pixels, its image 8x8",
        ),
    ],
)  # fmt: skip
def test_fields_that_do_not_go_together(fields: dict[str, Any], field: str, said: str) -> None:
    """Fields that contradict each other are refused with what to do."""
    error = refused(**fields)
    assert error.field == field
    assert said in str(error)


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 1, "height": 16384},
        {"width": 512, "height": 512, "fit": "resize"},
        {"aspect_ratio": "21:9"},
        {"seed": 0},
        {"seed": -(2**31)},
        {"seed": 2**31 - 1, "n": 64},
        {"timeout": 0.001, "deadline": 86400},
        {"max_cost": 0.0001},
        {"strict": False},
        {"adapt": "refuse"},
        {"model": "gemini:models/ü-1"},
        {"variables": {"name": object()}},
        {"metadata": {"anything": object()}},
        {"provider_options": {"gemini": {"a": [1, {"b": None}], "c": 2**63 - 1, "d": 1.5}}},
        {"mask": Mask(image=picture()), "input_image": png(), "references": [png(8, 8)]},
        {"mask": Mask(image=picture()), "references": png()},
    ],
)
def test_good_values(fields: dict[str, Any]) -> None:
    """The ends of every range are in it."""
    request = GenerationRequest("a banana", **fields)
    for name in ("width", "height", "seed", "timeout", "max_cost", "strict", "adapt", "model"):
        assert getattr(request, name) == fields.get(name)


@pytest.mark.parametrize("name", ["variables", "metadata", "provider_options", "references"])
def test_none_is_nothing(name: str) -> None:
    """`None` where a collection is due means an empty one."""
    nothing: dict[str, Any] = {name: None}
    assert len(getattr(GenerationRequest("p", **nothing), name)) == 0
    assert GenerationRequest("p", conversation_history=None).conversation_history == ()


def test_prompts_of_any_script() -> None:
    """A prompt is kept to the character, line breaks and blanks around it too."""
    prompt = ' \n"Ein Bär", 世界 🎨 \u200d\x1b '
    assert GenerationRequest(prompt).prompt == prompt


def test_aspect_ratio_is_without_blanks() -> None:
    """Blanks around a ratio are no part of it."""
    assert GenerationRequest("p", aspect_ratio=" 16:9 ").aspect_ratio == "16:9"


def test_pictures_in_every_form(tmp_path: Path) -> None:
    """A picture may be a value, bytes or a path, alone or in a list, and is read at once."""
    path = tmp_path / "a.png"
    path.write_bytes(png())
    forms: list[Any] = [picture(), png(), bytearray(png()), memoryview(png()), path, str(path)]
    requests = [GenerationRequest("p", input_image=form, references=form) for form in forms]
    requests.append(GenerationRequest("p", input_image=png(), references=[str(path)]))
    requests.append(GenerationRequest("p", input_image=png(), references=(path,)))
    path.unlink()
    for request in requests:
        assert request.input_image == picture()
        assert request.references == (picture(),)
        assert request.images == (picture(), picture())


def test_images_in_order() -> None:
    """The picture to edit comes before the references."""
    request = GenerationRequest(
        "p", input_image=png(1, 1), references=[png(2, 2), png(3, 3), jpeg(4, 4)]
    )
    assert [image.width for image in request.images] == [1, 2, 3, 4]


def test_history_from_messages() -> None:
    """Messages are read when the request is made; asking for the history cannot fail."""
    request = GenerationRequest("p", conversation_history=HISTORY)
    assert request.history().turns == (
        Turn("user", (TextPart("secret banana"),)),
        Turn("model", (ImagePart(picture()),)),
    )
    assert request.conversation_history == tuple(HISTORY)


def test_history_is_read_once() -> None:
    """Copies of a request, made by the core at every step, do not decode the pictures again."""
    request = GenerationRequest("p", conversation_history=HISTORY)
    history = request.history()
    assert request.history() is history
    assert attrs.evolve(request, prompt="q").history() is history


def test_history_does_not_follow_the_callers_list() -> None:
    """What happens to the caller's list afterwards does not change the request."""
    messages = [{"role": "user", "text": "a"}]
    request = GenerationRequest("p", conversation_history=messages)
    messages.append({"role": "nobody"})
    messages[0]["text"] = "b"
    assert request.history() == Conversation((Turn("user", (TextPart("a"),)),))
    assert len(request.conversation_history) == 1


def test_history_from_a_conversation() -> None:
    """A conversation is the history as it is, with an empty list beside it too."""
    conversation = Conversation((Turn("user", (TextPart("a"),)),))
    nothings: list[Any] = [None, [], ()]
    for nothing in nothings:
        request = GenerationRequest("p", conversation=conversation, conversation_history=nothing)
        assert request.history() is conversation


def full_request() -> GenerationRequest:
    """A request with something in every field that may go with the others."""
    return GenerationRequest(
        "secret prompt",
        640,
        480,
        "gemini:m",
        7,
        png(),
        HISTORY,
        references=[jpeg()],
        mask=Mask(image=picture()),
        n=2,
        quality="high",
        variables={"name": "secret variable"},
        provider_options={"gemini": {"negative": "secret option"}},
        metadata={"note": "secret note"},
    )


def test_repr_shows_no_content() -> None:
    """A request in a log shows its shape: no prompt, no texts, no pictures, no options' values."""
    shown = repr(full_request())
    assert "secret" not in shown
    assert "PNG" not in shown
    assert "iVBOR" not in shown
    assert "prompt=<13 characters>" in shown
    assert "width=640" in shown
    assert "conversation_history=<3 messages>" in shown
    assert "provider_options={'gemini': ['negative']}" in shown
    conversation = Conversation((Turn("user", (TextPart("secret"), ImagePart(picture()))),))
    shown = repr(GenerationRequest("secret", conversation=conversation))
    assert "secret" not in shown
    assert len(shown) < 2000


def test_is_a_value() -> None:
    """Requests are equal by their fields, immutable, and survive copies and pickles."""
    request = full_request()
    for other in (
        full_request(),
        copy.copy(request),
        copy.deepcopy(request),
        pickle.loads(pickle.dumps(request)),
    ):
        assert other == request
        assert other.history() == request.history()
    assert GenerationRequest("other") != request
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.prompt = "other"  # type: ignore[misc]


def test_evolve() -> None:
    """A changed copy keeps the rest and is checked again."""
    request = full_request()
    changed = attrs.evolve(request, prompt="other", n=1)
    assert (changed.prompt, changed.n) == ("other", 1)
    assert attrs.evolve(changed, prompt=request.prompt, n=2) == request
    with pytest.raises(InvalidRequestError, match="is empty"):
        attrs.evolve(request, prompt="")
    with pytest.raises(InvalidRequestError, match="there is no image"):
        attrs.evolve(request, input_image=None, references=())


def test_mappings_are_the_requests_own() -> None:
    """What happens to the caller's mappings afterwards does not change the request."""
    options: dict[str, Any] = {"gemini": {"a": 1}}
    request = GenerationRequest("p", provider_options=options, metadata=options)
    options["openai"] = {}
    assert list(request.provider_options) == list(request.metadata) == ["gemini"]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=2)
    ),
    max_leaves=4,
)
all_fields = [field.name for field in attrs.fields(GenerationRequest)]


@given(st.dictionaries(st.sampled_from(all_fields), anything, max_size=3))
def test_anything_is_a_request_or_refused(fields: dict[str, Any]) -> None:
    """Whatever is given, there is a request or one error that names a field."""
    try:
        request = GenerationRequest(**{"prompt": "a banana", **fields})
    except GenkitError as error:
        named = getattr(error, "field", None)
        if named not in all_fields:
            raise
        return
    assert isinstance(repr(request), str)
    assert attrs.evolve(request) == request or "nan" in repr(fields)


def test_images_of_subclasses() -> None:
    """A picture that a model made is given on as it is."""
    image = Image.from_bytes(png())
    assert GenerationRequest("p", input_image=image).input_image is image
