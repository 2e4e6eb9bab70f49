"""From runs to a comparison: what each system spends for the attainment that ours reaches. Pure.

A system's point (its target, our objective) has one attainment, the mean over workloads and seeds, and one
price, the GPU hours of all workloads (mean over seeds). Between two points on a system's Pareto frontier
any mixture can be had, so what it spends for an attainment in between is interpolated linearly. Below its
cheapest point it spends what that one costs.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.simulator.experiments import Done, by
from tests.simulator.systems import OURS, PEERS, SYSTEMS

# Student's t for a 95 % interval, by the number of seeds.
_STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
AIM = 0.25


@dataclass(frozen=True)
class Point:
    """One system at one target and one length of cold starts. `..._within`: 95 % interval over seeds, +-;
    None with one seed."""

    system: str
    point: str
    cold_start: float
    attainment: float
    attainment_within: float | None
    gpu_hours: float
    gpu_hours_within: float | None
    lost: int
    created: float
    flaps: float
    most_unschedulable: int


@dataclass(frozen=True)
class Saving:
    """Ours at one objective against one peer at the same attainment."""

    cold_start: float
    objective: str
    peer: str
    attainment: float
    ours: float
    """GPU hours."""
    theirs: float
    """GPU hours at that attainment, or of its best point if it never gets there."""
    reached: bool
    """False: the peer attains less at every target."""

    @property
    def share(self) -> float:
        """Of the peer's GPU hours that ours does not need."""
        return 1 - self.ours / self.theirs


def points(done: Iterable[Done]) -> list[Point]:
    """One for each system, target and cold start."""
    return [_point(group) for group in by(done, _identity).values()]


def _identity(each: Done) -> tuple[str, str, float]:
    return (each.run.system, each.run.point, each.run.cold_start)


def _point(group: Sequence[Done]) -> Point:
    system, point, cold_start = _identity(group[0])
    seeds = by(group, lambda each: each.run.seed).values()
    attained = [statistics.fmean(each.figures.attainment for each in seed) for seed in seeds]
    hours = [sum(each.figures.gpu_hours for each in seed) for seed in seeds]
    return Point(
        system,
        point,
        cold_start,
        *_interval(attained),
        *_interval(hours),
        lost=sum(sum(each.figures.lost.values()) for each in group),
        created=sum(each.figures.created for each in group) / len(seeds),
        flaps=sum(each.figures.flaps for each in group) / len(seeds),
        most_unschedulable=max(each.figures.most_unschedulable for each in group),
    )


def _interval(values: Sequence[float]) -> tuple[float, float | None]:
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None
    return mean, _STUDENT.get(len(values), 2.0) * statistics.stdev(values) / math.sqrt(len(values))


def frontier(found: Iterable[Point]) -> list[Point]:
    """Points than which no other is both cheaper and better, cheapest first."""
    best: list[Point] = []
    for point in sorted(found, key=lambda point: (point.gpu_hours, -point.attainment)):
        if not best or point.attainment > best[-1].attainment:
            best.append(point)
    return best


def price(system: Sequence[Point], attainment: float) -> tuple[float, bool]:
    """GPU hours for this attainment; False with those of the best point if it is out of reach."""
    best = frontier(system)
    if attainment <= best[0].attainment:
        return best[0].gpu_hours, True
    for low, high in itertools.pairwise(best):
        if attainment <= high.attainment:
            share = (attainment - low.attainment) / (high.attainment - low.attainment)
            return low.gpu_hours + share * (high.gpu_hours - low.gpu_hours), True
    return best[-1].gpu_hours, False


def savings(found: Sequence[Point]) -> list[Saving]:
    """Ours at each objective against each peer's frontier, for each length of cold starts."""
    result = []
    for own in (point for point in found if point.system == OURS):
        for peer in PEERS:
            theirs = [point for point in found if point.system == peer and point.cold_start == own.cold_start]
            hours, reached = price(theirs, own.attainment)
            result.append(
                Saving(own.cold_start, own.point, peer, own.attainment, own.gpu_hours, hours, reached)
            )
    return result


def defaults(found: Iterable[Point]) -> list[Point]:
    """Each system as it comes."""
    return [point for point in found if point.point == SYSTEMS[point.system].default]
