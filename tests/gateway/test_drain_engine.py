"""Life and end of the gateway beside a real vLLM: readiness, drain, clients that leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from openai import APITimeoutError, Stream
from openai.types.chat import ChatCompletionChunk

from tests.gateway.process import Background, Gateway, GatewayProcess, wait_for
from tests.support import held_stream
from tests.support.engine import Engine

pytestmark = pytest.mark.engine


@contextmanager
def streaming(gateway: Gateway) -> Iterator[Stream[ChatCompletionChunk]]:
    """A stream of which the first chunk has arrived, and that cannot be over before the rest is read."""
    transport = httpx2.HTTPTransport(socket_options=held_stream.SOCKET_OPTIONS)
    with (
        gateway.openai() as client,
        httpx2.Client(transport=transport, timeout=300) as http,
        client.with_options(http_client=http).chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
            **held_stream.REQUEST,
        ) as stream,
    ):
        next(stream)
        yield stream


def load(gateway: Gateway) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gateway.admin("/load")[1])
    return document


def test_a_gateway_in_front_of_a_healthy_engine_is_ready(gateway: Gateway) -> None:
    assert gateway.admin("/readyz")[0] == 200


def test_the_status_shows_the_phases_of_the_engine(gateway: Gateway) -> None:
    status = json.loads(gateway.admin("/status")[1])

    assert status["ready"]
    assert status["engine"]["phase"] == "Running"
    assert {"Starting", "LoadingWeights"} <= status["engine"]["phases"].keys()


def test_a_drain_lets_a_running_stream_finish(own_gateway: GatewayProcess) -> None:
    with streaming(own_gateway) as stream:
        drain = Background(own_gateway.admin, "/drain", "POST")
        wait_for(lambda: load(own_gateway)["draining"])

        assert own_gateway.admin("/readyz")[0] == 503
        assert not drain.done
        assert load(own_gateway)["running"] == 1
        chunks = list(stream)

    assert chunks[-1].choices[0].finish_reason == "length"
    assert json.loads(drain.result()[1]) == {"running": 0, "waiting": 0, "draining": True}


def test_a_request_that_arrives_during_a_drain_is_served(own_gateway: GatewayProcess) -> None:
    own_gateway.admin("/drain", "POST")
    with own_gateway.openai() as client:
        answer = client.chat.completions.with_raw_response.create(
            model="tiny", messages=[{"role": "user", "content": "hello"}], max_tokens=1
        )

    assert answer.headers["connection"] == "close"


def test_sigterm_lets_a_running_stream_finish(engine: Engine) -> None:
    gateway = engine.another_gateway()
    try:
        with streaming(gateway) as stream:
            stopped = Background(gateway.stop)
            wait_for(lambda: load(gateway)["draining"])
            assert load(gateway)["running"] == 1
            chunks = list(stream)
    finally:
        exit_code = stopped.result()

    assert chunks[-1].choices[0].finish_reason == "length"
    assert exit_code == 0


def gives_up(gateway: Gateway) -> bool:
    """Whether a client with little patience leaves before its long answer is complete."""
    with gateway.openai() as client:
        try:
            client.with_options(timeout=0.5).chat.completions.create(
                model="tiny",
                messages=[{"role": "user", "content": "hello"}],
                max_tokens=1000,
                n=8,
                extra_body={"ignore_eos": True},
            )
        except APITimeoutError:
            return True
    return False


def test_the_engine_stops_working_for_a_client_that_gave_up_waiting(
    own_gateway: GatewayProcess, engine: Engine
) -> None:
    # A client that is kept from running for seconds finds its answer complete; not time and again.
    assert any(gives_up(own_gateway) for _ in range(10))

    wait_for(lambda: load(own_gateway)["running"] == 0)
    wait_for(lambda: engine.running_requests() == 0)
