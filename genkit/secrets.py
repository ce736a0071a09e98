"""Keys: a type that does not show itself, and the sources that keys come from."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import re
import shlex
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

import attrs

from genkit.errors import (
    AuthenticationError,
    ConfigurationError,
    GenkitError,
    InvalidRequestError,
)
from genkit.files import read_regular_file

__all__ = ["Secret", "SecretSource"]

MASK = "Secret(***)"

COMMAND_SECONDS = 30.0
"""Seconds that a `command:` may take."""
CACHE_SECONDS = 300.0
"""Seconds for which what a file or a command gave is used again; tokens renew behind it."""
MAX_SECRET_BYTES = 64 * 1024
"""Bytes of the largest key that is accepted."""

ADVICE = "write env:NAME (an environment variable), file:PATH or command:PROGRAM ARGUMENTS"

_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LOG = logging.getLogger("genkit")


class Secret:
    """A key. Only `reveal` gives it; printing, logging and formatting show ``Secret(***)``.

    It can be neither pickled nor written as JSON, and copies of it are itself. Two secrets are
    compared in constant time; they cannot be hashed.

    Raises:
        ValueError: the text cannot travel in a header (empty, line breaks, control characters,
            characters beyond Latin-1) or is larger than 64 KiB.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        problem = _problem(value)
        if problem is not None:
            del value  # so that a traceback that prints local variables does not show it
            raise ValueError(f"the key {problem}")
        self._value = value

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


def _problem(value: object) -> str | None:
    """What makes `value` unfit as a key, in words that do not show it."""
    if not isinstance(value, str):
        return f"must be a str, not {type(value).__name__}"
    if not value.strip():
        return "is empty"
    if len(value) > MAX_SECRET_BYTES:
        return f"has {len(value)} characters; at most {MAX_SECRET_BYTES}"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in value):
        return "has a line break or another control character"
    if any(ord(character) > 0xFF for character in value):
        return "has characters that no header can carry (beyond Latin-1)"
    return None


# What fetching gives: the secret, or the problem in words. No frame that raises holds the key.
_Fetched: TypeAlias = Secret | str


def _secret(value: str, what: str) -> _Fetched:
    text = value.strip()
    problem = _problem(text)
    return Secret(text) if problem is None else f"{what} {problem}"


@attrs.define(eq=False, repr=False)
class _Cache:
    """What a source gave last, and the fetch that is under way; shared by threads and loops."""

    clock: Callable[[], float] = time.monotonic
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    secret: Secret | None = None
    fetched_at: float = 0.0
    running: Future[_Fetched] | None = None


SourceKind: TypeAlias = Literal["env", "file", "command", "literal"]


@attrs.frozen(kw_only=True, repr=False)
class SecretSource:
    """Where a key comes from; the key itself is read when it is needed.

    Made by `parse` from ``env:NAME``, ``file:PATH`` or ``command:PROGRAM ARGUMENTS``, or by
    `literal` from a key that code has. What a file or a command gives is used again for five
    minutes, or until `forget`.
    """

    kind: SourceKind
    reference: str = ""
    """Variable, path or command line; empty for a literal."""
    _key: Secret | None = attrs.field(default=None, hash=False)
    _environ: Mapping[str, str] | None = attrs.field(default=None, eq=False)
    _cache: _Cache = attrs.field(factory=_Cache, eq=False)

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        environ: Mapping[str, str] | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> SecretSource:
        """The source that `text` names.

        `environ` stands for the process's environment, which is read when the key is needed; a
        relative path is taken from `folder` (the working directory by default).

        Raises:
            ConfigurationError: it names none, or is a key itself. The message does not show it.
        """
        parsed = _parse(text, environ, folder)
        del text  # it may be a key: no traceback shall show it
        return _raise_or_give(parsed)

    @classmethod
    def literal(cls, key: str | Secret) -> SecretSource:
        """The source that always gives `key`, for a key that code has from elsewhere.

        Raises:
            AuthenticationError: it cannot be a key; see `Secret`.
        """
        made = _literal(key)
        del key
        return _raise_or_give(made)

    @classmethod
    def of(cls, key: str | Secret | SecretSource) -> SecretSource:
        """The source that code means by `key`: a source, its text, or the key itself.

        Raises:
            AuthenticationError: it cannot be a key; see `Secret`.
            ConfigurationError: it begins like a source and names none.
        """
        if isinstance(key, SecretSource):
            return key
        is_text = isinstance(key, str) and key.startswith(("env:", "file:", "command:"))
        made = _parse(str(key), None, None) if is_text else _literal(key)
        del key
        return _raise_or_give(made)

    def describe(self) -> str:
        """Where the key comes from, for people: ``"env:GEMINI_API_KEY"``; never the key.

        Of a command only the program is shown, because its arguments may be private.
        """
        if self.kind == "literal":
            return "given in code"
        if self.kind == "command":
            return f"command:{shlex.split(self.reference)[0]}"
        return f"{self.kind}:{self.reference}"

    def __repr__(self) -> str:
        return f"SecretSource({self.describe()})"

    def check(self) -> str | None:
        """What keeps the key from being read, as far as that shows without running a command."""
        if self.kind == "command":
            return None
        fetched = self._fetch()
        return fetched if isinstance(fetched, str) else None

    async def resolve(self) -> Secret:
        """The key.

        Callers that come while a file or a command is being read share what it gives.

        Raises:
            AuthenticationError: it is not there or cannot be a key; the message says what to do.
        """
        fetched: _Fetched | None
        if self.kind in ("literal", "env"):
            fetched = self._fetch()
        else:
            fetched = self._cached()
            if fetched is None:
                fetched = await asyncio.wrap_future(self._running())
        if isinstance(fetched, str):
            raise AuthenticationError(fetched)
        return fetched

    def forget(self, used: Secret | None = None) -> None:
        """Read the key anew next time, because the service refused it.

        Given the refused key `used`, one that has been renewed since is kept: of many calls that
        are refused at once, only the first has it read anew.
        """
        with self._cache.lock:
            if used is None or self._cache.secret == used:
                self._cache.secret = None

    def _cached(self) -> Secret | None:
        cache = self._cache
        with cache.lock:
            age = cache.clock() - cache.fetched_at
            return cache.secret if age < CACHE_SECONDS else None

    def _running(self) -> Future[_Fetched]:
        """The fetch that is under way, begun if there is none.

        It has a thread of its own, so that a caller who is cancelled takes nothing from the
        others, and neither an event loop nor the end of the program waits for it.
        """
        cache = self._cache
        with cache.lock:
            if cache.running is None:
                running: Future[_Fetched] = Future()
                running.set_running_or_notify_cancel()  # from here on it cannot be cancelled
                threading.Thread(
                    target=self._fetch_into, args=(running,), name="genkit-key", daemon=True
                ).start()
                cache.running = running
            return cache.running

    def _fetch_into(self, running: Future[_Fetched]) -> None:
        cache = self._cache
        fetched: _Fetched = f"{self.describe()} could not be read"
        try:
            fetched = self._fetch()
        finally:
            with cache.lock:
                cache.running = None
                if isinstance(fetched, Secret):
                    cache.secret, cache.fetched_at = fetched, cache.clock()
            running.set_result(fetched)

    def _fetch(self) -> _Fetched:
        if self._key is not None:
            return self._key
        if self.kind == "env":
            return _from_environment(
                self.reference, os.environ if self._environ is None else self._environ
            )
        if self.kind == "file":
            return _from_file(self.reference)
        return _from_command(self.reference)


_KINDS: Mapping[str, SourceKind] = {"env": "env", "file": "file", "command": "command"}
_NOT_A_SOURCE = f"this is not where a key comes from (a key itself has no place here): {ADVICE}"


def _parse(
    text: str, environ: Mapping[str, str] | None, folder: str | os.PathLike[str] | None
) -> SecretSource | ConfigurationError:
    prefix, _, reference = text.strip().partition(":")
    reference = reference.strip()
    kind = _KINDS.get(prefix)
    if kind is None:
        return ConfigurationError(_NOT_A_SOURCE)
    problem = _reference_problem(kind, reference)
    if problem is not None:
        return ConfigurationError(problem)
    if kind == "file":
        reference = str(Path(folder or ".", os.path.expanduser(reference)))
    return SecretSource(kind=kind, reference=reference, environ=environ)


def _literal(key: object) -> SecretSource | AuthenticationError:
    if isinstance(key, Secret):
        return SecretSource(kind="literal", key=key)
    if not isinstance(key, str):
        return AuthenticationError(
            f"the API key must be a str or a Secret, not {type(key).__name__}"
        )
    fetched = _secret(key, "the API key")
    if isinstance(fetched, str):
        return AuthenticationError(fetched)
    return SecretSource(kind="literal", key=fetched)


def _raise_or_give(made: SecretSource | GenkitError) -> SecretSource:
    if isinstance(made, GenkitError):
        raise made
    return made


def _reference_problem(kind: str, reference: str) -> str | None:
    if not reference or "\0" in reference:
        return f"{kind}: names nothing; {ADVICE}"
    if kind == "env" and (not _VARIABLE.fullmatch(reference) or _looks_like_a_key(reference)):
        return "env: takes the name of an environment variable, not the key; such as env:MY_KEY"
    if kind == "command":
        try:
            words = shlex.split(reference)
        except ValueError as error:
            return f"command: cannot be read: {error}"
        if not words:
            return f"command: names no program; {ADVICE}"
    return None


def _looks_like_a_key(name: str) -> bool:
    # Names are shown, so a key that was pasted in place of one must not become one.
    return (
        len(name) >= 20
        and name not in (name.upper(), name.lower())
        and any(character.isdigit() for character in name)
    )


def _from_environment(name: str, environ: Mapping[str, str]) -> _Fetched:
    if name not in environ:
        return (
            f"the environment variable {name} is not set; set it to your API key"
            f" (export {name}=...), or configure another api_key"
        )
    return _secret(environ[name], f"the API key in the environment variable {name}")


def _from_file(path: str) -> _Fetched:
    try:
        data = read_regular_file(path, max_bytes=MAX_SECRET_BYTES, field="api_key")
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except InvalidRequestError as error:
        return f"{error.message}; put the API key there, or configure another api_key"
    except OSError as error:
        return f"api_key: cannot read {path!r}: {error.strerror}"
    if os.name == "posix" and mode & 0o077:
        _LOG.warning("the key file %r is open to others (mode %04o); chmod 600 it", path, mode)
    return _secret(data.decode("utf-8", "replace"), f"the API key in {path!r}")


def _from_command(command: str) -> _Fetched:
    words = shlex.split(command)
    name = f"the command {words[0]!r} of api_key"
    try:
        # What the program says on its standard error may be private, so it is not kept.
        done = subprocess.run(
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"{name} took longer than {COMMAND_SECONDS:g} s; run it by hand to see why"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be run"
        return f"{name} does not start: {reason}; give the program's full path"
    if done.returncode != 0:
        return f"{name} ended with status {done.returncode}; run it by hand to see why"
    return _secret(done.stdout.decode("utf-8", "replace"), f"the output of {name}")
