"""The variables and arguments that make gateway and engine of a pod send their spans to a collector.

They have the names that all OpenTelemetry SDKs read, so `spec.engine.env` can change those of the engine.
"""

from __future__ import annotations

from fairlead_operator.render.model import Model, Tracing


def tracing_environment(model: Model, tracing: Tracing | None, service: str) -> dict[str, str]:
    """Where a container sends its spans, which of them, and what they say of their origin. Empty without
    tracing.
    """
    if tracing is None:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": tracing.endpoint,
        # vLLM's own default is gRPC, on another port.
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_RESOURCE_ATTRIBUTES": f"k8s.namespace.name={model.namespace},fairlead.model={model.name}",
        "OTEL_SERVICE_NAME": service,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{tracing.sampling_percent / 100:g}",
    }


def tracing_arguments(tracing: Tracing | None) -> list[str]:
    """The arguments of vLLM, which looks for the collector there and not in its environment."""
    if tracing is None:
        return []
    return ["--otlp-traces-endpoint", f"{tracing.endpoint.rstrip('/')}/v1/traces"]
