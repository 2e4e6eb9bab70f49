"""A real engine is stopped while it has a request: it calls itself healthy, the gateway knows better."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from openai import APIStatusError

from tests.gateway.process import Background, GatewayProcess, wait_for
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


@pytest.fixture
def gateway(engine: Engine) -> Iterator[GatewayProcess]:
    with engine.another_gateway(unresponsiveAfterSeconds=2) as running:
        yield running


@contextmanager
def stopped(engine: Engine) -> Iterator[None]:
    """vLLM's engine process does not run meanwhile; its API server does."""
    core = engine.core()
    os.kill(core, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(core, signal.SIGCONT)


ASKED: dict[str, Any] = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 100,
    "stream": True,
}


def reason(gateway: GatewayProcess) -> str:
    """What the gateway says of its readiness."""
    return str(json.loads(gateway.admin("/readyz")[1])["reason"])


def answer(gateway: GatewayProcess) -> list[Any]:
    """All chunks of an answer, by the official client."""
    with gateway.openai() as client:
        return list(client.chat.completions.create(**ASKED))


def test_a_hanging_engine_is_not_ready_until_it_makes_progress(
    gateway: GatewayProcess, engine: Engine
) -> None:
    # The request comes to an engine that stands already: one that runs might be done before it is stopped.
    with stopped(engine):
        chunks = Background(answer, gateway)
        wait_for(lambda: reason(gateway) == "EngineUnresponsive")
        assert engine.get("/health")[0] == 200, "the engine's own health check knows nothing of it"
        assert gateway.admin("/livez")[0] == 503
        with pytest.raises(APIStatusError) as refused:
            answer(gateway)
    wait_for(lambda: reason(gateway) == "Ready")

    assert refused.value.status_code == 503
    assert chunks.result()[-1].choices[0].finish_reason == "length"


def test_a_hanging_engine_without_requests_gets_a_probe_for_one_token(
    gateway: GatewayProcess, engine: Engine
) -> None:
    with stopped(engine):
        with closing(http.client.HTTPConnection("127.0.0.1", gateway.api_port)) as client:
            client.request("POST", "/v1/chat/completions", json.dumps(ASKED))
            wait_for(lambda: reason(gateway) == "EngineUnresponsive")
        wait_for(lambda: json.loads(gateway.admin("/load")[1])["running"] == 0)
        assert reason(gateway) == "EngineUnresponsive"

    wait_for(lambda: reason(gateway) == "Ready")
