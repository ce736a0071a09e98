"""Build every distribution, install the wheels away from the sources and use them there.

    python scripts/check_wheels.py

What is tried is what a user meets, in this order: the core alone; the core with its command line;
the Gemini provider, drawing by the library and by the command line; the OpenAI provider beside it,
swapped by one word; a plugin that the installed command has just written. All pictures come from
the emulator. Needs `build`, `hatchling` and `pip` in the Python that runs it.
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


PLUGIN = "acme-art"
"""The name of the plugin that is written."""
PNG = b"\x89PNG\r\n\x1a\n"


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
        """Make an empty one, without even pip: the one that runs this installs from outside."""
        venv.create(folder / "venv", with_pip=False, symlinks=os.name != "nt")
        files = folder / "files"
        files.mkdir()
        scripts = "Scripts" if os.name == "nt" else "bin"
        return cls(folder=files, bin=folder / "venv" / scripts)

    def install(self, *requirements: str) -> None:
        """Install wheels, and what they need from the package index."""
        # Most of what is installed is never imported here, so nothing is compiled beforehand.
        self._pip("install", "--quiet", "--no-compile", *requirements)

    def check_requirements(self) -> None:
        """Require that all that is installed fits together."""
        self._pip("check")

    def _pip(self, *arguments: str) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        target = ["--python", str(self.bin / "python")]
        run([*pip, *target, *arguments], folder=self.folder, env=None)

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
    """Build a project's source distribution and wheel, look through both; return the wheel."""
    target.mkdir()
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target)]
    run([*command, str(project)], folder=target, env=None)
    (wheel,) = target.glob("*.whl")
    check_contents(wheel)
    print(f"built and looked through: {wheel.name}")
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
    require("No provider is installed" in output, f"a provider out of nowhere: {output}")
    require("pip install -e providers/" in output, f"no hint at how to get one: {output}")
    for emulated in ([], ["--emulator"]):
        output = environment.run("genkit", "generate", "a red square", *emulated, expect=2)
        require("pip install -e providers/" in output, f"no hint at how to get one: {output}")
        require("Traceback" not in output, f"a traceback instead of a hint: {output}")
    environment.run("genkit", "--help")


def check_provider(environment: Environment) -> None:
    """A picture of the asked size comes by the library and by the command line."""
    output = environment.run("genkit", "providers")
    require("gemini" in output, f"the provider was not found: {output}")

    environment.run("python", "-c", LIBRARY_PROGRAM)
    require_png(environment.folder / "library.png", 512, 512)

    draw(environment, "gemini", "command.png", "--size", "640x360", "--fit", "crop")
    require_png(environment.folder / "command.png", 640, 360)

    output = environment.run("genkit", "generate", "a red square", "-m", "openai", expect=2)
    hint = "another provider is installed as a distribution of its own"
    require(hint in output, f"no hint at how to get another provider: {output}")


def check_swap(environment: Environment) -> None:
    """One word says who draws: an option of the command, or a line of the configuration."""
    output = environment.run("genkit", "providers")
    require("gemini" in output and "openai" in output, f"both should be listed: {output}")
    draw(environment, "gemini", "unsaid.png")
    draw(environment, "openai", "option.png", "-m", "openai")
    config = environment.folder / "genkit.toml"
    for name in ("gemini", "openai"):
        config.write_text(f'default = "{name}"\n', encoding="utf-8")
        draw(environment, name, f"default-{name}.png")
    config.unlink()


def write_plugin(environment: Environment) -> Path:
    """Let the installed command write a plugin; give its folder."""
    environment.run("genkit", "new-provider", PLUGIN, "--output", "plugin")
    return environment.folder / "plugin"


def check_plugin(environment: Environment, project: Path) -> None:
    """A plugin just written passes its tests, draws, and is in nobody's way."""
    environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project))
    draw(environment, PLUGIN, "plugin.png", "-m", PLUGIN)
    draw(environment, "gemini", "still.png")
    output = environment.run("genkit", "doctor")
    for name in ("gemini", "openai", PLUGIN):
        require(f"{name}, of genkit-provider-{name} " in output, f"{name} is missing: {output}")


def draw(environment: Environment, provider: str, file: str, *options: str) -> None:
    """Draw by the command line on the emulator, and require that it was this provider."""
    command = ["generate", "a blue square", "--emulator", "-o", file, *options]
    output = environment.run("genkit", *command)
    require(f"{provider}:" in output, f"another one than {provider} drew: {output}")
    header = (environment.folder / file).read_bytes()[:8]
    require(header == PNG, f"{file} is no PNG: {header!r}")


def require(condition: bool, message: str) -> None:
    """Raise the message where the condition does not hold."""
    if not condition:
        raise WheelError(message)


def require_png(path: Path, width: int, height: int) -> None:
    """Require a PNG of exactly this size, by its header (RFC 2083, sections 3.1 and 4.1.1)."""
    header = path.read_bytes()[:24]
    expected = PNG + b"\0\0\0\rIHDR" + width.to_bytes(4, "big")
    require(
        header == expected + height.to_bytes(4, "big"),
        f"{path.name} is no PNG of {width}x{height}: {header!r}",
    )


def main() -> None:
    """Build, install and use them all."""
    with tempfile.TemporaryDirectory(prefix="genkit-wheels-") as name:
        # Whole, as some systems write it by a link: programs name their files so.
        folder = Path(name).resolve()
        core = build(ROOT, folder / "core")
        providers = {
            path.parent.name: build(path.parent, folder / path.parent.name)
            for path in sorted(ROOT.glob("providers/*/pyproject.toml"))
        }
        environment = Environment.make(folder)
        environment.install(str(core))
        check_core_alone(environment)
        print("core alone: imports, and its command says what it needs")

        environment.install(f"{core}[cli]")
        check_command_line(environment)
        print("core with the command line: says how to get a provider")

        environment.install(str(providers["gemini"]))
        check_provider(environment)
        print("with one provider: pictures of the asked size by library and command line")

        environment.install(*map(str, providers.values()))
        check_swap(environment)
        print("with two providers: swapped by one word")

        plugin = write_plugin(environment)
        environment.install(f"{build(plugin, folder / 'plugin')}[test]")
        check_plugin(environment, plugin)
        environment.check_requirements()
        print("with a plugin just written: passes its own tests, and draws beside them")


if __name__ == "__main__":
    try:
        main()
    except WheelError as error:
        sys.exit(f"check_wheels: {error}")
