"""Which runs make a comparison, and running them on several cores."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.simulator import traces, workloads
from tests.simulator.simulation import Figures, Setup, Simulation
from tests.simulator.systems import OURS, SYSTEMS
from tests.simulator.workloads import Workload

COLD_STARTS = (30.0, 120.0, 300.0)
TRAINING_SEEDS, HELD_OUT_SEEDS = (1, 2, 3), (101, 102, 103)
# Copies of each trace that are superposed: by itself it keeps one or two replicas busy.
_COPIES = {"conv": 4, "code": 6}
_TRACE_OF = {"azure-conv": "conv", "azure-code": "code"}


@dataclass(frozen=True)
class Half:
    """One of the two halves: names of workloads and seeds."""

    workloads: tuple[str, ...]
    seeds: tuple[int, ...]


HALVES: Mapping[str, Half] = {
    "training": Half(("azure-conv", *workloads.TRAINING), TRAINING_SEEDS),
    "held-out": Half(("azure-code", *workloads.HELD_OUT), HELD_OUT_SEEDS),
}


@dataclass(frozen=True)
class Sources:
    """Where recorded workloads are: a folder with the Azure traces, and one more CSV."""

    folder: Path | None = None
    extra: Path | None = None


@dataclass(frozen=True)
class Run:
    """What identifies one run."""

    system: str
    point: str
    workload: str
    seed: int
    cold_start: float
    as_shipped: bool = False


@dataclass(frozen=True)
class Done:
    """A run and its figures."""

    run: Run
    figures: Figures

    def to_json(self) -> dict[str, Any]:
        """A flat JSON object."""
        return {**asdict(self.run), **self.figures.to_json()}


def available(names: Sequence[str], sources: Sources) -> tuple[list[str], list[str]]:
    """Those workloads that can be had, and why the others cannot."""
    found, missing = [], []
    for name in names:
        try:
            if name in _TRACE_OF:
                traces.azure(_TRACE_OF[name], sources.folder)
            found.append(name)
        except traces.TraceError as error:
            missing.append(f"{name}: {error}")
    if sources.extra is not None:
        found.append(sources.extra.stem)
    return found, missing


def grid(names: Sequence[str], seeds: Sequence[int], cold_starts: Sequence[float] = COLD_STARTS) -> list[Run]:
    """Every system at every point on every workload."""
    return [
        Run(system.name, point, workload, seed, cold_start)
        for cold_start in cold_starts
        for workload in names
        for seed in seeds
        for system in SYSTEMS.values()
        for point in system.points
    ]


def shipped(names: Sequence[str], seed: int, cold_start: float) -> list[Run]:
    """Every system that has defaults, with the data plane that it ships."""
    return [
        Run(system.name, system.default, workload, seed, cold_start, as_shipped=True)
        for workload in names
        for system in SYSTEMS.values()
        if system.default is not None
    ]


@functools.lru_cache(maxsize=4)
def make_workload(name: str, seed: int, sources: Sources) -> Workload:
    """The same requests for the same name and seed. Raises TraceError, KeyError for an unknown name."""
    rng = np.random.default_rng(seed)
    if name in _TRACE_OF:
        kind = _TRACE_OF[name]
        return traces.workload(name, traces.azure(kind, sources.folder), _COPIES[kind], rng, initial=4)
    if sources.extra is not None and name == sources.extra.stem:
        return traces.workload(name, traces.read(sources.extra), 1, rng, initial=1)
    make: Callable[[np.random.Generator], Workload] = {**workloads.TRAINING, **workloads.HELD_OUT}[name]
    return make(rng)


def perform(run: Run, sources: Sources) -> Done:
    """One run, in this process."""
    system = SYSTEMS[run.system]
    workload = make_workload(run.workload, run.seed, sources)
    setup = system.shipped.setup(run.cold_start) if run.as_shipped else Setup(run.cold_start)
    policy = system.make(run.point, workload, setup.engine)
    simulation = Simulation(workload, policy, setup, own_router=run.system == OURS)
    return Done(run, simulation.run())


def perform_all(runs: Sequence[Run], sources: Sources, processes: int | None = None) -> Iterator[Done]:
    """All runs, on all cores by default, in the order in which they end."""
    work = functools.partial(perform, sources=sources)
    count = processes or os.cpu_count() or 1
    if count == 1:
        yield from map(work, runs)
        return
    # Neighbours share a workload, so that a process makes it once.
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        yield from pool.imap_unordered(work, runs, chunksize=8)


def by(done: Iterable[Done], key: Callable[[Done], Any]) -> dict[Any, list[Done]]:
    """Grouped, in the order of first appearance."""
    groups: dict[Any, list[Done]] = {}
    for each in done:
        groups.setdefault(key(each), []).append(each)
    return groups
