"""Checks of follow-ups: polling and downloads that can be stored, and hold no credential."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlsplit

import orjson

from genkit.body import Body, json_body
from genkit.lifted import lift, text_of
from genkit.provider import FollowUp
from genkit.testing.conformance.subject import Subject, fail, require, same
from genkit.wire import AuthHeader, WireRequest

__all__ = ["FollowUpChecks"]

CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-key")


class FollowUpChecks(Subject):
    """Each further request is a value that a journal can keep. A provider may have none."""

    def test_follow_ups_can_be_stored(self) -> None:
        """Written as JSON and read back, a follow-up is equal, and reads its answer the same."""
        request = self.prepared()
        for follow_up, answer in self.follow_ups():
            read = restored(stored(follow_up))
            same("follow-up, stored and restored", stored(read), stored(follow_up))
            response = answer.response()
            expected = self.provider.decode(response, request, follow_up)
            for step in (follow_up, read):
                decoded = self.provider.decode(response, request, step)
                same("what the answer is, read again", decoded, expected)

    def test_follow_ups_hold_no_credential(self) -> None:
        """No header of a follow-up has one, and to another host there is no place for it."""
        own = urlsplit(self.provider.base_url)
        for follow_up, _answer in self.follow_ups():
            wire = follow_up.request
            held = [header for header in CREDENTIALS if header in wire.headers]
            require(not held, f"a follow-up sets {held}; the core adds the credential")
            there = urlsplit(wire.url)
            if (there.scheme, there.netloc) != (own.scheme, own.netloc):
                require(
                    wire.auth is None,
                    f"a follow-up would take the key to {there.netloc}, which is not the"
                    f" service's {own.netloc}",
                )
                require(
                    wire.download,
                    f"a follow-up to {there.netloc}, an address that the service gave, is not"
                    " marked with download=True",
                )

    def test_follow_ups_wait_a_number_of_seconds(self) -> None:
        """The wait before a follow-up is a finite number of seconds, from 0."""
        for follow_up, _answer in self.follow_ups():
            wait = follow_up.wait
            fits = isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0
            require(fits, f"a follow-up waits {wait!r} seconds")

    def test_follow_ups_never_submit_again(self) -> None:
        """No follow-up sends the paid request a second time."""
        for golden in self.golden:
            submitted = self.encode(golden)
            for follow_up, _answer in self.follow_ups():
                wire = follow_up.request
                require(
                    (wire.method, wire.url) != (submitted.method, submitted.url),
                    f"a follow-up is the paid request again: {wire.method} {wire.url!r}",
                )


def stored(follow_up: FollowUp) -> bytes:
    """A follow-up as JSON."""
    wire = follow_up.request
    document: dict[str, Any] = {
        "method": wire.method,
        "url": wire.url,
        "headers": dict(wire.headers),
        "body": None,
        "auth": None if wire.auth is None else [wire.auth.name, wire.auth.prefix],
        "download": wire.download,
        "wait": follow_up.wait,
        "state": follow_up.state,
    }
    if wire.body is not None:
        document["body"] = [wire.body.content_type, wire.body.to_bytes().decode("latin-1")]
    try:
        return json_body(document).to_bytes()
    except TypeError as error:
        fail(f"a follow-up cannot be stored as JSON: {error}; its state is {follow_up.state!r}")


def restored(document: bytes) -> FollowUp:
    """The follow-up of such JSON."""
    read = lift(orjson.loads(document))
    body = None
    if read["body"] is not None:
        content_type, text = read["body"]
        body = Body(((text_of(text) or "").encode("latin-1"),), content_type)
    return FollowUp(
        request=WireRequest(
            method=read["method"],
            url=read["url"],
            headers=read["headers"],
            body=body,
            auth=None if read["auth"] is None else AuthHeader(*read["auth"]),
            download=read["download"],
        ),
        wait=read["wait"],
        state=read["state"],
    )
