"""What turns a request's fields into what they hold, and what refuses them.

Everything here raises `InvalidRequestError` with the field's name. The converters say in their
signatures what a caller may give; what they get may be anything all the same.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from genkit.conversation import Conversation
from genkit.conversation.messages import check_text
from genkit.errors import InvalidRequestError, brief
from genkit.files import load_image
from genkit.images import Image, parse_aspect_ratio

MAX_PROMPT_CHARACTERS = 1_000_000
MAX_OPTION_DEPTH = 32

ImageInput: TypeAlias = Image | bytes | str | os.PathLike[str]
"""A picture: an `Image`, its bytes, or the path of a file that is read at once."""

Check: TypeAlias = "Callable[[object, attrs.Attribute[Any], Any], None]"


def fail(field: str, problem: str) -> InvalidRequestError:
    """The error about `field`."""
    return InvalidRequestError(f"{field}: {problem}", field=field)


def _image(value: object, field: str) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return Image.from_bytes(bytes(value), field=field)
    if isinstance(value, str) and value.lower().startswith(("http://", "https://", "data:")):
        raise fail(field, "a URL is not fetched; pass the picture's bytes or a file's path")
    if isinstance(value, str | os.PathLike):
        return load_image(value, field=field)
    raise fail(field, f"expected an Image, bytes or a path, not {type(value).__name__}")


def to_optional_image(value: ImageInput | None) -> Image | None:
    """The picture of `input_image`, read and checked."""
    return None if value is None else _image(value, "input_image")


def to_images(value: Sequence[ImageInput] | ImageInput | None) -> tuple[Image, ...]:
    """The pictures of `references`, read and checked; one alone is taken too."""
    given: object = value
    if given is None:
        return ()
    if isinstance(given, Image | bytes | bytearray | memoryview | str | os.PathLike):
        given = (given,)
    if not isinstance(given, list | tuple):
        raise fail("references", f"expected a list of images, not {type(given).__name__}")
    images = []
    for index, item in enumerate(given):
        try:
            images.append(_image(item, "references"))
        except InvalidRequestError as error:
            problem = error.message.removeprefix("references: ")
            raise InvalidRequestError(
                f"references[{index}]: {problem}", field="references"
            ) from None
    return tuple(images)


class Messages(tuple[Mapping[str, Any], ...]):
    """Messages with the conversation that they are, so that they are read only once."""

    conversation: Conversation


def to_messages(value: Sequence[Mapping[str, Any]] | None) -> Messages:
    """The messages of `conversation_history`, read and checked."""
    given: object = () if value is None else value
    if isinstance(given, Messages):
        return given
    if not isinstance(given, list | tuple):
        raise fail("conversation_history", f"expected a list of dicts, not {type(given).__name__}")
    messages = Messages(given)
    messages.conversation = Conversation.from_messages(messages)
    return messages


def to_ratio(value: str | None) -> str | None:
    """The ratio of `aspect_ratio`, without blanks around it."""
    given: object = value
    if given is None:
        return None
    if not isinstance(given, str):
        raise fail("aspect_ratio", f"expected a text such as 16:9, not {brief(given)}")
    parse_aspect_ratio(given)
    return given.strip()


def to_variables(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A copy of `variables`."""
    return _mapping(value, "variables")


def to_metadata(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A copy of `metadata`."""
    return _mapping(value, "metadata")


def to_provider_options(
    value: Mapping[str, Mapping[str, Any]] | None,
) -> Mapping[str, Mapping[str, Any]]:
    """A copy of `provider_options`, checked to be JSON."""
    options = _mapping(value, "provider_options")
    for name, own in options.items():
        if not isinstance(own, Mapping):
            raise fail(
                "provider_options",
                f"[{brief(name)}] must be a mapping of that provider's options,"
                f" not {type(own).__name__}",
            )
        _check_json(own, f"[{brief(name)}]", MAX_OPTION_DEPTH)
    return options


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise fail(field, f"expected a mapping, not {type(value).__name__}")
    for name in value:
        if not isinstance(name, str):
            raise fail(field, f"names are texts, not {brief(name)}")
    return dict(value)


def _check_json(value: object, where: str, levels: int) -> None:
    """Refuse what would not arrive as it was given: JSON has no form for it, or another one."""
    if levels == 0:
        raise fail("provider_options", f"nested more than {MAX_OPTION_DEPTH} levels deep")
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise fail("provider_options", f"{where}: names are texts, not {brief(name)}")
            _check_json_leaf(name, f"{where}: a name")
            _check_json(item, f"{where}[{brief(name)}]", levels - 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_json(item, f"{where}[{index}]", levels - 1)
    else:
        _check_json_leaf(value, where)


def _check_json_leaf(value: object, where: str) -> None:
    if isinstance(value, str):
        check_text(value, f"provider_options: {where}", "provider_options")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise fail("provider_options", f"{where} must be a finite number, not {value!r}")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise fail("provider_options", f"{where} must fit into 64 bits, not {brief(value)}")
    elif value is not None:
        raise fail("provider_options", f"{where} must be a JSON value, not {type(value).__name__}")


def is_number(unit: str, low: float, high: float) -> Check:
    """A check for an optional number over `low` and up to `high`."""

    def check(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise fail(attribute.name, f"expected a number of {unit}, not {brief(value)}")
        # Comparing is all that works for NaN and for integers too large for a float.
        if not low < value <= high:
            raise fail(
                attribute.name,
                f"must be over {low:g} and at most {high:g} {unit}, not {brief(value)}",
            )

    return check


def is_one_of(*allowed: str) -> Check:
    """A check for one of a few words."""

    def check(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value not in allowed:
            raise fail(attribute.name, f"must be one of {', '.join(allowed)}, not {brief(value)}")

    return check


def is_word(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A short text that goes into a header, a URL or a wire field."""
    if value is None:
        return
    if not isinstance(value, str) or not value.strip() or len(value) > 256:
        raise fail(attribute.name, f"expected a text of 1 to 256 characters, not {brief(value)}")
    if not value.isprintable():
        raise fail(attribute.name, f"has control characters: {brief(value)}")


def is_prompt(_request: object, _attribute: attrs.Attribute[Any], value: object) -> None:
    """Check a prompt: there is something in it, and every service can read it."""
    if not isinstance(value, str):
        raise fail("prompt", f"expected a str, not {type(value).__name__}")
    if not value.strip():
        raise fail("prompt", "is empty; say what to draw")
    if len(value) > MAX_PROMPT_CHARACTERS:
        raise fail("prompt", f"has {len(value)} characters; at most {MAX_PROMPT_CHARACTERS}")
    check_text(value, "prompt", "prompt")


def is_integer(low: int, high: int, unit: str = "") -> Check:
    """A check for a whole number from `low` to `high`, of `unit` (with a blank before it)."""
    of_unit = f" of{unit}" if unit else ""

    def check(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise fail(attribute.name, f"expected a whole number{of_unit}, not {brief(value)}")
        if not low <= value <= high:
            raise fail(attribute.name, f"must be from {low} to {high}{unit}, not {brief(value)}")

    return check


def is_flag(_request: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Check an optional yes or no."""
    if value is not None and not isinstance(value, bool):
        raise fail(attribute.name, f"expected true or false, not {brief(value)}")
