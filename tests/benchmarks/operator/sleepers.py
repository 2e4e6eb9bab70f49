"""Models at zero, and the router that holds their first requests: how soon the operator starts a replica."""

from __future__ import annotations

import asyncio
from typing import Any

from fairlead_operator.api.names import API_VERSION, KIND
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import open_api_client
from fairlead_operator.kube.ratelimit import TokenBucket
from fairlead_operator.kube.resources import DEPLOYMENT
from tests.benchmarks.operator.cluster import create
from tests.benchmarks.operator.phases import rest
from tests.benchmarks.operator.probes import Effect, probe
from tests.benchmarks.operator.process import Operator
from tests.benchmarks.operator.watching import Api
from tests.controller.demand import Demand, create_router_pod

Object = dict[str, Any]
Figures = dict[str, Any]

_NAMESPACE = "default"


async def prepare() -> None:
    """The router's pod, by which the operator finds it."""
    client = KubeClient(await open_api_client(), TokenBucket(rate=100, burst=100))
    try:
        await create_router_pod(client, _NAMESPACE)
    finally:
        await client.close()


async def wake(operator: Operator, api: Api, demand: Demand, count: int) -> Figures:
    """Idle: a router holds the first request for a model; until the Deployment has a replica."""
    await rest(operator)
    models = [_sleeper(number) for number in range(count + 1)]
    await create(api, models)
    await rest(operator, len(models))

    async def hold(_: int, body: Object) -> Effect:
        demand.set_figures(f"{_NAMESPACE}/{body['metadata']['name']}", queued=1, arrivals=1)
        return lambda _, seen: seen["spec"]["replicas"] > 0

    async with asyncio.timeout(60 * count):
        return await probe(api, DEPLOYMENT, models, count, hold)


def _sleeper(number: int) -> Object:
    # So rare are the rounds that only the held request itself can be the cause.
    rules = {"minReplicas": 0, "maxReplicas": 2, "pollingIntervalSeconds": 300}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": f"sleeper-{number}", "namespace": _NAMESPACE},
        "spec": {"model": {"source": "pvc://models/tiny"}, "autoscaling": rules},
    }
