# The types of what the package gives: one line a module, kept equal by a test.
from genkit.client import (
    Client as Client,
    ClientOptions as ClientOptions,
    ManyOutcome as ManyOutcome,
)
from genkit.compat import (
    AIGenerationClient as AIGenerationClient,
)
from genkit.conversation import (
    Conversation as Conversation,
    ImagePart as ImagePart,
    OpaquePart as OpaquePart,
    ProviderState as ProviderState,
    TextPart as TextPart,
    Turn as Turn,
)
from genkit.errors import (
    AmbiguousError as AmbiguousError,
    AttemptTimeoutError as AttemptTimeoutError,
    AuthenticationError as AuthenticationError,
    BudgetExceededError as BudgetExceededError,
    CircuitOpenError as CircuitOpenError,
    ConfigurationError as ConfigurationError,
    ConflictError as ConflictError,
    ConnectionFailedError as ConnectionFailedError,
    ContentPolicyError as ContentPolicyError,
    DeadlineExceededError as DeadlineExceededError,
    DownloadError as DownloadError,
    ErrorContext as ErrorContext,
    GenerationError as GenerationError,
    GenkitError as GenkitError,
    InvalidRequestError as InvalidRequestError,
    LimiterUnavailableError as LimiterUnavailableError,
    ModelNotFoundError as ModelNotFoundError,
    NoImageError as NoImageError,
    OutputError as OutputError,
    OverloadedError as OverloadedError,
    PermissionDeniedError as PermissionDeniedError,
    PluginError as PluginError,
    QuotaExhaustedError as QuotaExhaustedError,
    RateLimitError as RateLimitError,
    ResponseDecodeError as ResponseDecodeError,
    RetryBudgetExhaustedError as RetryBudgetExhaustedError,
    ServerError as ServerError,
    SessionStateError as SessionStateError,
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
    Attempt as Attempt,
    GeneratedImage as GeneratedImage,
    GenerationResponse as GenerationResponse,
    Notice as Notice,
    Usage as Usage,
)
from genkit.secrets import (
    Secret as Secret,
    SecretSource as SecretSource,
)
from genkit.sync import (
    SyncClient as SyncClient,
)

__version__: str
