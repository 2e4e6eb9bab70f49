"""The API of external metrics, as an adapter or KEDA serves it to HorizontalPodAutoscalers: one number.

The API server proxies to it by an APIService, whose Service is an alias of this machine.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.support.control_plane import ControlPlane, free_port

GROUP = "external.metrics.k8s.io"
METRIC = "requests_in_flight"
_ROOT = f"/apis/{GROUP}/v1beta1"


class MetricsApi:
    """Answers every question with `value`."""

    def __init__(self) -> None:
        self.value = 0
        self.port = free_port()

    async def resources(self, _: web.Request) -> web.Response:
        """What is served, which the API server asks to see whether it is there."""
        found = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1beta1"}
        return web.json_response({**found, "resources": []})

    async def metric(self, _: web.Request) -> web.Response:
        """The value."""
        item = {
            "metricName": METRIC,
            "metricLabels": {},
            "timestamp": "2026-01-01T00:00:00Z",
            "value": str(self.value),
        }
        head = {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/v1beta1", "metadata": {}}
        return web.json_response({**head, "items": [item]})


@asynccontextmanager
async def running_metrics_api(plane: ControlPlane, namespace: str) -> AsyncIterator[MetricsApi]:
    """Serves the metric and registers it with the API server."""
    api = MetricsApi()
    app = web.Application()
    app.router.add_get(_ROOT, api.resources)
    app.router.add_get(f"{_ROOT}/namespaces/{namespace}/{METRIC}", api.metric)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(plane.folder / "pki/server.crt", plane.folder / "pki/server.key")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", api.port, ssl_context=context).start()
        plane.kubectl("apply", "-f", "-", input=json.dumps(_registration(namespace, api.port)))
        yield api
    finally:
        plane.kubectl("delete", "apiservice", f"v1beta1.{GROUP}", "--ignore-not-found")
        await runner.cleanup()


def _registration(namespace: str, port: int) -> dict[str, object]:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics", "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1beta1.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "metrics", "namespace": namespace, "port": port},
        },
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, registration]}
