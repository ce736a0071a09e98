"""The tests' own guard: what it keeps out and what it lets through."""

from __future__ import annotations

import os
import socket

import pytest


def test_connecting_elsewhere_fails_the_test() -> None:
    """A connection to an address that is not loopback ends the test."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as outgoing,
        pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"),
    ):
        outgoing.connect(("192.0.2.1", 80))


def test_datagrams_elsewhere_fail_the_test() -> None:
    """A datagram to an address that is not loopback ends the test."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing,
        pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"),
    ):
        outgoing.sendto(b"x", 0, ("192.0.2.1", 53))


def test_resolving_a_name_fails_the_test() -> None:
    """A look-up of a name ends the test, so not even that leaves the machine."""
    with pytest.raises(pytest.fail.Exception, match=r"example\.com"):
        socket.getaddrinfo("example.com", 443)


def test_names_that_never_exist_are_unknown() -> None:
    """A name under `.invalid` is answered as a resolver would, without asking one."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("service.invalid", 443)


def test_loopback_is_open() -> None:
    """Two sockets on loopback talk."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1]), 5) as outgoing,
        server.accept()[0] as accepted,
    ):
        outgoing.sendall(b"x")
        assert accepted.recv(1) == b"x"


def test_no_keys_in_the_environment() -> None:
    """A test sees no key and no setting of the machine that it runs on."""
    ours = {name for name in os.environ if name.startswith("GENKIT_")}
    assert ours <= {"GENKIT_TRAFFIC"}
    assert not os.environ.keys() & {"GEMINI_API_KEY", "GOOGLE_API_KEY", "HTTPS_PROXY"}
