"""The conformance kit: what a provider has to keep to, as tests that it inherits.

```python
import genkit_acme
from genkit.provider import ProviderSettings
from genkit.testing.conformance import GoldenRequest, ProviderConformance, Success, WireAnswer


class TestConformance(ProviderConformance):
    plugin = genkit_acme
    settings = ProviderSettings(name="acme")
    golden = (GoldenRequest(name="prompt alone", ...),)
    successes = (Success(name="one picture", answers=WireAnswer(body={...})),)
    refusals = (...)
    errors = (...)
```

It needs the extra ``testing`` of the core, and pytest, which finds the class by its name.
"""

from __future__ import annotations

from genkit.testing.conformance.kit import ProviderConformance
from genkit.testing.conformance.overrides import xfail
from genkit.testing.conformance.samples import (
    AbsenceSample,
    ErrorSample,
    FilePart,
    GoldenRequest,
    OptionSample,
    RefusalSample,
    Success,
    WireAnswer,
)

__all__ = [
    "AbsenceSample",
    "ErrorSample",
    "FilePart",
    "GoldenRequest",
    "OptionSample",
    "ProviderConformance",
    "RefusalSample",
    "Success",
    "WireAnswer",
    "xfail",
]
