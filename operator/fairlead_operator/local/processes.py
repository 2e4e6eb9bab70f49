"""Starts and ends the processes of local containers."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from fairlead_operator.bounds import LOCAL_KILL_SECONDS
from fairlead_operator.local import container_init
from fairlead_operator.local.logs import LogFile, follow

Show = Callable[[str], None]


class RunningProcess:
    """A command that runs as a container of its own (`container_init`)."""

    def __init__(self, process: asyncio.subprocess.Process, log: asyncio.Task[None]) -> None:
        self._process, self._log = process, log

    @property
    def pid(self) -> int:
        """The process id of the container's first process."""
        return self._process.pid

    async def wait(self) -> int:
        """The exit code, when everything of the container has ended and its log is complete."""
        code = await self._process.wait()
        # What the container has left behind may hold the pipe open.
        await asyncio.wait([self._log], timeout=LOCAL_KILL_SECONDS)
        return code

    def terminate(self) -> None:
        """Asks it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it with everything that it has started."""
        self._send(container_init.KILL)

    async def end(self, seconds: float) -> int:
        """Asks it to end and kills it after so many seconds; returns the exit code."""
        self.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                return await self.wait()
        self.kill()
        return await self.wait()

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


async def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: LogFile,
    show: Show,
    *,
    everything: bool = False,
) -> RunningProcess:
    """Starts the command in a folder, with its output in the log and the important lines shown.

    It has a session of its own: the terminal's signals are for the supervisor alone, which ends its
    containers in order.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", container_init.__file__, *command),
        env=dict(environment),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    copied = asyncio.create_task(follow(process.stdout, log, show, everything=everything))
    return RunningProcess(process, copied)
