"""One run: the phases in their order, from nothing to a document."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.gateway.machine import Bystanders, machine
from tests.benchmarks.operator import phases, probes, sleepers
from tests.benchmarks.operator.cluster import BenchmarkCluster
from tests.benchmarks.operator.process import Operator
from tests.benchmarks.operator.scale import Scale
from tests.benchmarks.operator.watching import Api, open_api
from tests.controller.demand import SERVICE as ROUTER_SERVICE
from tests.controller.demand import running_demand


async def run(scale: Scale) -> dict[str, Any]:
    """Measures on a control plane of its own. Raises InvalidError."""
    began, bystanders = time.monotonic(), Bystanders()
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        cluster = BenchmarkCluster(Path(folder), scale)
        try:
            await cluster.start()
            async with open_api() as api:
                figures = await _measure(cluster, api, scale, Path(folder))
        finally:
            cluster.stop()
    seconds = time.monotonic() - began
    about = {
        "machine": machine(),
        "models": scale.models,
        "namespaces": scale.namespaces,
        "seconds": round(seconds),
        "used_by_others": round(bystanders.seconds() / seconds, 2),
    }
    return {"about": about, **figures}


async def _measure(cluster: BenchmarkCluster, api: Api, scale: Scale, folder: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}

    def note(phase: str, found: dict[str, Any]) -> None:
        figures[phase] = found
        print(f"{phase}: {found}", file=sys.stderr, flush=True)

    models = cluster.models()
    operator = Operator(cluster.account, folder / "operator-0.log", {})
    try:
        await operator.await_watching()
        note("empty", {"memory_mib": round(operator.memory_mib()[0], 1)})
        note("converge", await phases.converge(cluster, operator, api))
        note("change", await probes.probe_changes(api, models, scale.probes))
        note("repair", await probes.probe_repairs(api, models, scale.probes))
        await operator.stop()
    finally:
        operator.close()
    resync = {"FAIRLEAD_RESYNC_SECONDS": str(scale.resync_seconds)}
    started = time.monotonic()
    operator = Operator(cluster.account, folder / "operator-1.log", resync)
    try:
        await operator.await_watching()
        note("restart", await phases.restart(operator, started, scale.models))
        note("steady", await phases.steady(operator, api, scale.models, scale.resync_seconds))
        await operator.stop()
    finally:
        operator.close()
    await sleepers.prepare()
    async with running_demand() as demand:
        router = {"FAIRLEAD_ADMIN_PORT": str(demand.port), "FAIRLEAD_ROUTER_SERVICE": ROUTER_SERVICE}
        operator = Operator(cluster.account, folder / "operator-2.log", router)
        try:
            await operator.await_watching()
            note("wake", await sleepers.wake(operator, api, demand, scale.probes))
        finally:
            operator.close()
    return figures
