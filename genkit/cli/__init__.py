"""The command line, ``genkit``. It needs the extra `cli`, and says so where that is missing."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

__all__ = ["main"]

NEEDED = ("click", "rich")
MISSING = """\
genkit: the command line needs {packages}, which the extra `cli` brings:

    pip install 'genkit-core[cli]'

or, from a checkout of the project: pip install -e '.[cli]'"""
USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with `arguments` (those of the process by default); gives its exit code.

    The codes are in `genkit.cli.exit_codes`.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(MISSING.format(packages=" and ".join(missing)) + "\n")
        return USAGE
    from genkit.cli.app import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
