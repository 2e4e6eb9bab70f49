"""The downloader as the process that runs in a pod, and repositories for it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.engine import SERVING_IMAGE

# Generous: an import of boto3 on two busy cores takes seconds.
DONE_SECONDS = 120


def content(seed: str, size: int) -> bytes:
    """The same noise for the same seed."""
    return random.Random(seed).randbytes(size)


def make_repository(folder: Path, sizes: Mapping[str, int]) -> Path:
    """Writes files of so many bytes each; the content follows from name and size."""
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(f"{folder.name}/{name}", size))
    return folder


class Pod:
    """One pod's view: its own /run/fairlead, and a cache that it may share."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        self.state_file, self.termination_log = folder / "weights.json", folder / "termination-log"
        folder.mkdir(parents=True, exist_ok=True)

    def job(self, source: str, endpoint: str, name: str = "model", **more: Any) -> dict[str, Any]:
        """A job as the operator writes it."""
        target = str(self.folder / ("model" if name == "model" else f"adapters/{name}"))
        return {"name": name, "source": source, "endpoint": endpoint, "target": target, **more}

    def order(self, *jobs: Mapping[str, Any], **more: Any) -> str:
        """FAIRLEAD_WEIGHTS."""
        document = {"jobs": jobs, "cache": str(self.cache), "state": str(self.state_file)}
        return json.dumps(document | {"patienceSeconds": 60} | more)

    def start(self, order: str, wrapper: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
        """Starts the downloader; `wrapper` runs it under another command."""
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        variables = {
            **kept,
            "PYTHONPATH": str(SERVING_IMAGE),
            "FAIRLEAD_WEIGHTS": order,
            # No credentials, no proxies, and no home of the developer.
            "HOME": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
            **environment,
        }
        command = [sys.executable, "-m", "fairlead_weights", "--termination-log", str(self.termination_log)]
        return subprocess.Popen(
            [*wrapper, *command], env=variables, stderr=subprocess.PIPE, text=True, cwd=self.folder
        )

    def run(self, order: str, wrapper: Sequence[str] = (), **environment: str) -> Outcome:
        """Runs the downloader to its end."""
        return self.end_of(self.start(order, wrapper, **environment))

    def end_of(self, process: subprocess.Popen[str]) -> Outcome:
        """Waits for the end of a downloader."""
        _, log = process.communicate(timeout=DONE_SECONDS)
        return Outcome(process.returncode, log, self.state(), self.termination())

    def state(self) -> dict[str, Any]:
        """The progress file; {} before there is one."""
        try:
            document: dict[str, Any] = json.loads(self.state_file.read_bytes())
        except FileNotFoundError:
            return {}
        return document

    def termination(self) -> dict[str, Any] | None:
        """The termination message, if there is one."""
        if not self.termination_log.exists():
            return None
        document: dict[str, Any] = json.loads(self.termination_log.read_bytes())
        return document

    @property
    def model(self) -> Path:
        """What vLLM is given."""
        return self.folder / "model"


class Outcome:
    """How a download ended."""

    def __init__(
        self, code: int, log: str, state: dict[str, Any], termination: dict[str, Any] | None
    ) -> None:
        self.code, self.log, self.state, self.termination = code, log, state, termination

    def __repr__(self) -> str:
        return f"exit code {self.code}, state {self.state}\n{self.log}"

    @property
    def reason(self) -> str:
        """The reason in the termination message; "" after a success."""
        return str(self.termination["reason"]) if self.termination else ""

    @property
    def message(self) -> str:
        """The message beside it."""
        return str(self.termination["message"]) if self.termination else ""


def read_folder(folder: Path) -> dict[str, bytes]:
    """All files of a folder by name, through links."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def wait_until(what: str, condition: Callable[[], object], seconds: float = DONE_SECONDS) -> None:
    """Returns when the condition holds; fails after the given time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never saw {what}"
        time.sleep(0.02)
