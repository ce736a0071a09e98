"""Build every distribution, install the wheels away from the sources and use them there.

    python scripts/check_wheels.py

What is tried is what a user meets, in this order: the core alone, the core with its command line,
then the Gemini provider beside it, drawing a picture by the library and by the command line against
the emulator. Needs `build` and `hatchling` in the Python that runs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parent.parent

LIBRARY_PROGRAM = """
import asyncio
import genkit
from genkit.emulator import Emulator

async def main() -> None:
    async with Emulator() as emulator:
        url = emulator.base_url("gemini")
        async with genkit.Client("gemini", api_key="made-up-key", base_url=url) as client:
            response = await client.generate("a red square", width=512, height=512, fit="resize")
            response.save("library.png")

asyncio.run(main())
"""


class WheelError(Exception):
    """A built distribution is not what it should be."""


@attrs.frozen(kw_only=True)
class Environment:
    """A virtual environment that knows nothing of the sources."""

    folder: Path
    """Where its programs run and leave their files."""
    bin: Path

    @classmethod
    def make(cls, folder: Path) -> Environment:
        """Make an empty one."""
        venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
        files = folder / "files"
        files.mkdir()
        scripts = "Scripts" if os.name == "nt" else "bin"
        return cls(folder=files, bin=folder / "venv" / scripts)

    def install(self, *requirements: str) -> None:
        """Install wheels, and what they need from the package index."""
        pip = [str(self.bin / "python"), "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", *requirements], folder=self.folder, env=None)
        run([*pip, "check"], folder=self.folder, env=None)

    def run(self, program: str, *arguments: str, expect: int = 0) -> str:
        """Run one of its programs and return what it wrote, to either stream."""
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        env = {**kept, "HOME": str(self.folder), "PYTHONWARNINGS": "error"}
        command = [str(self.bin / program), *arguments]
        return run(command, folder=self.folder, env=env, expect=expect)


def run(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str] | None, expect: int = 0
) -> str:
    """Run a command and return its output.

    Raises:
        WheelError: it ended with another code than expected.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    if done.returncode != expect:
        shown = " ".join(command)
        raise WheelError(f"{shown}\nended with {done.returncode}, not {expect}:\n{done.stdout}")
    return done.stdout


def build(project: Path, target: Path) -> Path:
    """Build the source distribution of a project and the wheel from it; return the wheel."""
    before = set(target.glob("*.whl"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target)]
    run([*command, str(project)], folder=target, env=None)
    (wheel,) = set(target.glob("*.whl")) - before
    return wheel


def check_contents(wheel: Path) -> None:
    """Require what every wheel carries, and nothing that belongs to the repository only."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for suffix in ("/py.typed", "/licenses/LICENSE", "/entry_points.txt"):
        require(any(name.endswith(suffix) for name in names), f"{wheel.name} has no {suffix}")
    packages = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    require(len(packages) == 1, f"{wheel.name} holds more than one package: {packages}")

    with tarfile.open(wheel.with_name(f"{wheel.name.split('-py3')[0]}.tar.gz")) as sources:
        strays = [name for name in sources.getnames() if "/." in name or "__pycache__" in name]
    # Every source distribution of hatchling carries the ignore file that it went by.
    strays = [name for name in strays if not name.endswith("/.gitignore")]
    require(not strays, f"the source distribution of {wheel.name} holds {strays}")


def check_core_alone(environment: Environment) -> None:
    """The library imports; its command says what it needs."""
    output = environment.run("python", "-c", "import genkit; print(genkit.__file__)")
    require(str(ROOT) not in output, f"genkit was imported from the sources: {output}")
    output = environment.run("genkit", "providers", expect=2)
    require("genkit-core[cli]" in output, f"no hint at the extra `cli`: {output}")
    require("Traceback" not in output, f"a traceback instead of a hint: {output}")


def check_command_line(environment: Environment) -> None:
    """The command runs, finds no provider and says how to get one."""
    output = environment.run("genkit", "providers")
    require("genkit-provider-" in output, f"no hint at how to install a provider: {output}")
    environment.run("genkit", "--help")


def check_provider(environment: Environment) -> None:
    """A picture of the asked size comes by the library and by the command line."""
    output = environment.run("genkit", "providers")
    require("gemini" in output, f"the provider was not found: {output}")

    environment.run("python", "-c", LIBRARY_PROGRAM)
    require_png(environment.folder / "library.png", 512, 512)

    options = ["--emulator", "--size", "640x360", "--fit", "crop", "-o", "command.png"]
    environment.run("genkit", "generate", "a blue square", *options)
    require_png(environment.folder / "command.png", 640, 360)


def require(condition: bool, message: str) -> None:
    """Raise the message where the condition does not hold."""
    if not condition:
        raise WheelError(message)


def require_png(path: Path, width: int, height: int) -> None:
    """Require a PNG of exactly this size, by its header (RFC 2083, sections 3.1 and 4.1.1)."""
    header = path.read_bytes()[:24]
    expected = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big")
    require(
        header == expected + height.to_bytes(4, "big"),
        f"{path.name} is no PNG of {width}x{height}: {header!r}",
    )


def main() -> None:
    """Build, install and use them all."""
    with tempfile.TemporaryDirectory(prefix="genkit-wheels-") as name:
        folder = Path(name)
        built = folder / "dist"
        built.mkdir()
        core = build(ROOT, built)
        providers = [build(path.parent, built) for path in ROOT.glob("providers/*/pyproject.toml")]
        for wheel in (core, *providers):
            check_contents(wheel)
            print(f"built and looked through: {wheel.name}")

        environment = Environment.make(folder)
        environment.install(str(core))
        check_core_alone(environment)
        print("core alone: imports, and its command says what it needs")
        environment.install(f"{core}[cli]")
        check_command_line(environment)
        print("core with the command line: says how to get a provider")
        environment.install(f"{core}[cli]", *map(str, providers))
        check_provider(environment)
        print("with the providers: pictures of the asked size by library and command line")


if __name__ == "__main__":
    try:
        main()
    except WheelError as error:
        sys.exit(f"check_wheels: {error}")
