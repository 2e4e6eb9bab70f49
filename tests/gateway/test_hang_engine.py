"""A real engine is stopped in the middle of an answer: it calls itself healthy, the gateway knows better."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import APIStatusError, OpenAI, Stream

from tests.gateway.process import GatewayProcess, wait_for
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


@pytest.fixture
def gateway(engine: Engine) -> Iterator[GatewayProcess]:
    with GatewayProcess(engine, unresponsiveAfterSeconds=2) as running:
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


def stream(client: OpenAI) -> Stream[Any]:
    """An answer of many tokens that has begun."""
    chunks = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "hello"}],
        max_tokens=600,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    next(chunks)
    return chunks


def reason(gateway: GatewayProcess) -> str:
    """What the gateway says of its readiness."""
    return str(json.loads(gateway.admin("/readyz")[1])["reason"])


def test_a_hanging_engine_is_out_of_service_until_it_goes_on(gateway: GatewayProcess, engine: Engine) -> None:
    with gateway.openai() as client:
        chunks = stream(client)
        with stopped(engine):
            wait_for(lambda: reason(gateway) == "EngineUnresponsive")
            assert engine.get("/health")[0] == 200, "the engine's own health check knows nothing of it"
            assert gateway.admin("/livez")[0] == 503
            with pytest.raises(APIStatusError) as refused:
                stream(client)
        rest = list(chunks)
        wait_for(lambda: reason(gateway) == "Ready")

    assert refused.value.status_code == 503
    assert rest[-1].choices[0].finish_reason == "length"


def test_an_engine_that_nobody_waits_for_any_more_is_asked_for_a_token(
    gateway: GatewayProcess, engine: Engine
) -> None:
    with gateway.openai() as client:
        chunks = stream(client)
        with stopped(engine):
            wait_for(lambda: reason(gateway) == "EngineUnresponsive")
            chunks.close()
            wait_for(lambda: json.loads(gateway.admin("/load")[1])["running"] == 0)
            assert reason(gateway) == "EngineUnresponsive"

    wait_for(lambda: reason(gateway) == "Ready")
