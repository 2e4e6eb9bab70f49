"""Ends what a test has started: asked first, killed if it does not listen."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

STOP_SECONDS = 60


def stop(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Sends SIGTERM as Kubernetes does, removes the process's folder and returns its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
