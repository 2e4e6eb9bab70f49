"""One replica of the operator from start to stop.

A replica competes for the Lease and, once it leads, watches and works. While it cannot renew the Lease, for
example without an API server, it pauses all writes. It goes on if it is still the holder afterwards.
Otherwise it is crash-only: what cannot be repaired in place (another leader, watches given up) ends the
process. The Lease is released if possible, and another replica or the restarted one starts from what it
observes. Models go on serving meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from operator import itemgetter

from fairlead_operator import kopf_handlers
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.controller.autoscaling_loop import AutoscalingLoop
from fairlead_operator.controller.child_index import ChildIndex, Key, WatchEvent
from fairlead_operator.controller.loop import run_resync, run_workers
from fairlead_operator.controller.names import Names
from fairlead_operator.controller.nodes import NodeReader
from fairlead_operator.controller.queue import WorkQueue
from fairlead_operator.controller.reconciler import Reconciler
from fairlead_operator.controller.routers import Routers
from fairlead_operator.kube.access import missing_access
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import open_api_client
from fairlead_operator.kube.errors import KubeError, NotFoundError
from fairlead_operator.kube.events import EventRecorder
from fairlead_operator.kube.leader import LEASE_SECONDS, LeaderElector
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from fairlead_operator.settings import Settings
from fairlead_operator.telemetry import LEADER, HealthServer

LOG = logging.getLogger(__name__)

# A key that waits or works longer than this means that the workers are stuck.
_STUCK_SECONDS = 600.0
_WAIT_SECONDS = 5.0
_STOP_SECONDS = 10.0


class Runner:
    """Runs one replica."""

    def __init__(self, settings: Settings, client: KubeClient) -> None:
        self._settings = settings
        self._client = client
        self._queue: WorkQueue[Key] = WorkQueue(group=itemgetter(0))
        self._elector = LeaderElector(client, settings.pod_namespace, settings.lease_name, settings.pod_name)
        self._watching = asyncio.Event()
        self._stop = asyncio.Event()
        self._stop_watching = asyncio.Event()

    async def run(self) -> int:
        """Runs until SIGTERM or SIGINT (returns 0) or until it cannot go on (returns 1)."""
        self._handle_signals()
        health = HealthServer(self._settings.health_port, self._unhealthy, self._unready)
        await health.start()
        work = asyncio.create_task(self._work(), name="work")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
            failed = work.done()
            if failed and not work.cancelled() and (error := work.exception()):
                LOG.error("stopping", extra={"error": f"{type(error).__name__}: {error}"})
        finally:
            await _cancel(work)
            await _cancel(stop)
            await self._elector.release()
            LEADER.set(0)
            await health.stop()
        return 1 if failed and not self._stop.is_set() else 0

    async def _work(self) -> None:
        """The run from the first request to the API server; returns or raises only when it cannot go on."""
        await self._wait_for_api()
        await self._elector.acquire()
        recorder = EventRecorder(self._client, self._settings.pod_name)
        admin = AdminClient(self._settings.admin_port)
        child_index = ChildIndex()
        autoscaling = self._autoscaling(admin)
        render = self._settings.render
        names = Names(self._queue.add, self._settings.namespaces)
        nodes = NodeReader(self._client, self._settings.read_nodes)
        reconciler = Reconciler(
            self._client, recorder, admin, autoscaling, render, child_index, names=names, nodes=nodes
        )

        def notice(seen: WatchEvent) -> None:
            if child_index.record(seen):
                self._queue.add(seen.key)

        # The leadership must exist before kopf starts: at its end it cancels every younger task.
        tasks = [
            asyncio.create_task(self._lead(reconciler, autoscaling, names), name="leadership"),
            asyncio.create_task(self._take_signals_back(), name="signals"),
        ]
        await asyncio.sleep(0)
        watch = asyncio.create_task(
            kopf_handlers.watch(notice, self._settings.namespaces, self._watching, self._stop_watching),
            name="watch",
        )
        try:
            await asyncio.wait([*tasks, watch], return_when=asyncio.FIRST_COMPLETED)
            if any(task.cancelled() for task in tasks):
                # By kopf, which raises the cause a moment later.
                await asyncio.wait([watch], timeout=_STOP_SECONDS)
            for task in (watch, *tasks):
                if task.done():
                    task.result()
        finally:
            # Writers first, then the Lease may go to another replica, then the rest.
            for task in tasks:
                await _cancel(task)
            await self._elector.release()
            await admin.close()
            self._stop_watching.set()
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(watch, _STOP_SECONDS)

    def _autoscaling(self, admin: AdminClient) -> AutoscalingLoop:
        settings = self._settings
        routers = (
            Routers(self._client, settings.pod_namespace, settings.router_selector, admin)
            if settings.router_service
            else None
        )
        return AutoscalingLoop(routers, admin, settings.render.router_host, self._queue.add)

    async def _reconcile_all(self, reconciler: Reconciler, names: Names) -> None:
        await names.learn(self._client)
        await run_workers(self._queue, reconciler, self._settings.workers)

    async def _lead(self, reconciler: Reconciler, autoscaling: AutoscalingLoop, names: Names) -> None:
        """Works while the Lease is held and pauses while its renewal fails; raises when it is lost."""
        while True:
            tasks = [
                asyncio.create_task(self._elector.hold(), name="lease"),
                asyncio.create_task(self._reconcile_all(reconciler, names), name="workers"),
                asyncio.create_task(
                    run_resync(
                        self._queue,
                        self._client,
                        self._settings.namespaces,
                        self._settings.resync_seconds,
                        names,
                    ),
                    name="resync",
                ),
                asyncio.create_task(autoscaling.run(), name="autoscalers"),
            ]
            LEADER.set(1)
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    await _cancel(task)
                LEADER.set(0)
            LOG.warning("Lease renewal failed, pausing writes")
            await self._elector.regain()
            LOG.info("Lease renewed, resuming writes")

    async def _wait_for_api(self) -> None:
        """Waits for the API server and the CRD; fails if the operator may not do what it needs to."""
        while True:
            try:
                missing = await missing_access(self._client, self._settings.namespaces)
                if missing:
                    raise PermissionError(f"the operator's role lacks: {', '.join(missing)}")
                for namespace in self._settings.namespaces or (None,):
                    await self._client.names(MODEL_DEPLOYMENT, namespace)
                return
            except NotFoundError:
                LOG.warning("waiting for the CustomResourceDefinition of ModelDeployment")
            except KubeError as error:
                LOG.warning("waiting for the API server", extra={"error": str(error)})
            await asyncio.sleep(_WAIT_SECONDS)

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    async def _take_signals_back(self) -> None:
        """kopf installs handlers of its own, which would stop the watches before the workers."""
        await self._watching.wait()
        self._handle_signals()
        LOG.info("watching")
        await asyncio.Event().wait()

    def _unhealthy(self) -> str | None:
        # The last attempt, not the last renewal: a restart would not end an outage of the API server.
        age = self._elector.seconds_since_look
        if age > 2 * LEASE_SECONDS and self._elector.seconds_since_renewal is not None:
            return f"no attempt to renew the Lease for {age:.0f} s"
        paused = (self._elector.seconds_since_renewal or 0.0) > LEASE_SECONDS
        if not paused and self._queue.oldest_seconds > _STUCK_SECONDS:
            return f"a model has waited for {self._queue.oldest_seconds:.0f} s"
        return None

    def _unready(self) -> str | None:
        leading = self._elector.seconds_since_renewal is not None
        if leading and not self._watching.is_set():
            return "not watching yet"
        return None if self._elector.reachable else "the API server does not answer"


async def run_operator(settings: Settings) -> int:
    """Runs one replica of the operator; returns its exit code."""
    rate = settings.writes_per_second
    client = KubeClient(await open_api_client(), TokenBucket(rate, rate))
    try:
        return await Runner(settings, client).run()
    finally:
        await client.close()


async def _cancel(task: asyncio.Task[object]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
