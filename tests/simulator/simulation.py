"""One run: a workload, an autoscaler, a cluster; and the figures that come of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tests.simulator.cluster import SimulatedCluster
from tests.simulator.plane import Engine, Outcome, Plane, Routing
from tests.simulator.policies.base import Policy, View
from tests.simulator.policies.fairlead import shipped_pick
from tests.simulator.workloads import WARM_UP, Workload

# The cluster is looked at so often when nothing else happens: a drained pod goes no later than that.
_LOOK_SECONDS = 5.0
# So long requests may take to end after the counted time.
_TAIL_SECONDS = 1800.0
# A change of direction that follows so soon is a flap.
_FLAP_SECONDS = 600.0


@dataclass(frozen=True)
class Setup:
    """What is the same for all autoscalers of a comparison."""

    cold_start: float
    """Median seconds from scheduled to ready."""
    engine: Engine = field(default_factory=Engine)
    limit: int = 140
    """Requests that the router gives to one pod for an autoscaler that does not learn it: what ours gives
    for chats on the default engine, twice the concurrency at which 72 % of the time is in use."""
    hold_seconds: float = math.inf
    refuse_at_zero: bool = False
    drain_seconds: float | None = None
    """How long a pod that goes may work on what it has; None: as the workload's owner says; 0: it loses all,
    as vLLM does on SIGTERM by default."""


@dataclass(frozen=True)
class Figures:
    """What came of one run, in its counted time. Times are seconds; attainment and shares are 0 to 1."""

    requests: int
    attainment: float
    """Requests with their first token in time; a lost one is not."""
    ttft_p50: float
    ttft_p95: float
    ttft_p99: float
    itl_p95: float
    """Mean time between the tokens of a request, 95th percentile of the requests."""
    lost: dict[str, int]
    gpu_hours: float
    created: int
    scalings: int
    flaps: int
    most_unschedulable: int
    wake_ttft: float | None
    """Mean time to the first token of requests that came at zero replicas."""

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


@dataclass
class _Changes:
    """The history of the wanted count."""

    scalings: int = 0
    flaps: int = 0
    created_before: int = 0
    _direction: int = 0
    _at: float = -math.inf

    def note(self, at: float, before: int, after: int) -> None:
        direction = (after > before) - (after < before)
        if not direction or at < WARM_UP:
            return
        self.scalings += 1
        self.flaps += direction == -self._direction and at - self._at < _FLAP_SECONDS
        self._direction, self._at = direction, at


class Simulation:
    """Runs one workload under one autoscaler. With `own_router` the router's shipped policy picks."""

    def __init__(self, workload: Workload, policy: Policy, setup: Setup, *, own_router: bool = False) -> None:
        self.workload, self.policy, self.setup = workload, policy, setup
        self._limit = float(setup.limit)
        self._replicas = workload.initial_replicas
        self._changes = _Changes()
        self._woken: list[int] = []
        self._restarts = sorted(workload.trouble.restarts)
        self._seen_at, self._seen_load = 0.0, 0.0
        routing = Routing(setup.limit, setup.hold_seconds, setup.refuse_at_zero)
        pick: Callable[[], int] | None = None
        if own_router:
            # Each pod in the data plane holds a GPU, so there are no more places.
            pick = shipped_pick(workload.trouble.gpus, lambda: self.plane.loads(), lambda: self._limit)
        arrays = (workload.arrival, workload.prompt, workload.output)
        self.plane = Plane(*arrays, setup.engine, routing, pick)
        drain = workload.drain_seconds if setup.drain_seconds is None else setup.drain_seconds
        counted = (WARM_UP, workload.end)
        self.cluster = SimulatedCluster(self.plane, workload.trouble, setup.cold_start, drain, counted)

    def run(self) -> Figures:
        """From the first request to the end of the last."""
        with self.plane:
            self.cluster.begin(self._replicas)
            now, tick, wake = 0.0, self.policy.period, math.inf
            while now < self.workload.end + _TAIL_SECONDS and not self._over(now):
                wake = self._wake_at(now, wake)
                now = min(tick, wake, self.cluster.next_event(), now + _LOOK_SECONDS)
                self.plane.advance(now)
                self.cluster.advance(now)
                while self._restarts and self._restarts[0] <= now:
                    self.policy.restart(self._restarts.pop(0))
                if now >= min(tick, wake):
                    recheck = self._decide(now)
                    wake = math.inf
                    tick = now + recheck if now >= tick else min(tick, now + recheck)
                if now < WARM_UP:
                    self._changes.created_before = self.cluster.created
            self.cluster.end(now)
            return self._figures()

    def _over(self, now: float) -> bool:
        totals = self.plane.totals()
        return now >= self.workload.end and totals.completions + totals.lost >= len(self.workload.arrival)

    def _wake_at(self, now: float, wake: float) -> float:
        """When the autoscaler learns of the next request, if there is no pod for it."""
        if self._replicas or self.policy.wake_seconds is None:
            return math.inf
        if not math.isinf(wake):
            return wake
        arrived = int(self.plane.totals().arrivals)
        if arrived >= len(self.workload.arrival):
            return math.inf
        self._woken.append(arrived)
        return max(now, float(self.workload.arrival[arrived]) + self.policy.wake_seconds)

    def _decide(self, now: float) -> float:
        order = self.policy.decide(self._view(now))
        if order.limit is not None:
            self._limit = order.limit
        self._changes.note(now, self._replicas, order.replicas)
        self._replicas = order.replicas
        self.cluster.scale(now, order.replicas, order.removal, order.recall)
        return self.policy.period if order.recheck is None else order.recheck

    def _view(self, now: float) -> View:
        totals = self.plane.totals()
        span = now - self._seen_at
        mean = (totals.load_integral - self._seen_load) / span if span else totals.held + totals.in_flight
        self._seen_at, self._seen_load = now, totals.load_integral
        gauges = self.plane.gauges()
        blackout = self.workload.trouble.blackout
        return View(
            at=now,
            totals=totals,
            mean_load=mean,
            pods=tuple(self.cluster.pods),
            gauges={pod.name: gauges[pod.place] for pod in self.cluster.pods if pod.place is not None},
            replicas=self._replicas,
            engines_visible=not (blackout and blackout[0] <= now < blackout[1]),
        )

    def _figures(self) -> Figures:
        counted = self.workload.arrival >= WARM_UP
        outcome = self.plane.outcome[counted]
        ttft = (self.plane.first - self.workload.arrival)[counted]
        done = outcome == Outcome.DONE
        in_time = done & (ttft <= self.workload.limits()[counted])
        output = self.workload.output[counted]
        several = done & (output > 1)
        itl = (self.plane.last - self.plane.first)[counted][several] / (output[several] - 1)
        woken = [i for i in self._woken if self.workload.arrival[i] >= WARM_UP]
        wake_ttft = (self.plane.first - self.workload.arrival)[woken]
        p50, p95, p99 = _quantiles(ttft[done], (0.5, 0.95, 0.99))
        return Figures(
            requests=int(counted.sum()),
            attainment=float(in_time.mean()) if len(done) else 1.0,
            ttft_p50=p50,
            ttft_p95=p95,
            ttft_p99=p99,
            itl_p95=_quantiles(itl, (0.95,))[0],
            lost={
                kind.name.lower(): int((outcome == kind).sum()) for kind in Outcome if kind != Outcome.DONE
            },
            gpu_hours=self.cluster.gpu_seconds / 3600,
            created=self.cluster.created - self._changes.created_before,
            scalings=self._changes.scalings,
            flaps=self._changes.flaps,
            most_unschedulable=self.cluster.most_unschedulable,
            wake_ttft=float(np.nanmean(wake_ttft)) if len(woken) and not np.isnan(wake_ttft).all() else None,
        )


def _quantiles(values: np.ndarray[Any, np.dtype[np.float64]], at: tuple[float, ...]) -> list[float]:
    return np.quantile(values, at).tolist() if len(values) else [0.0] * len(at)
