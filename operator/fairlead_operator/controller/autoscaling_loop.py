"""The autoscalers of all models: one loop queries routers and gateways, decides, and queues the models.

The loop sends no requests to the API server. It uses the pods of the last reconcile, and every change of a
pod causes a reconcile. A decision that changes the replicas, or the status, adds the model to the queue. The
planner decides what is applied. When the first request for a model waits, the decision waits neither for the
polling interval nor for a gateway, and the model skips the pause between two reconciles.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.cold_starts import alike
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Observation
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.autoscale.statistics import quantile
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.autoscaler_inputs import (
    GatewayAnswer,
    Object,
    observe_demand,
    observe_pods,
    queried_pods,
)
from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.controller.routers import Routers
from fairlead_operator.controller.scale_down_drain import ScaleDownDrain
from fairlead_operator.controller.scaling_metrics import METRICS
from fairlead_operator.controller.stripped_objects import lean_status, stripped_model, stripped_plan
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

LOG = logging.getLogger(__name__)

# The longest sleep of the loop, and so the longest wait of a new model.
_LONGEST_SLEEP_SECONDS = 1.0
_LEAST_SECONDS = 0.05
# How soon it is noticed that a draining pod has finished.
_LEAVE_SECONDS = 5.0
# An answer is used while it is at most so many rounds old: a single failure does not count.
_ROUNDS = 2.5


@dataclass
class _Entry:
    """One model: its autoscaler and the last observations that are needed here. `due` is a monotonic time."""

    model: Model
    autoscaler: Autoscaler
    replicas: int
    written: Object | None
    pods: list[Object]
    plan: Plan
    due: float
    counters: CounterTotals = field(default_factory=CounterTotals)
    answers: dict[str, GatewayAnswer] = field(default_factory=dict)
    drain: ScaleDownDrain = field(default_factory=ScaleDownDrain)
    decision: Decision | None = None
    busy: bool = False

    @property
    def key(self) -> Key:
        return self.model.namespace, self.model.name


class AutoscalingLoop:
    """The autoscaled models. `wanted` adds a model to the queue, urgently or not."""

    def __init__(
        self,
        routers: Routers | None,
        admin: AdminClient,
        router_host: str,
        desired: Callable[[Key, bool], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._routers = routers
        self._admin = admin
        self._router_host = router_host
        self._enqueue = desired
        self._clock = clock
        self._entries: dict[Key, _Entry] = {}

    def scaling(self, key: Key) -> Scaling | None:
        """The planner's input; None before the first decision."""
        entry = self._entries.get(key)
        return _scaling(entry) if entry else None

    def seen(self, model: Model, pods: tuple[Object, ...], planned: Plan) -> None:
        """Takes the model, the pods and the plan of a reconcile."""
        key = model.namespace, model.name
        if model.spec.autoscaling is None or "desiredReplicas" not in planned.status:
            self.drop(key)
            return
        entry = self._entries.get(key)
        if entry is None or entry.model.uid != model.uid:
            entry = self._entries[key] = self._new(model, planned)
        elif entry.model.spec.autoscaling != model.spec.autoscaling:
            entry.autoscaler = self._autoscaler(model, entry.autoscaler.memory())
            entry.due = 0.0
        entry.model, entry.plan, entry.pods = (
            stripped_model(model),
            stripped_plan(planned),
            serving_pods(pods),
        )
        entry.written = lean_status(planned.status.get("autoscaling"))
        if entry.decision is None or not operator_sets_replicas(model, self._router_host):
            entry.replicas = planned.status["desiredReplicas"]

    def drop(self, key: Key) -> None:
        """Removes a model that is deleted or not autoscaled any more."""
        if self._entries.pop(key, None):
            METRICS.drop(key)

    async def run(self) -> None:
        """Decides until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self._routers:
                group.create_task(self._routers.run(self._woken))
            while True:
                now = time.monotonic()
                # Until the routers have had time for a first answer, the demand would count as unknown.
                begun = self._routers is None or self._routers.begun
                for entry in self._entries.values() if begun else ():
                    if entry.due <= now and not entry.busy:
                        entry.busy = True
                        group.create_task(self._round(entry))
                waits = [entry.due - now for entry in self._entries.values() if not entry.busy]
                await asyncio.sleep(max(_LEAST_SECONDS, min([*waits, _LONGEST_SLEEP_SECONDS])))

    def _woken(self, key: Key) -> None:
        """Decides at once, because the first request for a model waits. The last known pods are used."""
        if entry := self._entries.get(key):
            self._decide_safely(entry)

    async def _round(self, entry: _Entry) -> None:
        try:
            await self._query_gateways(entry)
        except Exception:
            # An error in one model must not stop the others.
            LOG.exception("Querying the gateways failed", extra={"model": "/".join(entry.key)})
        finally:
            entry.busy = False
        self._decide_safely(entry)

    async def _query_gateways(self, entry: _Entry) -> None:
        queried = queried_pods(entry.pods)
        demands = await self._admin.demands(queried)
        now = self._clock()
        fresh = {name: GatewayAnswer(now, demand) for name, demand in demands.items()}
        assert entry.model.spec.autoscaling is not None
        oldest = now - _ROUNDS * entry.model.spec.autoscaling.polling_interval_seconds
        names = {pod["metadata"]["name"] for pod in entry.pods}
        kept = {name: old for name, old in entry.answers.items() if name in names and old.at >= oldest}
        entry.answers = {**kept, **fresh}

    def _decide_safely(self, entry: _Entry) -> None:
        """An error in one model must not stop the others."""
        try:
            recheck = self._decide(entry)
        except Exception:
            LOG.exception("The autoscaler's decision failed", extra={"model": "/".join(entry.key)})
            recheck = 5.0
        entry.due = time.monotonic() + recheck

    def _decide(self, entry: _Entry) -> float:
        """Makes one decision; returns seconds until the next."""
        at, model, rules = self._clock(), entry.model, entry.model.spec.autoscaling
        assert rules is not None
        routers = self._routers.figures_of(entry.key) if self._routers else None
        known = routers is not None if self._routers else not queried_pods(entry.pods) or entry.answers
        demand = observe_demand(entry.counters, routers, entry.answers)
        settled = self._settle(entry, at)
        pods = observe_pods(
            entry.pods, entry.plan.revision, entry.plan.causes, entry.answers, entry.drain.state()
        )
        observed = Observation(at, demand if known else None, pods, entry.replicas, entry.plan.start_kind)
        before, decision = entry.replicas, entry.autoscaler.decide(observed)
        entry.decision = decision
        METRICS.decided(entry.key, decision, rules.mode)
        desired = (
            replicas_for_decision(model, decision.replicas)
            if operator_sets_replicas(model, self._router_host)
            else before
        )
        if desired != before:
            entry.replicas = desired
            self._part(entry, before - desired, at)
            LOG.info("scale", extra={"model": "/".join(entry.key), "why": decision.message})
            self._enqueue(entry.key, desired > before)
        elif settled or self._is_news(entry):
            self._enqueue(entry.key, False)
        return min(decision.recheck_after, _LEAVE_SECONDS) if entry.drain else decision.recheck_after

    def _settle(self, entry: _Entry, at: float) -> bool:
        """Updates the draining pods. Returns whether something has changed."""
        before = entry.drain.state()
        if not _leaves_in_steps(entry):
            entry.drain.release_all(at)
        longest = entry.model.spec.rollout.drain_timeout_seconds
        entry.drain.settle(_serving(entry), entry.answers, longest, at)
        return before != entry.drain.state()

    def _part(self, entry: _Entry, fewer: int, at: float) -> None:
        """Carries out a decision: pods drain before they are deleted, or are called back."""
        assert entry.decision is not None
        entry.drain.call_back(entry.decision.recall)
        if fewer > 0 and entry.replicas and self._routers and _leaves_in_steps(entry):
            serving = _serving(entry)
            going = [name for name in entry.decision.removal[:fewer] if name in serving]
            entry.drain.begin(going, entry.answers, at)

    def _is_news(self, entry: _Entry) -> bool:
        """Whether the planner would write something new about the decision."""
        stored = replace(entry.model, status={**entry.model.status, "autoscaling": entry.written})
        now = datetime.fromtimestamp(self._clock(), UTC)
        return scaling_status(stored, _scaling(entry), now) != entry.written

    def _new(self, model: Model, planned: Plan) -> _Entry:
        learned = (model.status.get("autoscaling") or {}).get("learned") or {}
        autoscaler = self._autoscaler(model, Memory.from_json(learned))
        replicas = planned.status["desiredReplicas"]
        return _Entry(stripped_model(model), autoscaler, replicas, None, [], stripped_plan(planned), due=0.0)

    def _autoscaler(self, model: Model, memory: Memory) -> Autoscaler:
        assert model.spec.autoscaling is not None
        settings = Settings.from_spec(model.spec.autoscaling)
        settings = replace(settings, min_replicas=least_replicas(model, self._router_host))
        return Autoscaler(settings, memory, started=self._clock())


def _scaling(entry: _Entry) -> Scaling | None:
    if entry.decision is None:
        return None
    memory = entry.autoscaler.memory()
    return Scaling(
        entry.decision, memory.to_json(), _cold_start(memory, entry.plan.start_kind), entry.drain.state()
    )


def _serving(entry: _Entry) -> set[str]:
    """The ready pods that are not being deleted."""
    return {pod["metadata"]["name"] for pod in queried_pods(entry.pods) if not is_leaving(pod)}


def _leaves_in_steps(entry: _Entry) -> bool:
    """Whether single pods can be chosen for removal. Groups are removed by their number, and during a rollout
    the Deployment's controller chooses.
    """
    if not is_native(entry.model) or entry.model.spec.engine.nodes > 1:
        return False
    return all(is_leaving(pod) or live_revision(pod) == entry.plan.revision for pod in entry.pods)


def _cold_start(memory: Memory, kind: str) -> Object | None:
    starts = [start.seconds for start in alike(memory.cold_starts, kind)]
    if not starts:
        return None
    p50, p90 = (round(quantile(starts, share)) for share in (0.5, 0.9))
    return {"p50": p50, "p90": p90, "count": len(starts)}
