"""The machine under the benchmark: what it is, and how much of it others used meanwhile."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path
from typing import Any

from tests.benchmarks.gateway.interpreter import interpreter


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": f"{platform.python_version()} ({interpreter()})",
    }


class Bystanders:
    """CPU time of the whole machine that neither this process nor what it started has used."""

    def __init__(self) -> None:
        self._busy, self._own = _busy_seconds(), _own_seconds()

    def seconds(self) -> float:
        """Since the object was made. Children count once they have ended, so ask after that."""
        return max(0.0, (_busy_seconds() - self._busy) - (_own_seconds() - self._own))


def _busy_seconds() -> float:
    # proc(5): user nice system idle iowait irq softirq steal (guests are in user and nice already).
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
