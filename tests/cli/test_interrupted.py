from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.service import KEY, Service

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def interrupted(
    service: Service, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Start a call that never gets its answer, press Ctrl-C, and give how it ended."""
    service.fail("hang", times=8)
    command = [sys.executable, "-m", "genkit.cli", "generate", "a banana", *arguments]
    running = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(entry.answer for entry in service.ledger):
        assert time.monotonic() < deadline, "no request came"
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    return subprocess.CompletedProcess(command, running.returncode, out, err)


def test_ctrl_c(service: Service, folder: Path) -> None:
    """Ctrl-C ends a call at once with 130, says that it may have been charged, leaves no file."""
    ended = interrupted(service, folder)
    assert ended.returncode == 130
    assert ended.stdout == ""
    last = ended.stderr.splitlines()[-1]
    assert last == "Interrupted: a request was under way, so it may have been charged."
    assert "Traceback" not in ended.stderr
    assert KEY not in ended.stderr
    assert list(folder.iterdir()) == []


def test_ctrl_c_as_a_document(service: Service, folder: Path) -> None:
    """With `--json` the interruption is a document with its charge."""
    ended = interrupted(service, folder, "--json", "-n", "2")
    assert ended.returncode == 130
    error = json.loads(ended.stdout)["error"]
    assert (error["class"], error["charge"], error["exit_code"]) == ("Interrupted", "maybe", 130)
