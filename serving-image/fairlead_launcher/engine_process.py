"""One run of the engine: its process, its signals and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from fairlead_launcher.bounds import HEALTH_PERIOD_SECONDS, START_PATIENCE_SECONDS
from fairlead_launcher.causes import Cause, cause_of_exit
from fairlead_launcher.command import engine_environment
from fairlead_launcher.first_prompt import find_template_failure, first_prompt_problem, is_healthy
from fairlead_launcher.report import log_error, termination_message
from fairlead_launcher.state import StateFile
from fairlead_launcher.watch import Watch

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Launcher:
    """One run of the engine. Without a socket it has no API."""

    def __init__(
        self, command: Sequence[str], state: StateFile, termination_log: Path, socket_path: Path | None = None
    ) -> None:
        self._command, self._state, self._termination_log = command, state, termination_log
        self._socket = socket_path
        self._child: subprocess.Popen[bytes] | None = None
        self._stop_requested = False
        # Why the launcher itself ends a running engine.
        self._refusal: Cause | None = None
        self._killer = threading.Timer(START_PATIENCE_SECONDS, self._end_group)
        self._killer.daemon = True

    def run(self) -> int:
        """Runs the engine to its end and returns the exit code for this process."""
        oom_kills = count_oom_kills()
        for number in SIGNALS:
            signal.signal(number, self._pass_on)
        self._state.write()
        # A group of its own: whatever the engine leaves behind is found and ended with it.
        self._child = subprocess.Popen(
            self._command,
            env=engine_environment(self._command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        watch = Watch(self._state)
        reader = threading.Thread(target=watch.relay, args=(self._child.stdout.fileno(), 1), daemon=True)
        reader.start()
        if self._socket:
            threading.Thread(target=self._try_first_prompt, args=(self._socket, watch), daemon=True).start()
        if self._stop_requested:
            self._child.terminate()
        code = self._child.wait()
        self._killer.cancel()
        self._end_group()
        reader.join(timeout=5)
        return self._conclude(code, watch.lines, count_oom_kills() > oom_kills)

    def _try_first_prompt(self, path: Path, watch: Watch) -> None:
        """Waits until the engine is healthy, and ends it if it renders no prompt."""
        assert self._child is not None
        while not is_healthy(path):
            if self._child.poll() is not None:
                return
            time.sleep(HEALTH_PERIOD_SECONDS)
        self._refusal = find_template_failure(first_prompt_problem(path), watch.lines.copy(), self._command)
        if self._refusal is None:
            self._state.set_ready()
        elif not self._stop_requested:
            self._end_soon()
            self._child.terminate()

    def _pass_on(self, number: int, frame: object) -> None:
        if not self._stop_requested:
            self._record_interruption()
            if self._state.phase != "Running":
                self._end_soon()
        self._stop_requested = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _record_interruption(self) -> None:
        """Records the engine's activity when it was stopped: by a probe, unless the pod is being deleted.

        Written at once, because an engine that hangs is killed before it ends by itself, and the launcher
        too.
        """
        phase, detail = self._state.phase, self._state.detail
        if phase == "Running":
            cause = Cause(
                "EngineUnresponsive", "The engine was stopped while it served: it made no progress."
            )
        else:
            doing = f"{phase}: {detail}" if detail else phase
            cause = Cause("EngineStartTimeout", f"The engine was stopped before it was ready, in {doing}.")
        self._write_message(cause, 128 + signal.SIGTERM)

    def _end_soon(self) -> None:
        with suppress(RuntimeError):  # the timer runs already
            self._killer.start()

    def _end_group(self) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _conclude(self, code: int, lines: Iterable[str], oom_killed: bool) -> int:
        code = 128 - code if code < 0 else code
        if self._stop_requested:
            self._state.enter("Exited", exitCode=code)
            return code
        code = code or 1
        return self.fail(self._refusal or cause_of_exit(lines, code, oom_killed, self._command), code)

    def fail(self, cause: Cause, code: int) -> int:
        """Writes the cause of a failed start and returns the exit code."""
        self._state.enter("Exited", exitCode=code, cause=cause._asdict())
        log_error(f"{cause.reason}: {cause.message}")
        self._write_message(cause, code)
        return code

    def _write_message(self, cause: Cause, code: int) -> None:
        try:
            self._termination_log.write_bytes(termination_message(cause, code))
        except OSError as error:
            log_error(f"no termination message: {error}")


def count_oom_kills() -> int:
    """How many processes of this container the kernel has killed for memory (cgroup v2, then v1)."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            fields = dict(line.split() for line in Path(path).read_text().splitlines())
        except (OSError, ValueError):
            continue
        return int(fields.get("oom_kill", 0))
    return 0
