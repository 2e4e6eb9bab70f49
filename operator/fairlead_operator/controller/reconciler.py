"""One reconcile: observe → plan → apply → report. plan/ has the decisions, this module the effects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.api.names import DELETION_COST
from fairlead_operator.bounds import API_ANSWER_BYTES, MODEL_PODS, OBJECT_BYTES, POD_EVENTS
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.autoscaling_loop import AutoscalingLoop
from fairlead_operator.controller.child_index import ChildIndex, Key
from fairlead_operator.controller.contests import Contests
from fairlead_operator.controller.failures import FailureReporter
from fairlead_operator.controller.model_metrics import METRICS
from fairlead_operator.controller.names import Names
from fairlead_operator.controller.nodes import NodeReader
from fairlead_operator.controller.obstacles import Failure, Failures, finding_of, is_refusal
from fairlead_operator.controller.stored_model import UnreadableError, read_model
from fairlead_operator.kube.client import KubeClient, without_history
from fairlead_operator.kube.errors import InvalidError, KubeError, NotFoundError, TooLargeError
from fairlead_operator.kube.events import EventRecorder
from fairlead_operator.kube.resources import BY_KIND, EVENT, MODEL_DEPLOYMENT, POD
from fairlead_operator.objects import is_leaving, title
from fairlead_operator.plan.children.contest import last_writer
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.observed import Field, Observed
from fairlead_operator.plan.planner import Plan, plan, plan_failed, plan_unreadable
from fairlead_operator.plan.pods.gateway_queries import is_refused, pods_awaiting_events, tells_progress
from fairlead_operator.plan.pods.view import view_event, view_own_pod
from fairlead_operator.plan.status.patch import status_change
from fairlead_operator.render.children import child_names
from fairlead_operator.render.model import Model, RenderSettings
from fairlead_operator.telemetry import model_fields

if TYPE_CHECKING:
    from fairlead_operator.kube.podschema import FieldProblem

Object = dict[str, Any]

LOG = logging.getLogger(__name__)
_AWAIT_LARGE_SECONDS = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


class Reconciler:
    """Brings one model after the other into the state of its spec."""

    def __init__(
        self,
        client: KubeClient,
        recorder: EventRecorder,
        admin: AdminClient,
        autoscaling: AutoscalingLoop,
        settings: RenderSettings,
        child_index: ChildIndex,
        now: Callable[[], datetime] = _now,
        names: Names | None = None,
        nodes: NodeReader | None = None,
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._admin = admin
        self._autoscaling = autoscaling
        self._settings = settings
        self._child_index = child_index
        self._now = now
        self._names = names or Names()
        self._nodes = nodes or NodeReader(client)
        self._reporter = FailureReporter()
        self._large = asyncio.Lock()
        self._failures = Failures()
        self._contests = Contests()

    async def reconcile(self, key: Key) -> float | None:
        """Reconciles the model `key` (namespace, name); returns seconds until the next reconcile, if any.

        Raises KubeError for failures that another attempt may resolve.
        """
        try:
            return await self._reconcile(key, OBJECT_BYTES)
        except TooLargeError:
            # Several models with large objects would fill the memory.
            if self._large.locked():
                return _AWAIT_LARGE_SECONDS
        async with self._large:
            return await self._reconcile(key, API_ANSWER_BYTES)

    async def _reconcile(self, key: Key, most_bytes: int) -> float | None:
        """Reconciles a model without larger objects. Raises TooLargeError, before anything is changed."""
        namespace, name = key
        try:
            body = without_history(await self._client.get(MODEL_DEPLOYMENT, namespace, name, most_bytes))
        except NotFoundError:
            self._forget(key)
            return None
        if is_leaving(body):
            # The garbage collection deletes the children by their owner references.
            self._autoscaling.drop(key)
            return None
        try:
            model, observed, planned = await self._observe_and_plan(body, most_bytes)
        except UnreadableError as error:
            await self._report(body, plan_unreadable(body, str(error), self._now()))
            return None
        except Exception as error:
            # A model with larger objects is reconciled again, alone.
            if not (isinstance(error, TooLargeError) and most_bytes < API_ANSWER_BYTES):
                await self._report_unplanned(key, body, error)
            raise
        METRICS.observed(model, observed, planned.status["desiredReplicas"], self._now())
        if planned.apply or planned.delete:
            LOG.info("reconcile", extra={**model_fields(*key), "plan": planned.explain})
        writers = await self._writers(namespace, planned)
        failure = await self._execute(namespace, name, planned)
        if failure is None:
            self._failures.over(key)
            self._contests.repaired(key, writers, self._now())
        elif self._failures.is_news(key, failure.error):
            planned = plan(model, observed, self._settings, self._now(), self._finding(model, failure))
        else:
            raise failure.error
        await self._report(body, planned)
        self._autoscaling.seen(model, observed.pods, planned)
        if failure is not None and not is_refusal(failure.error):
            raise failure.error
        return planned.requeue_after

    def _forget(self, key: Key) -> None:
        """Removes what is remembered of a deleted model."""
        self._autoscaling.drop(key)
        self._names.gone(key)
        self._reporter.drop(key)
        self._failures.over(key)
        self._contests.drop(key)
        METRICS.drop(key)

    async def _observe_and_plan(self, body: Object, most_bytes: int) -> tuple[Model, Observed, Plan]:
        """Observes and plans a model. Raises UnreadableError and KubeError."""
        taken = self._names.seen(body)
        model = read_model(body)
        contests = self._contests.of((model.namespace, model.name), self._now())
        observed = replace(await self._observe(model, most_bytes), taken=taken, contests=contests)
        planned = plan(model, observed, self._settings, self._now())
        if planned.asks:
            answers = await self._admin.statuses(planned.asks)
            observed = replace(observed, reports={**observed.reports, **answers})
            planned = plan(model, observed, self._settings, self._now())
        return model, observed, planned

    async def _report_unplanned(self, key: Key, body: Object, error: Exception) -> None:
        """Reports a failure before there was a plan.

        If the status is already about this spec, failed requests are not reported: it has the last known
        state, and one outage would change the status of all models at once.
        """
        if isinstance(error, KubeError) and _is_current(body):
            return
        if self._failures.is_news(key, error):
            try:
                await self._report(body, plan_failed(body, finding_of(error), self._now()))
            except KubeError as again:
                LOG.warning("Writing the status failed", extra={**model_fields(*key), "error": str(again)})

    def _finding(self, model: Model, failure: Failure) -> Finding:
        """The finding of a failure to carry out a plan, with the wrong fields of the spec."""
        problems: list[FieldProblem] = []
        if isinstance(failure.error, InvalidError):
            # Only then: the import of the schema takes half a second.
            from fairlead_operator.kube.podschema import spec_problems

            problems = spec_problems(model, self._settings)
        return finding_of(failure.error, failure.about, problems)

    async def _observe(self, model: Model, most_bytes: int) -> Observed:
        """The live children and pods, read now: nothing is decided on a cache."""
        namespace, key = model.namespace, (model.namespace, model.name)
        names = {*child_names(model, self._settings), *self._child_index.children(key)}
        # By name, which also finds another owner's object of a child's name, and our own without its label.
        pods, found = await asyncio.gather(
            self._client.list(
                POD,
                namespace,
                f"{MODEL_LABEL}={model.name}",
                most=MODEL_PODS,
                keep=partial(view_own_pod, model=model.name),
            ),
            asyncio.gather(*(self._find(key, kind, name, most_bytes) for kind, name in sorted(names))),
        )
        children = tuple(child for child in found if child)
        events, reports = await asyncio.gather(
            self._events(namespace, pods), self._admin.statuses(filter(tells_progress, pods))
        )
        nodes = await self._nodes.read() if any(map(is_refused, pods)) else None
        scaling = self._autoscaling.scaling(key)
        return Observed(children, tuple(pods), tuple(events), reports, scaling, nodes=nodes)

    async def _events(self, namespace: str, pods: list[Object]) -> list[Object]:
        """Events about the pods that wait for a node or for volumes; for all others their status has the
        cause.
        """
        lists = [
            self._client.list(
                EVENT,
                namespace,
                fields=f"regarding.uid={pod['metadata']['uid']}",
                most=POD_EVENTS,
                keep=view_event,
            )
            for pod in pods_awaiting_events(pods)
        ]
        return [event for group in await asyncio.gather(*lists) for event in group]

    async def _find(self, key: Key, kind: str, name: str, most_bytes: int) -> Object | None:
        try:
            return without_history(await self._client.get(BY_KIND[kind], key[0], name, most_bytes))
        except NotFoundError:
            self._child_index.drop(key, kind, name)
            return None

    async def _writers(self, namespace: str, planned: Plan) -> dict[Field, str]:
        """The writers of the fields that are about to be set back."""
        writers = {}
        for field in planned.repairs:
            writers[field] = ""
            with contextlib.suppress(KubeError):
                live = await self._client.get(BY_KIND[field.kind], namespace, field.name)
                writers[field] = last_writer(live, field.path)
        return writers

    async def _execute(self, namespace: str, model: str, planned: Plan) -> Failure | None:
        """Carries out a plan, up to the first failure."""
        about = ""
        try:
            for pod, cost in planned.costs.items():
                about = f"Pod/{pod}"
                change = {"metadata": {"annotations": {DELETION_COST: str(cost)}}}
                with contextlib.suppress(NotFoundError):
                    await self._client.patch(POD, namespace, pod, change)
            for child in planned.apply:
                about = title(child)
                # Also of a kind that is not watched because the cluster did not serve it at the start.
                self._child_index.expect((namespace, model), child["kind"], child["metadata"]["name"])
                await self._client.apply(child)
            for child in planned.delete:
                about = title(child)
                await self._client.delete(child)
        except NotFoundError as error:
            # An applied object need not exist before, so the kind is what is not found.
            kind = f"{child['kind']} of {child['apiVersion']}"
            return Failure(NotFoundError(f"the cluster does not serve {kind}: {error}", error.code))
        except Exception as error:
            return Failure(error, about)
        return None

    async def _report(self, body: Object, planned: Plan) -> None:
        """Writes Events and logs about changes, then the status if it differs from the stored one.

        Changes are found by comparison with the stored status. So an operator that ends in between writes an
        Event twice rather than never. The write applies only to the object that was read, so that neither a
        newer spec nor another writer's condition is lost.
        """
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        METRICS.reported((namespace, name), planned.status)
        fields = model_fields(namespace, name)
        for event in (*planned.events, *self._reporter.report(body, planned)):
            LOG.info(event.reason, extra={**fields, "event": event.kind, "note": event.note})
            try:
                await self._recorder.record(body, event.kind, event.reason, event.note)
            except KubeError as error:
                # Events are optional: the status has the same facts.
                LOG.warning("Writing an event failed", extra={**fields, "error": str(error)})
        change = status_change(body.get("status") or {}, planned.status)
        if change:
            version = body["metadata"]["resourceVersion"]
            with contextlib.suppress(NotFoundError):
                written = await self._client.patch_status(MODEL_DEPLOYMENT, namespace, name, change, version)
                self._child_index.record_write((namespace, name), written["metadata"]["resourceVersion"])


def _is_current(body: Object) -> bool:
    """Whether the stored status is about the spec as it is now."""
    seen = (body.get("status") or {}).get("observedGeneration", 0)
    return bool(seen >= body["metadata"].get("generation", 0))
