"""Reads everything about one model from the cluster, and changes nothing.

The user may have fewer permissions than the operator. What cannot be read is left out, with a note, except
the model itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from fairlead_contract.names import ADMIN_PORT, MODEL_LABEL
from fairlead_contract.status import PodReport
from fairlead_operator.bounds import (
    MODEL_PODS,
    POD_ANSWER_BYTES,
    POD_ANSWER_SECONDS,
    POD_EVENTS,
    PODS_WITH_EVENTS,
)
from fairlead_operator.cli.cluster import find_settings, in_the_operators_pod, read_names
from fairlead_operator.cli.report import ModelFacts
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.nodes import NodeReader
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import KubeError, NotFoundError
from fairlead_operator.kube.resources import BY_KIND, EVENT, POD
from fairlead_operator.objects import condition
from fairlead_operator.plan.children.contest import CONDITION as CONTESTED
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.planner import Plan, plan, plan_unreadable
from fairlead_operator.plan.pods.gateway_queries import awaits_events, has_gateway, is_refused
from fairlead_operator.plan.pods.view import view_event, view_own_pod
from fairlead_operator.plan.served_names import claim_of
from fairlead_operator.plan.text import clean
from fairlead_operator.render.children import child_names
from fairlead_operator.render.model import Model, RenderSettings, parse_model
from fairlead_operator.settings import Settings

Object = dict[str, Any]
T = TypeVar("T")

# Reasons of the operator's own requests that failed.
_REFUSALS = frozenset(
    {"ApiNotServed", "ApiRequestFailed", "ObjectRejected", "QuotaExceeded", "ReconcileFailed"}
)
_UNKNOWN = RenderSettings(gateway_image="", engine_image="")


class Reader:
    """Reads for one explanation; `notes` say what could not be read."""

    def __init__(self, client: KubeClient, now: datetime) -> None:
        self._client = client
        self._now = now
        self._without_events = False
        self.notes: list[str] = []

    async def facts(self, body: Object) -> ModelFacts:
        """The facts of a stored ModelDeployment."""
        try:
            model = parse_model(body)
        except ValidationError as error:
            planned = plan_unreadable(body, str(error), self._now)
            return ModelFacts(body, planned.status, notes=self.notes)
        found = await self._settings()
        settings = found.render if found else None
        about_model = await self._events(model.namespace, model.uid)
        taken = await self._taken(body, found)
        observed = replace(await self._observe(model, settings or _UNKNOWN), taken=taken)
        planned = plan(model, observed, settings or _UNKNOWN, self._now)
        self.notes += _experiences(model.status, planned)
        return ModelFacts(
            body=body,
            # Without the operator's settings its plan is not known, only its last report.
            status=planned.status if settings else model.status,
            pods=observed.pods,
            causes=planned.causes,
            reports=observed.reports,
            events=[*about_model, *observed.events],
            next_step=_next_step(planned) if settings else "",
            notes=self.notes,
        )

    async def _settings(self) -> Settings | None:
        notes_before = len(self.notes)
        found = await self._try("the operator's Deployment", find_settings(self._client))
        if found is None and len(self.notes) == notes_before:
            self.notes.append("no operator was found in the cluster (a Deployment installed by the chart)")
        return found

    async def _taken(self, body: Object, settings: Settings | None) -> Mapping[str, str]:
        """The names of the model that others have, as the operator found last where the others cannot be
        read.
        """
        claim = claim_of(body)
        names = await self._try("other models' names", read_names(self._client, settings))
        if names is not None:
            names.put(claim)
            return names.taken(claim.key)
        known = "servedModels" in (body.get("status") or {})
        return {name: "" for name in claim.names if known and name not in claim.recorded}

    async def _observe(self, model: Model, settings: RenderSettings) -> Observed:
        selector = f"{MODEL_LABEL}={model.name}"
        keep = partial(view_own_pod, model=model.name)
        listed = self._client.list(POD, model.namespace, selector, most=MODEL_PODS, keep=keep)
        pods = await self._try("pods", listed) or []
        found = await asyncio.gather(
            *(self._child(kind, model.namespace, name) for kind, name in child_names(model, settings))
        )
        # Waiting pods come first: only for them do Events have facts that nothing else has.
        regarding = [*filter(awaits_events, pods), *(pod for pod in pods if not awaits_events(pod))]
        events = [
            event
            for pod in regarding[:PODS_WITH_EVENTS]
            for event in await self._events(model.namespace, pod["metadata"]["uid"])
        ]
        reports = await self._reports([pod for pod in pods if has_gateway(pod)])
        nodes = await NodeReader(self._client).read() if any(map(is_refused, pods)) else None
        children = tuple(child for child in found if child)
        return Observed(children, tuple(pods), tuple(events), reports, nodes=nodes)

    async def _child(self, kind: str, namespace: str, name: str) -> Object | None:
        with contextlib.suppress(NotFoundError):
            return await self._try(f"{kind}/{name}", self._client.get(BY_KIND[kind], namespace, name))
        return None

    async def _events(self, namespace: str, uid: str) -> list[Object]:
        """Events about one object; none, with one note for all, if they cannot be read."""
        if self._without_events:
            return []
        listed = self._client.list(
            EVENT, namespace, fields=f"regarding.uid={uid}", most=POD_EVENTS, keep=view_event
        )
        found = await self._try("Events", listed)
        self._without_events = found is None
        return found or []

    async def _reports(self, pods: list[Object]) -> dict[str, PodReport]:
        """The statuses from the pods' gateways, by name. They are read directly inside the operator's pod,
        which network policies allow, and through the API server elsewhere.
        """
        if not in_the_operators_pod():
            answers = await asyncio.gather(*(self._query(pod) for pod in pods))
            return {name: answer for name, answer in answers if answer is not None}
        admin = AdminClient(Settings().admin_port)
        try:
            reports = await admin.statuses(pods)
        finally:
            await admin.close()
        names = {pod["metadata"]["name"] for pod in pods}
        self.notes += [f"the gateway of pod {name} did not answer" for name in sorted(names - reports.keys())]
        return reports

    async def _query(self, pod: Object) -> tuple[str, PodReport | None]:
        """The status from the pod's gateway, through the API server's proxy."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        try:
            async with asyncio.timeout(POD_ANSWER_SECONDS):
                answer = await self._client.get_from_pod(
                    namespace, name, ADMIN_PORT, "status", POD_ANSWER_BYTES
                )
            return name, PodReport.model_validate_json(answer)
        except ValidationError:
            why = "its answer has another shape"
        except (KubeError, TimeoutError) as error:
            why = clean(str(error)) or "no answer"
        self.notes.append(f"the gateway of pod {name} did not answer: {why}")
        return name, None

    async def _try(self, what: str, request: Awaitable[T]) -> T | None:
        """The answer, or None with a note. Raises NotFoundError."""
        try:
            return await request
        except NotFoundError:
            raise
        except KubeError as error:
            self.notes.append(f"{what} could not be read: {error}")
            return None


def _experiences(status: Object, planned: Plan) -> Iterator[str]:
    """The operator's findings from failed attempts, which the cluster's objects do not show."""
    ready = condition(status, "Ready")
    if planned.apply and ready.get("reason") in _REFUSALS:
        yield f"the operator's last attempt failed: {ready['reason']}: {ready['message']}"
    if contested := condition(status, CONTESTED):
        yield f"the operator leaves a field as it is for now: {contested['message']}"


def _next_step(planned: Plan) -> str:
    again = planned.requeue_after
    wait = f"It looks again in {again:.0f} s, or" if again is not None else "It looks again"
    doing = planned.doing or "nothing is to be changed"
    return f"{doing}. {wait} when something changes."
