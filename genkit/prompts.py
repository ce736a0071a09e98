"""Prompt templates: what stands around a prompt so that the model draws it literally.

A template is text with ``{prompt}``, ``{size}`` and variables of its own in braces. There is no
more to the language: no attributes, indices or formats, so a template cannot reach anything. To
have a name in braces as it is, double them: ``{{name}}``; braces around anything else stand for
themselves. When no size was asked for, a line with ``{size}`` is left out, or says "any size"
where ``{prompt}`` stands on it too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from genkit.errors import ConfigurationError, InvalidRequestError
from genkit.images import parse_aspect_ratio
from genkit.provider import ResolvedSize
from genkit.request import GenerationRequest

__all__ = ["BUILT_IN", "PromptTemplates", "RenderedPrompt", "template_problem", "unwrap"]

_TEXTS = (
    "Render every text exactly as it is written {there}: the same words, spelling, capitals,"
    " digits and punctuation, nothing left out and nothing added."
)
_QUANTITIES = "Take quantities literally: three means exactly three, no more and no fewer."

STRICT = f"""\
Create original art from the description between the two lines.

----------
{{prompt}}
----------

Follow these rules:
1. Create original art. Do not reuse screenshots or existing images, whole or in part.
2. {_TEXTS.format(there="in the description")}
3. {_QUANTITIES}
4. Add nothing that the description does not mention: no further objects, people, text, logos,\
 watermarks, frames or borders.
5. Size of the image: {{size}}. Compose for it and fill it to the edges."""

STRICT_EDIT = f"""\
Work on the given images as the instruction between the two lines says.

----------
{{prompt}}
----------

Follow these rules:
1. The given images are what the instruction is about. Whatever it does not mention stays as it\
 is in them: people and their faces, objects, text, composition, colours and style.
2. {_TEXTS.format(there="in the instruction")}
3. {_QUANTITIES}
4. Add nothing that the instruction does not mention: no further objects, people, text, logos,\
 watermarks, frames or borders.
5. Size of the image: {{size}}."""

STRICT_REFINE = f"""\
Change your last image as the instruction between the two lines says.

----------
{{prompt}}
----------

Follow these rules:
1. Start from your last image. Change what the instruction asks for and nothing else: whatever it\
 does not mention stays exactly as it was.
2. {_TEXTS.format(there="in the instruction")}
3. {_QUANTITIES}
4. Add nothing that the instruction does not mention, and take nothing away.
5. Size of the image: {{size}}."""

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "strict": STRICT,
        "strict-edit": STRICT_EDIT,
        "strict-refine": STRICT_REFINE,
        "plain": "{prompt}",
    }
)
"""The templates that are always there, by name. One of the same name in the configuration
replaces it."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|\{([A-Za-z_]\w*)\}", re.ASCII)
# What looks like the richer placeholders of other template languages, and would be sent as it is.
_MISTAKEN = re.compile(r"\{\{|\{%|\{[\w.\[\]!:<>^+-]*\}", re.ASCII)
_OWN = frozenset({"prompt", "size"})
MAX_VALUE_CHARACTERS = 100_000
"""Characters of the longest value of a variable."""
_RATIO_TOLERANCE = 0.03


@attrs.frozen
class RenderedPrompt:
    """A prompt as it is sent, and the name of the template that made it."""

    text: str = attrs.field(repr=lambda text: f"<{len(text)} characters>")
    template_name: str


def template_problem(name: str, text: object) -> str | None:
    """What is wrong with a template, if anything."""
    if not _NAME.fullmatch(name):
        return "its name must be letters, digits, '.', '_' and '-', at most 64 of them"
    if not isinstance(text, str):
        return f"expected a text, not {type(text).__name__}"
    names = _placeholders(text)
    if "prompt" not in names:
        return "it has no {prompt}, so what is asked for would never be sent"
    if found := _MISTAKEN.search(_PLACEHOLDER.sub("", text)):
        return (
            f"{found.group()!r} is no placeholder; they are {{prompt}}, {{size}} and variables such"
            " as {colour}"
        )
    return None


def unwrap(text: str) -> str:
    """The prompt within `text`, where a built-in template stands around it; else `text`."""
    for template in BUILT_IN.values():
        before, _, after = template.partition("{prompt}")
        # What comes after it is fixed up to the next placeholder.
        after = after.partition("{")[0]
        if before and text.startswith(before) and (end := text.rfind(after)) >= len(before):
            return text[len(before) : end]
    return text


def _custom(templates: Mapping[str, str] | None) -> Mapping[str, str]:
    given = dict(templates or {})
    problems = [
        f"templates.{name}: {problem}"
        for name, text in given.items()
        if (problem := template_problem(name, text)) is not None
    ]
    if problems:
        raise ConfigurationError(problems=tuple(problems))
    return MappingProxyType(given)


@attrs.frozen
class PromptTemplates:
    """The built-in templates and those of the configuration, by name.

    A template may have variants for requests with pictures (``NAME-edit``) and for refinements
    (``NAME-refine``); the one that fits is taken where it is there.

    Raises:
        ConfigurationError: a template is none; every such template is in its `problems`.
    """

    custom: Mapping[str, str] = attrs.field(default=None, converter=_custom)

    @property
    def texts(self) -> Mapping[str, str]:
        """Every template's text by name, those of the configuration before built-in ones."""
        return {**BUILT_IN, **self.custom}

    def render(
        self,
        request: GenerationRequest,
        *,
        strict: bool,
        template: str | None,
        refinement: bool,
        size: ResolvedSize | None,
    ) -> RenderedPrompt:
        """The prompt of `request` as it is sent.

        `template` names the template; without one it is ``strict``, or ``plain`` when `strict` is
        false. `refinement` says that the request continues a conversation. `size` is what the
        model is asked for.

        With `variables`, names in braces in the prompt itself are filled too; without any, a
        prompt is sent as it is, braces and all.

        Raises:
            InvalidRequestError: there is no such template (`field` is ``template``), or variables
                are missing, unused or unfit (`field` is ``variables``); every one is named.
        """
        name = self._choose(template or ("strict" if strict else "plain"), request, refinement)
        text = self.texts[name]
        values = {key: _value(key, value) for key, value in request.variables.items()}
        in_prompt = _placeholders(request.prompt) if values else frozenset[str]()
        _check_variables(values, _placeholders(text) - _OWN, in_prompt, name)
        prompt = _fill(request.prompt, values) if values else request.prompt
        size_text = _size_text(request, size)
        if size_text is None:
            text = _without_size(text)
        values |= {"prompt": prompt, "size": size_text or "any size"}
        return RenderedPrompt(_fill(text, values), name)

    def _choose(self, name: str, request: GenerationRequest, refinement: bool) -> str:
        known = self.texts
        if name not in known:
            raise InvalidRequestError(
                f"template: there is none called {name!r}{_nearest(name, known)}; there are"
                f" {', '.join(sorted(known))}",
                field="template",
            )
        variant = f"{name}-refine" if refinement else f"{name}-edit" if request.images else name
        return variant if variant in known else name


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(found[2] for found in _PLACEHOLDER.finditer(text) if found[2])


def _fill(text: str, values: Mapping[str, str]) -> str:
    def put(found: re.Match[str]) -> str:
        escaped, name = found.groups()
        return f"{{{escaped}}}" if escaped else values[name]

    # What is put in is not looked at again, so a value with braces stays as it is.
    return _PLACEHOLDER.sub(put, text)


def _without_size(text: str) -> str:
    lines = [line for line in text.split("\n") if not _is_about_size(_placeholders(line))]
    return "\n".join(lines)


def _is_about_size(names: frozenset[str]) -> bool:
    return "size" in names and "prompt" not in names


def _value(name: object, value: object) -> str:
    if not isinstance(name, str):
        raise _variables(f"names are texts, not {name!r}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _variables(f"{name}: expected a text or a number, not {type(value).__name__}")
    text = str(value)
    if len(text) > MAX_VALUE_CHARACTERS:
        raise _variables(f"{name}: has {len(text)} characters; at most {MAX_VALUE_CHARACTERS}")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _variables(f"{name}: has a NUL or lone surrogates, which no service can read")
    return text


def _check_variables(
    values: Mapping[str, str],
    in_template: frozenset[str],
    in_prompt: frozenset[str],
    template: str,
) -> None:
    wanted = in_template | in_prompt
    if reserved := sorted(_OWN & values.keys()):
        raise _variables(f"{_list(reserved)} cannot be set: every template has it from the request")
    missing = sorted(wanted - values.keys())
    unused = sorted(values.keys() - wanted)
    if not missing and not unused:
        return
    problems = []
    if missing:
        problems.append(f"missing {_list(missing)}")
    if unused:
        problems.append(
            f"nothing takes {_list(f'{name}{_nearest(name, wanted)}' for name in unused)}"
        )
    known = f"the template {template!r} takes {_list(sorted(in_template)) or 'none'}"
    if in_prompt:
        known += f", the prompt {_list(sorted(in_prompt))} (double the braces to keep them)"
    raise _variables(f"{'; '.join(problems)}; {known}")


def _variables(problem: str) -> InvalidRequestError:
    return InvalidRequestError(f"variables: {problem}", field="variables")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _size_text(request: GenerationRequest, size: ResolvedSize | None) -> str | None:
    """The size in words: pixels as asked of the model or by the caller, and the ratio."""
    used = size or ResolvedSize()
    width, height = (used.width, used.height) if used.width else (request.width, request.height)
    ratio = used.aspect_ratio or request.aspect_ratio
    if width is None or height is None:
        return f"aspect ratio {ratio}" if ratio else None
    pixels = f"{width}x{height} pixels"
    # A ratio that is only the nearest to these pixels would contradict them.
    if ratio and abs(parse_aspect_ratio(ratio) * height / width - 1) < _RATIO_TOLERANCE:
        return f"{pixels}, aspect ratio {ratio}"
    return pixels
