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

from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.autoscaled_model import AutoscaledModel
from fairlead_operator.controller.autoscaler_inputs import Object
from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.routers import Routers
from fairlead_operator.controller.scaling_metrics import METRICS
from fairlead_operator.plan.planner import Plan
from fairlead_operator.plan.scaling.replicas import Scaling
from fairlead_operator.render.model import Model
from fairlead_operator.telemetry import model_fields

LOG = logging.getLogger(__name__)

# The longest sleep of the loop, and so the longest wait of a new model.
_LONGEST_SLEEP_SECONDS = 1.0
_LEAST_SECONDS = 0.05
# The pause after a decision that failed.
_AFTER_ERROR_SECONDS = 5.0


class _Turn:
    """When a model's next decision is due (monotonic seconds), and whether its gateways are being queried."""

    def __init__(self, model: AutoscaledModel) -> None:
        self.model = model
        self.due = 0.0
        self.busy = False


class AutoscalingLoop:
    """The autoscaled models. `enqueue` adds a model to the reconcile queue, urgently or not."""

    def __init__(
        self,
        routers: Routers | None,
        admin: AdminClient,
        router_host: str,
        enqueue: Callable[[Key, bool], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._routers = routers
        self._admin = admin
        self._router_host = router_host
        self._enqueue = enqueue
        self._clock = clock
        self._turns: dict[Key, _Turn] = {}

    def scaling(self, key: Key) -> Scaling | None:
        """The planner's input; None before the first decision."""
        turn = self._turns.get(key)
        return turn.model.scaling() if turn else None

    def seen(self, model: Model, pods: tuple[Object, ...], planned: Plan) -> None:
        """Takes the model, the pods and the plan of a reconcile."""
        key = model.namespace, model.name
        if model.spec.autoscaling is None or "desiredReplicas" not in planned.status:
            self.drop(key)
            return
        turn = self._turns.get(key)
        if turn is None or turn.model.model.uid != model.uid:
            turn = self._turns[key] = _Turn(self._new(model, planned))
        if turn.model.observe(model, pods, planned, self._clock()):
            turn.due = 0.0

    def drop(self, key: Key) -> None:
        """Removes a model that is deleted or not autoscaled any more."""
        if self._turns.pop(key, None):
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
                for turn in self._turns.values() if begun else ():
                    if turn.due <= now and not turn.busy:
                        turn.busy = True
                        group.create_task(self._round(turn))
                waits = [turn.due - now for turn in self._turns.values() if not turn.busy]
                await asyncio.sleep(max(_LEAST_SECONDS, min([*waits, _LONGEST_SLEEP_SECONDS])))

    def _woken(self, key: Key) -> None:
        """Decides at once, because the first request for a model waits. The last known pods are used."""
        if turn := self._turns.get(key):
            self._decide(turn)

    async def _round(self, turn: _Turn) -> None:
        try:
            demands = await self._admin.demands(turn.model.queried_pods())
            turn.model.take_answers(demands, self._clock())
        except Exception:
            # An error in one model must not stop the others.
            LOG.exception("Querying the gateways failed", extra=model_fields(*turn.model.key))
        finally:
            turn.busy = False
        self._decide(turn)

    def _decide(self, turn: _Turn) -> None:
        """Makes one decision and sets the time of the next."""
        try:
            recheck = self._carry_out_decision(turn.model)
        except Exception:
            # An error in one model must not stop the others.
            LOG.exception("The autoscaler's decision failed", extra=model_fields(*turn.model.key))
            recheck = _AFTER_ERROR_SECONDS
        turn.due = time.monotonic() + recheck

    def _carry_out_decision(self, model: AutoscaledModel) -> float:
        """Returns the seconds until the next decision."""
        figures = self._routers.figures_of(model.key) if self._routers else None
        step = model.decide(figures, self._clock())
        METRICS.decided(model.key, step.decision, model.mode)
        if step.scaled:
            LOG.info("scale", extra={**model_fields(*model.key), "why": step.decision.message})
        if step.reconcile:
            self._enqueue(model.key, step.scaled_up)
        return step.recheck_seconds

    def _new(self, model: Model, planned: Plan) -> AutoscaledModel:
        return AutoscaledModel(
            model,
            planned,
            router_host=self._router_host,
            has_routers=self._routers is not None,
            at=self._clock(),
        )
