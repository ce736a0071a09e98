"""A home, a working directory and an environment for tests of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from genkit.config import Settings, load_settings
from genkit.errors import ConfigurationError


class Places:
    """A home, a working directory and an environment of one's own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.cwd = folder / "cwd"
        self.environ = {"HOME": str(self.home)}
        self.cwd.mkdir()

    def user(self, text: str) -> Path:
        """Write the user's file."""
        return self.write(self.home / ".config" / "genkit" / "genkit.toml", text)

    def local(self, text: str) -> Path:
        """Write the working directory's file."""
        return self.write(self.cwd / "genkit.toml", text)

    def write(self, path: Path, text: str) -> Path:
        """Write a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def load(
        self,
        path: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Load what there is."""
        variables = self.environ | dict(environ or {})
        return load_settings(path, environ=variables, overrides=overrides, cwd=self.cwd)

    def problems(self, text: str | None = None, **arguments: Any) -> tuple[str, ...]:
        """Return what is wrong with a local file of this text, its own path cut off."""
        if text is not None:
            self.local(text)
        with pytest.raises(ConfigurationError) as caught:
            self.load(**arguments)
        start = f"file {self.cwd / 'genkit.toml'}: "
        return tuple(problem.removeprefix(start) for problem in caught.value.problems)
