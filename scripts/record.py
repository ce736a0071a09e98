"""Record the cassettes of a provider anew: `make record PROVIDER=gemini`.

    scripts/record.py gemini [NAME...]

With a key in the environment (GEMINI_API_KEY or GOOGLE_API_KEY) the live service is asked, which
costs money; without one, the emulator. The cassettes say which it was. Scenarios in which something
must go wrong are always recorded on the emulator. Of cassettes that were shaped by hand the answers
stay as they are; only the requests are brought up to date.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genkit.emulator import Emulator  # noqa: E402
from genkit.secrets import Secret  # noqa: E402
from genkit.testing.cassettes import (  # noqa: E402
    CassetteFile,
    Recorded,
    cassette,
    provenance_table,
)
from genkit.wire import WireRequest, WireResponse  # noqa: E402

CASSETTES = ROOT / "cassettes"
TABLE_BEGINS, TABLE_ENDS = "<!-- table -->\n", "<!-- end of the table -->\n"
MADE_UP_KEY = "no-key-at-all"


async def record(scenario: Any, scenarios: Any, path: Path, key: str | None) -> str:
    """Record one scenario and say where: with `key` on the live service, else on the emulator."""
    if key is not None:
        recorded = Recorded(where="live service", note=scenario.about)
        with cassette(path, record=True, recorded=recorded, secrets=[key]):
            scenario.check(await scenario.play(scenario.client_for(key)))
        return recorded.where
    async with Emulator() as emulator:
        for fault in scenario.faults:
            emulator.fail(fault)
        url = emulator.base_url(scenarios.PROVIDER)
        recorded = Recorded(where="emulator", note=scenario.about)
        rewrite = {url: scenarios.SERVICE_URL}
        with cassette(path, record=True, recorded=recorded, rewrite=rewrite):
            scenario.check(await scenario.play(scenario.client_for(MADE_UP_KEY, url)))
    return recorded.where


@attrs.define
class Shaped:
    """A transport that gives the answers of a cassette and keeps the requests for it."""

    file: CassetteFile
    requests: list[WireRequest] = attrs.field(factory=list)

    async def send(
        self,
        request: WireRequest,
        *,
        credential: Secret | None,
        timeout: float,  # noqa: ASYNC109
        max_bytes: int,
    ) -> WireResponse:
        """Give the next answer."""
        return self._next(request)

    async def download(
        self,
        request: WireRequest,
        *,
        origin: str | None,
        timeout: float,  # noqa: ASYNC109
        max_bytes: int,
    ) -> WireResponse:
        """Give the next answer."""
        return self._next(request)

    def _next(self, request: WireRequest) -> WireResponse:
        answer = self.file.interactions[len(self.requests)]
        self.requests.append(request)
        return WireResponse.from_bytes(answer.status, answer.response_headers, answer.response_body)

    async def close(self) -> None:
        """Nothing to close."""


async def reshape(scenario: Any, path: Path) -> str:
    """Bring the requests of a shaped cassette up to date; its answers stay as they are."""
    file = CassetteFile.read(path)
    transport = Shaped(file)
    client = attrs.evolve(scenario, client={**scenario.client, "transport": transport})
    scenario.check(await scenario.play(client.client_for(MADE_UP_KEY)))
    interactions = [
        attrs.evolve(
            answer,
            method=request.method,
            uri=request.url,
            request_headers={"content-type": request.body.content_type} if request.body else {},
            request_body=request.body.to_bytes() if request.body else b"",
        )
        for request, answer in zip(transport.requests, file.interactions, strict=True)
    ]
    attrs.evolve(file, interactions=tuple(interactions)).write(path)
    return file.recorded.where


def key_of(scenarios: Any, scenario: Any) -> str | None:
    """The key for the live service; `None` where there is none, or the emulator is needed."""
    if scenario.faults:
        return None
    return next((os.environ[name] for name in scenarios.KEYS if os.environ.get(name)), None)


def write_table(folder: Path) -> None:
    """Bring the table in the README up to date."""
    readme = folder / "README.md"
    before, _begin, rest = readme.read_text(encoding="utf-8").partition(TABLE_BEGINS)
    after = rest.partition(TABLE_ENDS)[2]
    table = TABLE_BEGINS + provenance_table(folder) + TABLE_ENDS
    readme.write_text(before + table + after, encoding="utf-8")


async def run(provider: str, names: list[str]) -> None:
    """Record the named scenarios of a provider, or all of them."""
    scenarios = import_module(f"tests.providers.{provider}.scenarios")
    folder = CASSETTES / provider / "test_cassettes"
    for scenario in (*scenarios.RECORDED, *scenarios.SHAPED):
        if names and scenario.name not in names:
            continue
        if scenario in scenarios.SHAPED:
            where = await reshape(scenario, folder / f"test_shaped-{scenario.name}.yaml")
        else:
            path = folder / f"test_recorded-{scenario.name}.yaml"
            where = await record(scenario, scenarios, path, key_of(scenarios, scenario))
        print(f"{scenario.name}: {where}")
    write_table(CASSETTES)


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("provider", help="such as gemini")
    parser.add_argument("names", nargs="*", help="of the scenarios; all of them by default")
    arguments = parser.parse_args()
    if not (ROOT / "tests" / "providers" / arguments.provider / "scenarios.py").is_file():
        parser.error(f"no scenarios are written for the provider {arguments.provider!r}")
    asyncio.run(run(arguments.provider, arguments.names))


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


if __name__ == "__main__":
    main()
