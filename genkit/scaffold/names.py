"""The names that follow from a provider's name."""

from __future__ import annotations

import keyword
import re

import attrs

from genkit.errors import InvalidRequestError, brief

__all__ = ["ProviderNames"]

LONGEST = 30
"""Characters of a name; the templates' lines are made for it."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)


def _check(_names: object, _attribute: object, name: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise InvalidRequestError(
            f"name: {brief(name)} cannot name a provider; it is made of small letters and digits,"
            f" begins with a letter, may have single - or _ between them, and has at most"
            f" {LONGEST} characters",
            field="name",
        )


@attrs.frozen
class ProviderNames:
    """A provider's name, such as ``acme-art``, and those of its distribution, package and class.

    Raises:
        InvalidRequestError: it cannot be the name of a provider; its `field` is ``name``.
    """

    name: str = attrs.field(validator=_check)

    @property
    def words(self) -> tuple[str, ...]:
        """Its parts."""
        return tuple(re.split(r"[-_]", self.name))

    @property
    def distribution(self) -> str:
        """What is installed, ``genkit-provider-acme-art``."""
        return f"genkit-provider-{'-'.join(self.words)}"

    @property
    def package(self) -> str:
        """What is imported, ``genkit_acme_art``."""
        return f"genkit_{'_'.join(self.words)}"

    @property
    def class_prefix(self) -> str:
        """What its classes begin with, ``AcmeArt``."""
        prefix = "".join(word.capitalize() for word in self.words)
        return f"{prefix}_" if keyword.iskeyword(prefix) else prefix

    @property
    def title(self) -> str:
        """The service's name for people, ``Acme Art``."""
        return " ".join(word.capitalize() for word in self.words)

    @property
    def key_variable(self) -> str:
        """The environment variable of its key, ``ACME_ART_API_KEY``."""
        return f"{'_'.join(self.words).upper()}_API_KEY"

    @property
    def host(self) -> str:
        """A host that never exists (RFC 2606), ``acme-art.example``."""
        return f"{'-'.join(self.words)}.example"
