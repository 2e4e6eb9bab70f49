"""The engine's process is killed while it answers: clients see an error, Kubernetes sees a failure."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from openai import APIError

from tests.gateway.process import wait_for
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


@pytest.fixture
def doomed() -> Iterator[Engine]:
    engine = Engine()
    try:
        yield engine.wait_ready()
    finally:
        engine.stop()


def test_a_killed_engine_ends_the_stream_with_an_error_and_the_container_with_a_cause(doomed: Engine) -> None:
    gateway = doomed.gateway
    with gateway.openai() as client:
        core = doomed.core()
        stream = client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "hello"}],
            max_tokens=1000,
            n=8,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        next(stream)
        os.kill(core, signal.SIGKILL)
        with pytest.raises(APIError):
            list(stream)

    doomed.run.wait_until("vllm ended with exit code 1: EngineCrashed")
    wait_for(lambda: gateway.admin("/readyz")[0] == 503)
