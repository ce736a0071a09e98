"""A provider may fail a standard check only out loud: with ``@xfail(reason=...)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

__all__ = ["check_overrides", "xfail"]

Function = TypeVar("Function", bound="Callable[..., object]")

_MARK = "_genkit_expected_failure"


def xfail(*, reason: str) -> Callable[[Function], Function]:
    """Mark the override of a standard check as a failure that is known.

    The check still has to fail: one that passes again fails the suite, so that the mark goes when
    its reason has gone.

    ```python
    @xfail(reason="the service has no code for a wrong key")
    def test_error_table_is_whole(self) -> None:
        super().test_error_table_is_whole()
    ```

    Raises:
        ValueError: there is no reason.
    """
    if not isinstance(reason, str) or not reason.strip():
        raise ValueError("xfail: say why the check cannot hold, reason='...'")

    def mark(function: Function) -> Function:
        setattr(function, _MARK, reason)
        marked: Function = pytest.mark.xfail(reason=reason, strict=True)(function)
        return marked

    return mark


def check_overrides(subclass: type, kit: type) -> None:
    """Refuse a subclass that replaces a standard check of `kit` without saying why.

    Raises:
        TypeError: it does; the message names the checks.
    """
    silent = [
        name
        for name in dir(kit)
        if name.startswith("test_")
        and getattr(subclass, name, None) is not getattr(kit, name)
        and not getattr(getattr(subclass, name, None), _MARK, None)
    ]
    if getattr(subclass, "__test__", True) is not True:
        silent.append("__test__")
    if silent:
        raise TypeError(
            f"{subclass.__name__} overrides standard checks of {kit.__name__}:"
            f" {', '.join(silent)}. Give a test of your own another name; where a check cannot"
            " hold, override it with @xfail(reason=...) from genkit.testing.conformance and call"
            " super() in it"
        )
