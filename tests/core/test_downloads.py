from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import (
    ConnectionFailedError,
    DownloadError,
    GenkitError,
    ResponseDecodeError,
)
from genkit.transport import HttpTransport, TransportSettings
from genkit.transport.downloads import is_public
from genkit.wire import AuthHeader, WireRequest, WireResponse, json_body
from tests.core.transport_server import Connection, Server, answer, answering, serving

PUBLIC = "93.184.216.34"


class Resolver(AbstractResolver):
    """Gives the next of its answers each time, the last one for ever, and notes the names."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.names: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the addresses of a name."""
        self.names.append(host)
        if not self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def download(
    url: str,
    *,
    origin: str | None = None,
    resolver: Resolver | None = None,
    settings: TransportSettings | None = None,
    timeout: float = 5,  # noqa: ASYNC109
    max_bytes: int = 1 << 20,
) -> WireResponse:
    """Download from `url` by a transport of its own."""
    transport = HttpTransport(settings, resolver=resolver or Resolver())
    request = WireRequest(method="GET", url=url, download=True)
    try:
        return await transport.download(
            request, origin=origin, timeout=timeout, max_bytes=max_bytes
        )
    finally:
        await transport.close()


async def refused(url: str, **options: Any) -> DownloadError:
    """Give the error of a download that is refused."""
    with pytest.raises(DownloadError) as caught:
        await download(url, **options)
    return caught.value


# -- what a download is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"auth": AuthHeader("x-api-key")}, "no credential"),
        ({"method": "POST"}, "GET"),
        ({"body": json_body({})}, "without a body"),
        ({"headers": {"Authorization": "secret"}}, "authorization"),
        ({"headers": {"Accept": "image/*", "api-key": "secret"}}, "api-key"),
    ],
)
def test_downloads_carry_nothing(fields: dict[str, Any], said: str) -> None:
    """A download with a credential, a body or headers cannot be built."""
    with pytest.raises(ValueError, match=said) as caught:
        WireRequest(
            **{"method": "GET", "url": "https://pictures.invalid/", "download": True, **fields}
        )
    assert "secret" not in str(caught.value)


def test_signatures_are_not_shown() -> None:
    """The query of an address, which may be a permit, is not in the request's repr."""
    url = "https://pictures.invalid/1.png?sig=canary&token=canary"
    request = WireRequest(method="GET", url=url, download=True)
    assert request.url == url
    assert "canary" not in repr(request)
    assert "https://pictures.invalid/1.png?..." in repr(request)


async def test_each_way_for_its_own() -> None:
    """An API's request is not downloaded, and a download is not sent to the API."""
    transport = HttpTransport()
    api = WireRequest(method="GET", url="https://service.invalid/")
    with pytest.raises(ValueError, match="apart from the API"):
        await transport.send(
            attrs.evolve(api, download=True), credential=None, timeout=1, max_bytes=1
        )
    with pytest.raises(ValueError, match="download=True"):
        await transport.download(api, origin=None, timeout=1, max_bytes=1)
    await transport.close()
    with pytest.raises(GenkitError, match="closed"):
        await transport.download(
            attrs.evolve(api, download=True), origin=None, timeout=1, max_bytes=1
        )


# -- where it goes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::808:808]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "127.0.0.1.",
        "0",
        "8.8.2056",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "pictures.localhost",
        "%31%32%37.0.0.1",
        "pic%74ures.invalid",
    ],
)
async def test_addresses_refused_as_written(host: str) -> None:
    """An address that is none of the public internet, however written, is not even looked up."""
    resolver = Resolver([PUBLIC])
    error = await refused(f"https://{host}/1.png?sig=canary", resolver=resolver)
    assert error.kind == "address"
    assert resolver.names == []
    assert "canary" not in str(error)


async def test_no_plain_http() -> None:
    """A public host is asked over https only."""
    resolver = Resolver([PUBLIC])
    error = await refused(f"http://{PUBLIC}/", resolver=resolver)
    assert (error.kind, resolver.names) == ("address", [])
    assert "encryption" in str(await refused("http://pictures.invalid/", resolver=resolver))


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%eth0"],
        [PUBLIC, "192.168.1.1"],
        ["192.168.1.1", PUBLIC],
        ["nonsense"],
    ],
)
async def test_names_with_addresses_that_are_not_public(addresses: list[str]) -> None:
    """A name is refused when any of its addresses is not public, in whichever order."""
    error = await refused("https://pictures.invalid/", resolver=Resolver(addresses))
    assert error.kind == "address"
    assert "pictures.invalid has an address that is not public" in str(error)


async def test_unknown_names() -> None:
    """A name without an address is a failed connection."""
    with pytest.raises(ConnectionFailedError) as caught:
        await download("https://pictures.invalid/", resolver=Resolver())
    assert caught.value.phase == "dns"


async def test_only_checked_addresses_are_connected_to() -> None:
    """The address that was checked is the one connected to: the name is resolved once."""
    resolver = Resolver([PUBLIC], ["127.0.0.1"])
    # The guard of the tests names the address that a socket was about to connect to.
    with pytest.raises(pytest.fail.Exception, match=PUBLIC):
        await download("https://pictures.invalid/", resolver=resolver)
    assert resolver.names == ["pictures.invalid"]


async def test_names_that_change_their_address() -> None:
    """A name is checked anew for each download, so that a later private address is refused."""
    resolver = Resolver([PUBLIC], ["127.0.0.1"])
    transport = HttpTransport(resolver=resolver)
    request = WireRequest(method="GET", url="https://pictures.invalid/", download=True)
    with pytest.raises(pytest.fail.Exception, match=PUBLIC):
        await transport.download(request, origin=None, timeout=5, max_bytes=1)
    with pytest.raises(DownloadError, match="not public"):
        await transport.download(request, origin=None, timeout=5, max_bytes=1)
    await transport.close()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("9.255.255.255", True),
        ("11.0.0.0", True),
        ("100.63.255.255", True),
        ("100.64.0.0", False),
        ("172.15.255.255", True),
        ("172.32.0.0", True),
        ("198.19.255.255", False),
        ("223.255.255.255", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("2001:4860:4860::8888", True),
        ("2001:db8::1", False),
        ("2001:1ff::", False),
        ("1fff::", False),
        ("4000::", False),
        ("", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    """What is public ends and begins where the registries say."""
    assert is_public(address) == public


@given(st.ip_addresses())
def test_what_python_calls_private_is_not_public(address: Any) -> None:
    """No address is public that the standard library calls anything special."""
    if is_public(str(address)):
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_reserved
        assert not address.is_loopback
        assert not address.is_link_local


# -- the API's own origin on this machine -------------------------------------------------------


async def test_own_origin() -> None:
    """An API on this machine serves pictures itself; nothing but the address goes there."""
    query = "se=2026-01-01T00%3A00%3A00Z&sig=a%2Bb%2f%3D+c~!'()*;:,/?&a=&b&a=1"
    async with serving(answering(answer(b"\x89picture"))) as server:
        response = await download(
            f"{server.url}made%2F1/%7E.png?{query}",
            origin=server.url + "v1/images",
            settings=TransportSettings(user_agent="test/1"),
        )
    assert (response.status, response.body) == (200, b"\x89picture")
    [seen] = server.requests
    assert seen.head.startswith(f"GET /made%2F1/%7E.png?{query} HTTP/1.1\r\n")
    assert seen.headers == {
        "host": server.url.split("/")[2],
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "user-agent": "test/1",
    }


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://127.0.0.1:9/",
        "http://127.0.0.2:{port}/",
        "https://127.0.0.1:{port}/",
        "https://service.invalid/",
        "http://127.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
    ],
)
async def test_other_origins_on_this_machine(origin: str | None) -> None:
    """Only the very origin of the API is fetched from on this machine, no other port or scheme."""
    async with serving(answering(answer(b"secret"))) as server:
        port = server.url.rstrip("/").rpartition(":")[2]
        error = await refused(server.url, origin=origin and origin.format(port=port))
    assert error.kind == "address"
    assert server.connections == 0


async def test_own_origin_by_name() -> None:
    """An API that is called localhost is this machine, as long as the name says so."""
    async with serving(answering(answer(b"x"))) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        resolver = Resolver(["127.0.0.1"])
        assert (await download(url, origin=url, resolver=resolver)).body == b"x"
        assert resolver.names == ["localhost"]
        for elsewhere in ("10.0.0.1", PUBLIC):
            error = await refused(url, origin=url, resolver=Resolver([elsewhere]))
            assert error.kind == "address"


# -- redirects ----------------------------------------------------------------------------------


def redirecting(steps: Mapping[str, str], status: str = "302 Found") -> Any:
    """Answer each path with a redirect to where `steps` says, and any other with a picture."""

    async def handler(server: Server, connection: Connection) -> None:
        request = await server.request(connection)
        path = request.head.split(" ")[1]
        if path in steps:
            location = {"location": steps[path]} if steps[path] else {}
            await connection.send(answer(b"", status, set_cookie="c=1; path=/", **location))
        else:
            await connection.send(answer(b"picture"))

    return handler


@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
async def test_redirects_are_followed(status: str) -> None:
    """Up to three redirects are followed, addresses kept to the character, without cookies."""
    steps = {"/": "/a/b?sig=1%2F2", "/a/b?sig=1%2F2": "c?sig=%7E#part"}
    async with serving(redirecting(steps, status)) as server:
        steps["/a/c?sig=%7E"] = f"//{server.url.split('/')[2]}/d"
        response = await download(server.url, origin=server.url)
    assert (response.status, response.body) == (200, b"picture")
    paths = [request.head.split(" ")[1] for request in server.requests]
    assert paths == ["/", "/a/b?sig=1%2F2", "/a/c?sig=%7E", "/d"]
    assert all("cookie" not in request.headers for request in server.requests)


async def test_a_redirect_too_many() -> None:
    """A fourth redirect is an error, and is not followed."""
    steps = {f"/{number}": f"/{number + 1}" for number in range(4)}
    async with serving(redirecting(steps)) as server:
        error = await refused(server.url + "0", origin=server.url)
    assert error.kind == "redirect"
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("https://pictures.invalid/", "redirect"),
        ("ftp://pictures.invalid/", "redirect"),
        ("file:///etc/passwd", "redirect"),
        ("", "redirect"),
        ("http://user:pass@pictures.invalid/", "redirect"),
        ("http:\\\\10.0.0.1/", "redirect"),
        ("http://10.0.0.1:99999/", "redirect"),
        ("http://169.254.169.254/latest/meta-data/", "address"),
        ("//10.0.0.1/", "address"),
        ("http://127.0.0.1:9/", "address"),
        ("http://pictures.invalid/", "address"),
    ],
)
async def test_redirects_refused(location: str, kind: str) -> None:
    """A redirect is checked like a first address, and leads to no other scheme."""
    resolver = Resolver([PUBLIC])
    async with serving(redirecting({"/": location})) as server:
        error = await refused(server.url, origin=server.url, resolver=resolver)
    assert error.kind == kind
    assert (len(server.requests), resolver.names) == (1, [])


# -- caps and failures --------------------------------------------------------------------------


async def test_errors_of_the_host_are_answers() -> None:
    """A status that is no success comes back as it is."""
    async with serving(answering(answer(b"<Error/>", "403 Forbidden"))) as server:
        response = await download(server.url, origin=server.url)
    assert (response.status, response.body) == (403, b"<Error/>")


@pytest.mark.parametrize("pieces", [[answer(b"x" * 101)], [b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 101]])
async def test_too_large(pieces: list[bytes]) -> None:
    """No more than the cap is read, whether the size is said or not."""
    async with serving(answering(*pieces)) as server:
        with pytest.raises(ResponseDecodeError) as caught:
            await download(server.url, origin=server.url, max_bytes=100)
    assert caught.value.kind == "too-large"


async def test_time_is_for_all_hops() -> None:
    """The timeout covers all redirects together."""

    async def handler(server: Server, connection: Connection) -> None:
        await server.request(connection)
        await asyncio.sleep(0.1)
        await connection.send(answer(b"", "302 Found", location="/"))

    async with serving(handler) as server:
        with pytest.raises(TimeoutError):
            await download(server.url, origin=server.url, timeout=0.25)
    assert len(server.requests) == 3


async def test_through_a_proxy() -> None:
    """A proxy is asked to reach the host, which it looks up itself; what is written is checked."""
    heads: list[str] = []

    async def handler(_server: Server, connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.send(answer(b"", "403 Forbidden"))

    resolver = Resolver()
    async with serving(handler) as server:
        settings = TransportSettings(proxy=server.url)
        with pytest.raises(ConnectionFailedError) as caught:
            await download("https://pictures.invalid/", resolver=resolver, settings=settings)
        error = await refused("https://10.0.0.1/", resolver=resolver, settings=settings)
    assert error.kind == "address"
    assert caught.value.phase == "proxy"
    assert [head.split("\r\n")[0] for head in heads] == ["CONNECT pictures.invalid:443 HTTP/1.1"]
    assert resolver.names == []
