"""Spans of gateway and router for generation requests, as an exporter of OpenTelemetry's SDK gets them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairlead_gateway.tracing import Tracing, tracing_from_environment
from tests.gateway.bodies import CHAT, CHAT_PATH
from tests.gateway.fronts import OK, both, fronts
from tests.gateway.scripted import ScriptedEngine, answer, whole
from tests.gateway.test_request_ids import header, recording
from tests.gateway.test_trace_context import GIVEN, PARENT, TRACE
from tests.gateway.wire import running_gateway
from tests.router.wire import running_router
from tests.support.control_plane import free_port
from tests.support.engine import SERVING_IMAGE

FAILING = answer(whole("500 Oops", b'{"error":{"message":"no","type":"a","code":500}}'))
OFF = [
    {},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", "OTEL_SDK_DISABLED": "true"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", "OTEL_TRACES_EXPORTER": "none"},
]


class Collected:
    """A tracer whose spans stay in memory."""

    def __init__(self, sampler: Any = None) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(self._provider.get_tracer("test"))

    @property
    def spans(self) -> list[Any]:
        """The spans that have ended, in this order."""
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def collected() -> Collected:
    return Collected()


async def test_a_request_gives_a_span_below_that_of_its_client(socket: Path, collected: Collected) -> None:
    async with ScriptedEngine(socket, OK), running_gateway(socket, None, None, **_resource()) as gateway:
        gateway.services.tracing = collected.tracing
        await gateway.call("POST", CHAT_PATH, CHAT, {"traceparent": GIVEN, "x-request-id": "mine"})

    (span,) = collected.spans
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert (span.name, span.kind.name, span.status.status_code.name) == (
        f"POST {CHAT_PATH}",
        "SERVER",
        "UNSET",
    )
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "url.path": CHAT_PATH,
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.id": "mine",
        "gen_ai.request.model": "tiny",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
        "k8s.namespace.name": "team",
        "fairlead.model": "tiny-1",
    }


async def test_the_spans_of_router_and_gateway_and_the_engines_parent_are_linked(
    socket: Path, collected: Collected
) -> None:
    heads: list[bytes] = []
    async with (
        ScriptedEngine(socket, recording(heads)),
        running_gateway(socket) as gateway,
        running_router() as router,
    ):
        router.services.tracing = gateway.services.tracing = collected.tracing
        router.ready(gateway.port)
        await router.call("POST", CHAT_PATH, CHAT, {"traceparent": GIVEN, "tracestate": "vendor=1"})

    of_gateway, of_router = collected.spans
    assert f"{of_router.parent.span_id:016x}" == PARENT
    assert of_gateway.parent.span_id == of_router.context.span_id
    assert header(heads[0], "traceparent") == f"00-{TRACE}-{of_gateway.context.span_id:016x}-01"
    assert header(heads[0], "tracestate") == "vendor=1"
    assert of_router.attributes["fairlead.pod"] == "pod-0"


@both
async def test_a_failed_request_gives_a_span_with_the_error(
    kind: str, socket: Path, collected: Collected, caplog: pytest.LogCaptureFixture
) -> None:
    async with fronts(kind, socket, FAILING) as (front, _):
        front.services.tracing = collected.tracing
        result = await front.call("POST", CHAT_PATH, CHAT)

    (span,) = collected.spans
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["http.response.status_code"] == result.status
    assert span.attributes["error.type"]
    (line,) = [json.loads(entry.message) for entry in caplog.records if entry.name.endswith(".requests")]
    assert line["trace_id"] == f"{span.context.trace_id:032x}"


@both
async def test_a_refused_request_gives_a_span(kind: str, socket: Path, collected: Collected) -> None:
    async with fronts(kind, socket) as (front, _):
        front.services.tracing = collected.tracing
        await front.call("POST", CHAT_PATH, CHAT, {"content-encoding": "gzip"})

    (span,) = collected.spans
    assert span.attributes["error.type"] == "unsupported_media_type"


async def test_a_trace_that_is_not_sampled_is_passed_on_without_a_span(socket: Path) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

    collected, heads = Collected(ParentBased(ALWAYS_ON)), list[bytes]()
    async with ScriptedEngine(socket, recording(heads)), running_gateway(socket) as gateway:
        gateway.services.tracing = collected.tracing
        await gateway.call("POST", CHAT_PATH, CHAT, {"traceparent": GIVEN[:-1] + "0"})

    assert collected.spans == []
    assert str(header(heads[0], "traceparent")).startswith(f"00-{TRACE}-")
    assert str(header(heads[0], "traceparent")).endswith("-00")


@pytest.mark.parametrize("variables", OFF)
def test_tracing_is_off_unless_a_collector_is_named(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing_from_environment("a") is None


def test_missing_packages_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    caplog.set_level(logging.WARNING)
    assert tracing_from_environment("a") is None
    assert "opentelemetry-exporter-otlp-proto-http" in caplog.text


def test_a_process_whose_collector_is_away_ends_soon() -> None:
    program = (
        "from fairlead_gateway.request_facts import RequestFacts\n"
        "from fairlead_gateway.tracing import tracing_from_environment\n"
        "tracing = tracing_from_environment('a')\n"
        "for _ in range(5000):\n"
        "    tracing.begin(b'/', {}).end(RequestFacts('id', 'chat', 200, 0.1))\n"
    )
    collector = f"http://127.0.0.1:{free_port()}"
    variables = {"PYTHONPATH": os.pathsep.join([str(SERVING_IMAGE), os.environ.get("PYTHONPATH", "")])}
    environment = os.environ | variables | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}
    # OpenTelemetry's own end would take half a minute.
    done = subprocess.run([sys.executable, "-c", program], env=environment, timeout=25, capture_output=True)
    assert done.returncode == 0


def _resource() -> dict[str, Any]:
    return {"resource": {"namespace": "team", "name": "tiny-1"}}
