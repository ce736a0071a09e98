"""``python -m genkit.cli``: the same as ``genkit``."""

from __future__ import annotations

import sys

from genkit.cli import main

sys.exit(main())
