"""The official OpenAI SDK in a pod of the cluster, and the scripts that run there.

A script runs on its own in the pod and leaves what it prints in a folder there. So it neither ends nor is
started again when the connection to it breaks.
"""

from __future__ import annotations

import json
import textwrap
from typing import Any
from uuid import uuid4

from e2e.cases.support import NAMESPACE
from e2e.world import Object, World

POD = "sdk-client"
OUTPUT_SECONDS = 120
# In the script's folder: `out` and `err` while it runs, `code` after its end, `stop` once it is to end.
_START = """
mkdir "$0" 2>/dev/null || exit 0
cd "$0"
setsid sh -c 'python3 -u -c "$0" >out 2>err; echo $? >code.part; mv code.part code' "$1" \\
    >/dev/null 2>&1 </dev/null &
"""
_READ_OUTPUT = (
    'cd "$0"; until [ "$(wc -l <out)" -gt 0 ] || [ -e code ]; do sleep 0.05; done; cat err >&2; head -n 1 out'
)
_STATE = 'cd "$0"; [ -e code ] && echo over || echo running'
_RESULT = 'cd "$0"; until [ -e code ]; do sleep 0.05; done; cat err >&2; cat out; exit "$(cat code)"'
_HEAD = """\
import json, os
from openai import OpenAI

MODEL, URL = {model!r}, {url!r}
client = OpenAI(base_url=URL, api_key="none", max_retries=0, timeout=300)


def stopped():
    return os.path.exists("stop")


"""


class Script:
    """A Python script that runs in the client's pod."""

    def __init__(self, world: World, program: str) -> None:
        self._world = world
        self._folder = f"/tmp/script-{uuid4().hex}"
        self._sh(_START, program)

    def wait_output(self, line: str) -> None:
        """Waits for the first line that the script prints. Fails when it is another one."""
        output = self._sh(_READ_OUTPUT, seconds=OUTPUT_SECONDS)
        assert output == f"{line}\n", f"the script printed {output!r} instead of {line!r}"

    def running(self) -> bool:
        """Whether the script has not come to its end."""
        return self._sh(_STATE) == "running\n"

    def stop(self) -> None:
        """Makes `stopped()` true in the script."""
        self._sh('touch "$0/stop"')

    def result(self, seconds: int = 300) -> Any:
        """The script's last line, as JSON, once it is over. Raises CommandError when it failed."""
        return json.loads(self._sh(_RESULT, seconds=seconds).splitlines()[-1])

    def _sh(self, script: str, *args: str, seconds: int = 60) -> str:
        """What a shell script prints that has the folder as $0, within `seconds`."""
        command = ("timeout", str(seconds), "sh", "-c", script, self._folder, *args)
        return self._world.exec(POD, *command, namespace=NAMESPACE)


class Client:
    """The pod in which scripts run: the engine's image carries the SDK, so no other image is needed."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self) -> None:
        """Starts the pod and waits until scripts can run in it."""
        self._world.apply(_pod(self._world.engine_image), namespace=NAMESPACE)
        self._world.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{POD}", "--timeout=300s")

    def stop(self) -> None:
        """Removes the pod."""
        self._world.kubectl("delete", "-n", NAMESPACE, f"pod/{POD}", "--now", "--wait=false")

    def run(self, name: str, script: str) -> Any:
        """Runs a script as `spawn` does; returns its last printed line, as JSON."""
        return self.spawn(name, script).result()

    def spawn(self, name: str, script: str, *, address: str = "") -> Script:
        """Starts a script that has `client` (an OpenAI client of model NAME's Service), `MODEL` and `URL`.

        With an `address` (HOST or HOST:PORT) `client` speaks to that instead of the Service. `stopped()` is
        true once `Script.stop` was called.
        """
        head = _HEAD.format(model=name, url=f"http://{address or name}/v1")
        return Script(self._world, head + textwrap.dedent(script))


def _pod(image: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "client",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "infinity"],
                }
            ],
        },
    }
