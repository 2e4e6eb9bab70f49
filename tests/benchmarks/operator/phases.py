"""What is measured, phase by phase. Each function returns figures by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.benchmarks.operator.cluster import BenchmarkCluster, create, is_ready, versions
from tests.benchmarks.operator.errors import InvalidError
from tests.benchmarks.operator.metrics import Metrics
from tests.benchmarks.operator.observer import Observer
from tests.benchmarks.operator.process import Operator
from tests.benchmarks.operator.watching import Api

Figures = dict[str, Any]

_CONVERGE_SECONDS = 3600.0
_REST_SECONDS = 3.0
_LOOK_SECONDS = 0.25


async def converge(cluster: BenchmarkCluster, operator: Operator, api: Api) -> Figures:
    """All models are created at once and as fast as one client can; until the last is Ready."""
    models = cluster.models()
    before, cpu = await operator.metrics(), cluster.cpu_seconds(operator)
    observer = Observer(cluster, operator, api)
    started = time.monotonic()
    tasks = [asyncio.create_task(observer.run()), asyncio.create_task(create(api, models))]
    async with asyncio.timeout(_CONVERGE_SECONDS):
        await _unless_failed(_await_ready(api, len(models)), tasks)
    seconds = time.monotonic() - started
    counted = await operator.metrics() - before
    used = {name: value - cpu[name] for name, value in cluster.cpu_seconds(operator).items()}
    settled = await rest(operator)
    total = await operator.metrics() - before
    return {
        "seconds": round(seconds, 1),
        "seconds_until_at_rest": round(settled - started, 1),
        **per_model(total, len(models)),
        **durations(counted),
        "cpu_seconds": {name: round(value, 1) for name, value in used.items()},
        "refused_requests": total.refused(),
        "memory_peak_mib": round(operator.memory_mib()[1], 1),
        **observer.figures(),
    }


async def restart(operator: Operator, started: float, models: int) -> Figures:
    """From the start of the process until every model was looked at and nothing is left to do."""
    at_rest = await rest(operator, models)
    counted = await operator.metrics()
    return {
        "seconds": round(at_rest - started, 1),
        **per_model(counted, models),
        **durations(counted),
        "cpu_seconds": round(operator.cpu_seconds(), 1),
        "memory_peak_mib": round(operator.memory_mib()[1], 1),
    }


async def steady(operator: Operator, api: Api, models: int, resync_seconds: int) -> Figures:
    """Nothing happens for longer than the interval of full passes, so that at least one is in it."""
    before, versions_before, cpu = await operator.metrics(), await versions(api), operator.cpu_seconds()
    started = time.monotonic()
    await asyncio.sleep(resync_seconds * 1.1)
    await rest(operator)
    counted = await operator.metrics() - before
    if counted.total("reconcile_total") < models:
        raise InvalidError("no full pass in the steady state")
    now, highest = operator.memory_mib()
    return {
        "seconds": round(time.monotonic() - started, 1),
        "resync_seconds": resync_seconds,
        **per_model(counted, models),
        **durations(counted),
        "models_written": sum(
            1 for uid, seen in (await versions(api)).items() if versions_before[uid] != seen
        ),
        "cpu_seconds": round(operator.cpu_seconds() - cpu, 1),
        "memory_mib": round(now, 1),
        "memory_peak_mib": round(highest, 1),
    }


def per_model(counted: Metrics, models: int) -> Figures:
    """Counts divided by the number of models. Pure."""
    return {
        "reconciles_per_model": round(counted.total("reconcile_total") / models, 2),
        "reads_per_model": round(counted.reads() / models, 2),
        "writes_per_model": round(counted.writes() / models, 2),
        "writes": counted.writes(),
        "requests_per_model": {
            title: round(count / models, 2) for title, count in counted.requests().items()
        },
    }


def durations(counted: Metrics) -> Figures:
    """What a reconcile took, and how long keys waited for one. Pure."""
    return {
        f"{short}_{name}_ms": round(1000 * counted.quantile(histogram, share), 1)
        for short, histogram in (("reconcile", "reconcile_seconds"), ("queue", "queue_seconds"))
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }


async def _unless_failed(wanted: Coroutine[Any, Any, None], others: list[asyncio.Task[None]]) -> None:
    """Awaits one thing; what goes wrong in the others meanwhile is raised. Ends them."""
    main = asyncio.create_task(wanted)
    try:
        waiting = {main, *others}
        while not main.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in (main, *others):
            task.cancel()
        await asyncio.wait([main, *others])


async def _await_ready(api: Api, wanted: int) -> None:
    ready: set[str] = set()
    async for _, model in api.watch(MODEL_DEPLOYMENT):
        if is_ready(model):
            ready.add(model["metadata"]["uid"])
            if len(ready) == wanted:
                return


async def rest(operator: Operator, least: int = 0) -> float:
    """Waits until nothing was reconciled for a while, and at least so many were; returns since when."""
    last, since = -1.0, time.monotonic()
    while time.monotonic() - since < _REST_SECONDS or last < least:
        counted = await operator.metrics()
        done = counted.total("reconcile_total")
        if done != last or counted.total("queue_depth"):
            last, since = done, time.monotonic()
        await asyncio.sleep(_LOOK_SECONDS)
    return since
