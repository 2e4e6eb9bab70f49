"""Follows every router by long polls: its requests for each model, and the first request for a model.

Routers are found by their pods. Pods that are not ready or that stop count too, because they may still hold
requests. A router answers at once when the first request for a model waits, so a wake-up does not depend on
polling.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from fairlead_contract.demand import RouterDemand, RouterFigures
from fairlead_operator.bounds import ROUTERS
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.child_index import Key
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import KubeError
from fairlead_operator.kube.resources import POD

LOG = logging.getLogger(__name__)

# How often the pods are looked up. A new router is ready, and gets requests, only after some seconds anyway.
_FIND_SECONDS = 3.0
# How old the figures of a router may become.
_WAIT_SECONDS = 3.0
# Each held request of a model without a ready pod ends a poll. The pause bounds the polls when many arrive.
_PACE_SECONDS = 0.02
_RETRY_SECONDS = 0.5
# A router that has not answered for so long counts as silent.
_SILENT_SECONDS = 15.0
# How long to wait for the first answer after a start.
_BEGIN_SECONDS = 5.0
_NOTHING = RouterFigures()


@dataclass(frozen=True)
class Report:
    """The last answer of a router, and its monotonic time."""

    at: float
    demand: RouterDemand


class Routers:
    """All routers in the operator's namespace. `selector` is the label selector of their pods."""

    def __init__(self, client: KubeClient, namespace: str, selector: str, admin: AdminClient) -> None:
        self._client = client
        self._namespace = namespace
        self._selector = selector
        self._admin = admin
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._began: float | None = None
        self.reports: dict[str, Report] = {}

    @property
    def begun(self) -> bool:
        """Whether a router has answered since the start, or the wait for one is over."""
        began = self._began
        return bool(self.reports) or (began is not None and time.monotonic() > began + _BEGIN_SECONDS)

    async def run(self, woken: Callable[[Key], None]) -> None:
        """Follows routers until cancelled; `woken` is called for each model whose first request waits."""
        self._began = time.monotonic()
        try:
            while True:
                try:
                    await self._find_routers(woken)
                except Exception:
                    # A pod of an unexpected shape must not end the polls of the routers.
                    LOG.exception("Listing the routers' pods failed")
                await asyncio.sleep(_FIND_SECONDS)
        finally:
            for task in self._followed.values():
                task.cancel()
            await asyncio.gather(*self._followed.values(), return_exceptions=True)
            self._followed.clear()

    def figures_of(self, key: Key) -> dict[str, tuple[str, RouterFigures]] | None:
        """For each router, by the uid of its pod, its boot id and its figures for the model. None if no
        router has answered lately.

        For a router that does not answer any more, the last figures count while its pod exists: it may still
        hold requests.
        """
        oldest = time.monotonic() - _SILENT_SECONDS
        if not any(report.at > oldest for report in self.reports.values()):
            return None
        name = "/".join(key)
        demands = {uid: report.demand for uid, report in self.reports.items()}
        return {uid: (demand.boot, demand.models.get(name, _NOTHING)) for uid, demand in demands.items()}

    async def _find_routers(self, woken: Callable[[Key], None]) -> None:
        try:
            pods = await self._client.list(POD, self._namespace, self._selector, most=ROUTERS)
        except KubeError as error:
            LOG.warning("Listing the routers' pods failed", extra={"error": str(error)})
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
                LOG.exception("A router's answer could not be read", extra={"router": address})
                pause = _FIND_SECONDS
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
