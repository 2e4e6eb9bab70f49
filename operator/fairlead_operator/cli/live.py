"""Reads everything about one model from the cluster, and changes nothing.

Whoever asks may be allowed less than the operator, so what cannot be read is left out and noted, except the
model itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from fairlead_operator.api.names import MODEL_LABEL
from fairlead_operator.cli.report import Facts
from fairlead_operator.controller.gateways import Gateways
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import KubeError, NotFoundError
from fairlead_operator.kube.resources import BY_KIND, DEPLOYMENT, EVENT, POD
from fairlead_operator.plan.asking import can_be_asked
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.planner import Plan, plan, plan_unreadable
from fairlead_operator.render.children import child_names
from fairlead_operator.render.gateway import ADMIN_PORT
from fairlead_operator.render.model import Model, RenderSettings, parse_model
from fairlead_operator.settings import Settings

Object = dict[str, Any]
T = TypeVar("T")

_OPERATOR = "app.kubernetes.io/name=fairlead,app.kubernetes.io/component=operator"
# A gateway answers within milliseconds; a network policy may swallow the question.
_ASK_SECONDS = 3.0
_UNKNOWN = RenderSettings(gateway_image="", engine_image="")


class Reader:
    """Reads for one explanation; `notes` are what could not be read."""

    def __init__(self, client: KubeClient, now: datetime) -> None:
        self._client = client
        self._now = now
        self.notes: list[str] = []

    async def facts(self, body: Object) -> Facts:
        """The facts of a stored ModelDeployment."""
        try:
            model = parse_model(body)
        except ValidationError as error:
            planned = plan_unreadable(body, str(error), self._now)
            return Facts(body, planned.status, notes=self.notes)
        settings = await self._settings()
        observed = await self._observe(model, settings or _UNKNOWN)
        planned = plan(model, observed, settings or _UNKNOWN, self._now)
        return Facts(
            body=body,
            # Without the operator's settings its plan is not known, only what it last reported.
            status=planned.status if settings else model.status,
            pods=observed.pods,
            causes=planned.causes,
            reports=observed.reports,
            events=await self._all_events(model, observed.pods),
            next_step=_next_step(planned) if settings else "",
            notes=self.notes,
        )

    async def _settings(self) -> RenderSettings | None:
        """The operator's settings: our own environment in its pod, else that of its Deployment."""
        with contextlib.suppress(ValidationError):
            if _in_the_operators_pod():
                return Settings().render
        found = await self._try("the operator's Deployment", self._client.list(DEPLOYMENT, None, _OPERATOR))
        for deployment in found or []:
            with contextlib.suppress(ValidationError):
                return _settings_of(deployment)
        if found is not None:
            self.notes.append("no operator was found in the cluster (a Deployment installed by the chart)")
        return None

    async def _observe(self, model: Model, settings: RenderSettings) -> Observed:
        selector = f"{MODEL_LABEL}={model.name}"
        pods = await self._try("pods", self._client.list(POD, model.namespace, selector)) or []
        found = await asyncio.gather(
            *(self._child(kind, model.namespace, name) for kind, name in child_names(model, settings))
        )
        uids = {pod["metadata"]["uid"] for pod in pods}
        events = [event for event in await self._events(model.namespace) if _about(event) in uids]
        told = await self._reports([pod for pod in pods if can_be_asked(pod)])
        return Observed(tuple(child for child in found if child), tuple(pods), tuple(events), told)

    async def _child(self, kind: str, namespace: str, name: str) -> Object | None:
        with contextlib.suppress(NotFoundError):
            return await self._try(f"{kind}/{name}", self._client.get(BY_KIND[kind], namespace, name))
        return None

    async def _events(self, namespace: str) -> list[Object]:
        return await self._try("Events", self._client.list(EVENT, namespace)) or []

    async def _all_events(self, model: Model, pods: Iterable[Object]) -> list[Object]:
        """Events about the model and its pods."""
        uids = {model.uid, *(pod["metadata"]["uid"] for pod in pods)}
        with contextlib.suppress(KubeError):
            return [
                event for event in await self._client.list(EVENT, model.namespace) if _about(event) in uids
            ]
        return []

    async def _reports(self, pods: list[Object]) -> dict[str, Object]:
        """What the pods' gateways tell, by name: asked directly in the operator's pod, which may, and through
        the API server from elsewhere.
        """
        if not _in_the_operators_pod():
            answers = await asyncio.gather(*(self._ask(pod) for pod in pods))
            return {name: answer for name, answer in answers if answer is not None}
        gateways = Gateways(Settings().admin_port)
        try:
            told = await gateways.ask(pods)
        finally:
            await gateways.close()
        names = {pod["metadata"]["name"] for pod in pods}
        self.notes += [
            f"the gateway of pod {name} could not be asked" for name in sorted(names - told.keys())
        ]
        return told

    async def _ask(self, pod: Object) -> tuple[str, Object | None]:
        """What the pod's gateway tells, through the API server's proxy."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return name, await self._client.get(
                    POD, namespace, f"{name}:{ADMIN_PORT}", subresource="proxy/status"
                )
        except (KubeError, TimeoutError) as error:
            self.notes.append(f"the gateway of pod {name} could not be asked: {error or 'no answer'}")
            return name, None

    async def _try(self, what: str, request: Awaitable[T]) -> T | None:
        """The answer, or a note that there is none. Raises NotFoundError."""
        try:
            return await request
        except NotFoundError:
            raise
        except KubeError as error:
            self.notes.append(f"{what} could not be read: {error}")
            return None


def _in_the_operators_pod() -> bool:
    return "FAIRLEAD_GATEWAY_IMAGE" in os.environ


def _settings_of(deployment: Object) -> RenderSettings:
    """The settings in the environment of the operator's container. Raises ValidationError."""
    (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
    given = {
        entry["name"].removeprefix("FAIRLEAD_").lower(): entry["value"]
        for entry in container.get("env", [])
        if entry["name"].startswith("FAIRLEAD_") and "value" in entry
    }
    return Settings(**{**given, "pod_namespace": deployment["metadata"]["namespace"]}).render


def _next_step(planned: Plan) -> str:
    again = planned.requeue_after
    wait = f"It looks again in {again:.0f} s, or" if again is not None else "It looks again"
    doing = planned.doing or "nothing is to be changed"
    return f"{doing}. {wait} when something changes."


def _about(event: Object) -> str | None:
    about: str | None = (event.get("regarding") or {}).get("uid")
    return about
