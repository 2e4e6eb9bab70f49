"""A run of the operator in this process that dies after a given number of writes, and a view of its world in
which everything that differs from run to run is left out.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from difflib import unified_diff
from pprint import pformat
from typing import Any

from fairlead_contract.names import MODEL_LABEL
from fairlead_contract.status import PodReport
from fairlead_operator.api.names import RENDERED_HASH
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.autoscaling_loop import AutoscalingLoop
from fairlead_operator.controller.child_index import ChildIndex
from fairlead_operator.controller.reconciler import Reconciler
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ConflictError
from fairlead_operator.kube.events import EventRecorder
from fairlead_operator.kube.resources import CHILDREN, DEPLOYMENT, EVENT, MODEL_DEPLOYMENT, Resource
from fairlead_operator.render.model import RenderSettings
from tests.controller.node import FakeKubelet
from tests.kube.support import Object, eventually, manifest
from tests.plan.builders import pod_report

SETTINGS = RenderSettings(gateway_image="gateway:1", engine_image="vllm:1")
NAMESPACE = Resource("v1", "Namespace", "namespaces")

# Names of pods, and all that the API server or another controller chooses.
_POD = re.compile(r"\btiny-[a-z0-9]+-[a-z0-9]{5}\b")
# When the object was created, in the text of gateway.json.
_CREATED = re.compile(r'"created": \d+')
_CHOSEN = {
    "clusterIP",
    "clusterIPs",
    "creationTimestamp",
    "managedFields",
    "namespace",
    "resourceVersion",
    "uid",
    # A digest of the owner's identity too.
    RENDERED_HASH,
}
_TIMES = {"lastTransitionTime", "startup"}


class Killed(BaseException):
    """The end of the process: nothing in the operator may catch it."""


class MortalClient(KubeClient):
    """Ends the process right after its `lives`-th write; never if that is None."""

    def __init__(self, kube: KubeClient, lives: int | None) -> None:
        self._kube = kube
        self._lives = lives
        self.writes = 0

    async def get(self, *args: Any, **more: Any) -> Object:
        found: Object = await self._kube.get(*args, **more)
        return found

    async def list(self, *args: Any, **more: Any) -> list[Object]:
        return await self._kube.list(*args, **more)

    async def apply(self, *args: Any, **more: Any) -> Any:
        return await self._write(self._kube.apply(*args, **more))

    async def patch_status(self, *args: Any, **more: Any) -> Any:
        return await self._write(self._kube.patch_status(*args, **more))

    async def delete(self, *args: Any, **more: Any) -> None:
        await self._write(self._kube.delete(*args, **more))

    async def create(self, *args: Any, **more: Any) -> Any:
        return await self._write(self._kube.create(*args, **more))

    async def patch(self, *args: Any, **more: Any) -> Any:
        return await self._write(self._kube.patch(*args, **more))

    async def _write(self, request: Awaitable[Any]) -> Any:
        answer = await request
        self.writes += 1
        if self.writes == self._lives:
            raise Killed
        return answer


class Loads(AdminClient):
    """Gateways that all have one request to do."""

    def __init__(self) -> None:
        super().__init__(port=1)

    async def statuses(self, pods: Iterable[Object]) -> dict[str, PodReport]:
        return {pod["metadata"]["name"]: pod_report(1) for pod in pods}


class Run:
    """One model in a namespace of its own, worked on by an operator that is restarted when it dies."""

    def __init__(self, kube: KubeClient, lives: int | None = None) -> None:
        self.kube = kube
        self.namespace = f"t-{uuid.uuid4().hex[:10]}"
        self.node = FakeKubelet(kube, self.namespace)
        self.deaths = 0
        self.start(lives)

    def start(self, lives: int | None = None) -> None:
        """A new process, which knows nothing of the one before."""
        self.client = MortalClient(self.kube, lives)
        self._child_index: ChildIndex | None = None

    async def _begin(self) -> Reconciler:
        """What the watches show at a start."""
        self._child_index = ChildIndex()
        for resource in CHILDREN:
            for child in await self.kube.list(resource, self.namespace, f"{MODEL_LABEL}=tiny"):
                self._child_index.expect((self.namespace, "tiny"), child["kind"], child["metadata"]["name"])
        recorder = EventRecorder(self.client, "test")
        # The model is not autoscaled, so no gateway is queried.
        autoscaling = AutoscalingLoop(None, Loads(), "", lambda key, urgent: None)
        return Reconciler(self.client, recorder, Loads(), autoscaling, SETTINGS, self._child_index)

    async def create(self) -> None:
        """Creates the namespace and the model."""
        await self.kube.create(NAMESPACE, None, {"metadata": {"name": self.namespace}})
        await self.kube.create(MODEL_DEPLOYMENT, self.namespace, manifest())

    async def change(self, **spec: Any) -> None:
        """What the user does."""
        await self.kube.patch(MODEL_DEPLOYMENT, self.namespace, "tiny", {"spec": spec})

    async def ready(self) -> None:
        """The node runs all pods."""
        await self.node.ready([f"10.0.0.{number + 1}" for number in range(len(await self.node.pods()))])

    async def remove(self) -> None:
        """Deletes the namespace, unawaited."""
        body = {"propagationPolicy": "Background"}
        await self.kube._request("DELETE", NAMESPACE, NAMESPACE.path(None, self.namespace), body=body)

    async def reconcile(self) -> int:
        """One look of the operator, of a new one if it dies; returns the writes of those that lived."""
        before = self.client.writes
        try:
            if self._child_index is None:
                self._reconciler = await self._begin()
            await self._reconciler.reconcile((self.namespace, "tiny"))
        except Killed:
            self.deaths += 1
            self.start()
            return 1
        except ConflictError:
            return 1
        return self.client.writes - before

    async def settle(self) -> Object:
        """Reconciles until neither the operator nor the other controllers change anything; the world then."""

        async def settled() -> Object | None:
            wrote = await self.reconcile()
            before, seen = await self.world(), await self._seen()
            await asyncio.sleep(0.3)
            return before if not wrote and seen and before == await self.world() else None

        return await eventually("rest", settled) or {}

    async def reach(self, expected: Object) -> None:
        """Reconciles until the world is as expected."""

        world: Object = {}

        async def reached() -> bool:
            nonlocal world
            await self.reconcile()
            world = await self.world()
            return world == expected

        try:
            await eventually("the undisturbed run's world", reached, within=60)
        except AssertionError:
            undisturbed, killed = (pformat(item, width=200).splitlines() for item in (expected, world))
            different = unified_diff(undisturbed, killed, "undisturbed", f"{self.deaths} deaths", n=1)
            raise AssertionError("\n".join(different)) from None

    async def world(self) -> Object:
        """Model, children and reported reasons, without what differs from run to run."""
        model = await self.kube.get(MODEL_DEPLOYMENT, self.namespace, "tiny")
        world: Object = {"status": _plain(model["status"]), "spec": model["spec"]}
        for resource in CHILDREN:
            for child in await self.kube.list(resource, self.namespace, f"{MODEL_LABEL}=tiny"):
                world[f"{child['kind']}/{child['metadata']['name']}"] = _plain({**child, "status": None})
        recorded = await self.kube.list(
            EVENT, self.namespace, fields=f"regarding.uid={model['metadata']['uid']}"
        )
        # An action is reported by the process that did it. A state must be reported by the process that runs.
        world["reasons"] = sorted({event["reason"] for event in recorded} - {"Applied"})
        nameless: Object = json.loads(json.dumps(world).replace(self.namespace, "NAMESPACE"))
        return nameless

    async def _seen(self) -> bool:
        live = await self.kube.get(DEPLOYMENT, self.namespace, "tiny")
        return bool(live.get("status", {}).get("observedGeneration") == live["metadata"]["generation"])


async def together(runs: Iterable[Run], act: Callable[[Run], Awaitable[None]]) -> None:
    """Does the same in all runs at once."""
    async with asyncio.TaskGroup() as group:
        for run in runs:
            group.create_task(_await(act(run)))


async def _await(work: Awaitable[None]) -> None:
    await work


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        left = {key: _plain(item) for key, item in value.items() if key not in _CHOSEN | _TIMES}
        return {key: item for key, item in left.items() if item is not None}
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        # By the names of pods, which are random.
        return sorted(items, key=str) if items and "pod" in items[0] else items
    return _CREATED.sub("", _POD.sub("POD", value)) if isinstance(value, str) else value
