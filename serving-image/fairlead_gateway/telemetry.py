"""The gateway's own metrics: what clients experience, which the engine cannot see.

Labels are bounded: endpoints are the few routes of the API, everything else counts as "other".
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .admission.gate import Gate

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Telemetry:
    """All `fairlead_gateway_*` metrics of one gateway, in a registry of their own."""

    def __init__(self, gate: Gate) -> None:
        self._registry = CollectorRegistry()
        running = Gauge(
            "fairlead_gateway_requests_running", "Generation requests at the engine.", registry=self._registry
        )
        running.set_function(lambda: gate.running)
        waiting = Gauge(
            "fairlead_gateway_requests_waiting", "Generation requests waiting here.", registry=self._registry
        )
        waiting.set_function(lambda: gate.waiting)
        self._requests = Counter(
            "fairlead_gateway_requests",
            "Requests by endpoint and HTTP status.",
            ["endpoint", "status"],
            registry=self._registry,
        )
        self._rejects = Counter(
            "fairlead_gateway_rejects",
            "Requests answered with an error, by its code.",
            ["endpoint", "code"],
            registry=self._registry,
        )
        self._duration = Histogram(
            "fairlead_gateway_request_duration_seconds",
            "From the request's arrival to the last byte of the answer.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._first_byte = Histogram(
            "fairlead_gateway_time_to_first_token_seconds",
            "From the request's arrival to the first event of a stream.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """Records one answered request."""
        self._requests.labels(endpoint, str(status)).inc()
        self._duration.labels(endpoint).observe(seconds)

    def count_reject(self, endpoint: str, code: str) -> None:
        """Records one answer in the error envelope."""
        self._rejects.labels(endpoint, code).inc()

    def observe_first_event(self, endpoint: str, seconds: float) -> None:
        """Records how long a stream's client waited for its first event."""
        self._first_byte.labels(endpoint).observe(seconds)

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
