# The types of what the package gives: one line a module, kept equal by a test.
from genkit.client import (
    Client as Client,
)
from genkit.client import (
    ClientOptions as ClientOptions,
)
from genkit.client import (
    ManyOutcome as ManyOutcome,
)
from genkit.compat import (
    AIGenerationClient as AIGenerationClient,
)
from genkit.conversation import (
    Conversation as Conversation,
)
from genkit.conversation import (
    ImagePart as ImagePart,
)
from genkit.conversation import (
    OpaquePart as OpaquePart,
)
from genkit.conversation import (
    ProviderState as ProviderState,
)
from genkit.conversation import (
    TextPart as TextPart,
)
from genkit.conversation import (
    Turn as Turn,
)
from genkit.errors import (
    AmbiguousError as AmbiguousError,
)
from genkit.errors import (
    AttemptTimeoutError as AttemptTimeoutError,
)
from genkit.errors import (
    AuthenticationError as AuthenticationError,
)
from genkit.errors import (
    BudgetExceededError as BudgetExceededError,
)
from genkit.errors import (
    CircuitOpenError as CircuitOpenError,
)
from genkit.errors import (
    ConfigurationError as ConfigurationError,
)
from genkit.errors import (
    ConflictError as ConflictError,
)
from genkit.errors import (
    ConnectionFailedError as ConnectionFailedError,
)
from genkit.errors import (
    ContentPolicyError as ContentPolicyError,
)
from genkit.errors import (
    DeadlineExceededError as DeadlineExceededError,
)
from genkit.errors import (
    DownloadError as DownloadError,
)
from genkit.errors import (
    ErrorContext as ErrorContext,
)
from genkit.errors import (
    GenerationError as GenerationError,
)
from genkit.errors import (
    GenkitError as GenkitError,
)
from genkit.errors import (
    InvalidRequestError as InvalidRequestError,
)
from genkit.errors import (
    LimiterUnavailableError as LimiterUnavailableError,
)
from genkit.errors import (
    ModelNotFoundError as ModelNotFoundError,
)
from genkit.errors import (
    NoImageError as NoImageError,
)
from genkit.errors import (
    OutputError as OutputError,
)
from genkit.errors import (
    OverloadedError as OverloadedError,
)
from genkit.errors import (
    PermissionDeniedError as PermissionDeniedError,
)
from genkit.errors import (
    PluginError as PluginError,
)
from genkit.errors import (
    QuotaExhaustedError as QuotaExhaustedError,
)
from genkit.errors import (
    RateLimitError as RateLimitError,
)
from genkit.errors import (
    ResponseDecodeError as ResponseDecodeError,
)
from genkit.errors import (
    RetryBudgetExhaustedError as RetryBudgetExhaustedError,
)
from genkit.errors import (
    ServerError as ServerError,
)
from genkit.errors import (
    SessionStateError as SessionStateError,
)
from genkit.errors import (
    UnsupportedOptionError as UnsupportedOptionError,
)
from genkit.files import (
    load_image as load_image,
)
from genkit.hookspecs import (
    hookimpl as hookimpl,
)
from genkit.images import (
    Image as Image,
)
from genkit.images import (
    Mask as Mask,
)
from genkit.planning import (
    Plan as Plan,
)
from genkit.pricing import (
    Estimate as Estimate,
)
from genkit.request import (
    GenerationRequest as GenerationRequest,
)
from genkit.response import (
    Adjustment as Adjustment,
)
from genkit.response import (
    Attempt as Attempt,
)
from genkit.response import (
    GeneratedImage as GeneratedImage,
)
from genkit.response import (
    GenerationResponse as GenerationResponse,
)
from genkit.response import (
    Notice as Notice,
)
from genkit.response import (
    Usage as Usage,
)
from genkit.secrets import (
    Secret as Secret,
)
from genkit.secrets import (
    SecretSource as SecretSource,
)
from genkit.sync import (
    SyncClient as SyncClient,
)

__all__: list[str]
__version__: str
