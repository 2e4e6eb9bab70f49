"""Ends what a test has started: asked first, killed if it does not listen."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
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


def descendants(ancestor: int) -> Iterator[tuple[int, str]]:
    """Ids and names of all processes below one."""
    for pid, name in children(ancestor).items():
        yield pid, name
        yield from descendants(pid)


def children(parent: int) -> dict[int, str]:
    """The names of the processes that a process has started, by their ids."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, fields = (folder / "stat").read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(fields.split()[1]) == parent:
            found[int(folder.name)] = name.split("(", 1)[1]
    return found
