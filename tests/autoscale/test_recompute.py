"""A person can recompute a decision from nothing but the inputs that it shows.

The formulas are written here a second time, as docs/autoscaling.md has them: a number that the code takes
from elsewhere, or a rule that the page forgets, makes a difference somewhere in these histories.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from fairlead_operator.autoscale.settings import Objective
from tests.autoscale.world import SimulatedModel

Inputs = Mapping[str, float | int | None]


def ceil(value: float) -> int:
    return math.ceil(value - 1e-6)


class Recomputed:
    """Line by line."""

    def __init__(self, inputs: Inputs) -> None:
        self.i = {name: 0.0 if value is None else float(value) for name, value in inputs.items()}
        self.up_window = inputs["lowest"] is not None
        self.bounded = inputs["concurrencyBound"] is not None

    def capacity(self) -> tuple[float, float]:
        i = self.i
        own = i["promptTokens"] * i["prefillSeconds"] + i["outputTokens"] * i["decodeSeconds"]
        shared = i["outputTokens"] * i["stepSeconds"]
        knee = shared * i["utilization"] / (own * (1 - i["utilization"]))
        concurrency = min(knee, i["concurrencyBound"]) if self.bounded else knee
        concurrency = max(1.0, concurrency * i["concurrencyFactor"])
        return concurrency, 1 / (own + shared / concurrency)

    def arrivals(self) -> tuple[float, float]:
        i = self.i
        quick, minute = i["arrivals15s"], i["arrivals60s"]
        now = quick if abs(quick - minute) > 3 * math.sqrt(minute / 15) else minute
        if i["surgeSeconds"] or now < minute:
            return now, now
        extended = minute + i["arrivalsTrend"] * (i["coldStartSeconds"] / 2 + 30)
        return now, max(now, min(2 * now, extended))

    def needed(self) -> float:
        i, (now, arrivals) = self.i, self.arrivals()
        expected = max(
            i["arrivals120s"], i["arrivals600s"] + (arrivals - i["arrivals600s"]) * i["surgePersistence"]
        )
        offered = expected * i["concurrency"] / i["rate"]
        flow = (offered + i["safety"] * math.sqrt(offered)) / i["concurrency"]
        if not i["mayBeZero"]:
            flow = max(flow, i["arrivalsPeaks"] / i["rate"])
        burst = max(0.0, arrivals - i["arrivals600s"]) if i["surgeSeconds"] else 0.0
        coming = ((now + arrivals) / 2 - burst + burst * i["surgeMeanPersistence"]) * i["coldStartSeconds"]
        served = i["fullRate"] * (i["ready"] * i["coldStartSeconds"] + i["startingPodSeconds"])
        drain = max(i["drainSeconds"], i["concurrency"] / i["rate"])
        waiting = max(0.0, i["queued"] + i["inFlight"] - i["ready"] * i["concurrency"])
        return flow + max(0.0, waiting + coming - served) / (i["rate"] * drain)

    def recommended(self) -> int:
        i, wanted = self.i, ceil(self.needed())
        if i["queued"] + i["inFlight"] > 0:
            wanted = max(wanted, 1, int(i["initial"]) if i["ready"] == 0 or i["replicas"] == 0 else 1)
        if i["pressure"]:
            wanted = max(wanted, int(i["ready"]) + 1)
        return wanted + 1 if i["stuck"] and wanted else wanted

    def decided(self) -> int:
        i, wanted, now = self.i, self.recommended(), int(self.i["replicas"])
        if wanted > now:
            wanted = max(now, min(wanted, int(i["lowest"]))) if self.up_window else wanted
            wanted = min(wanted, int(i["upLimit"]))
        elif wanted == 0 and i["mayBeZero"] and not i["least"]:
            wanted = min(now, int(i["downLimit"]))
        elif wanted < now and not i["mayShrink"]:
            wanted = now
        elif wanted < now:
            busy = ceil((i["queued"] + i["countedInFlight"]) / i["concurrency"])
            steady = int(max(i["highestLately"], min(i["highest"], i["ready"])))
            wanted = min(now, max(wanted, steady, busy, int(i["downLimit"])))
        wanted = wanted if wanted or i["mayBeZero"] else 1
        wanted = min(max(wanted, int(i["least"])), int(i["most"]))
        excess = max(0, int(i["unschedulable"] - i["mayWait"]))
        return min(wanted, max(int(i["scheduled"] + i["mayWait"]), now - excess, 1))


HISTORIES = {
    "a day": SimulatedModel(
        lambda t: 12 - 11 * math.cos(2 * math.pi * t / 7200), settings={"min_replicas": 1}
    ),
    "bursts": SimulatedModel(lambda t: 20.0 if t % 600 < 60 else 2.0, cold_start=120.0),
    "bursts again and again": SimulatedModel(lambda t: 20.0 if t % 200 < 60 else 1.0, cold_start=120.0),
    "too few accelerators": SimulatedModel(lambda t: 30.0 if t < 1800 else 3.0, accelerators=4),
    "to zero and back": SimulatedModel(
        lambda t: 5.0 if t % 1800 < 600 else 0.0, settings={"objective": Objective.LATENCY}
    ),
    "bounded": SimulatedModel(lambda t: 30.0, settings={"max_concurrency": 8, "max_replicas": 6}),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_every_decision_of_a_history_is_reproduced_from_its_inputs(name: str) -> None:
    world = HISTORIES[name]
    world.run(4000)
    assert len({decision.reason for decision in world.decisions}) > 1
    for decision in world.decisions:
        again = Recomputed(decision.inputs)
        assert again.capacity() == pytest.approx(
            (decision.inputs["concurrency"], decision.inputs["rate"]), rel=1e-4
        )
        assert again.needed() == pytest.approx(decision.inputs["needed"], rel=1e-5)
        assert again.recommended() == decision.inputs["recommended"]
        assert again.decided() == decision.replicas
