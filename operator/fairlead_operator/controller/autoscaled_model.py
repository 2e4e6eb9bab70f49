"""One autoscaled model: its autoscaler, what the gateways last answered, and the pods that drain.

It does no I/O: the loop gives it times, answers and figures, and carries out what a `Step` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fairlead_contract.demand import GatewayDemand, RouterFigures
from fairlead_operator.api.autoscaling import Autoscaling
from fairlead_operator.api.endpoint import Api
from fairlead_operator.api.engine import Engine
from fairlead_operator.api.scheduling import Scheduling
from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.cold_starts import alike
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Observation
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.autoscale.statistics import quantile
from fairlead_operator.controller.autoscaler_inputs import (
    GatewayAnswer,
    Object,
    observe_demand,
    observe_pods,
    queried_pods,
)
from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.controller.scale_down_drain import ScaleDownDrain
from fairlead_operator.objects import is_leaving, live_revision
from fairlead_operator.plan.children.workload import serving_pods
from fairlead_operator.plan.planner import Plan
from fairlead_operator.plan.scaling.replicas import (
    Scaling,
    is_native,
    least_replicas,
    operator_sets_replicas,
    replicas_for_decision,
)
from fairlead_operator.plan.scaling.status import scaling_status
from fairlead_operator.render.model import Model

# An answer is used while it is at most so many rounds old: a single failure does not count.
_ROUNDS = 2.5
# How soon it is noticed that a draining pod has finished.
_DRAIN_RECHECK_SECONDS = 5.0

RoutersFigures = Mapping[str, tuple[str, RouterFigures]]


@dataclass(frozen=True)
class Step:
    """The outcome of one decision.

    `recheck_seconds`: until the next decision. `reconcile`: the planner has something new to apply or to
    write. `scaled_up`: the model is not to wait for the pause between two reconciles.
    """

    decision: Decision
    recheck_seconds: float
    reconcile: bool = False
    scaled: bool = False
    scaled_up: bool = False


class AutoscaledModel:
    """One model: its autoscaler and the last observations that its decisions need.

    `has_routers` says whether the operator knows the routers' pods; `router_host` is the host under which
    clients reach them (empty: none). Times are Unix seconds.
    """

    def __init__(self, model: Model, plan: Plan, *, router_host: str, has_routers: bool, at: float) -> None:
        self._router_host = router_host
        self._has_routers = has_routers
        self._replicas: int = plan.status["desiredReplicas"]
        self._written: Object | None = None
        self._pods: list[Object] = []
        self._plan = stripped_plan(plan)
        self._counters = CounterTotals()
        self._answers: dict[str, GatewayAnswer] = {}
        self._drain = ScaleDownDrain()
        self._decision: Decision | None = None
        self.model = stripped_model(model)
        learned = (model.status.get("autoscaling") or {}).get("learned") or {}
        self._autoscaler = self._new_autoscaler(Memory.from_json(learned), at)

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.model.namespace, self.model.name

    @property
    def mode(self) -> str:
        """`spec.autoscaling.mode`."""
        return self._rules.mode

    def observe(self, model: Model, pods: tuple[Object, ...], plan: Plan, at: float) -> bool:
        """Takes the model, the pods and the plan of a reconcile. Returns whether `spec.autoscaling` has
        changed, so that a decision is due at once.
        """
        changed = self.model.spec.autoscaling != model.spec.autoscaling
        self.model, self._plan, self._pods = stripped_model(model), stripped_plan(plan), serving_pods(pods)
        self._written = lean_status(plan.status.get("autoscaling"))
        if changed:
            self._autoscaler = self._new_autoscaler(self._autoscaler.memory(), at)
        if self._decision is None or not operator_sets_replicas(model, self._router_host):
            self._replicas = plan.status["desiredReplicas"]
        return changed

    def queried_pods(self) -> list[Object]:
        """The pods whose gateways are asked for their demand."""
        return queried_pods(self._pods)

    def take_answers(self, demands: Mapping[str, GatewayDemand], at: float) -> None:
        """The gateways' answers by pod. Those of pods that are gone, and old ones, are dropped."""
        oldest = at - _ROUNDS * self._rules.polling_interval_seconds
        names = {pod["metadata"]["name"] for pod in self._pods}
        kept = {name: old for name, old in self._answers.items() if name in names and old.at >= oldest}
        self._answers = {**kept, **{name: GatewayAnswer(at, demand) for name, demand in demands.items()}}

    def decide(self, figures: RoutersFigures | None, at: float) -> Step:
        """Makes one decision. `figures`: what the routers last said about the model, None if none answers."""
        demand = observe_demand(self._counters, figures, self._answers)
        settled = self._settle_drain(at)
        pods = observe_pods(
            self._pods, self._plan.revision, self._plan.causes, self._answers, self._drain.state()
        )
        observed = Observation(
            at, demand if self._knows_demand(figures) else None, pods, self._replicas, self._plan.start_kind
        )
        before, decision = self._replicas, self._autoscaler.decide(observed)
        self._decision = decision
        if operator_sets_replicas(self.model, self._router_host):
            self._replicas = replicas_for_decision(self.model, decision.replicas)
        scaled = self._replicas != before
        if scaled:
            self._begin_drain(decision, before - self._replicas, at)
        recheck = decision.recheck_after
        return Step(
            decision,
            recheck_seconds=min(recheck, _DRAIN_RECHECK_SECONDS) if self._drain else recheck,
            reconcile=scaled or settled or self._has_news(at),
            scaled=scaled,
            scaled_up=self._replicas > before,
        )

    def scaling(self) -> Scaling | None:
        """The planner's input; None before the first decision."""
        if self._decision is None:
            return None
        memory = self._autoscaler.memory()
        cold_start = _cold_start(memory, self._plan.start_kind)
        return Scaling(self._decision, memory.to_json(), cold_start, self._drain.state())

    def _knows_demand(self, figures: RoutersFigures | None) -> bool:
        """Whether a lack of requests means that there are none."""
        if self._has_routers:
            return figures is not None
        return bool(self._answers) or not self.queried_pods()

    def _settle_drain(self, at: float) -> bool:
        """Updates the draining pods. Returns whether something has changed."""
        before = self._drain.state()
        if not self._drains_single_pods():
            self._drain.release_all(at)
        longest = self.model.spec.rollout.drain_timeout_seconds
        self._drain.settle(self._ready_names(), self._answers, longest, at)
        return before != self._drain.state()

    def _begin_drain(self, decision: Decision, fewer: int, at: float) -> None:
        """Carries out a decision: pods drain before they are deleted, or are called back."""
        self._drain.call_back(decision.recall)
        if fewer > 0 and self._replicas and self._has_routers and self._drains_single_pods():
            ready = self._ready_names()
            going = [name for name in decision.removal[:fewer] if name in ready]
            self._drain.begin(going, self._answers, at)

    def _has_news(self, at: float) -> bool:
        """Whether the planner would write something new about the decision."""
        stored = replace(self.model, status={**self.model.status, "autoscaling": self._written})
        return scaling_status(stored, self.scaling(), datetime.fromtimestamp(at, UTC)) != self._written

    def _ready_names(self) -> set[str]:
        """The ready pods that are not being deleted."""
        return {pod["metadata"]["name"] for pod in self.queried_pods() if not is_leaving(pod)}

    def _drains_single_pods(self) -> bool:
        """Whether single pods can be chosen for removal. Groups are removed by their number, and during a
        rollout the Deployment's controller chooses.
        """
        if not is_native(self.model) or self.model.spec.engine.nodes > 1:
            return False
        return all(is_leaving(pod) or live_revision(pod) == self._plan.revision for pod in self._pods)

    def _new_autoscaler(self, memory: Memory, at: float) -> Autoscaler:
        settings = Settings.from_spec(self._rules)
        settings = replace(settings, min_replicas=least_replicas(self.model, self._router_host))
        return Autoscaler(settings, memory, started=at)

    @property
    def _rules(self) -> Autoscaling:
        rules = self.model.spec.autoscaling
        assert rules is not None
        return rules


def stripped_model(model: Model) -> Model:
    """The model without its status, and with the defaults in place of what no decision depends on.

    The models of all namespaces are held at once, and the free-form parts of a spec or a status may have
    hundreds of kilobytes.
    """
    engine = Engine(nodes=model.spec.engine.nodes)
    unused = {"pod_template": {}, "api": Api(), "scheduling": Scheduling(), "engine": engine}
    return replace(model, spec=model.spec.model_copy(update=unused), status={})


def stripped_plan(plan: Plan) -> Plan:
    """The plan without what it applies and reports."""
    return Plan(causes=plan.causes, revision=plan.revision, start_kind=plan.start_kind)


def lean_status(written: Object | None) -> Object | None:
    """status.autoscaling without the inputs, of which no change is worth a write, and with what was learned
    in the form in which the operator writes it.
    """
    if written is None:
        return None
    learned = Memory.from_json(written.get("learned") or {}).to_json()
    known = {name: value for name, value in learned.items() if value is not None}
    return {**written, "inputs": {}, "learned": known}


def _cold_start(memory: Memory, kind: str) -> Object | None:
    starts = [start.seconds for start in alike(memory.cold_starts, kind)]
    if not starts:
        return None
    p50, p90 = (round(quantile(starts, share)) for share in (0.5, 0.9))
    return {"p50": p50, "p90": p90, "count": len(starts)}
