"""The engine's process is killed while it answers: clients see an error, Kubernetes sees a failure."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import APIError

from tests.gateway.process import GatewayProcess, wait_for
from tests.support.engine import Engine
from tests.support.processes import STOP_SECONDS

pytestmark = pytest.mark.engine


@pytest.fixture
def doomed() -> Iterator[Engine]:
    engine = Engine()
    try:
        yield engine.wait_ready()
    finally:
        engine.stop()


def engine_core(engine: Engine) -> int:
    """The process id of vLLM's engine process, below the launcher."""
    parents = {}
    names = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, fields = (folder / "stat").read_text().rsplit(")", 1)
        except OSError:
            continue
        names[int(folder.name)] = name.split("(", 1)[1]
        parents[int(folder.name)] = int(fields.split()[1])
    servers = [pid for pid, parent in parents.items() if parent == engine.process.pid]
    return next(pid for pid, name in names.items() if "Engine" in name and parents[pid] in servers)


def test_a_killed_engine_ends_the_stream_with_an_error_and_the_container_with_a_cause(doomed: Engine) -> None:
    gateway = GatewayProcess(doomed)
    try:
        with gateway.openai() as client:
            stream = client.chat.completions.create(
                model="tiny",
                messages=[{"role": "user", "content": "hello"}],
                max_tokens=1000,
                stream=True,
                extra_body={"ignore_eos": True},
            )
            next(stream)
            os.kill(engine_core(doomed), signal.SIGKILL)
            with pytest.raises(APIError):
                list(stream)

        assert doomed.process.wait(STOP_SECONDS) == 1
        assert json.loads(doomed.termination_log.read_bytes())["reason"] == "EngineCrashed"
        wait_for(lambda: gateway.admin("/readyz")[0] == 503)
    finally:
        gateway.stop()
