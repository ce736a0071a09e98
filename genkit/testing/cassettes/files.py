"""The file of a cassette: where it was recorded, and its requests and answers, as readable YAML."""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from genkit.testing.cassettes.bodies import dump_yaml, load_yaml, restore, store

__all__ = ["CassetteError", "CassetteFile", "Interaction", "Recorded"]

EMULATOR = "emulator"
LIVE = "live service"
SHAPED = "shaped after "

_NOTE = "# Where this comes from stands under `recorded`. Bodies are cleaned, large ones swapped.\n"


class CassetteError(ValueError):
    """A cassette cannot be read or must not be written; the message names the file and says why."""


def _known_place(_recorded: object, _attribute: object, where: str) -> None:
    is_shaped = where.startswith(SHAPED) and where != SHAPED
    if where not in (EMULATOR, LIVE) and not is_shaped:
        allowed = f'"{EMULATOR}", "{LIVE}" or "{SHAPED}<the recording>"'
        raise ValueError(f"where a cassette was recorded is {allowed}, not {where!r}")


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


@attrs.frozen(kw_only=True)
class Recorded:
    """Where a cassette comes from. None is written without saying so."""

    where: str = attrs.field(validator=_known_place)
    """``"emulator"``, ``"live service"``, or ``"shaped after ..."`` for one written by hand.

    Shaped after names the recording whose status, codes, headers and fields it has, in words and
    with pictures of our own.
    """
    date: datetime.date = attrs.field(
        factory=_today, validator=attrs.validators.instance_of(datetime.date)
    )
    note: str = attrs.field(default="", validator=attrs.validators.instance_of(str))


@attrs.frozen(kw_only=True)
class Interaction:
    """One request and its answer, as a cassette holds them."""

    method: str
    uri: str
    request_headers: Mapping[str, Any]
    request_body: bytes
    status: int
    reason: str
    response_headers: Mapping[str, Any]
    response_body: bytes

    def store(self) -> dict[str, Any]:
        """The mapping that stands in the file."""
        return {
            "request": {
                "method": self.method,
                "uri": self.uri,
                "headers": dict(self.request_headers),
                "body": store(self.request_body, content_type_of(self.request_headers)),
            },
            "response": {
                "status": {"code": self.status, "message": self.reason},
                "headers": dict(self.response_headers),
                "body": store(self.response_body, content_type_of(self.response_headers)),
            },
        }

    @classmethod
    def restore(cls, stored: Mapping[str, Any]) -> Interaction:
        """The interaction of such a mapping.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        request, response = stored["request"], stored["response"]
        asked, given = request.get("headers") or {}, response.get("headers") or {}
        return cls(
            method=request["method"],
            uri=request["uri"],
            request_headers=asked,
            request_body=restore(request.get("body"), content_type_of(asked)),
            status=int(response["status"]["code"]),
            reason=response["status"].get("message") or "",
            response_headers=given,
            response_body=restore(response.get("body"), content_type_of(given)),
        )


def content_type_of(headers: Mapping[str, Any]) -> str:
    """The content type that headers by lower-case name declare, or an empty text."""
    value = headers.get("content-type", "")
    return str(value[0] if isinstance(value, list) and value else value)


@attrs.frozen(kw_only=True)
class CassetteFile:
    """A cassette as it stands in its file."""

    recorded: Recorded
    interactions: tuple[Interaction, ...]

    @classmethod
    def read(cls, path: Path) -> CassetteFile:
        """Read a cassette.

        Raises:
            FileNotFoundError: there is none.
            CassetteError: it does not say where it comes from, or is no cassette.
        """
        try:
            document = load_yaml(path.read_text(encoding="utf-8"))
            recorded = Recorded(**document["recorded"])
            interactions = tuple(Interaction.restore(item) for item in document["interactions"])
        except FileNotFoundError:
            raise FileNotFoundError(f"no cassette {path}: record it first") from None
        except yaml.YAMLError as error:
            raise CassetteError(f"{path} is no YAML that a cassette may hold") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise CassetteError(f"{path} is no cassette: {reason}") from error
        if not interactions:
            raise CassetteError(f"{path} holds no request")
        return cls(recorded=recorded, interactions=interactions)

    def write(self, path: Path) -> None:
        """Write the cassette, whole or not at all."""
        document = {
            "recorded": attrs.asdict(self.recorded),
            "interactions": [interaction.store() for interaction in self.interactions],
        }
        write_text(path, _NOTE + dump_yaml(document))


def write_text(path: Path, text: str) -> None:
    """Write a text file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cassette_files(folder: Path) -> Iterable[Path]:
    """The cassettes below a folder, in order."""
    return sorted(folder.rglob("*.yaml"))
