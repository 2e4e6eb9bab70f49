"""Ports of a pod on 127.0.0.1, by `kubectl port-forward`, as a developer reaches a pod."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from e2e.world import World, wait_until

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)")
_START_SECONDS = 60


class PortForward:
    """Forwards ports of one pod until `stop`; starts `kubectl` again when it has ended.

    kubectl ends when one of its connections breaks in the middle, which clients that leave early cause.
    """

    def __init__(self, world: World, pod: str, *ports: int, namespace: str) -> None:
        self._env = {**os.environ, **world.env}
        self._command = ["kubectl", "port-forward", "-n", namespace, f"pod/{pod}", *(f":{p}" for p in ports)]
        self._ports = set(ports)
        self._process: subprocess.Popen[bytes] | None = None
        self._local: dict[int, int] = {}

    def local(self, port: int) -> int:
        """The port on 127.0.0.1 that leads to the pod's `port`. Raises TimeoutError when kubectl fails."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        return self._local[port]

    def stop(self) -> None:
        """Ends kubectl."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _start(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "output"
            with output.open("wb") as file:
                self._process = subprocess.Popen(self._command, env=self._env, stdout=file, stderr=file)

            def ready() -> bool:
                found = _FORWARDING.findall(output.read_text())
                self._local = {int(remote): int(local) for local, remote in found}
                return set(self._local) == self._ports

            try:
                wait_until("kubectl port-forward to listen", ready, timeout=_START_SECONDS, every=0.05)
            except TimeoutError as error:
                self.stop()
                raise TimeoutError(f"{error}: {output.read_text()}") from None
