"""A second client: one token at a time over the engine's socket, and how long each one takes."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.manifests import SERVED_NAMES

MINIMAL: dict[str, Any] = {
    "model": SERVED_NAMES[0],
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 1,
}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
FORM = {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": _SCHEMA}}}
# What a probe waits for. Longer than any stall that is worth a figure.
GIVE_UP_SECONDS = 60.0
# Before the request under test, for the usual latency.
_QUIET_SECONDS = 1.5
_PAUSE_SECONDS = 0.02


def post(path: Path, body: bytes, seconds: float) -> int:
    """Sends a chat completion to the engine and returns the status. Raises OSError when the time is up."""
    connection = http.client.HTTPConnection("engine", timeout=seconds)
    unix = socket.socket(socket.AF_UNIX)
    try:
        unix.settimeout(seconds)
        unix.connect(str(path))
        connection.sock = unix
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        unix.close()


@dataclass
class Probe:
    """Asks again and again in a thread until `stop`."""

    path: Path
    changes: dict[str, Any]
    seen: list[tuple[float, float]] = field(default_factory=list)
    """Start and duration of each request, in seconds."""
    failures: int = 0

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        body = json.dumps(MINIMAL | self.changes).encode()
        while not self._stopped.wait(_PAUSE_SECONDS):
            start = time.monotonic()
            try:
                self.failures += post(self.path, body, GIVE_UP_SECONDS) != 200
            except OSError:
                self.failures += 1
            self.seen.append((start, time.monotonic() - start))

    def stop(self) -> None:
        """Returns when the request that is on its way is answered."""
        self._stopped.set()
        self._thread.join()

    def longest_delay(self, since: float) -> float:
        """Of the requests that ended after a time: the longest, without what they usually take."""
        before = [took for start, took in self.seen if start + took < since]
        usual = statistics.median(before) if before else 0.0
        return max((took - usual for start, took in self.seen if start + took >= since), default=0.0)


@dataclass(frozen=True)
class Stall:
    """What a request did to others."""

    status: int
    """0 if there was no answer."""
    seconds: float
    plain: float
    """The longest delay of a plain request, in seconds."""
    form: float
    """The same of a request with a small schema, which has to wait for the compiler too."""
    failures: int
    """Requests of others that failed or were given up."""


def measure(path: Path, body: bytes, leave_after: float = GIVE_UP_SECONDS) -> Stall:
    """Sends a request while two others ask; the client leaves after some seconds."""
    probes = Probe(path, {}), Probe(path, FORM)
    time.sleep(_QUIET_SECONDS)
    start = time.monotonic()
    try:
        status = post(path, body, leave_after)
    except OSError:
        status = 0
    took = time.monotonic() - start
    for probe in probes:
        probe.stop()
    plain, form = (probe.longest_delay(start) for probe in probes)
    return Stall(status, took, plain, form, sum(probe.failures for probe in probes))
