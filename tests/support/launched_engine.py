"""An engine's container without its pod: the launcher, started by the test as `fairlead run` would."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from e2e.models.tiny import make_model
from fairlead_operator.api.names import ENGINE_CONTAINER
from fairlead_operator.render.paths import LAUNCHER_VOLUME
from tests.gateway.process import wait_for
from tests.support import processes
from tests.support.any_user import group_folder
from tests.support.engine import RunFiles, install_launcher, install_vllm
from tests.support.local_run import READY_SECONDS
from tests.support.manifests import EAGER, NAME
from tests.support.planned import container, planned_pod


class LaunchedEngine(RunFiles):
    """For what `fairlead run` hides: which processes the launcher itself ends, where a run ends all that it
    leaves behind; and a `wrapper` that the container runs under, such as another user.

    Ended by `stop`, or by the kernel if this process dies first.
    """

    def __init__(self, wrapper: Sequence[str] = ()) -> None:
        # Not pytest's folder: a Unix socket's path must stay short.
        self._home = group_folder(Path(tempfile.mkdtemp(prefix="fairlead-")))
        make_model(self._home / NAME)
        pod = planned_pod(EAGER, self._home, python=install_vllm())
        process = container(pod, ENGINE_CONTAINER)
        super().__init__(Path(pod.folder) / "run")
        install_launcher(Path(pod.folder) / LAUNCHER_VOLUME)
        command = [*wrapper, "setpriv", "--pdeathsig", "TERM", *process.command]
        self._log = self._home / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=process.environment, cwd=self._home
            )

    def wait_ready(self) -> None:
        """Returns when the engine serves. Fails with the end of its log if it ends before."""
        wait_for(lambda: self.process.poll() is not None or self._serves(), READY_SECONDS)
        assert self.process.poll() is None, self.log_tail()

    def _serves(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/health")[0] == 200
        return False

    def log_tail(self) -> str:
        """The end of the engine's log."""
        return self._log.read_text(errors="replace")[-4000:]

    def stop(self) -> int:
        """Ends the engine, removes its folder and returns the launcher's exit code."""
        return processes.stop(self.process, self._home)
