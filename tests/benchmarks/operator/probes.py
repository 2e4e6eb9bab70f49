"""How soon the operator answers a single change while everything else is at rest."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.kube.resources import CONFIG_MAP, MODEL_DEPLOYMENT, SERVICE, Resource
from tests.benchmarks.operator.watching import Api

Object = dict[str, Any]
Figures = dict[str, Any]
Effect = Callable[[str, Object], bool]

_EFFECT_SECONDS = 60.0


async def probe_changes(api: Api, models: list[Object], count: int) -> Figures:
    """Idle: a default of a model is changed; until the ConfigMap says so, as other controllers see it."""

    async def change(number: int, body: Object) -> Effect:
        metadata = body["metadata"]
        spec = {"spec": {"api": {"defaults": {"seed": number}}}}
        path = MODEL_DEPLOYMENT.path(metadata["namespace"], metadata["name"])
        await api.request("PATCH", path, spec, "merge-patch+json")
        return lambda _, seen: f'"seed": {number}' in seen["data"]["gateway.json"]

    return await probe(api, CONFIG_MAP, models, count, change)


async def probe_repairs(api: Api, models: list[Object], count: int) -> Figures:
    """Idle: somebody deletes a Service; until it is there again."""

    async def delete(_: int, body: Object) -> Effect:
        metadata = body["metadata"]
        await api.request("DELETE", SERVICE.path(metadata["namespace"], metadata["name"]))
        return lambda kind, _: kind == "ADDED"

    return await probe(api, SERVICE, models, count, delete)


async def probe(
    api: Api,
    resource: Resource,
    models: list[Object],
    count: int,
    act: Callable[[int, Object], Awaitable[Effect]],
) -> Figures:
    """Acts on `count` of the models in turn; milliseconds until a watcher of the resource sees the effect."""
    events: asyncio.Queue[tuple[str, Object]] = asyncio.Queue()
    watching = asyncio.create_task(_collect(api, resource, events))
    try:
        await _drain(events)
        taken = []
        for number in range(1, count + 1):
            # Each model once and at no rhythm: neither limits of rate nor timers may be met by chance.
            await asyncio.sleep(random.uniform(0.2, 0.6))
            body = models[number * len(models) // (count + 1)]
            started = time.monotonic()
            effect = await act(number, body)
            async with asyncio.timeout(_EFFECT_SECONDS):
                while True:
                    kind, seen = await events.get()
                    owner = seen["metadata"]["ownerReferences"][0]["name"]
                    if owner == body["metadata"]["name"] and effect(kind, seen):
                        break
            taken.append(1000 * (time.monotonic() - started))
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    return {f"{name}_ms": round(value, 1) for name, value in spread(taken).items()}


async def _collect(api: Api, resource: Resource, events: asyncio.Queue[tuple[str, Object]]) -> None:
    async for event in api.watch(resource, MODEL_LABEL):
        events.put_nowait(event)


async def _drain(events: asyncio.Queue[tuple[str, Object]]) -> None:
    """Leaves out what was there before."""
    await events.get()
    while True:
        try:
            await asyncio.wait_for(events.get(), 1)
        except TimeoutError:
            return


def spread(values: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum. Pure."""
    ordered = sorted(values)
    index = min(len(ordered) - 1, int(0.99 * len(ordered)))
    return {"p50": statistics.median(ordered), "p99": ordered[index], "max": ordered[-1]}
