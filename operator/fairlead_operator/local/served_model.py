"""One model of `fairlead run`: its pods, one after the other, and its objects in the local API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fairlead_contract.demand import GatewayDemand, RouterDemand
from fairlead_operator.local import kube_api
from fairlead_operator.local.containers import Surroundings
from fairlead_operator.local.kube_objects import endpoint_slice, model_with_status
from fairlead_operator.local.local_pod import LocalPod
from fairlead_operator.local.manifests import GivenModel
from fairlead_operator.local.pod import Pod
from fairlead_operator.local.replicas import Replicas
from fairlead_operator.progress import Progress

# How often the progress of a start is looked at.
_LOOK_SECONDS = 0.5


class _NotReady(Exception):  # noqa: N818 -- no error: it marks a start as failed in the progress
    pass


class ServedModel:
    """A model while `run` runs. `plan` gives the pod of a name."""

    def __init__(
        self,
        given: GivenModel,
        plan: Callable[[str], Pod],
        store: kube_api.ObjectStore,
        around: Surroundings,
        progress: Progress,
    ) -> None:
        self.given = given
        self.replicas = Replicas(given.model)
        self.pod: LocalPod | None = None
        self._plan, self._store, self._around, self._progress = plan, store, around, progress
        self._started = 0
        self._stopping = False
        self._changed = asyncio.Event()

    @property
    def settled(self) -> bool:
        """Whether it is ready, or meant to be at zero."""
        return self.pod.ready if self.pod else not self.replicas.wanted

    def publish(self) -> None:
        """Brings the local API up to date."""
        model, pod, decision = self.given.model, self.pod, self.replicas.decision
        ready = pod is not None and pod.ready
        about = "" if ready else (pod.progress() if pod else "it has no replica; a request starts one")
        document = model_with_status(
            self.given.body,
            model,
            ready=ready,
            replicas=int(pod is not None),
            about=about or "it is starting",
            decision=decision,
        )
        serving = [(pod.pod.name, pod.pod.api_port)] if pod and ready else []
        self._store.put(kube_api.SLICES, endpoint_slice(model, serving))
        if not self._stopping:
            self._store.put(kube_api.MODELS, document)

    def decide(self, router: RouterDemand | None, gateway: GatewayDemand | None) -> None:
        """Lets the autoscaler decide, if the model has one."""
        if not self.replicas.automatic:
            return
        before = self.replicas.wanted
        self.replicas.decide(router, self.pod, gateway)
        decision = self.replicas.decision
        if decision and self.replicas.wanted != before:
            self._progress.say(
                f"{self.given.key}: {before} -> {self.replicas.wanted} replicas "
                f"({decision.reason}: {decision.message})"
            )
        self._look()

    async def run(self) -> None:
        """Starts and ends pods until `stop`. Raises OSError if a pod's folder cannot be made."""
        self.publish()
        while True:
            await self._until(lambda: self._stopping or self.replicas.wanted > 0)
            if self._stopping:
                return
            await self._run_pod()

    def stop(self) -> None:
        """Ends the pod in order; `run` returns then."""
        self._stopping = True
        # Held requests cannot be served any more: the router dismisses them with the model. Those on the pod
        # go on.
        self._store.remove(kube_api.MODELS, self.given.body)
        self._changed.set()

    def kill(self) -> None:
        """Ends the pod at once."""
        self.stop()
        if self.pod:
            self.pod.kill()

    async def _run_pod(self) -> None:
        self._started += 1
        name = f"{self.given.model.name}-{self._started}"
        self.pod = pod = LocalPod(self._plan(name), self._around, self._look)
        running = asyncio.create_task(pod.run())
        try:
            await self._show_start(pod, running)
            await self._until(lambda: not self._needed or running.done())
        finally:
            if not running.done():
                await pod.stop()
            self.pod = None
            self._look()
        await running

    async def _show_start(self, pod: LocalPod, running: asyncio.Task[None]) -> None:
        with suppress(_NotReady), self._progress.step(self.given.key) as step:
            while not pod.ready:
                if not self._needed or running.done():
                    raise _NotReady
                step.status(pod.progress() or "starting")
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._changed.wait()

    @property
    def _needed(self) -> bool:
        return not self._stopping and self.replicas.wanted > 0

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def _look(self) -> None:
        """Something has changed."""
        self.publish()
        self._changed.set()
        self._around.changed()
