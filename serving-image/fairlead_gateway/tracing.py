"""OpenTelemetry spans of the gateway and the router: one for each generation request, sent by OTLP over HTTP.

Off unless the environment names a collector (OTEL_EXPORTER_OTLP_ENDPOINT), by the variables that all
OpenTelemetry SDKs have. Spans are sent in batches by a thread of the SDK with a bounded queue: a collector
that does not answer delays no request, and spans are dropped instead.

Attributes have the names of OpenTelemetry's conventions for HTTP and generative AI where there is one, and
`gen_ai.request.id`, as in vLLM's own spans.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

from .bounds import SPAN_FLUSH_SECONDS
from .request_facts import RequestFacts
from .trace_context import TRACE_PARENT, TraceContext, carried, state_of

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_log = logging.getLogger("fairlead.gateway")


class Tracing:
    """Begins spans with a tracer of OpenTelemetry's API."""

    def __init__(self, tracer: Any) -> None:
        # Optional packages, without which there is no tracer either.
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer, self._kind = tracer, trace.SpanKind.SERVER
        self._error = trace.Status(trace.StatusCode.ERROR)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, path: bytes, fields: Mapping[bytes, bytes]) -> TraceContext:
        """The span of a POST that has arrived, with these header fields. Its parent is in `traceparent`."""
        context = None
        if carried(fields) is not None:
            carrier = {"traceparent": fields[TRACE_PARENT].decode(), "tracestate": state_of(fields).decode()}
            context = self._propagator.extract(carrier)
        target = path.decode()
        attributes = {"http.request.method": "POST", "url.path": target}
        span = self._tracer.start_span(f"POST {target}", context, self._kind, attributes)
        return _Span(span, self._error)


class _Span(TraceContext):
    """The span of one request, and the headers that make it the parent of the next program's span."""

    __slots__ = ("_error", "_span")

    def __init__(self, span: Any, error: Any) -> None:
        self._span, self._error = span, error
        own = span.get_span_context()
        trace_id = f"{own.trace_id:032x}"
        lines = f"traceparent: 00-{trace_id}-{own.span_id:016x}-{own.trace_flags:02x}\r\n"
        if state := own.trace_state.to_header():
            lines += f"tracestate: {state}\r\n"
        super().__init__(lines.encode(), trace_id)

    def end(self, facts: RequestFacts) -> None:
        """The request is over: the span gets its facts and is handed to the thread that sends it."""
        if self._span.is_recording():
            self._span.set_attributes(attributes_of(facts))
            if facts.status >= 500:
                self._span.set_status(self._error)
        self._span.end()


def attributes_of(facts: RequestFacts) -> dict[str, str | int | float]:
    """The facts under the names of OpenTelemetry's semantic conventions, ours where it has none."""
    values: dict[str, str | int | float | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.id": facts.request_id,
        "gen_ai.request.model": facts.requested_model,
        "gen_ai.response.time_to_first_chunk": facts.first_token_seconds,
        "gen_ai.usage.input_tokens": facts.input_tokens,
        "gen_ai.usage.output_tokens": facts.output_tokens,
        "http.response.status_code": facts.status,
        "error.type": (facts.code or str(facts.status)) if facts.status >= 400 else None,
        "k8s.namespace.name": facts.namespace,
        "fairlead.model": facts.model,
        "fairlead.key": facts.key,
        "fairlead.held_seconds": facts.held_seconds,
        "fairlead.pod": facts.pod,
        "fairlead.retries": facts.retries,
    }
    return {name: value for name, value in values.items() if value is not None}


def tracing_from_environment(service: str) -> Tracing | None:
    """What sends spans to the collector that the environment names; None if it names none.

    Without OpenTelemetry's packages only a warning is logged: the variables may be meant for other programs.
    """
    environment = os.environ
    if not any(environment.get(name) for name in _ENDPOINTS):
        return None
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    try:
        return Tracing(_tracer(service))
    except ImportError as error:
        _log.warning(
            "No spans are sent, because OpenTelemetry's packages are missing (%s). "
            "Install opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http, or set "
            "OTEL_SDK_DISABLED=true.",
            error,
        )
        return None


def _tracer(service: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    # Without its own handler at exit: that waits for a collector that is away for half a minute.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    atexit.register(_flush, provider)
    return provider.get_tracer("fairlead")


def _flush(provider: Any) -> None:
    """Sends the last spans, if the collector takes them soon."""
    ending = threading.Thread(target=provider.shutdown, daemon=True)
    ending.start()
    ending.join(SPAN_FLUSH_SECONDS)
