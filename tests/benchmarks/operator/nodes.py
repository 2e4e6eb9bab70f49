"""Nodes without machines: a process that binds pods and says of them what a kubelet would.

It stands in for scheduler and kubelets as kwok does, in the least work that a pod can cost: one Binding and
two reports, "its containers are being made" and "it is ready", so that its CPU time, which the report shows,
is not what is measured. It sees the pods' metadata only. Run it with $KUBECONFIG set; it prints a line when
it watches.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import aiohttp

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.kube.resources import LEASE, POD, Resource
from tests.benchmarks.operator.watching import Api, open_api

Object = dict[str, Any]

NODE = Resource("v1", "Node", "nodes")
# As many pods as a node takes by default is 110.
PODS_PER_NODE = 100
_WORKERS = 8
_HEARTBEAT_SECONDS = 10.0
_NOT_FOUND, _CONFLICT = 404, 409


class FakeNodes:
    """`count` nodes, and whatever runs on them."""

    def __init__(self, api: Api, count: int) -> None:
        self._api = api
        self._names = [f"fake-{number}" for number in range(count)]
        self._pods: asyncio.Queue[Object] = asyncio.Queue()
        self._bound = 0

    async def run(self) -> None:
        """Creates the nodes and acts on all pods until cancelled."""
        for name in self._names:
            await self._api.request("POST", NODE.path(None), _node(name))
            await self._api.request("POST", LEASE.path("kube-node-lease"), _lease(name))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            for _ in range(_WORKERS):
                group.create_task(self._work())
            print("watching", flush=True)
            async for kind, pod in self._api.watch(POD, MODEL_LABEL, metadata_only=True):
                leaving = "deletionTimestamp" in pod["metadata"]
                if kind == "ADDED" or (kind == "MODIFIED" and leaving):
                    self._pods.put_nowait(pod)

    async def _beat(self) -> None:
        """Without renewed Leases the controller manager calls the nodes dead and evicts the pods."""
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for name in self._names:
                path = LEASE.path("kube-node-lease", name)
                await self._api.request(
                    "PATCH", path, {"spec": {"renewTime": _now_exact()}}, "merge-patch+json"
                )

    async def _work(self) -> None:
        while True:
            pod = await self._pods.get()
            metadata = pod["metadata"]
            path = POD.path(metadata["namespace"], metadata["name"])
            try:
                if "deletionTimestamp" in metadata:
                    await self._api.request("DELETE", path, {"gracePeriodSeconds": 0})
                else:
                    await self._start(path, metadata["name"])
            except aiohttp.ClientResponseError as error:
                # Deleted meanwhile; everything else is a fault of the harness.
                if error.status not in (_NOT_FOUND, _CONFLICT):
                    raise

    async def _start(self, path: str, name: str) -> None:
        self._bound += 1
        node = self._names[self._bound % len(self._names)]
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await self._api.request("POST", f"{path}/binding", binding)
        for ready in (False, True):
            status = {"status": pod_status(ready, _now())}
            await self._api.request("PATCH", f"{path}/status", status, "strategic-merge-patch+json")


def pod_status(ready: bool, now: str) -> Object:
    """What a kubelet says of a pod whose containers are being made, or which is ready. Pure."""
    running = {"running": {"startedAt": now}}
    state = running if ready else {"waiting": {"reason": "PodInitializing"}}
    word = str(ready)
    conditions = {
        "PodScheduled": "True",
        "PodReadyToStartContainers": word,
        "Initialized": word,
        "ContainersReady": word,
        "Ready": word,
    }
    container = {"imageID": "", "image": "fake", "restartCount": 0, "ready": ready, "started": ready}
    return {
        "phase": "Running" if ready else "Pending",
        "startTime": now,
        "conditions": [
            {"type": kind, "status": status, "lastTransitionTime": now} for kind, status in conditions.items()
        ],
        "initContainerStatuses": [{"name": "gateway", "state": state, **container}],
        "containerStatuses": [{"name": "vllm", "state": state, **container}],
    }


def _node(name: str) -> Object:
    size = {"cpu": "1k", "memory": "10Ti", "pods": "1k"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": _now()}
    ready["lastHeartbeatTime"] = ready["lastTransitionTime"]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"capacity": size, "allocatable": size, "conditions": [ready]},
    }


def _lease(name: str) -> Object:
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now_exact()}
    return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": {"name": name}, "spec": spec}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now_exact() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def _main(count: int) -> None:
    async with open_api() as api:
        await FakeNodes(api, count).run()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
