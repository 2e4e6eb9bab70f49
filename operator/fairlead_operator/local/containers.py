"""The life of one local container, as the kubelet leads it: start, probes, restarts, end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairlead_operator.bounds import (
    LOCAL_FIRST_RESTART_SECONDS,
    LOCAL_LONGEST_RESTART_SECONDS,
    LOCAL_MESSAGE_BYTES,
    LOCAL_PROBE_BYTES,
    LOCAL_STEADY_SECONDS,
)
from fairlead_operator.controller.bounded_http import BoundedHttp, NoAnswerError
from fairlead_operator.local.environment import LOOPBACK
from fairlead_operator.local.logs import LogFile
from fairlead_operator.local.pod import Probe, Process
from fairlead_operator.local.processes import RunningProcess, Show, start
from fairlead_operator.plan.catalogue.reasons import explain, may_be_claimed


@dataclass(frozen=True)
class Surroundings:
    """What containers share: the folder they start in, that of their logs, and what they report to."""

    folder: Path
    logs: Path
    show: Show
    changed: Callable[[], None]
    verbose: bool = False


class Container:
    """One container. `started` once its startup probe has succeeded, `ready` while the other one does."""

    def __init__(self, process: Process, around: Surroundings) -> None:
        self.process = process
        self.started = self.ready = False
        self.failures = 0
        """How often it has ended unasked."""
        self._around = around
        self._log = LogFile(around.logs / f"{process.name}.log")
        self._running: RunningProcess | None = None
        self._hook: RunningProcess | None = None
        self._probes: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        # A program that ends on request may call that an error; its log has the lines.
        self._quiet = False
        self._http = BoundedHttp(LOCAL_PROBE_BYTES)

    async def run(self, *, once: bool = False) -> None:
        """Runs it until `stop`, again and again; with `once` until it has succeeded."""
        pause = LOCAL_FIRST_RESTART_SECONDS
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                code = await self._run_to_its_end()
                if self._stopping.is_set() or (once and code == 0):
                    return
                self.failures += 1
                if time.monotonic() - began >= LOCAL_STEADY_SECONDS:
                    pause = LOCAL_FIRST_RESTART_SECONDS
                self._report_end(code, pause)
                await self._sleep(pause)
                pause = min(2 * pause, LOCAL_LONGEST_RESTART_SECONDS)
        finally:
            await self._http.close()
            self._log.close()

    async def stop(self, seconds: float) -> None:
        """Ends it as the kubelet does: its preStop hook, then SIGTERM, and SIGKILL when the time is over."""
        self._begin_end()
        deadline = time.monotonic() + seconds
        if self._running and self.started and self.process.pre_stop:
            await self._run_hook(seconds)
        if self._running:
            self._quiet = not self._around.verbose
            await self._running.end(deadline - time.monotonic())

    def kill(self) -> None:
        """Ends it at once."""
        self._begin_end()
        for running in (self._hook, self._running):
            if running:
                running.kill()

    def _begin_end(self) -> None:
        self._stopping.set()
        if self._probes:
            # What is being ended may fail its probes.
            self._probes.cancel()

    async def _run_to_its_end(self) -> int:
        process = self.process
        _forget(process.termination_log)
        self._running = running = await self._start(process.command)
        if self._stopping.is_set():
            running.terminate()
        self._probes = asyncio.create_task(self._probe(running))
        try:
            return await running.wait()
        finally:
            self._probes.cancel()
            await asyncio.gather(self._probes, return_exceptions=True)
            self._running = self._probes = None
            self._set(started=False, ready=False)

    async def _start(self, command: tuple[str, ...]) -> RunningProcess:
        around = self._around
        return await start(
            command,
            self.process.environment,
            around.folder,
            self._log,
            self._show,
            everything=around.verbose,
        )

    def _show(self, line: str) -> None:
        if not self._quiet:
            self._around.show(f"{self.process.name}: {line}")

    async def _run_hook(self, seconds: float) -> None:
        self._hook = await self._start(self.process.pre_stop)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hook.wait()
        self._hook.kill()
        self._hook = None

    async def _probe(self, running: RunningProcess) -> None:
        process = self.process
        if process.startup and not await self._until(process.startup, succeeds=True):
            await self._give_up(running, process.startup, "it did not start")
            return
        self._set(started=True, ready=process.readiness is None)
        async with asyncio.TaskGroup() as watching:
            if process.readiness:
                watching.create_task(self._follow_readiness(process.readiness))
            if process.liveness:
                watching.create_task(self._follow_liveness(running, process.liveness))

    async def _until(self, probe: Probe, *, succeeds: bool) -> bool:
        """Probes until it succeeds (True), or has failed too often in a row (False)."""
        await self._sleep(probe.delay)
        failed = 0
        while failed < probe.failures:
            answered = await self._answers(probe)
            if answered and succeeds:
                return True
            failed = 0 if answered else failed + 1
            await self._sleep(probe.period)
        return False

    async def _follow_liveness(self, running: RunningProcess, probe: Probe) -> None:
        await self._until(probe, succeeds=False)
        await self._give_up(running, probe, "it does not answer any more")

    async def _follow_readiness(self, probe: Probe) -> None:
        failed = 0
        while True:
            failed = 0 if await self._answers(probe) else failed + 1
            if failed == 0 or failed >= probe.failures:
                self._set(started=self.started, ready=failed == 0)
            await self._sleep(probe.period)

    async def _answers(self, probe: Probe) -> bool:
        with suppress(NoAnswerError):
            await self._http.get(f"http://{LOOPBACK}:{probe.port}{probe.path}", probe.timeout)
            return True
        return False

    async def _give_up(self, running: RunningProcess, probe: Probe, why: str) -> None:
        self._around.show(f"{self.process.name}: {why}: GET {probe.path} failed {probe.failures} times")
        # The end comes by way of `run`, which starts it again.
        running.terminate()
        await asyncio.sleep(30.0 if probe.grace is None else probe.grace)
        running.kill()

    def _set(self, *, started: bool, ready: bool) -> None:
        if (started, ready) != (self.started, self.ready):
            self.started, self.ready = started, ready
            self._around.changed()

    def _report_end(self, code: int, pause: float) -> None:
        name, cause = self.process.name, termination_cause(Path(self.process.termination_log))
        about = f": {cause}" if cause else ""
        self._around.show(
            f"{name} ended with exit code {code}{about}\n"
            f"  it starts again in {pause:g} s; its log is {self._log.path}"
        )

    async def _sleep(self, seconds: float) -> None:
        """Sleeps, but not beyond the beginning of the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _forget(path: str) -> None:
    """Removes the termination message of the last run."""
    Path(path).unlink(missing_ok=True)


def termination_cause(path: Path) -> str:
    """The cause in a termination message, with its remedy; "" if there is none."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(LOCAL_MESSAGE_BYTES))
        reason, message = str(document["reason"]), str(document["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"{reason}: {explain(reason, message)}" if may_be_claimed(reason) else f"{reason}: {message}"
