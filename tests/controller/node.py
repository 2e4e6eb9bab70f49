"""The part of scheduler and kubelet, which the bare control plane has not: it writes what they would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import POD, Resource
from tests.kube.support import Object, eventually


class FakeKubelet:
    """Acts on the pods of one model in one namespace."""

    def __init__(self, kube: KubeClient, namespace: str) -> None:
        self._kube = kube
        self._namespace = namespace

    async def pods(self, model: str = "tiny") -> list[Object]:
        """The pods of a model that are not on their way out."""
        found = await self._kube.list(POD, self._namespace, f"{MODEL_LABEL}={model}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def pod(self) -> Object:
        """The only pod of the model, awaited."""
        return (await eventually("a pod", self.pods))[0]

    async def cannot_schedule(self, text: str) -> None:
        """The scheduler's answer on the pod."""
        await self.refuse(await self.pod(), text)

    async def refuse(self, pod: Object, text: str) -> None:
        """The scheduler's answer on one of several pods."""
        scheduled = _condition("PodScheduled", "False", reason="Unschedulable", message=text)
        await self._report(pod, conditions=[scheduled])

    async def cannot_mount(self, text: str) -> None:
        """The pod has a node, whose kubelet cannot mount a volume and reports it in an Event."""
        pod = await self.pod()
        await self._bind(pod)
        creating = {"state": {"waiting": {"reason": "PodInitializing"}}, "ready": False}
        await self._report(
            pod,
            phase="Pending",
            conditions=[_condition("PodScheduled", "True"), _condition("PodReadyToStartContainers", "False")],
            initContainerStatuses=[_container("gateway", **creating)],
            containerStatuses=[_container("vllm", **creating)],
        )
        metadata = pod["metadata"]
        event = {
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": self._namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": self._namespace,
                "uid": metadata["uid"],
            },
            "type": "Warning",
            "reason": "FailedMount",
            "message": text,
            "lastTimestamp": _now(),
        }
        # The kubelet writes by the older API; the operator reads by the newer one.
        await self._kube.create(Resource("v1", "Event", "events"), self._namespace, event)

    async def ready(self, addresses: Sequence[str] = ()) -> None:
        """All pods run and are ready; with addresses, one for each pod."""
        await self.pod()
        for pod, address in zip_longest(await self.pods(), addresses):
            await self._bind(pod)
            network = {"podIP": address, "podIPs": [{"ip": address}]} if address else {}
            now = _now()
            running = {"state": {"running": {"startedAt": now}}, "ready": True, "started": True}
            conditions = [_condition(kind, "True") for kind in ("PodScheduled", "ContainersReady", "Ready")]
            await self._report(
                pod,
                phase="Running",
                **network,
                conditions=conditions,
                initContainerStatuses=[_container("gateway", **running)],
                containerStatuses=[_container("vllm", **running)],
            )

    async def starting(self, pod: Object, address: str) -> None:
        """One pod has its gateway, and its engine is not ready yet."""
        await self._bind(pod)
        running = {"state": {"running": {"startedAt": _now()}}, "ready": True, "started": True}
        await self._report(
            pod,
            phase="Running",
            podIP=address,
            podIPs=[{"ip": address}],
            conditions=[_condition("PodScheduled", "True"), _condition("Ready", "False")],
            initContainerStatuses=[_container("gateway", **running)],
            containerStatuses=[_container("vllm", state=running["state"])],
        )

    async def engine_ended(self, message: str) -> None:
        """The engine's container ended with a termination message."""
        pod = await self.pod()
        await self._bind(pod)
        await self._report(
            pod,
            phase="Running",
            conditions=[_condition("PodScheduled", "True"), _condition("Ready", "False")],
            containerStatuses=[_container("vllm", state={"terminated": _end(message)}, ready=False)],
        )

    async def crashed_and_ready_again(self, message: str, code: int = 1, restarts: int = 1) -> None:
        """The engine's container ended while it served, was started again and is ready."""
        await self.ready()
        pod = await self.pod()
        running = {"state": {"running": {"startedAt": _now()}}, "ready": True, "started": True}
        end = {"terminated": {**_end(message), "exitCode": code}}
        engine = _container("vllm", lastState=end, **running)
        await self._report(pod, containerStatuses=[{**engine, "restartCount": restarts}])

    async def download_ended(self, message: str) -> None:
        """The container that downloads ended with a termination message, before the engine's was started."""
        pod = await self.pod()
        await self._bind(pod)
        running = {"state": {"running": {"startedAt": _now()}}, "ready": True, "started": True}
        again = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 1}
        await self._report(
            pod,
            phase="Pending",
            conditions=[
                _condition("PodReadyToStartContainers", "True"),
                _condition("PodScheduled", "True"),
                _condition("Ready", "False"),
            ],
            initContainerStatuses=[
                _container("gateway", **running),
                _container("weights", lastState={"terminated": _end(message)}, **again),
            ],
            containerStatuses=[_container("vllm", state={"waiting": {"reason": "PodInitializing"}})],
        )

    async def _bind(self, pod: Object) -> None:
        if pod["spec"].get("nodeName"):
            return
        name = pod["metadata"]["name"]
        target = {"apiVersion": "v1", "kind": "Node", "name": "node-1"}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await self._kube.create(Resource("v1", "Binding", f"pods/{name}/binding"), self._namespace, body)

    async def _report(self, pod: Object, **status: Any) -> None:
        await self._kube.patch_status(POD, self._namespace, pod["metadata"]["name"], status)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _end(message: str) -> Object:
    """A container that failed with this message."""
    times = {"startedAt": _now(), "finishedAt": _now()}
    return {"exitCode": 1, "reason": "Error", "message": message, **times}


def _condition(kind: str, status: str, **more: str) -> Object:
    return {"type": kind, "status": status, "lastTransitionTime": _now(), **more}


def _container(name: str, **more: Any) -> Object:
    return {"name": name, "image": name, "imageID": "", "restartCount": 0, "ready": False, **more}
