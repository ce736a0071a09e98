from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from genkit.sniff import sniff


def test_the_demonstration(root: Path, tmp_path: Path) -> None:
    """It leaves pictures of exactly the promised pixels and the table, also over earlier ones."""
    for name in ("banana.png", "thumbnail.genkit-conversation", "table.txt"):
        (tmp_path / name).write_text("left by an earlier run")
    done = subprocess.run(
        [sys.executable, root / "scripts" / "demo.py", tmp_path],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"GEMINI_API_KEY": "canary-4f1d-AbC9"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {
        path.name: (header.media_type, header.width, header.height)
        for path in tmp_path.glob("*.png")
        if (header := sniff(path.read_bytes()))
    }
    assert found == {
        "banana.png": ("image/png", 512, 512),
        "thumbnail.png": ("image/png", 1280, 720),
        "thumbnail-refined.png": ("image/png", 1280, 720),
    }
    table = (tmp_path / "table.txt").read_text(encoding="utf-8")
    for word in ("generation id", "gemini:gemini-nano-banana-2.1", "2 (429, then 200)", "waits"):
        assert word in table
        assert word in done.stdout
    assert "4 requests, 3 charged, 3 pictures delivered" in done.stdout
    assert "rate limited (429 RESOURCE_EXHAUSTED), as the service asks: waiting 2." in done.stderr
    assert "canary" not in done.stdout + done.stderr
