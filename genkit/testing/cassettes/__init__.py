"""Cassettes: HTTP traffic recorded once and played in tests, without secrets and without bulk.

```python
with cassette(cassette_path(FOLDER, request.node)):
    response = await client.generate("a red kite")
```

Played, a cassette stands for the service: a request is matched by method, address and body, one
that is not in it fails, and so does one in it that was never made. Recorded, headers are kept by
an allow-list, credentials are taken out of bodies and addresses, and large pictures and signatures
are swapped for tiny ones, in requests and answers alike.
"""

from __future__ import annotations

from importlib.metadata import version


def require_vcrpy(installed: str) -> None:
    """Refuse a release of vcrpy that cannot do what cassettes need.

    Before 8.2.1 it loads a file with an unsafe YAML loader (GHSA-rpj2-4hq8-938g), and before 8.5 it
    cannot record a body that aiohttp sends piece by piece.

    Raises:
        ImportError: the release is too old.
    """
    numbers = [int(number) for number in installed.split(".")[:2] if number.isdigit()]
    if numbers < [8, 5]:
        raise ImportError(f"genkit.testing.cassettes needs vcrpy 8.5 or later, not {installed}")


require_vcrpy(version("vcrpy"))

from genkit.testing.cassettes.audit import audit, provenance_table  # noqa: E402
from genkit.testing.cassettes.files import CassetteError, CassetteFile, Recorded  # noqa: E402
from genkit.testing.cassettes.scrub import ALLOWED_HEADERS  # noqa: E402
from genkit.testing.cassettes.tape import (  # noqa: E402
    CassetteMismatch,
    UnplayedError,
    cassette,
    cassette_path,
)

__all__ = [
    "ALLOWED_HEADERS",
    "CassetteError",
    "CassetteFile",
    "CassetteMismatch",
    "Recorded",
    "UnplayedError",
    "audit",
    "cassette",
    "cassette_path",
    "provenance_table",
]
