from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import attrs
import pytest

from genkit.errors import AuthenticationError, ConfigurationError, ConnectionFailedError
from genkit.secrets import Secret, SecretSource
from genkit.transport import HttpTransport, TransportSettings
from genkit.wire import AuthHeader, WireRequest, json_body
from tests.core.transport_server import (
    Connection,
    Server,
    answer,
    answering,
    fetch,
    serving,
    transport,
)

PROXY = Secret("me:canary-proxy-password")


@attrs.frozen
class Identity:
    """A certificate that signed itself, and a server's context with it."""

    certificate: str
    context: ssl.SSLContext


def identity(folder: Path, address: str, days: int = 30) -> Identity:
    """Make a certificate for an address that is valid for so many days."""
    x509 = pytest.importorskip("cryptography.x509", reason="certificates are made by cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "test")])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=60)
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    names: Any = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return Identity(str(pem), context)


@pytest.fixture
def good(tmp_path: Path) -> Identity:
    """A certificate for the address that the tests' servers have."""
    return identity(tmp_path, "127.0.0.1")


async def test_own_authority(good: Identity) -> None:
    """A server whose certificate the given file trusts is talked to."""
    settings = TransportSettings(ca_bundle=good.certificate)
    async with serving(answering(answer(b"{}")), good.context) as server:
        assert (await fetch(WireRequest(url=server.url), settings=settings)).status == 200


async def test_unknown_authority(good: Identity) -> None:
    """A certificate that signed itself is refused before anything is sent."""
    async with serving(answering(answer(b"{}")), good.context) as server:
        with pytest.raises(ConnectionFailedError, match="self-signed certificate") as caught:
            await fetch(WireRequest(url=server.url))
    assert (caught.value.phase, caught.value.charge, server.requests) == ("tls", "no", [])


@pytest.mark.parametrize(
    ("address", "days", "reason"),
    [("192.0.2.1", 30, "not valid for '127.0.0.1'"), ("127.0.0.1", -1, "expired")],
)
async def test_wrong_certificate(tmp_path: Path, address: str, days: int, reason: str) -> None:
    """A certificate for another host, or an old one, is refused though its authority is known."""
    wrong = identity(tmp_path, address, days)
    settings = TransportSettings(ca_bundle=wrong.certificate)
    async with serving(answering(answer(b"{}")), wrong.context) as server:
        with pytest.raises(ConnectionFailedError, match=reason) as caught:
            await fetch(WireRequest(url=server.url), settings=settings)
    assert (caught.value.phase, server.requests) == ("tls", [])


def test_tls_is_verified_and_new(good: Identity) -> None:
    """TLS is at least 1.2, with the certificate and the name in it checked, whatever is set."""
    for settings in (TransportSettings(), TransportSettings(ca_bundle=good.certificate)):
        tls = HttpTransport(settings)._tls
        assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
        assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_ca_bundle_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    """A file that is not there or holds no certificate is told when the transport is made."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca_bundle: cannot use .*ca\.pem"):
        HttpTransport(TransportSettings(ca_bundle=str(path)))


# -- proxies ------------------------------------------------------------------------------------


def proxied(server: Server) -> TransportSettings:
    """Settings to go through this server as a proxy."""
    return TransportSettings(proxy=server.url, proxy_credentials=PROXY)


async def test_the_login_for_a_proxy_is_read_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Credentials may be named by their source, which is read when they are needed."""
    source = SecretSource.parse("env:PROXY_LOGIN")
    async with serving(answering(answer(b"{}"))) as proxy:
        settings = TransportSettings(proxy=proxy.url, proxy_credentials=source)
        request = WireRequest(url="http://service.invalid/v1", body=json_body({}))
        with pytest.raises(AuthenticationError, match="PROXY_LOGIN"):
            await fetch(request, settings=settings)
        monkeypatch.setenv("PROXY_LOGIN", PROXY.reveal())
        assert (await fetch(request, settings=settings)).status == 200
    assert proxy.requests[-1].headers["proxy-authorization"].startswith("Basic ")


async def test_plain_proxy() -> None:
    """Without TLS the proxy gets the whole request, and its own credentials."""
    async with serving(answering(answer(b'{"by": "proxy"}'))) as proxy:
        request = WireRequest(url="http://service.invalid/v1", body=json_body({}))
        response = await fetch(request, settings=proxied(proxy))
    assert response.document == {"by": "proxy"}
    [seen] = proxy.requests
    assert seen.head.startswith("POST http://service.invalid/v1 HTTP/1.1")
    assert seen.headers["proxy-authorization"] == "Basic bWU6Y2FuYXJ5LXByb3h5LXBhc3N3b3Jk"


async def tunnel(server: Server, connection: Connection) -> None:
    """Refuse to tunnel."""
    await server.request(connection)
    await connection.send(answer(b"", "407 Proxy Authentication Required"))


async def test_proxy_that_refuses_the_tunnel() -> None:
    """A proxy's refusal is a connection failure, and the proxy never sees the service's key."""
    request = WireRequest(
        url="https://service.invalid/v1", body=json_body({}), auth=AuthHeader("x-api-key")
    )
    async with serving(tunnel) as proxy, transport(proxied(proxy)) as sender:
        with pytest.raises(ConnectionFailedError, match="HTTP 407") as caught:
            await sender.send(request, credential=Secret("canary-key"), timeout=5, max_bytes=1000)
    error = caught.value
    assert (error.phase, error.charge, error.details) == ("proxy", "no", {"proxy_status": 407})
    assert error.__cause__ is error.__context__ is None
    [seen] = proxy.requests
    assert seen.head.startswith("CONNECT service.invalid:443 HTTP/1.1")
    assert "proxy-authorization" in seen.headers
    assert "canary-key" not in seen.head
    assert "canary" not in repr(error)


async def test_proxy_that_speaks_nonsense() -> None:
    """What is no HTTP can only come from the proxy while there is no tunnel."""
    async with serving(answering(b"nonsense\r\n\r\n")) as proxy:
        with pytest.raises(ConnectionFailedError) as caught:
            await fetch(WireRequest(url="https://service.invalid/"), settings=proxied(proxy))
    assert (caught.value.phase, caught.value.charge) == ("proxy", "no")


async def test_proxy_that_is_not_there() -> None:
    """A proxy that cannot be reached is told apart from a service that cannot."""
    async with serving(tunnel) as proxy:
        settings = proxied(proxy)
    for url in ("http://service.invalid/", "https://service.invalid/"):
        with pytest.raises(ConnectionFailedError, match="to the proxy") as caught:
            await fetch(WireRequest(url=url), settings=settings)
        assert caught.value.phase == "proxy"
