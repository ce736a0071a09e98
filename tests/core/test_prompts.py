from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import ConfigurationError, InvalidRequestError
from genkit.images import Image
from genkit.prompts import BUILT_IN, PromptTemplates, RenderedPrompt, unwrap
from genkit.provider import ResolvedSize
from genkit.request import GenerationRequest

PROMPT = "A cute cartoon banana mascot waving"


def picture() -> Image:
    """Return a picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return Image.from_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))


def render(
    request: GenerationRequest | str = PROMPT,
    *,
    templates: Mapping[str, str] | None = None,
    strict: bool = True,
    template: str | None = None,
    refinement: bool = False,
    size: ResolvedSize | None = None,
) -> RenderedPrompt:
    """Render a request with these templates."""
    if isinstance(request, str):
        request = GenerationRequest(request)
    return PromptTemplates(templates).render(
        request, strict=strict, template=template, refinement=refinement, size=size
    )


def fill(template: str, prompt: str = PROMPT, **variables: Any) -> str:
    """Return what `template` makes of a prompt and variables."""
    request = GenerationRequest(prompt, variables=variables)
    return render(request, templates={"mine": template}, template="mine").text


class TestBuiltIn:
    def test_strict_is_used_for_new_pictures(self) -> None:
        """A plain request gets the template whose rules were asked for."""
        rendered = render()
        assert rendered.template_name == "strict"
        for rule in (
            "Create original art.",
            "Do not reuse screenshots or existing images",
            "Render every text exactly as it is written",
            "three means exactly three",
            "Add nothing that the description does not mention",
        ):
            assert rule in rendered.text
        assert f"\n{PROMPT}\n" in rendered.text

    def test_pictures_have_a_template_of_their_own(self) -> None:
        """With references, existing images are what it is about, and stay but for the change."""
        rendered = render(GenerationRequest(PROMPT, references=(picture(),)))
        assert rendered.template_name == "strict-edit"
        assert "Create original art" not in rendered.text
        assert "Do not reuse" not in rendered.text
        assert "Whatever it does not mention stays" in rendered.text
        assert "three means exactly three" in rendered.text

    @pytest.mark.parametrize("references", [0, 1])
    def test_refinements_have_a_template_of_their_own(self, references: int) -> None:
        """A refinement speaks of the last image, with new references or without."""
        request = GenerationRequest(PROMPT, references=(picture(),) * references)
        rendered = render(request, refinement=True)
        assert rendered.template_name == "strict-refine"
        assert rendered.text.startswith("Change your last image")

    @pytest.mark.parametrize("refinement", [False, True])
    def test_plain_is_the_prompt_alone(self, refinement: bool) -> None:
        """Without strictness the prompt is sent as it is, spaces and braces and all."""
        prompt = "  {size} {{x}} {%raw%} $HOME {prompt}\n"
        rendered = render(prompt, strict=False, refinement=refinement)
        assert rendered == RenderedPrompt(prompt, "plain")

    @pytest.mark.parametrize("name", sorted(BUILT_IN))
    def test_none_leaves_a_placeholder(self, name: str) -> None:
        """No built-in template sends its own placeholders."""
        text = render(template=name).text
        assert "{" not in text
        assert "  " not in text

    def test_the_rules_survive_a_prompt_with_braces(self) -> None:
        """A prompt that looks like a placeholder is sent literally where no variables are given."""
        prompt = 'JSON {"a": {"b": 1}} and {prompt} {size} {{name}}'
        assert f"\n{prompt}\n" in render(prompt).text

    def test_a_repr_does_not_show_the_prompt(self) -> None:
        """The rendered prompt's repr gives its length only."""
        assert "banana" not in repr(render())


class TestSize:
    @pytest.mark.parametrize(
        ("request_size", "size", "text"),
        [
            ({"width": 1280, "height": 720}, None, "1280x720 pixels"),
            (
                {"width": 1280, "height": 720},
                ResolvedSize(aspect_ratio="16:9", tier="1K"),
                "1280x720 pixels, aspect ratio 16:9",
            ),
            # The nearest ratio that there is contradicts the pixels, which are brought about here.
            (
                {"width": 1000, "height": 700},
                ResolvedSize(aspect_ratio="4:3", tier="1K"),
                "1000x700 pixels",
            ),
            ({"aspect_ratio": "16:9"}, ResolvedSize(aspect_ratio="16:9"), "aspect ratio 16:9"),
            ({"aspect_ratio": "16:9"}, None, "aspect ratio 16:9"),
            (
                {"aspect_ratio": "3:2"},
                ResolvedSize(width=1536, height=1024),
                "1536x1024 pixels, aspect ratio 3:2",
            ),
            (
                {"width": 1000, "height": 1000},
                ResolvedSize(width=1024, height=1024),
                "1024x1024 pixels",
            ),
        ],
    )
    def test_it_is_said(
        self, request_size: dict[str, Any], size: ResolvedSize | None, text: str
    ) -> None:
        """The prompt says the pixels and the ratio, as far as they are known and agree."""
        rendered = render(GenerationRequest(PROMPT, **request_size), size=size)
        assert f"Size of the image: {text}." in rendered.text

    def test_an_unknown_size_leaves_its_line_out(self) -> None:
        """No rule about the size stands there when none was asked for."""
        text = render().text
        assert "Size of the image" not in text
        assert text == text.rstrip()

    def test_a_line_with_the_prompt_stays(self) -> None:
        """A size on the prompt's own line becomes a neutral word, so the prompt is never lost."""
        assert fill("{prompt}, {size}\nSize: {size}") == f"{PROMPT}, any size"


class TestVariables:
    def test_they_are_filled(self) -> None:
        """Texts and numbers take their places, each as often as it stands there."""
        assert (
            fill("{prompt} in {colour}, {n} times, {colour}", colour="red", n=3)
            == f"{PROMPT} in red, 3 times, red"
        )

    def test_values_are_not_read_again(self) -> None:
        """A value or prompt with a placeholder in it stays as it is."""
        assert fill("{prompt} {a} {b}", "x", a="{b} {size}", b="{a}") == "x {b} {size} {a}"

    def test_doubled_braces_keep_a_name(self) -> None:
        """A name in doubled braces is text, in the template and in a filled prompt."""
        assert fill("{{a}} {a} {prompt}", "{{a}} {a}", a="1") == "{a} 1 {a} 1"

    def test_other_braces_stay(self) -> None:
        """Braces around anything but a name are text, in the template and in a filled prompt."""
        text = fill('{"a": {"b": 1}} {prompt} {a}', '{"c": {}} {a b} {0}', a="x")
        assert text == '{"a": {"b": 1}} {"c": {}} {a b} {0} x'

    def test_the_prompt_is_filled_when_variables_are_given(self) -> None:
        """Variables may stand in the prompt alone, with any template."""
        request = GenerationRequest("A {animal}", variables={"animal": "cat"})
        assert "\nA cat\n" in render(request).text

    @pytest.mark.parametrize(
        ("template", "prompt", "variables", "said"),
        [
            ("{prompt} {b} {a}", "x", {}, ["missing a, b", "'mine' takes a, b"]),
            ("{prompt} {b} {a}", "x", {"a": 1}, ["missing b"]),
            ("{prompt}", "A {place}", {"a": 1}, ["missing place", "nothing takes a", "the prompt"]),
            ("{prompt}", "x", {"a": 1}, ["nothing takes a", "'mine' takes none"]),
            ("{prompt} {colour}", "x", {"color": 1}, ["missing colour", "did you mean 'colour'"]),
            ("{prompt}", "x", {"prompt": "y", "size": 1}, ["prompt, size cannot be set"]),
            ("{prompt} {a}", "x", {"a": None}, ["a: expected a text or a number, not NoneType"]),
            ("{prompt} {a}", "x", {"a": True}, ["not bool"]),
            ("{prompt} {a}", "x", {1: "y", "a": "z"}, ["names are texts, not 1"]),
            ("{prompt} {a}", "x", {"a": "\0"}, ["NUL"]),
            ("{prompt} {a}", "x", {"a": "\udcff"}, ["lone surrogates"]),
            ("{prompt} {a}", "x", {"a": "y" * 100_001}, ["100001 characters; at most 100000"]),
        ],
    )
    def test_mistakes_are_said_at_once(
        self, template: str, prompt: str, variables: dict[Any, Any], said: list[str]
    ) -> None:
        """Every missing, unused or unfit variable is in one error about `variables`."""
        with pytest.raises(InvalidRequestError) as caught:
            render(
                GenerationRequest(prompt, variables=variables),
                templates={"mine": template},
                template="mine",
            )
        assert caught.value.field == "variables"
        for words in said:
            assert words in str(caught.value)

    @given(st.text(min_size=1).filter(str.strip), st.just("a") | st.text(), st.text())
    def test_any_texts_give_a_prompt_or_an_error(self, prompt: str, name: str, value: str) -> None:
        """Whatever stands in prompt and variables, there is a prompt or one typed error."""
        try:
            request = GenerationRequest(prompt, variables={name: value})
            text = render(request, templates={"mine": "{prompt} {a}"}, template="mine").text
        except InvalidRequestError:
            return
        assert text.endswith(f" {value}")

    @given(st.text(min_size=1).filter(str.strip))
    def test_a_prompt_without_variables_is_sent_to_the_character(self, prompt: str) -> None:
        """Without variables the prompt stands in the text exactly as given."""
        try:
            request = GenerationRequest(prompt)
        except InvalidRequestError:
            return
        assert f"----------\n{prompt}\n----------" in render(request).text


class TestCustom:
    def test_a_name_chooses(self) -> None:
        """A template of the configuration is used by name, strict or not."""
        for strict in (True, False):
            rendered = render(
                templates={"pixel": "8 bit: {prompt}"}, template="pixel", strict=strict
            )
            assert rendered == RenderedPrompt(f"8 bit: {PROMPT}", "pixel")

    def test_a_built_in_one_can_be_replaced(self) -> None:
        """A template named as a built-in one stands in its place."""
        assert render(templates={"strict": "Exactly: {prompt}"}).text == f"Exactly: {PROMPT}"
        assert render(templates={"strict": "Exactly: {prompt}"}, template="plain").text == PROMPT

    def test_variants_are_found_by_name(self) -> None:
        """A template's variants for pictures and for refinements are taken where they are there."""
        templates = {"a": "a {prompt}", "a-edit": "e {prompt}", "a-refine": "r {prompt}"}
        edit = GenerationRequest(PROMPT, references=(picture(),))
        names = [
            render(templates=templates, template="a").template_name,
            render(edit, templates=templates, template="a").template_name,
            render(edit, templates=templates, template="a", refinement=True).template_name,
            render(edit, templates={"a": "a {prompt}"}, template="a").template_name,
        ]
        assert names == ["a", "a-edit", "a-refine", "a"]

    def test_an_unknown_name_lists_those_there_are(self) -> None:
        """The error is about `template`, suggests the nearest and lists all."""
        with pytest.raises(InvalidRequestError, match=r"did you mean 'strict'") as caught:
            render(templates={"mine": "{prompt}"}, template="stric")
        assert caught.value.field == "template"
        assert "mine, plain, strict, strict-edit, strict-refine" in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a picture", "no {prompt}"),
            ("{{prompt}}", "no {prompt}"),
            ("{prompt} {user.name}", "'{user.name}' is no placeholder"),
            ("{prompt} {0}", "'{0}'"),
            ("{prompt} {}", "'{}'"),
            ("{prompt} {a:>3}", "'{a:>3}'"),
            ("{prompt} {a!r}", "'{a!r}'"),
            ("{prompt} {a[0]}", "'{a[0]}'"),
            ("{prompt} {{ a }}", "'{{'"),
            ("{prompt} {% if a %}", "'{%'"),
            (3, "expected a text, not int"),
        ],
    )
    def test_a_wrong_template_is_an_error_of_configuration(self, text: Any, problem: str) -> None:
        """A template that would not do what it seems to is refused when it is configured."""
        with pytest.raises(ConfigurationError) as caught:
            PromptTemplates({"mine": text})
        [found] = caught.value.problems
        assert found.startswith("templates.mine: ")
        assert problem in found

    def test_all_mistakes_are_said_at_once(self) -> None:
        """Each wrong template has its line, a wrong name included."""
        with pytest.raises(ConfigurationError) as caught:
            PromptTemplates({"a": "x", "b": "{prompt}", "c d": "{prompt}", "": "{prompt}"})
        assert [problem.split(":")[0] for problem in caught.value.problems] == [
            "templates.a",
            "templates.c d",
            "templates.",
        ]

    def test_a_template_cannot_reach_into_values(self) -> None:
        """There is no way from a template to an attribute of anything."""
        with pytest.raises(ConfigurationError):
            PromptTemplates({"evil": "{prompt} {prompt.__class__.__init__.__globals__}"})

    def test_the_given_mapping_can_change_afterwards(self) -> None:
        """Templates are kept as they were given."""
        given = {"mine": "{prompt}"}
        templates = PromptTemplates(given)
        given["mine"] = "broken"
        assert templates.texts["mine"] == "{prompt}"


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_prompt_is_found_in_what_was_made_of_it(name: str) -> None:
    """Unwrapping undoes every built-in template, and leaves other texts alone."""
    prompt = "two\n----------\nlines {size}"
    text = PromptTemplates().render(
        GenerationRequest(prompt, 64, 32), strict=True, template=name, refinement=False, size=None
    )
    assert unwrap(text.text) == prompt
    assert unwrap("as it is") == "as it is"
