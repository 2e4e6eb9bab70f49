"""The data plane: requests, the router that holds and routes them, and the replicas that serve them.

Python's view of native/: a workload goes in, the caller opens and closes pods and moves the time on, and
what became of each request comes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from tests.simulator import library

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]


class Outcome(IntEnum):
    """What became of a request; anything but DONE is a loss (PENDING: not ended when the run did)."""

    PENDING = 0
    DONE = 1
    REFUSED = 2
    TIMED_OUT = 3
    ABORTED = 4


class Phase(IntEnum):
    """What the router does with a pod."""

    ABSENT = 0
    READY = 1
    DRAINING = 2


@dataclass(frozen=True)
class Engine:
    """What a replica can do. Seconds per step: a + b * decoding + d * prefill tokens + g * tokens in KV.

    The defaults are of the size of an 8B model in bfloat16 on one 48 GB GPU of 0.86 TB/s: reading the
    weights makes `a`, reading 131 kB of keys and values per token makes `g`, and prefill runs at half of
    the peak. 256 and 2048 are vLLM's defaults of the API server (max_num_seqs, max_num_batched_tokens).
    """

    a: float = 0.021
    b: float = 1e-4
    d: float = 9e-5
    g: float = 1.5e-7
    slots: int = 256
    budget: int = 2048
    kv_tokens: int = 200_000


@dataclass(frozen=True)
class Routing:
    """How the router binds and holds requests. `limit`: requests that a pod may have; the rest is held."""

    limit: int
    hold_seconds: float = math.inf
    refuse_at_zero: bool = False


class Gauge(NamedTuple):
    """What the metrics of one pod say now. Fields up to `completions` as in native/plane.h."""

    phase: float
    in_flight: float
    running: float
    waiting: float
    kv_usage: float
    steps: float
    made: float
    prefilled: float
    preemptions: float
    completions: float
    idle_since: float


class Totals(NamedTuple):
    """What the router says. `load_integral`: request seconds, of held ones and those on pods."""

    held: float
    in_flight: float
    arrivals: float
    completions: float
    lost: float
    prompt: float
    output: float
    last_completion: float
    load_integral: float
    places: float


class Plane:
    """A context manager around one run of the data plane. Times are seconds since its begin.

    `pick` answers the place of the pod that gets the next held request, or -1 to hold; it may read
    `gauges()`. Without it the least loaded pod below the limit gets the request.
    """

    def __init__(
        self,
        arrival: Floats,
        prompt: Integers,
        output: Integers,
        engine: Engine,
        routing: Routing,
        pick: Callable[[], int] | None = None,
    ) -> None:
        count = len(arrival)
        if count and (output.min() < 1 or (prompt + output).max() > engine.kv_tokens):
            raise ValueError("a request must make a token and fit into the KV cache")
        if engine.slots > 1024:
            raise ValueError("at most 1024 slots")
        self.arrival, self.prompt, self.output = (np.ascontiguousarray(a) for a in (arrival, prompt, output))
        self.first, self.last = np.full(count, np.nan), np.full(count, np.nan)
        self.outcome = np.zeros(count, dtype=np.int8)
        self._made = np.zeros(count, dtype=np.int32)
        arrays = (self.arrival, self.prompt, self.output, self._made, self.first, self.last, self.outcome)
        self._pick = library.PICK(pick) if pick else library.PICK()
        self._library = library.library()
        self._handle = self._library.plane_open(
            library.Requests(count, *(array.ctypes.data for array in arrays)),
            library.Engine(*(getattr(engine, name) for name, *_ in library.Engine._fields_)),
            library.Policy(routing.limit, routing.hold_seconds, int(routing.refuse_at_zero), self._pick),
        )
        gauges = self._library.plane_gauges(self._handle)
        self.live = np.ctypeslib.as_array(gauges, (library.MAX_PODS, len(library.GAUGES)))
        self._totals = self._library.plane_totals(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.plane_close(self._handle)

    def add(self) -> int:
        """A pod that serves from now on; its place. Raises RuntimeError when all places are taken."""
        place: int = self._library.plane_add(self._handle)
        if place < 0:
            raise RuntimeError(f"more than {library.MAX_PODS} pods at once")
        return place

    def drain(self, place: int) -> None:
        """The pod gets no more requests."""
        self._library.plane_drain(self._handle, place)

    def recall(self, place: int) -> None:
        """The pod gets requests again."""
        self._library.plane_recall(self._handle, place)

    def remove(self, place: int, *, retry: bool = False) -> None:
        """The pod is gone with all it had; with `retry`, what has no token yet is held again."""
        self._library.plane_remove(self._handle, place, int(retry))

    def advance(self, until: float) -> None:
        """Runs everything that happens up to `until`."""
        self._library.plane_advance(self._handle, until)

    def gauge(self, place: int) -> Gauge:
        """One pod's metrics."""
        self._library.plane_gauges(self._handle)
        return Gauge(*self.live[place].tolist())

    def gauges(self) -> list[Gauge]:
        """The metrics of all places up to the last that is taken, in their order."""
        self._library.plane_gauges(self._handle)
        taken = np.flatnonzero(self.live[:, 0])
        rows = self.live[: int(taken[-1]) + 1].tolist() if len(taken) else []
        return [Gauge(*row) for row in rows]

    def loads(self) -> list[list[float]]:
        """Phase and requests in flight of each place up to the last in use: what a router needs."""
        loads: list[list[float]] = self.live[: int(self._totals[len(library.TOTALS) - 1]), :2].tolist()
        return loads

    def totals(self) -> Totals:
        """The router's counters, and how many places are in use or before one that is."""
        self._library.plane_totals(self._handle)
        return Totals(*self._totals[: len(library.TOTALS)])
