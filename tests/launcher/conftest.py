"""Runs of the launcher that end with the test."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.support import Launch, Run
from tests.support import processes


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    runs: list[Run] = []

    def start(source: str, *arguments: str) -> Run:
        runs.append(Run(tmp_path, source, *arguments))
        return runs[-1]

    yield start
    for run in runs:
        # In a session of its own, the child would outlive a launcher that is killed.
        left = processes.children(run.process.pid)
        with run.process:
            run.process.kill()
        for child in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
