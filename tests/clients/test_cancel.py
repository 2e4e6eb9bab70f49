"""A client that disconnects stops the engine, so no tokens are generated that no client reads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.driver import Application
from tests.clients.requests import asking
from tests.gateway.process import wait_for
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

LONG = 900
# None of them can end by itself before the limit.
ENDLESS: dict[str, dict[str, Any]] = {
    "chat": {"max_tokens": LONG, "extra_body": {"ignore_eos": True}},
    "responses": {"max_output_tokens": LONG, "extra_body": {"ignore_eos": True}},
}


def generated_tokens(engine: Engine) -> float:
    for line in engine.get("/metrics")[1].decode().splitlines():
        if line.startswith("vllm:generation_tokens_total{"):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError("the engine does not count its tokens")


def tokens_until_hung_up(app: Application, engine: Engine, api: str) -> float:
    """What the engine generates for a client that leaves as soon as something has come."""
    wait_for(lambda: engine.running_requests() == 0)
    before = generated_tokens(engine)
    app(f"{api}.open_stream", **asking(api, "hello"), **ENDLESS[api])
    app(f"{api}.close_stream")
    wait_for(lambda: engine.running_requests() == 0)
    return generated_tokens(engine) - before


@pytest.mark.parametrize("api", ENDLESS)
def test_a_closed_stream_stops_the_engine(app: Application, engine: Engine, api: str) -> None:
    # A client that is kept from running for seconds may leave when all is done; not time and again.
    assert any(tokens_until_hung_up(app, engine, api) < LONG for _ in range(20))
