"""How many pods a model has here, 0 or 1: by its spec, or by the operator's autoscaler."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from fairlead_contract.demand import GatewayDemand, RouterDemand, RouterFigures
from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Observation, ObservedPod
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer, observe_demand
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.local.local_pod import LocalPod
from fairlead_operator.render.model import Model

# A machine has one set of accelerators, and one engine uses all that the model asks for.
MOST_REPLICAS = 1
# So many failed starts in a row are a crash loop, which is no capacity.
_STUCK_FAILURES = 3
_ROUTER = "router"


class Replicas:
    """The wanted number of pods of one model, with the autoscaler's last decision."""

    def __init__(self, model: Model, clock: Callable[[], float] = time.time) -> None:
        self._model, self._clock = model, clock
        self._counters = CounterTotals()
        self.decision: Decision | None = None
        rules = model.spec.autoscaling
        if rules is None:
            self.wanted = min(model.spec.replicas, MOST_REPLICAS)
            self._autoscaler = None
            return
        settings = Settings.from_spec(rules)
        least = min(settings.min_replicas, MOST_REPLICAS)
        self.wanted = least
        settings = replace(settings, min_replicas=least, max_replicas=MOST_REPLICAS)
        self._autoscaler = Autoscaler(settings, started=clock())

    @property
    def automatic(self) -> bool:
        """Whether the demand decides."""
        return self._autoscaler is not None

    def decide(
        self, router: RouterDemand | None, pod: LocalPod | None, gateway: GatewayDemand | None
    ) -> None:
        """Decides by the answers of router and gateway, if the demand decides. Called every few seconds, and
        when a request begins to wait.
        """
        if self._autoscaler is None:
            return
        at = self._clock()
        figures = (router.models if router else {}).get(f"{self._model.namespace}/{self._model.name}")
        known = {_ROUTER: (router.boot, figures or RouterFigures())} if router else None
        answers = {pod.pod.name: GatewayAnswer(at, gateway)} if pod and gateway else {}
        demand = observe_demand(self._counters, known, answers)
        pods = (_observed(pod, gateway),) if pod else ()
        seen = Observation(at, demand if router else None, pods, self.wanted)
        self.decision = self._autoscaler.decide(seen)
        self.wanted = self.decision.replicas


def _observed(pod: LocalPod, gateway: GatewayDemand | None) -> ObservedPod:
    return ObservedPod(
        name=pod.pod.name,
        created=pod.created,
        scheduled=pod.created,
        ready=pod.ready_since if pod.ready else None,
        stuck=not pod.ready and pod.failures >= _STUCK_FAILURES,
        draining=pod.ending,
        deleted=pod.ending,
        in_flight=gateway.load if gateway else None,
    )
