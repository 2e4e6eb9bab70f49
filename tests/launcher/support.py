"""One run of the launcher around a scripted child."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from e2e.world import wait_until
from tests.support.engine import install_launcher

WAIT_SECONDS = 30


class Run:
    """One launcher process around a child with the given source code."""

    def __init__(self, folder: Path, source: str, *arguments: str, options: Sequence[str] = ()) -> None:
        (folder / "child.py").write_text(source)
        self.socket, self.state_file = folder / "engine.sock", folder / "engine.json"
        self.termination_log = folder / "termination-log"
        command = [
            *(sys.executable, str(install_launcher(folder)), "--module", "child", *options),
            *("--socket", str(self.socket), "--state", str(self.state_file)),
            *("--termination-log", str(self.termination_log), "--", *(arguments or ("--flag",))),
        ]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self) -> tuple[int, bytes]:
        """Exit code and relayed log."""
        log, _ = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, log

    def read_line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def started(self) -> bool:
        """Whether the launcher has written anything."""
        return self.state_file.exists()

    def state(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.state_file.read_bytes())
        return document


Launch = Callable[..., Run]


def await_condition(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Waits until it holds, looking often: a phase may be short."""
    wait_until(what, holds, timeout=seconds, every=0.05)
