"""Downloads: fetching what a service's answer points to, which may point anywhere.

A hostile or broken answer must not make this machine ask its own network or a cloud's metadata
service. So the address is checked as it is written, every address that its name has is checked, and
only checked ones are connected to: nothing is resolved a second time.

Ranges: IANA's registries of special-purpose addresses (RFC 6890), IPv6 global unicast
(RFC 4291, 2.4). Ranges that stand for other addresses (IPv4-mapped, NAT64, 6to4, Teredo) are
refused whole.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from genkit.errors import DownloadError, DownloadKind, ErrorContext
from genkit.wire import WireRequest, WireResponse

__all__ = [
    "MAX_REDIRECTS",
    "CheckedResolver",
    "check",
    "connector",
    "is_own",
    "is_public",
    "redirected",
    "too_many",
]

MAX_REDIRECTS = 3
"""Redirects that one download follows."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAME = re.compile(r"(?:[a-z0-9_-]+\.)*[a-z0-9_-]+\.?")
# What the system would read as an IPv4 address in some older notation: 2130706433, 0x7f.1, 127.1.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.*")
_LOCAL = re.compile(r"(?:.*\.)?localhost\.?")

_CLOSED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; a metadata service too
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's wire server, though the address is public
        "169.254.0.0/16",  # link-local; the usual metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
_OPEN_6 = IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")  # Teredo in the first
)


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet; what is no address is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _CLOSED_4)
    return parsed in _OPEN_6 and not any(parsed in network for network in _CLOSED_6)


def is_own(url: str, origin: str | None) -> bool:
    """Whether `url` is of the same scheme, host and port as `origin`, and that is this machine.

    So the emulator, or a gateway on this machine, can serve pictures itself.
    """
    target = URL(url, encoded=True)
    return (
        origin is not None
        and _is_this_machine(_host(target))
        and target.origin() == URL(origin, encoded=True).origin()
    )


def check(url: str) -> None:
    """Refuse an address by what is written in it.

    Raises:
        DownloadError: it is not https, or its host is written as an address that is not public.
    """
    target = URL(url, encoded=True)
    host = _host(target)
    if target.scheme != "https":
        raise _refused("address", f"{host} would be asked without encryption")
    if ":" in host or _NUMERIC.fullmatch(host):
        # Only the usual notation is an address here; others are refused, not read.
        if not is_public(host):
            raise _refused("address", f"{host} is not an address of the public internet")
    elif _LOCAL.fullmatch(host):
        raise _refused("address", f"{host} is this machine")
    elif not _NAME.fullmatch(host):
        raise _refused("address", "its host is not a name")


def redirected(request: WireRequest, response: WireResponse) -> WireRequest | None:
    """The download that an answer redirects to; `None` when it does not redirect.

    Raises:
        DownloadError: the redirect cannot be followed.
    """
    if response.status not in _REDIRECTS:
        return None
    here = URL(request.url, encoded=True)
    host = _host(here)
    context = ErrorContext(status=response.status)
    try:
        there = here.join(URL(response.headers["location"], encoded=True)).with_fragment(None)
        following = attrs.evolve(request, url=str(there))
    except (KeyError, ValueError):
        message = f"{host} redirects to what is no address"
        raise _refused("redirect", message, context) from None
    if there.scheme != here.scheme:
        raise _refused("redirect", f"{host} redirects to another scheme", context)
    return following


def too_many(request: WireRequest) -> DownloadError:
    """The error of a download that is redirected once more than is followed."""
    host = _host(URL(request.url, encoded=True))
    return _refused("redirect", f"{host} is one redirect too many; {MAX_REDIRECTS} are followed")


class CheckedResolver(AbstractResolver):
    """Gives the addresses of a name if every one of them may be connected to.

    `own_only`: only addresses of this machine may be; otherwise only public ones.
    """

    def __init__(self, resolver: AbstractResolver, *, own_only: bool) -> None:
        self._resolver = resolver
        self._own_only = own_only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses.

        Raises:
            DownloadError: one of them may not be connected to.
            OSError: the name has none.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            is_open = _is_this_machine if self._own_only else is_public
            if not is_open(result["host"]):
                raise _refused("address", f"{host} has an address that is not public")
        return found

    async def close(self) -> None:
        """Nothing is held."""


def connector(resolver: AbstractResolver | None, *, own_only: bool) -> aiohttp.TCPConnector:
    """Connections to checked addresses only; nothing is kept of them for the next download."""
    checked = CheckedResolver(resolver or aiohttp.ThreadedResolver(), own_only=own_only)
    return aiohttp.TCPConnector(resolver=checked, use_dns_cache=False, force_close=True)


def _host(url: URL) -> str:
    return (url.raw_host or "").lower()


def _is_this_machine(host: str) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def _refused(
    kind: DownloadKind, message: str, context: ErrorContext | None = None
) -> DownloadError:
    return DownloadError(message, kind=kind, context=context)
