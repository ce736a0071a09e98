"""The body of a request that has pictures: a form, or JSON.

A form (``multipart/form-data``) carries pictures as they are. JSON carries them as data URLs, a
third larger and encoded for each attempt, and takes them up to 20 MB of characters instead of 50 MB
of bytes. So a form is the rule. JSON is chosen by the option ``edit_body``, for services that take
nothing else, and by itself for ``moderation``, which forms do not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from genkit.body import Base64, Body, json_body
from genkit.errors import InvalidRequestError
from genkit.images import Image, Mask, suffix_of
from genkit.multipart import FormField, FormFile, multipart_body
from genkit_openai.models import Model

__all__ = ["edit_body"]

MAX_FILE_BYTES = 50 * 1024 * 1024
"""Bytes of the largest picture that is taken as a file."""
MAX_URL_CHARACTERS = 20_971_520
"""Characters of the longest data URL that is taken."""

JSON_ONLY = ("moderation",)
"""Options that only the JSON form of a request has."""


def edit_body(
    fields: Mapping[str, Any],
    images: Sequence[Image],
    mask: Mask | None,
    *,
    row: Model,
    form: Literal["multipart", "json"] | None,
) -> Body:
    """The body of an edit of `images` with these fields. `form` is what the caller wants.

    Raises:
        InvalidRequestError: a picture is larger than the form of the request takes, or an option
            does not exist in the form that is wanted.
        TypeError, ValueError: a text cannot be written as UTF-8.
    """
    json_options = [name for name in JSON_ONLY if name in fields]
    if form == "multipart" and json_options:
        name = json_options[0]
        raise InvalidRequestError(
            f'{name}: edits have this option as JSON only; leave out edit_body="multipart"',
            field=name,
        )
    if form == "json" or (json_options and not row.is_dall_e):
        return _json(fields, images, mask)
    return _form(fields, images, mask)


def _json(fields: Mapping[str, Any], images: Sequence[Image], mask: Mask | None) -> Body:
    document = {**fields, "images": [_reference(image, "references") for image in images]}
    if mask is not None:
        document["mask"] = _reference(mask.image, "mask")
    return json_body(document)


def _reference(image: Image, field: str) -> dict[str, Base64]:
    url = Base64(image, data_url=True)
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidRequestError(
            f"{field}: a picture of {len(image.data)} bytes makes an address of {len(url)}"
            f" characters; as JSON the service takes {MAX_URL_CHARACTERS}. Send a smaller one, or"
            ' as edit_body="multipart"',
            field=field,
        )
    return {"image_url": url}


def _form(fields: Mapping[str, Any], images: Sequence[Image], mask: Mask | None) -> Body:
    parts: list[FormField | FormFile] = [
        FormField(name, str(value)) for name, value in fields.items()
    ]
    # One picture has the plain name, which every host of this wire knows.
    name = "image" if len(images) == 1 else "image[]"
    for number, image in enumerate(images, start=1):
        parts.append(_file(name, image, f"image-{number}", "references"))
    if mask is not None:
        parts.append(_file("mask", mask.image, "mask", "mask"))
    return multipart_body(parts)


def _file(name: str, image: Image, stem: str, field: str) -> FormFile:
    if len(image.data) >= MAX_FILE_BYTES:
        raise InvalidRequestError(
            f"{field}: a picture has {len(image.data)} bytes; the service takes less than"
            f" {MAX_FILE_BYTES}",
            field=field,
        )
    return FormFile(name, image, stem + suffix_of(image.media_type))
