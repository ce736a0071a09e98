"""What holds for every test: no network but loopback, no keys and no settings of the machine."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


# A machine that is busy is slow: that is no finding. Where `CI` is set, hypothesis tries the same
# examples every time.
settings.register_profile(
    "genkit", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("genkit")


def pytest_configure(config: pytest.Config) -> None:
    """Leave the environment bare before any test module is imported."""
    patch = pytest.MonkeyPatch()
    home = tempfile.TemporaryDirectory(prefix="genkit-tests-")
    config.add_cleanup(home.cleanup)
    config.add_cleanup(patch.undo)

    for name in list(os.environ):
        is_ours = name.startswith("GENKIT_") and name != "GENKIT_TRAFFIC"
        if is_ours or name in _KEYS or name.upper() in _PROXIES:
            patch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        patch.setenv(name, home.name)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        patch.setenv(name, str(Path(home.name, name.lower())))
    _block_network(patch)


def _block_network(patch: pytest.MonkeyPatch) -> None:
    """Let sockets reach loopback only.

    A name under ``.invalid`` (RFC 6761) is unknown, as it is everywhere. Everything else ends the
    test by `pytest.fail`, which is no `Exception`: code under test cannot take it for a network
    error and go on.
    """

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: socket.socket, *arguments: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _require_loopback(arguments[-1][0])  # `sendto` may have flags before the address
            return method(self, *arguments)

        return call

    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))

    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        _require_loopback(host)
        return resolve(host, *arguments, **options)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _require_loopback(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", "0.0.0.0", "::"):
        return
    assert name is not None
    if name.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    try:
        is_loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        pytest.fail(f"this test reaches for the network: {name}")


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what the command line sets up for its own process: where the log goes."""
    logger = logging.getLogger("genkit")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def traffic() -> Path:
    """The folder of answers that live services gave; skips where it is absent.

    It stands beside the repository, or where the variable ``GENKIT_TRAFFIC`` says.
    """
    folder = Path(os.environ.get("GENKIT_TRAFFIC") or ROOT.parent / "shared" / "traffic")
    if not (folder / "INDEX.md").is_file():
        pytest.skip(f"recorded traffic is not here: no INDEX.md in {folder}")
    return folder
