"""Telemetry of the operator: JSON logs, Prometheus metrics, and health on one port."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from fairlead_contract.log_format import JsonFormatter
from fairlead_contract.version import VERSION

# The labels of everything that concerns a model: the object's namespace and name.
MODEL_LABELS = ("namespace", "model")
# The times of creation would double the series of all counters.
disable_created_metrics()  # type: ignore[no-untyped-call]
Gauge("fairlead_build_info", "The version of Fairlead.", ["component", "version"]).labels(
    "operator", VERSION
).set(1)

API_REQUESTS = Counter(
    "fairlead_operator_api_requests_total", "Requests to the API server.", ["kind", "verb", "code"]
)
GATEWAY_REQUESTS = Counter(
    "fairlead_operator_gateway_requests_total", "Requests to the admin ports of gateways.", ["result"]
)
DEMAND_REQUESTS = Counter(
    "fairlead_autoscaler_demand_requests_total",
    "Requests to routers and gateways for the demand.",
    ["source", "result"],
)
MODEL_FAILURES_TOTAL = Counter(
    "fairlead_model_failures_total",
    "Failures of models' containers and pods; container is empty for a whole pod.",
    [*MODEL_LABELS, "container", "reason"],
)
RECONCILES = Counter("fairlead_operator_reconcile_total", "Reconciles of one model.", ["result"])
_BUCKETS = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60)
RECONCILE_SECONDS = Histogram(
    "fairlead_operator_reconcile_seconds", "Duration of one reconcile.", buckets=_BUCKETS
)
QUEUE_SECONDS = Histogram(
    "fairlead_operator_queue_seconds", "Time a model waited for its reconcile.", buckets=_BUCKETS
)
QUEUE_DEPTH = Gauge("fairlead_operator_queue_depth", "Models that wait for a reconcile.")
QUEUE_OLDEST_SECONDS = Gauge("fairlead_operator_queue_oldest_seconds", "Age of the oldest waiting item.")
LEADER = Gauge("fairlead_operator_leader", "1 while this replica leads.")


def leads() -> bool:
    """Whether this replica leads, as its metric says."""
    return any(sample.value == 1 for metric in LEADER.collect() for sample in metric.samples)


def model_fields(namespace: str, name: str) -> dict[str, str]:
    """The fields of a log line about a model: the same two as the labels of its metrics."""
    return dict(zip(MODEL_LABELS, (namespace, name), strict=True))


def configure_logging(level: str) -> None:
    """Sends all logs to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # kopf logs every event and watch, which would hide the one line per action of the operator.
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


class HealthServer:
    """Serves /healthz, /readyz and /metrics.

    `unhealthy` and `unready` return what is wrong, or None; the first restarts the pod, the second only
    shows.
    """

    def __init__(
        self, port: int, unhealthy: Callable[[], str | None], unready: Callable[[], str | None]
    ) -> None:
        self._port = port
        self._unhealthy = unhealthy
        self._unready = unready
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Starts to listen. Raises OSError if the port is taken."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._answer(self._unhealthy)),
                web.get("/readyz", self._answer(self._unready)),
                web.get("/metrics", self._metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, port=self._port).start()

    async def stop(self) -> None:
        """Stops to listen."""
        if self._runner:
            await self._runner.cleanup()

    @staticmethod
    def _answer(check: Callable[[], str | None]) -> Any:
        async def handle(_: web.Request) -> web.Response:
            problem = check()
            return web.Response(status=503 if problem else 200, text=f"{problem or 'ok'}\n")

        return handle

    @staticmethod
    async def _metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
