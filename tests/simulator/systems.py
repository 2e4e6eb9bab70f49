"""The autoscalers by name, with their defaults and the values over which their target is swept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fairlead_operator.autoscale.settings import Objective, Settings
from tests.simulator.plane import Engine
from tests.simulator.policies.aibrix import Aibrix
from tests.simulator.policies.base import Policy
from tests.simulator.policies.fairlead import Fairlead
from tests.simulator.policies.hpa import Hpa, Keda
from tests.simulator.policies.knative import Knative
from tests.simulator.policies.kubeai import KubeAI
from tests.simulator.policies.ray import RayServe
from tests.simulator.policies.static import Static
from tests.simulator.simulation import Setup
from tests.simulator.workloads import Workload

OURS = "Fairlead"


@dataclass(frozen=True)
class Shipped:
    """What a system's own data plane does where ours holds and drains."""

    hold_seconds: float = math.inf
    refuse_at_zero: bool = False
    drain_seconds: float | None = None

    def setup(self, cold_start: float) -> Setup:
        """Everything else is as in the comparison."""
        return Setup(
            cold_start,
            hold_seconds=self.hold_seconds,
            refuse_at_zero=self.refuse_at_zero,
            drain_seconds=self.drain_seconds,
        )


@dataclass(frozen=True)
class System:
    """An autoscaler and the points at which it is run. A point is the target, or for ours the objective."""

    name: str
    make: Callable[[str, Workload, Engine], Policy]
    sweep: Sequence[str]
    default: str | None
    shipped: Shipped

    @property
    def points(self) -> tuple[str, ...]:
        """All of them, the default last unless the sweep has it."""
        extra = () if self.default is None or self.default in self.sweep else (self.default,)
        return (*self.sweep, *extra)


def _ours(point: str, workload: Workload, engine: Engine) -> Policy:
    return Fairlead(Settings(max_replicas=workload.max_replicas, objective=Objective(point)), engine)


def _peer(kind: Callable[[float, int], Policy]) -> Callable[[str, Workload, Engine], Policy]:
    return lambda point, workload, engine: kind(float(point), workload.max_replicas)


# Requests at once per replica, in even ratios around what one does well.
_TARGETS = ("6", "10", "17", "28", "47", "78")
_ABORTS = 0.0

SYSTEMS: Mapping[str, System] = {
    system.name: system
    for system in (
        System(OURS, _ours, [objective.value for objective in Objective], "Balanced", Shipped()),
        # Its proxy waits as long as the client does; its pods have no preStop, and vLLM aborts on SIGTERM.
        System("KubeAI", _peer(KubeAI), _TARGETS, "100", Shipped(drain_seconds=_ABORTS)),
        # The activator holds and the queue proxy drains for the revision's timeout, 300 s.
        System("Knative", _peer(Knative), _TARGETS, "70", Shipped(hold_seconds=300.0, drain_seconds=300.0)),
        # Nothing holds requests for a plain Deployment. The default is that of KEDA's add-on for HTTP.
        System("HPA", _peer(Hpa), _TARGETS, "100", Shipped(refuse_at_zero=True, drain_seconds=_ABORTS)),
        System(
            "KEDA waiting",
            _peer(Keda),
            ("1", "2", "5", "10", "20", "40"),
            "5",
            Shipped(refuse_at_zero=True, drain_seconds=_ABORTS),
        ),
        System("AIBrix APA", _peer(Aibrix), _TARGETS, None, Shipped(drain_seconds=_ABORTS)),
        # graceful_shutdown_timeout_s is 20.
        System("Ray Serve", _peer(RayServe), _TARGETS, "2", Shipped(drain_seconds=20.0)),
        System("fixed", _peer(Static), ("1", "2", "3", "4", "6", "8"), None, Shipped()),
    )
}
PEERS = tuple(name for name in SYSTEMS if name not in (OURS, "fixed"))
