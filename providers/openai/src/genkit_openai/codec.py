"""The provider: requests and answers of OpenAI's Images API, as pure functions.

Wire: https://platform.openai.com/docs/api-reference/images, and the same on other hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs

from genkit.errors import ConfigurationError, InvalidRequestError
from genkit.provider import (
    SPEC_VERSION,
    Capabilities,
    Context,
    ErrorFacts,
    FollowUp,
    ListedModel,
    Outcome,
    ProviderSettings,
    StreamDecoder,
)
from genkit.reading import items, read, word
from genkit.request import GenerationRequest
from genkit.wire import AuthHeader, WireRequest, WireResponse, json_body
from genkit_openai import errors
from genkit_openai.decoding import decode_answer
from genkit_openai.edits import edit_body
from genkit_openai.models import DEFAULT_MODEL, IN_SERVICE, MODELS, Model, find_model
from genkit_openai.options import OPTIONS, applying, option_values

__all__ = ["API", "BASE_URL", "OpenAIProvider"]

NAME = "openai"
BASE_URL = "https://api.openai.com/v1"
API = "images"
"""The one API of the service that is spoken here."""

DEFAULT_FORMAT = "png"
"""The ``output_format`` of a request that names none."""

_AZURE = (".azure.com", ".azure.us", ".azure.cn")
_IMAGE_MODELS = ("gpt-image-", "chatgpt-image-", "dall-e-")


@attrs.frozen
class OpenAIProvider:
    """OpenAI's image models, at OpenAI or, with another base URL, wherever its wire is spoken.

    It follows `genkit.provider.ImageProvider` and `ListsModels`. With one exception its methods
    raise nothing: requests are built strictly, so `encode` refuses a wrong option of its own.

    Raises:
        ConfigurationError: a setting is wrong; the message says which, and what is allowed.
    """

    settings: ProviderSettings

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.settings.api not in (None, API):
            problems.append(f"api: must be {API!r} or left out, not {self.settings.api!r}")
        try:
            option_values(self.settings.options, OPTIONS, field="options")
        except InvalidRequestError as error:
            problems.append(error.message)
        if "?" in self.base_url or "#" in self.base_url:
            problems.append("base_url: must end with its path; parameters go into query")
        try:
            self.encode_list(None)
        except ValueError as error:
            problems.append(f"base_url, headers or query: {error}")
        if problems:
            name = self.settings.name
            raise ConfigurationError(
                problems=tuple(f"provider {name!r}: {problem}" for problem in problems)
            )

    @property
    def name(self) -> str:
        """The entry point's, whatever its accounts are called; ``provider_options`` go by it."""
        return NAME

    @property
    def spec_version(self) -> int:
        """The version of the contract that it was written to."""
        return SPEC_VERSION

    @property
    def default_model(self) -> str:
        """The model used when none is named."""
        return DEFAULT_MODEL

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Where the key usually is; a key of OpenAI's is none of Azure's."""
        if self._is_azure:
            return ("AZURE_OPENAI_API_KEY",) if not self._auth.prefix else ()
        return ("OPENAI_API_KEY",)

    @property
    def base_url(self) -> str:
        """What stands before ``/images``."""
        return (self.settings.base_url or BASE_URL).rstrip("/")

    @property
    def _is_azure(self) -> bool:
        try:
            host = urlsplit(self.base_url).hostname or ""
        except ValueError:
            # It is told as a wrong setting when the provider is made.
            return False
        return host.endswith(_AZURE)

    @property
    def _auth(self) -> AuthHeader:
        # On Azure a bearer is a token of Entra ID; keys have a header of their own.
        usual = "key" if self._is_azure else "bearer"
        if (self.settings.auth or usual) == "key":
            return AuthHeader("api-key")
        return AuthHeader("authorization", "Bearer ")

    def models(self) -> tuple[str, ...]:
        """Ids of the models in service, the default first."""
        return IN_SERVICE

    def capabilities(self, model: str) -> Capabilities:
        """What `model` can do, by the table; unknown ids get the newest family's abilities."""
        return find_model(model).capabilities

    # -- requests -----------------------------------------------------------------------------

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """The request for `context.count` pictures; the same arguments give the same bytes.

        A request with pictures goes to ``/images/edits``, as a form or as JSON; see
        `genkit_openai.edits.edit_body`. Any other goes to ``/images/generations``, as JSON.

        Raises:
            UnsupportedOptionError: ``provider_options`` of this provider names an option that does
                not exist, or not for this model.
            InvalidRequestError: one of them has a wrong value or no meaning in this request, a
                picture is too large, or a transparent background is asked of a JPEG.
        """
        row = find_model(context.model)
        options = self._options(request, row)
        form = options.pop("edit_body", None)
        fields = _fields(request, context, row) | options
        try:
            if request.images:
                body = edit_body(fields, request.images, request.mask, row=row, form=form)
            else:
                body = json_body(fields)
        except (TypeError, ValueError):
            raise InvalidRequestError(
                "prompt: the prompt, the model or an option cannot be written as UTF-8",
                field="prompt",
            ) from None
        return WireRequest(
            url=self._url("/images/edits" if request.images else "/images/generations"),
            headers=self.settings.headers,
            body=body,
            auth=self._auth,
        )

    def encode_list(self, page: str | None) -> WireRequest:
        """The request for the service's models; there is one page."""
        return WireRequest(
            method="GET",
            url=self._url("/models"),
            headers=self.settings.headers,
            auth=self._auth,
        )

    def _url(self, path: str) -> str:
        # Azure lists its models outside of any deployment.
        base = self.base_url.partition("/deployments/")[0] if path == "/models" else self.base_url
        query = self.settings.query
        return f"{base}{path}?{urlencode(query)}" if query else f"{base}{path}"

    def _options(self, request: GenerationRequest, row: Model) -> dict[str, Any]:
        field = f"provider_options.{self.name}"
        given = request.provider_options.get(self.name, {})
        values = option_values(
            {**self.settings.options, **given}, row.capabilities.options, field=field
        )
        return applying(
            values,
            given,
            is_edit=bool(request.images),
            output_format=request.output_format or DEFAULT_FORMAT,
            field=field,
        )

    # -- answers ------------------------------------------------------------------------------

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | FollowUp | ErrorFacts:
        """What a 2xx answer holds; a `FollowUp` for each picture that it only points to."""
        return decode_answer(
            response, request, step, provider=self.name, model=request.model or self.default_model
        )

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """What an answer of any other status says."""
        return errors.decode_error(response)

    def decode_list(self, response: WireResponse) -> tuple[tuple[ListedModel, ...], str | None]:
        """The models; there is one page."""
        rows = items(response.document, "data")
        listed = tuple(model for model in map(self._listed_model, rows) if model is not None)
        return listed, None

    def _listed_model(self, row: object) -> ListedModel | None:
        model = word(read(row, "id"))
        if model is None:
            return None
        owner, shutdown = word(read(row, "owned_by")), word(read(row, "shutdown_date"))
        facts = [f"owned by {owner}"] if owner else []
        facts += [f"shuts down on {shutdown}"] if shutdown else []
        makes_images: bool | None = None
        if model in MODELS or model.startswith(_IMAGE_MODELS):
            makes_images = True
        elif self.base_url == BASE_URL:
            # OpenAI's own image models all go by these names; elsewhere anything may.
            makes_images = False
        return ListedModel(
            id=model, description=", ".join(facts) or None, makes_images=makes_images
        )

    def stream_decoder(self, request: GenerationRequest) -> StreamDecoder | None:
        """`None`: this provider does not stream."""
        return None


def _fields(request: GenerationRequest, context: Context, row: Model) -> dict[str, Any]:
    """What stands in every request, whichever way it is written."""
    if request.background == "transparent" and request.output_format == "jpeg":
        raise InvalidRequestError(
            "background: a JPEG cannot be transparent; ask for output_format png or webp",
            field="background",
        )
    size = context.size
    has_size = size is not None and size.width is not None and size.height is not None
    named: Mapping[str, Any] = {
        # Left out, the service takes a model that it has shut down.
        "model": context.model,
        "prompt": request.prompt,
        "n": context.count,
        "size": f"{size.width}x{size.height}" if size is not None and has_size else None,
        "quality": request.quality,
        "background": request.background,
        "output_format": request.output_format,
        # The older models give an address otherwise; the newer ones refuse the parameter.
        "response_format": "b64_json" if row.is_dall_e else None,
    }
    return {name: value for name, value in named.items() if value is not None}
