"""The provider: requests and answers of Gemini's ``:generateContent``, as pure functions.

Wire: https://ai.google.dev/api/generate-content, and the same on Vertex AI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import attrs

from genkit.errors import ConfigurationError, InvalidRequestError
from genkit.lifted import text_of
from genkit.provider import (
    SPEC_VERSION,
    Capabilities,
    Context,
    ErrorFacts,
    FollowUp,
    ListedModel,
    Outcome,
    ProviderSettings,
    RatioTiers,
    ResolvedSize,
    StreamDecoder,
)
from genkit.request import GenerationRequest
from genkit.response import Notice
from genkit.wire import AuthHeader, WireRequest, WireResponse, json_body
from genkit_gemini import errors
from genkit_gemini.contents import conversation_contents, user_content
from genkit_gemini.decoding import decode_answer
from genkit_gemini.models import DEFAULT_MODEL, IN_SERVICE, MODELS, bare_id, find_model
from genkit_gemini.options import (
    OPTIONS,
    default_safety_settings,
    option_names,
    option_settings,
)
from genkit_gemini.reading import items, read, short_text, unwrap, word

__all__ = ["API", "BASE_URL", "GeminiProvider"]

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
NAME = "gemini"
API = "generate-content"
"""The one API of the service that is spoken here."""

PAGE_SIZE = 100
"""Models asked for on one page of the service's list."""


@attrs.frozen
class GeminiProvider:
    """Gemini's image models, on the Gemini API or, with another base URL, on Vertex AI.

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
            option_settings(self.settings.options, OPTIONS, field="options")
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
        """The entry point's, whatever its accounts are called; states and options go by it."""
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
        """Where the key usually is. None for bearer tokens: a key is no token."""
        return () if self._auth.prefix else ("GEMINI_API_KEY", "GOOGLE_API_KEY")

    @property
    def base_url(self) -> str:
        """What stands before ``/models``."""
        return (self.settings.base_url or BASE_URL).rstrip("/")

    @property
    def _is_vertex(self) -> bool:
        return "/publishers/" in self.base_url

    @property
    def _auth(self) -> AuthHeader:
        # A project's path on Vertex takes OAuth tokens; keys are for its express mode.
        usual = "bearer" if self._is_vertex and "/projects/" in self.base_url else "key"
        if (self.settings.auth or usual) == "bearer":
            return AuthHeader("authorization", "Bearer ")
        return AuthHeader("x-goog-api-key")

    def models(self) -> tuple[str, ...]:
        """Bare ids of the models in service, the default first."""
        return IN_SERVICE

    def capabilities(self, model: str) -> Capabilities:
        """What `model` can do, by the table; unknown ids get the newest family's abilities."""
        row = find_model(model)
        options = option_names(vertex=self._is_vertex, thinking=row.thinks)
        return attrs.evolve(row.capabilities, options=options)

    # -- requests -----------------------------------------------------------------------------

    def encode(self, request: GenerationRequest, context: Context) -> WireRequest:
        """The request for one picture; the same arguments always give the same bytes.

        Raises:
            UnsupportedOptionError: ``provider_options`` of this provider names an option that does
                not exist, or not for this model or backend.
            InvalidRequestError: one of them has a wrong value, or a text cannot be written.
        """
        model = bare_id(context.model)
        row = find_model(model)
        contents, resent = conversation_contents(
            context.conversation, requires_signatures=row.requires_signatures
        )
        document: dict[str, Any] = {
            "contents": [*contents, user_content(request.prompt, request.images)],
            "generationConfig": _generation_config(context, row.capabilities),
            "safetySettings": default_safety_settings(),
        }
        for path, value in self._options(request, context.model).items():
            _place(document, path, value)
        if not document["safetySettings"]:
            del document["safetySettings"]
        try:
            body = json_body(document)
        except TypeError:
            raise InvalidRequestError(
                "conversation: a text or state in it cannot be written as JSON (lone surrogates,"
                " or nested too deeply)",
                field="conversation",
            ) from None
        return WireRequest(
            url=self._url(f"{self.base_url}/models/{quote(model, safe='')}:generateContent"),
            headers=self.settings.headers,
            body=body,
            auth=self._auth,
            notices=_resent_notices(resent, model),
        )

    def encode_list(self, page: str | None) -> WireRequest:
        """The request for a page of the service's models."""
        parameters = {"pageSize": str(PAGE_SIZE)}
        if page is not None:
            parameters["pageToken"] = page
        return WireRequest(
            method="GET",
            url=self._url(self._list_url, parameters),
            headers=self.settings.headers,
            auth=self._auth,
        )

    @property
    def _list_url(self) -> str:
        if not self._is_vertex:
            return f"{self.base_url}/models"
        # Vertex lists a publisher's models outside of any project, and in this version only.
        parts = urlsplit(self.base_url)
        publisher = parts.path.partition("/publishers/")[2]
        return f"{parts.scheme}://{parts.netloc}/v1beta1/publishers/{publisher}/models"

    def _url(self, url: str, parameters: Mapping[str, str] | None = None) -> str:
        query = {**self.settings.query, **(parameters or {})}
        return f"{url}?{urlencode(query)}" if query else url

    def _options(self, request: GenerationRequest, model: str) -> dict[tuple[str, ...], Any]:
        allowed = self.capabilities(model).options
        given = request.provider_options.get(self.name, {})
        return option_settings(
            {**self.settings.options, **given}, allowed, field=f"provider_options.{self.name}"
        )

    # -- answers ------------------------------------------------------------------------------

    def decode(
        self, response: WireResponse, request: GenerationRequest, step: FollowUp | None
    ) -> Outcome | ErrorFacts:
        """What a 2xx answer holds. There are no follow-ups, so `step` is always `None`."""
        return decode_answer(
            response, provider=self.name, model=request.model or self.default_model
        )

    def decode_error(self, response: WireResponse) -> ErrorFacts:
        """What an answer of any other status says."""
        return errors.decode_error(response)

    def decode_list(self, response: WireResponse) -> tuple[tuple[ListedModel, ...], str | None]:
        """The models of a page, and the next page if there is one."""
        document = unwrap(response.document)
        rows = items(document, "models") or items(document, "publisherModels")
        listed = tuple(model for model in map(_listed_model, rows) if model is not None)
        return listed, text_of(read(document, "nextPageToken")) or None

    def stream_decoder(self, request: GenerationRequest) -> StreamDecoder | None:
        """`None`: this provider does not stream."""
        return None


def _generation_config(context: Context, capabilities: Capabilities) -> dict[str, Any]:
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    if image_config := _image_config(context.size, capabilities):
        config["imageConfig"] = image_config
    if context.seed is not None:
        config["seed"] = context.seed
    return config


def _image_config(size: ResolvedSize | None, capabilities: Capabilities) -> dict[str, str]:
    config: dict[str, str] = {}
    rule = capabilities.sizes
    if size is None or not isinstance(rule, RatioTiers):
        return config
    if size.aspect_ratio is not None:
        config["aspectRatio"] = size.aspect_ratio
    # Models of one size answer `imageSize` with an error, even for that size.
    if size.tier is not None and rule.tiers:
        config["imageSize"] = size.tier
    return config


def _place(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put `value` where `path` leads, making the objects on the way."""
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def _resent_notices(turns: int, model: str) -> tuple[Notice, ...]:
    if not turns:
        return ()
    which = "an earlier answer has" if turns == 1 else f"{turns} earlier answers have"
    return (
        Notice(
            "history-resent-as-user",
            f"{which} no thought signature of {model} and went back as the user's own words and"
            " pictures; the model sees them, but not as its own",
        ),
    )


def _listed_model(row: Mapping[str, Any]) -> ListedModel | None:
    name = word(read(row, "name"))
    if name is None:
        return None
    model = bare_id(name)
    methods = read(row, "supportedGenerationMethods")
    makes_images: bool | None = None
    if isinstance(methods, list) and "generateContent" not in methods:
        # Whatever it makes, it does not make it here.
        makes_images = False
    elif model in MODELS:
        makes_images = True
    description = read(row, "description") or read(row, "displayName")
    return ListedModel(
        id=model, description=short_text(description, 500), makes_images=makes_images
    )
