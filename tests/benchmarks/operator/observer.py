"""What is noticed about the operator from outside while it works hard: its health and its Lease."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from fairlead_operator.kube.resources import LEASE
from tests.benchmarks.operator.cluster import BenchmarkCluster
from tests.benchmarks.operator.process import Operator
from tests.benchmarks.operator.watching import Api

_SECONDS = 0.5


class Observer:
    """Asks for /healthz and for the Lease, twice a second."""

    def __init__(self, cluster: BenchmarkCluster, operator: Operator, api: Api) -> None:
        self._cluster = cluster
        self._operator = operator
        self._api = api
        self._unhealthy = 0
        self._slowest_answer = 0.0
        self._oldest_renewal = 0.0

    async def run(self) -> None:
        """Until cancelled. Raises InvalidError if a process that takes part has ended."""
        while True:
            self._cluster.cpu_seconds(self._operator)
            asked = time.monotonic()
            self._unhealthy += not await self._operator.healthy()
            self._slowest_answer = max(self._slowest_answer, time.monotonic() - asked)
            lease = await self._api.request("GET", LEASE.path("default", "fairlead-operator"))
            renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
            age = (datetime.now(UTC) - renewed).total_seconds()
            self._oldest_renewal = max(self._oldest_renewal, age)
            await asyncio.sleep(_SECONDS)

    def figures(self) -> dict[str, Any]:
        """What was noticed so far. A Lease is lost after 15 s without a renewal, and renewed every 2 s."""
        return {
            "unhealthy_answers": self._unhealthy,
            "slowest_health_answer_ms": round(1000 * self._slowest_answer, 1),
            "oldest_lease_renewal_seconds": round(self._oldest_renewal, 1),
        }
