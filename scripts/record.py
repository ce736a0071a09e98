"""Record the cassettes of a provider anew: `make record PROVIDER=gemini`.

    scripts/record.py gemini [NAME...]

What is recorded stands in `tests/providers/<provider>/scenarios.py`. With a key in the environment,
in a variable that the provider names (such as GEMINI_API_KEY or OPENAI_API_KEY), the live service
is asked, which costs money; without one, the emulator. The cassettes say which it was. Scenarios in
which something must go wrong are always recorded on the emulator. Of cassettes that were shaped by
hand the answers stay as they are; only the requests are brought up to date.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path

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
from tests.providers.recorded import Scenario, Suite  # noqa: E402

TABLE_BEGINS, TABLE_ENDS = "<!-- table -->\n", "<!-- end of the table -->\n"
MADE_UP_KEY = "no-key-at-all"


async def record(suite: Suite, scenario: Scenario, path: Path, key: str | None) -> str:
    """Record one scenario and say where: with `key` on the live service, else on the emulator."""
    if key is not None:
        recorded = Recorded(where="live service", note=scenario.about)
        with cassette(path, record=True, recorded=recorded, secrets=[key]):
            scenario.check(await suite.ask(scenario, key))
        return recorded.where
    async with Emulator() as emulator:
        for fault in scenario.faults:
            emulator.fail(fault)
        url = emulator.base_url(suite.provider.name)
        recorded = Recorded(where="emulator", note=scenario.about)
        rewrite = {url: suite.provider.base_url}
        with cassette(path, record=True, recorded=recorded, rewrite=rewrite):
            scenario.check(await suite.ask(scenario, MADE_UP_KEY, url))
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


async def reshape(suite: Suite, scenario: Scenario, path: Path) -> str:
    """Bring the requests of a shaped cassette up to date; its answers stay as they are."""
    file = CassetteFile.read(path)
    transport = Shaped(file)
    asked = attrs.evolve(scenario, client={**scenario.client, "transport": transport})
    scenario.check(await suite.ask(asked, MADE_UP_KEY))
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


def key_of(suite: Suite, scenario: Scenario) -> str | None:
    """The key for the live service; `None` where there is none, or the emulator is needed."""
    if scenario.faults:
        return None
    variables = suite.provider.key_variables
    return next((os.environ[name] for name in variables if os.environ.get(name)), None)


def write_table(folder: Path) -> None:
    """Bring the table in the README up to date."""
    readme = folder / "README.md"
    before, _begin, rest = readme.read_text(encoding="utf-8").partition(TABLE_BEGINS)
    after = rest.partition(TABLE_ENDS)[2]
    table = TABLE_BEGINS + provenance_table(folder) + TABLE_ENDS
    readme.write_text(before + table + after, encoding="utf-8")


async def run(provider: str, names: list[str]) -> None:
    """Record the named scenarios of a provider, or all of them."""
    suite: Suite = import_module(f"tests.providers.{provider}.scenarios").SUITE
    for scenario in suite.scenarios:
        if names and scenario.name not in names:
            continue
        path = suite.path_of(scenario)
        if scenario in suite.shaped:
            where = await reshape(suite, scenario, path)
        else:
            where = await record(suite, scenario, path, key_of(suite, scenario))
        print(f"{scenario.name}: {where}")
    write_table(suite.cassettes)


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("provider", help="such as gemini or openai")
    parser.add_argument("names", nargs="*", help="of the scenarios; all of them by default")
    arguments = parser.parse_args()
    if not (ROOT / "tests" / "providers" / arguments.provider / "scenarios.py").is_file():
        parser.error(f"no scenarios are written for the provider {arguments.provider!r}")
    asyncio.run(run(arguments.provider, arguments.names))


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


if __name__ == "__main__":
    main()
