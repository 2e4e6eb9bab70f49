"""The supervisor of `fairlead run`: it starts the local API, the router and the models, and ends them.

It is to its models what kubelet, scheduler and operator are to those of a cluster. On the first signal
requests in progress are finished; the second ends everything at once.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fairlead_contract.demand import GatewayDemand, RouterDemand
from fairlead_operator.controller.admin_client import AdminClient
from fairlead_operator.local import kube_api
from fairlead_operator.local.containers import Container, Surroundings
from fairlead_operator.local.environment import LOOPBACK
from fairlead_operator.local.kube_objects import namespace_object
from fairlead_operator.local.local_pod import LocalPod
from fairlead_operator.local.manifests import GivenModel
from fairlead_operator.local.pod import Pod, Process
from fairlead_operator.local.router import MARGIN_SECONDS, drain_seconds
from fairlead_operator.local.run_dir import RunDir
from fairlead_operator.local.served_model import ServedModel
from fairlead_operator.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# As the operator's: see controller/routers.py.
_POLL_WAIT_SECONDS = 3.0
_PACE_SECONDS = 0.02
_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Setting:
    """The programs to run. `plan` gives the pod of a model for a name, `router` the router's process for the
    port of the local API.
    """

    given: Sequence[GivenModel]
    plan: Callable[[GivenModel, str], Pod]
    router: Callable[[int], Process]
    router_admin_port: int
    run_dir: RunDir
    verbose: bool = False


class Supervisor:
    """One run. `ready` is called once, when the router and all models are ready, or at zero on purpose."""

    def __init__(self, setting: Setting, progress: Progress, ready: Callable[[], None]) -> None:
        self._setting, self._progress, self._ready = setting, progress, ready
        self._changed = asyncio.Event()
        self._store = kube_api.ObjectStore()
        self._api = kube_api.KubeApi(self._store)
        self._router: Container | None = None
        self._router_polls = AdminClient(setting.router_admin_port)
        self._gateway_polls: dict[int, AdminClient] = {}
        self._models = [
            ServedModel(
                given,
                partial(setting.plan, given),
                self._store,
                self._around(given.folder, given.key),
                progress,
            )
            for given in setting.given
        ]
        self._signals = 0
        self._stopped, self._killed = asyncio.Event(), asyncio.Event()

    @property
    def killed(self) -> bool:
        """Whether a second signal has ended everything at once."""
        return self._killed.is_set()

    async def run(self) -> None:
        """Runs until a signal, then ends everything. Raises OSError where the machine refuses something."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        for name in sorted({item.model.namespace for item in self._setting.given}):
            self._store.put(kube_api.NAMESPACES, namespace_object(name))
        await self._api.start()
        tasks: list[asyncio.Task[None]] = []
        try:
            self._router = Container(self._setting.router(self._api.port), self._around("router", "router"))
            self._write_token()
            tasks = [asyncio.create_task(model.run()) for model in self._models]
            tasks.append(asyncio.create_task(self._router.run()))
            await self._supervise(tasks)
        finally:
            await self._end(tasks)

    async def _supervise(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Returns at the first signal. Raises what a task raises."""
        helpers = [asyncio.create_task(self._poll()), asyncio.create_task(self._announce())]
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            done, _ = await asyncio.wait([stopped, *tasks, *helpers[:1]], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*helpers, stopped):
                task.cancel()
            await asyncio.gather(*helpers, stopped, return_exceptions=True)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Requests in progress are finished: the router and the pods drain together."""
        for model in self._models:
            model.stop()
        ends = [*tasks]
        if self._router:
            within = drain_seconds([item.model for item in self._setting.given])
            ends.append(asyncio.create_task(self._router.stop(within + MARGIN_SECONDS)))
        killer = asyncio.create_task(self._kill_when_asked())
        with self._progress.step("ending"):
            await asyncio.gather(*ends, return_exceptions=True)
        killer.cancel()
        await asyncio.gather(killer, return_exceptions=True)
        await self._router_polls.close()
        for client in self._gateway_polls.values():
            await client.close()
        await self._api.close()

    async def _kill_when_asked(self) -> None:
        await self._killed.wait()
        for model in self._models:
            model.kill()
        if self._router:
            self._router.kill()

    async def _announce(self) -> None:
        """Calls `ready` once."""
        while not (self._router and self._router.ready and all(model.settled for model in self._models)):
            self._changed.clear()
            await self._changed.wait()
        self._ready()

    async def _poll(self) -> None:
        """Follows the demand, and lets each model decide."""
        cursor = None
        while True:
            answer = await self._router_polls.router_demand(LOOPBACK, _POLL_WAIT_SECONDS, cursor)
            cursor = answer.cursor if answer else None
            await self._decide(answer)
            await asyncio.sleep(_PACE_SECONDS if answer else _RETRY_SECONDS)

    async def _decide(self, router: RouterDemand | None) -> None:
        # Before the router's first answer the demand would count as unknown.
        if router is None and not (self._router and self._router.ready):
            return
        for model in self._models:
            if model.replicas.automatic:
                model.decide(router, await self._gateway(model, model.pod))

    async def _gateway(self, model: ServedModel, pod: LocalPod | None) -> GatewayDemand | None:
        if pod is None or not (pod.ready or pod.ending):
            return None
        port, name = pod.pod.admin_port, pod.pod.name
        client = self._gateway_polls.setdefault(port, AdminClient(port))
        namespace = model.given.model.namespace
        document = {
            "metadata": {"name": name, "uid": name, "namespace": namespace},
            "status": {"podIP": LOOPBACK},
        }
        return (await client.demands([document])).get(name)

    def _around(self, folder: str, title: str) -> Surroundings:
        return Surroundings(
            folder=self._setting.run_dir.path,
            logs=self._setting.run_dir.logs(folder),
            show=lambda text: self._progress.say(f"{title}: {text}"),
            changed=self._changed.set,
            verbose=self._setting.verbose,
        )

    def _write_token(self) -> None:
        folder = self._setting.run_dir.router
        folder.mkdir(mode=0o700, exist_ok=True)
        token = folder / "token"
        token.touch(0o600)
        token.write_text(self._api.token)

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals == 1:
            seconds = max(item.model.spec.rollout.drain_timeout_seconds for item in self._setting.given)
            self._progress.say(
                f"stopping: requests in progress have up to {seconds} s; Ctrl-C again ends everything at once"
            )
            self._stopped.set()
        else:
            self._killed.set()
