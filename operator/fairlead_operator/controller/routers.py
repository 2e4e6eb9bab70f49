"""Follows every router by long polls: what it holds and sends for each model, and a model's first request.

Routers are found by their pods, also those that are not ready or about to stop: they may still hold requests.
A router answers at once when a model begins to have requests that wait, so that a wake-up is not a matter of
polling.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from fairlead_operator.bounds import ROUTERS
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.child_index import Key
from fairlead_operator.controller.demand_documents import RouterDemand, RouterFigures
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import KubeError
from fairlead_operator.kube.resources import POD

LOG = logging.getLogger(__name__)

# What the chart labels the routers' pods with.
ROUTER_PODS = "app.kubernetes.io/component=router"
# How often the pods are looked up. A new router is ready, and gets requests, only after some seconds anyway.
_LOOK_SECONDS = 3.0
# How old the figures of a router may become.
_WAIT_SECONDS = 3.0
# Held requests of a model without a ready pod each end a poll; so many of them need not be many polls.
_PACE_SECONDS = 0.02
_RETRY_SECONDS = 0.5
# A router that has not answered for so long does not count as asked.
_SILENT_SECONDS = 15.0
# How long the first answer after a start is waited for before there counts as none.
_BEGIN_SECONDS = 5.0
_NOTHING = RouterFigures()


@dataclass(frozen=True)
class Report:
    """What a router last said, and at which monotonic time."""

    at: float
    demand: RouterDemand


class Routers:
    """All routers in the operator's namespace."""

    def __init__(self, client: KubeClient, namespace: str, admin: AdminClient) -> None:
        self._client = client
        self._namespace = namespace
        self._admin = admin
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._began: float | None = None
        self.reports: dict[str, Report] = {}

    @property
    def begun(self) -> bool:
        """Whether a router has answered since the start, or none seems to be there."""
        began = self._began
        return bool(self.reports) or (began is not None and time.monotonic() > began + _BEGIN_SECONDS)

    async def run(self, woken: Callable[[Key], None]) -> None:
        """Follows routers until cancelled; `woken` hears of each model whose first request waits."""
        self._began = time.monotonic()
        try:
            while True:
                try:
                    await self._look(woken)
                except Exception:
                    # A pod of a shape that is not expected must not end the polls of the routers.
                    LOG.exception("routers not found")
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in self._followed.values():
                task.cancel()
            await asyncio.gather(*self._followed.values(), return_exceptions=True)
            self._followed.clear()

    def told(self, key: Key) -> dict[str, tuple[str, RouterFigures]] | None:
        """For each router its boot id and what it said of the model, by the uid of the router's pod. None if
        no router has said anything lately.

        One that does not answer any more is taken by its last word as long as its pod is there: what it
        held it may still hold.
        """
        oldest = time.monotonic() - _SILENT_SECONDS
        if not any(report.at > oldest for report in self.reports.values()):
            return None
        name = "/".join(key)
        demands = {uid: report.demand for uid, report in self.reports.items()}
        return {uid: (demand.boot, demand.models.get(name, _NOTHING)) for uid, demand in demands.items()}

    async def _look(self, woken: Callable[[Key], None]) -> None:
        try:
            pods = await self._client.list(POD, self._namespace, ROUTER_PODS, most=ROUTERS)
        except KubeError as error:
            LOG.warning("routers not found", extra={"error": str(error)})
            return
        found = {
            pod["metadata"]["uid"]: pod["status"]["podIP"]
            for pod in pods
            if pod.get("status", {}).get("podIP")
            and pod["status"].get("phase") not in ("Failed", "Succeeded")
        }
        for uid in self._followed.keys() - found.keys():
            self._followed.pop(uid).cancel()
            self.reports.pop(uid, None)
        for uid in found.keys() - self._followed.keys():
            self._followed[uid] = asyncio.create_task(self._follow(uid, found[uid], woken))

    async def _follow(self, uid: str, address: str, woken: Callable[[Key], None]) -> None:
        while True:
            try:
                pause = await self._poll(uid, address, woken)
            except Exception:
                # A router of another version must not end the others' polls.
                LOG.exception("the answer of a router was not understood", extra={"router": address})
                pause = _LOOK_SECONDS
            await asyncio.sleep(pause)

    async def _poll(self, uid: str, address: str, woken: Callable[[Key], None]) -> float:
        before = self.reports[uid].demand if uid in self.reports else None
        demand = await self._admin.router_demand(
            address, _WAIT_SECONDS, None if before is None else before.cursor
        )
        if demand is None:
            return _RETRY_SECONDS
        self.reports[uid] = Report(time.monotonic(), demand)
        held = {} if before is None or before.boot != demand.boot else before.models
        for name, figures in demand.models.items():
            if figures.queued and not held.get(name, _NOTHING).queued:
                namespace, _, model = name.partition("/")
                woken((namespace, model))
        return _PACE_SECONDS
