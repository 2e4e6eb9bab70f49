"""One reconcile: observe → plan → apply → report. The decisions are in plan/; here are only the effects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from fairlead_operator.api.names import DELETION_COST, MODEL_LABEL
from fairlead_operator.bounds import API_ANSWER_BYTES, MODEL_PODS, OBJECT_BYTES, POD_EVENTS, SPEC_BYTES
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.names import Names
from fairlead_operator.controller.scalers import Scalers
from fairlead_operator.controller.sightings import Key, Sightings
from fairlead_operator.kube.client import KubeClient, without_history
from fairlead_operator.kube.errors import (
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    TooLargeError,
)
from fairlead_operator.kube.events import EventRecorder
from fairlead_operator.kube.resources import BY_KIND, EVENT, MODEL_DEPLOYMENT, POD
from fairlead_operator.plan.asking import asked_about_in_events, tells_progress
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.observed import Observed, is_leaving
from fairlead_operator.plan.planner import Plan, plan, plan_unreadable
from fairlead_operator.plan.podview import view_event, view_own_pod
from fairlead_operator.plan.report import status_change
from fairlead_operator.render.children import child_names
from fairlead_operator.render.model import Model, RenderSettings, parse_model

Object = dict[str, Any]
LOG = logging.getLogger(__name__)
_AWAIT_LARGE_SECONDS = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


class Reconciler:
    """Brings one model after the other to what its spec asks for."""

    def __init__(
        self,
        client: KubeClient,
        recorder: EventRecorder,
        admin: AdminClient,
        scalers: Scalers,
        settings: RenderSettings,
        sightings: Sightings,
        now: Callable[[], datetime] = _now,
        names: Names | None = None,
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._admin = admin
        self._scalers = scalers
        self._settings = settings
        self._sightings = sightings
        self._now = now
        self._names = names or Names()
        self._large = asyncio.Lock()

    async def reconcile(self, key: Key) -> float | None:
        """Reconciles the model `key` (namespace, name); returns seconds until the next look, if any.

        Raises KubeError for failures that another attempt may mend.
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
        """The same for a model without larger objects. Raises TooLargeError, before anything is changed."""
        namespace, name = key
        try:
            body = without_history(await self._client.get(MODEL_DEPLOYMENT, namespace, name, most_bytes))
        except NotFoundError:
            self._scalers.drop(key)
            self._names.gone(key)
            return None
        if is_leaving(body):
            # The children go by their owner references.
            self._scalers.drop(key)
            return None
        taken = self._names.seen(body)
        try:
            model = _parse(body)
        except UnreadableError as error:
            await self._report(body, plan_unreadable(body, str(error), self._now()))
            return None
        observed = replace(await self._observe(model, most_bytes), taken=taken)
        planned = plan(model, observed, self._settings, self._now())
        if planned.asks:
            told = await self._admin.statuses(planned.asks)
            observed = replace(observed, reports={**observed.reports, **told})
            planned = plan(model, observed, self._settings, self._now())
        if planned.apply or planned.delete:
            LOG.info("reconcile", extra={"model": f"{namespace}/{name}", "plan": planned.explain})
        try:
            await self._execute(namespace, name, planned)
        except (InvalidError, ForbiddenError) as error:
            # Nothing that a repetition alone would mend, so it is told; the repetition is slow.
            obstacle = Finding("ObjectRejected", str(error))
            planned = plan(model, observed, self._settings, self._now(), obstacle)
        except NotFoundError as error:
            # What is applied needs not exist, so it is the kind that does not. It may be installed later.
            obstacle = Finding("ApiNotServed", str(error))
            planned = plan(model, observed, self._settings, self._now(), obstacle)
        await self._report(body, planned)
        self._scalers.seen(model, observed.pods, planned)
        return planned.requeue_after

    async def _observe(self, model: Model, most_bytes: int) -> Observed:
        """The live children and pods, read now: nothing is decided on a cache."""
        namespace, key = model.namespace, (model.namespace, model.name)
        names = {*child_names(model, self._settings), *self._sightings.children(key)}
        # By name, so that also somebody else's object of a child's name is found, or ours with the label torn
        # off.
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
        return Observed(children, tuple(pods), tuple(events), reports, self._scalers.scaling(key))

    async def _events(self, namespace: str, pods: list[Object]) -> list[Object]:
        """Events about the pods that wait for a node or for volumes; all others say in their status what they
        wait for.
        """
        lists = [
            self._client.list(
                EVENT,
                namespace,
                fields=f"regarding.uid={pod['metadata']['uid']}",
                most=POD_EVENTS,
                keep=view_event,
            )
            for pod in asked_about_in_events(pods)
        ]
        return [event for group in await asyncio.gather(*lists) for event in group]

    async def _find(self, key: Key, kind: str, name: str, most_bytes: int) -> Object | None:
        try:
            return without_history(await self._client.get(BY_KIND[kind], key[0], name, most_bytes))
        except NotFoundError:
            self._sightings.drop(key, kind, name)
            return None

    async def _execute(self, namespace: str, model: str, planned: Plan) -> None:
        for pod, cost in planned.costs.items():
            change = {"metadata": {"annotations": {DELETION_COST: str(cost)}}}
            with contextlib.suppress(NotFoundError):
                await self._client.patch(POD, namespace, pod, change)
        for child in planned.apply:
            try:
                # Also of a kind that is not watched because the cluster did not serve it at the start.
                self._sightings.expect((namespace, model), child["kind"], child["metadata"]["name"])
                await self._client.apply(child)
            except NotFoundError as error:
                kind = f"{child['kind']} of {child['apiVersion']}"
                raise NotFoundError(f"the cluster does not serve {kind}: {error}", error.code) from error
        for child in planned.delete:
            await self._client.delete(child)

    async def _report(self, body: Object, planned: Plan) -> None:
        """Tells what is new and writes the status if it differs from the stored one.

        In this order: what is new is found by comparison with the stored status, so an operator that ends in
        between tells it again instead of never. The write holds only for the object that was read, so that
        neither a newer spec nor another writer's condition is lost.
        """
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        for event in planned.events:
            LOG.info(
                event.reason, extra={"model": f"{namespace}/{name}", "event": event.kind, "note": event.note}
            )
            try:
                await self._recorder.record(body, event.kind, event.reason, event.note)
            except KubeError as error:
                # Events are a courtesy; the status has it all.
                LOG.warning("event not written", extra={"model": f"{namespace}/{name}", "error": str(error)})
        change = status_change(body.get("status") or {}, planned.status)
        if change:
            version = body["metadata"]["resourceVersion"]
            with contextlib.suppress(NotFoundError):
                written = await self._client.patch_status(MODEL_DEPLOYMENT, namespace, name, change, version)
                self._sightings.wrote((namespace, name), written["metadata"]["resourceVersion"])


class UnreadableError(Exception):
    """A ModelDeployment is no valid one; the text names the field and the remedy."""


def _parse(body: Object) -> Model:
    """The model. Raises UnreadableError."""
    size = len(json.dumps(body["spec"]))
    if size > SPEC_BYTES:
        raise UnreadableError(f"spec: takes {size} bytes as JSON; must be at most {SPEC_BYTES}: shorten it")
    try:
        return parse_model(body)
    except ValidationError as error:
        raise UnreadableError(_problem(error)) from error


def _problem(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
