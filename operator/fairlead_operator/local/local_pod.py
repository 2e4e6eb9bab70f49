"""One pod of a model as processes: containers in the order of the kubelet, at the start and at the end."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairlead_contract.paths import ENGINE_STATE, WEIGHTS_STATE
from fairlead_operator.local.containers import Container, Surroundings
from fairlead_operator.local.pod import TERMINATION_LOGS, Pod

_OWNER_ONLY = 0o700
_FILE_OF_OWNER = 0o600


class LocalPod:
    """A pod from its start to its end. `changed` is called when it becomes ready, and when that ends."""

    def __init__(self, pod: Pod, around: Surroundings, changed: Callable[[], None]) -> None:
        self.pod = pod
        self.created = time.time()
        self.ready_since: float | None = None
        self.ending = False
        self._changed = changed
        self._around = replace(around, changed=self._look)
        self._containers: list[Container] = []
        self._expected = len(pod.main) + sum(process.sidecar for process in pod.init)
        self._tasks: list[asyncio.Task[None]] = []
        self._step = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether requests may be sent to it."""
        return self.ready_since is not None and not self.ending

    @property
    def failures(self) -> int:
        """How often its containers have ended unasked."""
        return sum(container.failures for container in self._containers)

    async def run(self) -> None:
        """Starts the containers; returns when all have ended. Raises OSError if a folder cannot be made."""
        make_folders(self.pod)
        starting = asyncio.create_task(self._start())
        self._tasks.append(starting)
        await starting
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Ends it within its grace period: first the engine, which drains, then the sidecars."""
        self.ending = True
        self._changed()
        deadline = time.monotonic() + self.pod.grace_seconds
        sidecars = [container for container in self._containers if container.process.sidecar]
        others = [container for container in self._containers if not container.process.sidecar]
        self._step.set()
        await asyncio.gather(*(container.stop(deadline - time.monotonic()) for container in others))
        for container in reversed(sidecars):
            await container.stop(max(1.0, deadline - time.monotonic()))
        shutil.rmtree(self.pod.folder, ignore_errors=True)

    def kill(self) -> None:
        """Ends it at once."""
        self.ending = True
        self._step.set()
        for container in self._containers:
            container.kill()

    def progress(self) -> str:
        """The present phase of its start, in a few words."""
        weights, engine = self._state(WEIGHTS_STATE), self._state(ENGINE_STATE)
        if engine:
            return _sentence(engine.get("phase"), engine.get("detail"))
        if weights:
            done, total = weights.get("bytes"), weights.get("totalBytes")
            figures = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if done is not None and total else ""
            return _sentence(weights.get("phase"), figures or weights.get("detail"))
        return ""

    async def _start(self) -> None:
        """The containers before the engine's one after the other, then the others together."""
        for process in self.pod.init:
            if self.ending:
                return
            container = Container(process, self._around)
            self._containers.append(container)
            if process.sidecar:
                self._tasks.append(asyncio.create_task(container.run()))
                while not container.started and not self.ending:
                    self._step.clear()
                    await self._step.wait()
            else:
                await container.run(once=True)
        for process in self.pod.main if not self.ending else ():
            container = Container(process, self._around)
            self._containers.append(container)
            self._tasks.append(asyncio.create_task(container.run()))

    def _look(self) -> None:
        """A container has changed."""
        self._step.set()
        up = [container.ready for container in self._containers if container.process.name in self._lasting]
        ready = len(up) == self._expected and all(up)
        if ready != (self.ready_since is not None):
            self.ready_since = time.time() if ready else None
            self._changed()

    @property
    def _lasting(self) -> set[str]:
        return {process.name for process in (*self.pod.init, *self.pod.main) if process.sidecar} | {
            process.name for process in self.pod.main
        }

    def _state(self, name: str) -> dict[str, Any] | None:
        with suppress(OSError, ValueError):
            state = json.loads((Path(self.pod.folder) / "run" / name).read_bytes())
            return state if isinstance(state, dict) else None
        return None


def make_folders(pod: Pod) -> None:
    """Makes the folders of the pod's volumes and the files in them, for this user alone. Raises OSError."""
    shutil.rmtree(pod.folder, ignore_errors=True)
    for path in (pod.folder, f"{pod.folder}/{TERMINATION_LOGS}"):
        Path(path).mkdir(mode=_OWNER_ONLY, parents=True)
    for folder in pod.folders:
        if folder.made:
            Path(folder.path).mkdir(parents=True, exist_ok=True)
        for name, content in folder.files.items():
            file = Path(folder.path, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(_FILE_OF_OWNER)
            file.write_bytes(content)


def _sentence(phase: Any, detail: Any) -> str:
    return ": ".join(str(part) for part in (phase, detail) if part)
