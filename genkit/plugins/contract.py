"""Checking that what a plugin gives keeps to the contract."""

from __future__ import annotations

from genkit.provider import SPEC_VERSION, ImageProvider

__all__ = ["contract_problem", "require", "said"]


def said(error: BaseException) -> str:
    """What kind of error it is, and its message."""
    return f"{type(error).__name__}: {error}"


def contract_problem(name: str, provider: object) -> str | None:
    """Why `provider`, made as the one called `name`, cannot be used, if so."""
    try:
        version = getattr(provider, "spec_version", None)
        if version != SPEC_VERSION:
            return _version_problem(version)
        require(provider, ImageProvider)
        own_name = getattr(provider, "name", None)
    except Exception as error:  # noqa: BLE001 - a property may raise anything
        return f"its factory gave what is no provider: {said(error)}"
    if own_name != name:
        return f"its factory gave a provider that calls itself {own_name!r}"
    return None


def _version_problem(version: object) -> str:
    if isinstance(version, bool) or not isinstance(version, int):
        return f"its factory gave what is no provider: its spec_version is {version!r}"
    advice = "update genkit-core" if version > SPEC_VERSION else "update the provider"
    return (
        f"it is written to version {version} of the contract, and this genkit-core knows"
        f" version {SPEC_VERSION}: {advice}"
    )


def require(value: object, contract: object) -> None:
    """Check that `value` has all that the protocol `contract` names.

    Raises:
        TypeError: something is missing.
    """
    for name, member in vars(contract).items():
        if name.startswith("_"):
            continue
        found = getattr(value, name, None)
        if found is None:
            raise TypeError(f"it has no {name}")
        if not isinstance(member, property) and not callable(found):
            raise TypeError(f"its {name} cannot be called")
