"""`fairlead run` as a user starts it: a process of its own, with its output in files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from openai import OpenAI

from tests.gateway.process import free_port, wait_for
from tests.support.processes import STOP_SECONDS

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = os.pathsep.join(str(REPOSITORY / folder) for folder in ("operator", "serving-image"))
# Generous: two busy cores import torch three times before an engine is up.
READY_SECONDS = 400


def environment(cache: Path) -> dict[str, str]:
    """The variables of a user's shell; what is kept between runs goes into `cache`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRLEAD_")}
    return {**kept, "PYTHONPATH": PACKAGES, "FAIRLEAD_CACHE": str(cache)}


def command(*arguments: str | Path) -> list[str]:
    """The command line of `fairlead run` with these arguments. It ends with this process at the latest."""
    words = [sys.executable, "-m", "fairlead_operator", "run", *map(str, arguments)]
    return ["setpriv", "--pdeathsig", "INT", *words]


class LocalRun:
    """A run in a folder, which has the logs afterwards. Use as a context: its end is Ctrl-C."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.port = free_port()
        self.run_dir, self.cache = folder / "run", folder / "cache"
        self._out, self._err = folder / "out", folder / "err"
        words = command("--port", str(self.port), "--run-dir", self.run_dir, *arguments)
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(words, stdout=out, stderr=err, env=environment(self.cache))

    def __enter__(self) -> LocalRun:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Ctrl-C, and a second one if that takes too long. Returns the exit code."""
        try:
            for _ in range(2):
                if self.process.poll() is None:
                    self.interrupt()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return self.process.wait(STOP_SECONDS)
            return self.process.wait(0)
        finally:
            self.process.kill()

    @property
    def output(self) -> str:
        """What it has written to its standard output."""
        return self._out.read_text()

    @property
    def messages(self) -> str:
        """What it has written to its standard error."""
        return self._err.read_text()

    def ports(self, model: str) -> tuple[int, int]:
        """The ports of a model's gateway: that of its API, and that of its administration."""
        found = json.loads((self.run_dir / "ports.json").read_bytes())["models"][f"default/{model}"]
        return found["api"], found["admin"]

    def log(self, model: str, container: str) -> Path:
        """The file with a container's log."""
        return self.run_dir / "logs" / model / f"{container}.log"

    def wait_ready(self) -> LocalRun:
        """Returns when it says how to go on. Fails as soon as a container has ended instead."""
        wait_for(lambda: self._over or " ended with exit code " in self.messages, READY_SECONDS)
        assert "Ready: " in self.output, f"it is not ready:\n{self.output}{self.messages}"
        return self

    def wait_until(self, text: str) -> LocalRun:
        """Returns when it has written a text to its standard error."""
        wait_for(lambda: self.process.poll() is not None or text in self.messages, READY_SECONDS)
        assert text in self.messages, f"it wrote no {text!r}:\n{self.output}{self.messages}"
        return self

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """The exit code, when it has ended by itself."""
        return self.process.wait(STOP_SECONDS)

    def openai(self, key: str = "none", retries: int = 0) -> OpenAI:
        """The official client; to be closed."""
        base = f"http://127.0.0.1:{self.port}/v1"
        return OpenAI(base_url=base, api_key=key, max_retries=retries, timeout=300)

    def leftovers(self) -> list[int]:
        """The processes of this run: its folder is in their command line or their environment."""
        mark = str(self.run_dir).encode()
        return [pid for pid in _processes() if mark in _read(pid, "cmdline") + _read(pid, "environ")]

    def pids(self, word: str) -> list[int]:
        """Its processes that have a word in their command line."""
        return [pid for pid in self.leftovers() if word.encode() in _read(pid, "cmdline")]

    @property
    def _over(self) -> bool:
        return self.process.poll() is not None or "Ready: " in self.output


def _processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _read(pid: int, name: str) -> bytes:
    """What the kernel has of a process; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
