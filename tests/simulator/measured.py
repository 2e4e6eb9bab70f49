"""A real vLLM under load: what each request took, and the engine's counters meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairlead_gateway.load_counters import read_engine
from tests.support import processes
from tests.support.engine import Engine
from tests.support.manifests import EAGER, merged

SAMPLE_SECONDS = 0.5
STEPS_PER_TICK = 20
SLOTS, BUDGET = 64, 2048
# Neither the prefix cache nor the sampler may save work that the model counts.
SPEC = merged(
    EAGER,
    {
        "engine": {
            "maxRunningRequests": SLOTS,
            "args": [
                "--enforce-eager",
                "--no-enable-prefix-caching",
                f"--max-num-batched-tokens={BUDGET}",
            ],
        }
    },
)
_VOCABULARY = 1500
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Phase:
    """So many clients, each of which sends the next request when the last is answered."""

    clients: int
    prompt: int
    output: int


@dataclass(frozen=True)
class Request:
    """One request as its client saw it. Times are seconds on one clock."""

    sent: float
    answered: float
    prompt: int
    output: int


@dataclass(frozen=True)
class Tick:
    """What an engine did between two readings of its counters with requests running at both."""

    seconds: float
    cpu_seconds: float
    """Of the engine's core and its worker: less than `seconds` when others use the machine too."""
    steps: float
    made: float
    prefilled: float


@dataclass(frozen=True)
class Measured:
    """One phase."""

    phase: Phase
    requests: tuple[Request, ...]
    ticks: tuple[Tick, ...]

    @property
    def stretch(self) -> float:
        """Seconds that pass in one of the engine's CPU seconds while it is busy."""
        return sum(tick.seconds for tick in self.ticks) / sum(tick.cpu_seconds for tick in self.ticks)


def measure(engine: Engine, phase: Phase, seconds: float) -> Measured:
    """Runs the phase for so long and until its last request is answered. Raises RuntimeError."""
    end = time.monotonic() + seconds
    requests: list[Request] = []
    failures: list[Exception] = []

    def client(seed: int) -> None:
        rng = random.Random(seed)
        try:
            while time.monotonic() < end:
                requests.append(_complete(engine.socket, phase, rng))
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            failures.append(error)

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(phase.clients)]
    for thread in clients:
        thread.start()
    ticks = _watch(engine, clients)
    if failures:
        raise RuntimeError(f"the engine failed a request: {failures[0]}\n{engine.log_tail()}")
    if not ticks:
        raise RuntimeError(
            f"{phase}: fewer than {STEPS_PER_TICK} steps could be watched; give it more --seconds"
        )
    return Measured(phase, tuple(sorted(requests, key=lambda each: each.sent)), tuple(ticks))


def _watch(engine: Engine, clients: Sequence[threading.Thread]) -> list[Tick]:
    ticks = []
    core = engine.core()
    parts = [core, *processes.children(core)]
    before_at, before_cpu, before = 0.0, 0.0, None
    while any(thread.is_alive() for thread in clients):
        now = read_engine(engine.get("/metrics")[1], None)
        at, cpu = time.monotonic(), sum(_cpu_seconds(part) for part in parts)
        if before and now and before.running and now.running:
            rise = [
                now.steps - before.steps,
                now.decode_tokens - before.decode_tokens,
                now.prefill_tokens - before.prefill_tokens,
            ]
            # vLLM counts a prompt when all of it is done, so a tick has to have many steps.
            if rise[0] >= STEPS_PER_TICK and cpu > before_cpu:
                ticks.append(Tick(at - before_at, cpu - before_cpu, *rise))
                before_at, before_cpu, before = at, cpu, now
        else:
            before_at, before_cpu, before = at, cpu, now
        clients[0].join(SAMPLE_SECONDS)
        time.sleep(max(0.0, at + SAMPLE_SECONDS - time.monotonic()))
    return ticks


def _cpu_seconds(process: int) -> float:
    # proc(5): the name is in parentheses and may have spaces; utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _complete(path: Path, phase: Phase, rng: random.Random) -> Request:
    """One completion of exactly the phase's lengths."""
    body = {
        "model": "tiny",
        "prompt": [rng.randrange(_VOCABULARY) for _ in range(phase.prompt)],
        "max_tokens": phase.output,
        "ignore_eos": True,
    }
    connection = http.client.HTTPConnection("engine", timeout=_TIMEOUT_SECONDS)
    with contextlib.closing(connection), socket.socket(socket.AF_UNIX) as unix:
        unix.settimeout(_TIMEOUT_SECONDS)
        unix.connect(str(path))
        connection.sock = unix
        sent = time.monotonic()
        connection.request("POST", "/v1/completions", json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"HTTP {answer.status}: {content[:300]!r}")
    usage = json.loads(content)["usage"]
    return Request(sent, time.monotonic(), usage["prompt_tokens"], usage["completion_tokens"])
