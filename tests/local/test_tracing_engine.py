"""One request through router, gateway and engine: one id in all logs, and one trace at a real collector.

`fairlead run` starts all three, with the rendering and the programs of a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import OpenAI

from tests.support.collector import Collector
from tests.support.engine import Engine
from tests.support.manifests import FIRST, NAME, merged

pytestmark = pytest.mark.engine

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
LOGGED: dict[str, Any] = {"engine": {"args": [*FIRST["engine"]["args"], "--enable-log-requests"]}}
ASKED: dict[str, Any] = {
    "model": NAME,
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 32,
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[Engine]:
    """A model whose three programs send their spans to the collector."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        running = Engine(merged(FIRST, LOGGED))
    try:
        yield running.wait_ready()
    finally:
        running.stop()


def ask(traced: Engine, headers: dict[str, str], **changes: Any) -> str:
    """The id of an answer of the router's."""
    url = f"http://127.0.0.1:{traced.run.port}/v1"
    with OpenAI(base_url=url, api_key="none", max_retries=0, timeout=120) as client:
        answer = client.chat.completions.with_raw_response.create(**ASKED | changes, extra_headers=headers)
        assert answer.headers["x-request-id"] == headers["x-request-id"]
        return str(answer.parse().id)


def test_a_request_gives_one_trace_of_three_linked_spans_with_its_id(
    traced: Engine, collector: Collector
) -> None:
    ask(traced, {"x-request-id": "traced", "traceparent": TRACEPARENT})

    spans = {span.service: span for span in collector.wait_for_spans(TRACE, 3)}
    router, gateway, engine = (spans[name] for name in ("fairlead-router", "fairlead-gateway", "vllm"))
    assert [router.parent, gateway.parent, engine.parent] == [PARENT, router.id, gateway.id]
    assert router.attributes["gen_ai.request.id"] == gateway.attributes["gen_ai.request.id"] == "traced"
    assert engine.attributes["gen_ai.request.id"].startswith("chatcmpl-traced-")
    for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        assert int(gateway.attributes[name]) > 0
    assert gateway.attributes["fairlead.model"] == router.attributes["fairlead.model"] == NAME


def test_requests_with_one_id_at_once_are_all_answered(traced: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(lambda _: ask(traced, {"x-request-id": "same"}), range(4)))

    assert len(set(ids)) == 4
    assert all(found.startswith("chatcmpl-same-") for found in ids)


def test_the_engines_log_has_the_id(traced: Engine) -> None:
    ask(traced, {"x-request-id": "in-the-log"})
    log = traced.run.log(NAME, "vllm").read_text(errors="replace")
    assert "Added request chatcmpl-in-the-log-" in log


def test_the_router_logs_a_refused_request_under_the_clients_id(traced: Engine) -> None:
    with pytest.raises(Exception, match="model"):
        ask(traced, {"x-request-id": "refused"}, model="absent")
    lines = traced.run.log("router", "router").read_text().splitlines()
    (line,) = (found for found in map(json.loads, lines) if found.get("request_id") == "refused")
    assert (line["status"], line["code"]) == (404, "model_not_found")
