"""What holds whatever happens: random histories of demand, pods, silence and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Demand, EngineLoad, Observation, ObservedPod
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Objective, Settings
from tests.autoscale.builders import NOW

COUNTS = st.integers(0, 2000)
ENGINES = st.none() | st.builds(
    EngineLoad,
    running=st.integers(0, 300),
    waiting=st.integers(0, 300),
    kv_usage=st.floats(0, 1),
    steps=st.floats(0, 1e6),
    decode_tokens=st.floats(0, 1e8),
    prefill_tokens=st.floats(0, 1e8),
    preemptions=st.floats(0, 1e3),
    kv_tokens=st.none() | st.integers(0, 10**6),
    max_running=st.none() | st.integers(0, 1024),
)


@dataclass(frozen=True)
class PodStep:
    """A pod as it is at some moment; times are ages."""

    age: float
    phase: str
    stuck: bool
    draining: bool
    in_flight: int | None
    engine: EngineLoad | None

    def at(self, name: str, now: float) -> ObservedPod:
        created = now - self.age
        scheduled = created + min(self.age, 3) if self.phase in ("starting", "ready") else None
        ready = created + min(self.age, 60) if self.phase == "ready" else None
        return ObservedPod(
            name,
            created,
            scheduled,
            ready,
            unschedulable=self.phase == "unschedulable",
            stuck=self.stuck and ready is None,
            draining=self.draining,
            in_flight=self.in_flight if ready else None,
            engine=self.engine if ready else None,
        )


PODS = st.lists(
    st.builds(
        PodStep,
        age=st.floats(0, 5000),
        phase=st.sampled_from(["ready", "ready", "starting", "unplaced", "unschedulable"]),
        stuck=st.booleans(),
        draining=st.booleans(),
        in_flight=st.none() | st.integers(0, 300),
        engine=ENGINES,
    ),
    max_size=6,
)
DEMANDS = st.none() | st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
STEPS = st.lists(st.tuples(st.floats(0, 400), DEMANDS, PODS), min_size=1, max_size=12)
SETTINGS = st.builds(
    lambda least, more, **values: Settings(min_replicas=least, max_replicas=least + more, **values),
    least=st.integers(0, 3),
    more=st.integers(1, 12),
    objective=st.sampled_from(Objective),
    cooldown=st.sampled_from([0.0, 60.0, 300.0]),
    unschedulable_pods=st.integers(0, 3),
    max_concurrency=st.none() | st.integers(1, 50),
    ttft=st.none() | st.floats(0.001, 10),
    itl=st.none() | st.floats(0.0001, 1),
    initial_replicas=st.none() | st.integers(1, 5),
)


def play(asked: Settings, replicas: int, steps: list[Any]) -> list[tuple[Observation, Decision]]:
    """What is decided in a history whose decisions are carried out."""
    autoscaler, at = Autoscaler(asked, started=NOW), NOW
    totals = (0.0, 0.0, 0.0, 0.0)
    made = []
    for after, figures, pods in steps:
        at += after
        demand = None
        if figures:
            queued, in_flight, come, done, ended = figures
            arrivals, completions, prompt, output = totals
            totals = arrivals + come, completions + done, prompt + done * 500, output + done * 90
            demand = Demand(queued, in_flight, *totals, at if ended else None)
        seen = Observation(at, demand, tuple(pod.at(f"p{i}", at) for i, pod in enumerate(pods)), replicas)
        decision = autoscaler.decide(seen)
        made.append((seen, decision))
        replicas = decision.replicas
    assert Memory.from_json(autoscaler.memory().to_json()).to_json() == autoscaler.memory().to_json()
    return made


def placed(pods: tuple[ObservedPod, ...]) -> int:
    return sum(pod.scheduled is not None and not pod.draining for pod in pods)


HISTORY = given(SETTINGS, st.integers(0, 12), STEPS)
MANY = settings(max_examples=60, deadline=None)


@MANY
@HISTORY
def test_any_decision_is_within_bounds_unless_pods_cannot_be_placed(
    asked: Settings, replicas: int, steps: list[Any]
) -> None:
    for seen, decision in play(asked, replicas, steps):
        assert 0 <= decision.replicas <= max(asked.max_replicas, asked.min_replicas)
        room = placed(seen.pods) + asked.unschedulable_pods
        assert decision.replicas >= min(asked.min_replicas, room)


@MANY
@HISTORY
def test_no_decision_is_zero_while_requests_wait_or_run(
    asked: Settings, replicas: int, steps: list[Any]
) -> None:
    for seen, decision in play(asked, replicas, steps):
        if seen.demand and seen.demand.queued:
            assert decision.replicas >= 1


@MANY
@HISTORY
def test_no_decision_exceeds_the_allowed_unschedulable_pods(
    asked: Settings, replicas: int, steps: list[Any]
) -> None:
    for seen, decision in play(asked, replicas, steps):
        if decision.replicas > seen.replicas:
            assert decision.replicas <= max(1, placed(seen.pods) + max(1, asked.unschedulable_pods))


@MANY
@HISTORY
def test_missing_metrics_never_remove_a_serving_pod(asked: Settings, replicas: int, steps: list[Any]) -> None:
    for seen, decision in play(asked, replicas, steps):
        if seen.demand is None:
            lost = {pod.name for pod in seen.pods if pod.unschedulable}
            assert decision.replicas >= min(seen.replicas - len(lost), asked.max_replicas)


@MANY
@HISTORY
def test_the_same_history_gives_the_same_decisions(asked: Settings, replicas: int, steps: list[Any]) -> None:
    assert play(asked, replicas, steps) == play(asked, replicas, steps)


@MANY
@HISTORY
def test_every_decision_names_existing_pods_and_has_valid_fields(
    asked: Settings, replicas: int, steps: list[Any]
) -> None:
    for seen, decision in play(asked, replicas, steps):
        draining = {pod.name for pod in seen.pods if pod.draining}
        active = {pod.name for pod in seen.pods} - draining
        assert set(decision.removal) <= active
        assert len(active) - len(decision.removal) <= max(decision.replicas, len(active))
        assert len(decision.removal) == max(0, len(active) - decision.replicas)
        assert set(decision.recall) <= draining
        assert decision.recheck_after > 0
        assert decision.message
        assert "\n" not in decision.message
        assert 600 <= decision.hold_timeout_seconds <= 3600
