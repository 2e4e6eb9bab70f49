"""How the planner carries out the autoscaler's decisions: replicas, removed pods, and a steady status."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fairlead_operator.autoscale.decision import Decision, ScalingReason
from fairlead_operator.plan.catalogue.reasons import CATALOGUE
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.planner import Plan, plan
from fairlead_operator.plan.scaling.replicas import DrainState, Scaling
from tests.plan.builders import NOW, SETTINGS, Object, PlannedNamespace, model_body, pod_report

ROUTER = "fairlead-router.fairlead-system.svc.cluster.local"


class ScaledWorld(PlannedNamespace):
    """A world with an autoscaler that has decided something."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(model_body(replicas=7, autoscaling={"maxReplicas": 9, **rules}))
        self.settings = replace(SETTINGS, router_host=ROUTER)
        self.scaling: Scaling | None = None

    def decide(
        self, replicas: int, reason: str = "Demand", learned: Object | None = None, **more: Any
    ) -> None:
        decision = Decision(replicas, reason, "so it is", inputs={"queued": 3, "bound": None}, **more)
        self.scaling = Scaling(decision, learned or {"stepSeconds": 0.01})

    def observe(self) -> Observed:
        return replace(super().observe(), scaling=self.scaling)

    def plan(self, now: datetime = NOW) -> Plan:
        return plan(self.model, self.observe(), self.settings, now)

    def replicas(self) -> int:
        return int(self.deployment()["spec"]["replicas"])

    def scaling_status(self) -> Object:
        found: Object = self.body["status"]["autoscaling"]
        return found

    def services(self) -> dict[str, Object]:
        return {name: child["spec"] for (kind, name), child in self.children.items() if kind == "Service"}


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_every_reason_of_the_autoscaler_is_in_the_catalogue() -> None:
    assert {reason.value for reason in ScalingReason} <= set(CATALOGUE)


@pytest.mark.parametrize(("least", "replicas"), [(0, 0), (2, 2)])
def test_a_new_autoscaled_model_starts_with_min_replicas(least: int, replicas: int) -> None:
    world = ScaledWorld(minReplicas=least)
    world.reconcile()
    assert world.replicas() == replicas


def test_without_a_router_a_model_is_not_scaled_to_zero() -> None:
    world = ScaledWorld(minReplicas=0)
    world.settings = SETTINGS
    world.reconcile()
    assert world.replicas() == 1
    assert [name for name, _ in world.services().items()] == ["tiny"]
    world.decide(1, "MinReplicas")
    world.reconcile()
    assert world.condition("ScalingLimited")["reason"] == "RouterMissing"


def test_a_scaling_decision_overrides_spec_replicas() -> None:
    world = ScaledWorld()
    world.decide(3)
    world.reconcile()
    assert world.replicas() == 3
    assert world.body["status"]["desiredReplicas"] == 3


def test_a_restarted_operator_keeps_the_present_replicas() -> None:
    world = ScaledWorld()
    world.decide(5)
    world.serve(5)
    before = dict(world.body["status"])
    world.scaling = None
    planned = world.reconcile()
    assert world.replicas() == 5
    assert not planned.apply
    assert world.body["status"] == before


def test_with_mode_external_the_scale_subresource_sets_the_replicas() -> None:
    world = ScaledWorld(mode="External")
    world.decide(3)
    world.reconcile()
    assert world.replicas() == 7
    assert world.body["status"]["desiredReplicas"] == 7
    assert world.scaling_status()["desiredReplicas"] == 3
    active = world.condition("ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "ScaledExternally")


def test_with_mode_external_at_zero_the_decision_starts_the_first_replica_and_keeps_it() -> None:
    world = ScaledWorld(mode="External", minReplicas=0)
    world.body["spec"]["replicas"] = 0
    world.reconcile()
    assert world.replicas() == 0
    world.decide(3, "WakeUp")
    world.reconcile()
    assert world.replicas() == 1
    world.scaling = None  # a new operator
    world.reconcile()
    assert world.replicas() == 1
    world.decide(0, "Idle")
    world.reconcile()
    assert world.replicas() == 0


def test_with_mode_external_0_replicas_stay_0_although_min_replicas_is_1() -> None:
    world = ScaledWorld(mode="External", minReplicas=1)
    world.body["spec"]["replicas"] = 0
    world.decide(3, "WakeUp")
    world.reconcile()
    assert world.replicas() == 0


@pytest.mark.parametrize("mode", ["Native", "External"])
def test_a_model_that_can_be_at_zero_is_reached_through_the_router(mode: str) -> None:
    world = ScaledWorld(minReplicas=0, mode=mode)
    world.reconcile()
    services = world.services()
    assert (services["tiny"]["type"], services["tiny"]["externalName"]) == ("ExternalName", ROUTER)
    assert "selector" not in services["tiny"]
    assert services["tiny-pods"]["clusterIP"] == "None"
    assert services["tiny-pods"]["selector"] == world.model.selector


def test_a_model_that_always_has_a_replica_is_reached_directly() -> None:
    world = ScaledWorld(minReplicas=1)
    world.reconcile()
    assert list(world.services()) == ["tiny"]
    assert world.services()["tiny"]["selector"] == world.model.selector


def test_the_pods_service_is_deleted_when_the_model_can_no_longer_be_at_zero() -> None:
    world = ScaledWorld(minReplicas=0)
    world.reconcile()
    world.body["spec"]["autoscaling"]["minReplicas"] = 1
    world.reconcile()
    assert list(world.services()) == ["tiny"]


def test_the_disruption_budget_stays_while_a_scaled_model_has_one_replica() -> None:
    world = ScaledWorld()
    world.decide(1)
    world.reconcile()
    assert ("PodDisruptionBudget", "tiny") in world.children


def test_pods_released_by_the_autoscaler_have_the_lowest_deletion_cost() -> None:
    world = ScaledWorld()
    world.decide(3)
    world.serve(3)
    world.reports = {f"tiny-{number}": pod_report(1) for number in range(3)}
    world.decide(1, removal=("tiny-2", "tiny-0"))
    assert world.plan().costs == {"tiny-2": -2, "tiny-0": -1, "tiny-1": 1}


def test_a_draining_pod_keeps_its_replica_until_released_and_then_has_the_lowest_cost() -> None:
    world = ScaledWorld()
    world.decide(3)
    world.serve(3)
    world.reports = {f"tiny-{number}": pod_report(number) for number in range(3)}
    world.decide(2)
    assert world.scaling is not None
    world.scaling = replace(world.scaling, drain=DrainState(draining=("tiny-2",)))
    world.reconcile()
    assert world.replicas() == 3
    states = {entry["pod"]: entry["state"] for entry in world.body["status"]["endpoints"]}
    assert states == {"tiny-0": "Ready", "tiny-1": "Ready", "tiny-2": "Draining"}
    world.scaling = replace(world.scaling, drain=DrainState(released=("tiny-2",)))
    planned = world.plan()
    assert planned.costs == {"tiny-2": -1, "tiny-0": 0, "tiny-1": 1}
    world.reconcile()
    assert world.replicas() == 2


def test_the_first_decision_that_changes_the_replicas_is_an_event() -> None:
    world = ScaledWorld(minReplicas=0)
    world.reconcile()
    world.decide(2, "WakeUp")
    assert [event.reason for event in world.plan().events if event.reason.startswith("Scaled")] == [
        "ScaledUp"
    ]


def test_a_changed_number_of_replicas_is_reported_immediately_with_its_inputs() -> None:
    world = ScaledWorld()
    world.decide(1)
    world.reconcile()
    world.decide(3, "Backlog", hold_timeout_seconds=700, expected_ready_seconds=40)
    planned = world.reconcile(after(1))
    assert world.scaling_status() == {
        "desiredReplicas": 3,
        "reason": "Backlog",
        "message": "so it is",
        "inputs": {"queued": 3},
        "learned": {"stepSeconds": 0.01},
        "holdTimeoutSeconds": 700,
        "expectedReadySeconds": 40,
        "lastDecisionTime": "2026-01-01T12:00:01Z",
        "lastScaleTime": "2026-01-01T12:00:01Z",
    }
    events = [(event.reason, event.note) for event in planned.events if event.reason.startswith("Scaled")]
    assert events == [("ScaledUp", "1 to 3 replicas: so it is")]


@pytest.mark.parametrize(
    ("seconds", "reason", "learned", "written"),
    [
        (59, "Stabilizing", {"stepSeconds": 0.05}, False),
        (4, "InsufficientCapacity", {"stepSeconds": 0.01}, False),
        (6, "InsufficientCapacity", {"stepSeconds": 0.01}, True),
        (61, "Demand", {"stepSeconds": 0.011}, False),
        (61, "Stabilizing", {"stepSeconds": 0.01}, True),
        (61, "Demand", {"stepSeconds": 0.02}, True),
        (61, "Demand", {"stepSeconds": [0.01]}, True),
    ],
)
def test_the_scaling_status_is_unchanged_without_a_new_decision(
    seconds: float, reason: str, learned: Object, written: bool
) -> None:
    world = ScaledWorld()
    world.decide(3)
    world.reconcile()
    before = world.body["status"]
    world.decide(3, reason, learned)
    world.reconcile(after(seconds))
    assert (world.body["status"] != before) is written


@pytest.mark.parametrize(
    ("reason", "active", "limited"),
    [
        ("Demand", "True", ("False", "WithinLimits")),
        ("MaxReplicas", "True", ("True", "MaxReplicas")),
        ("InsufficientCapacity", "True", ("True", "InsufficientCapacity")),
        ("MetricsMissing", "False", ("False", "WithinLimits")),
        ("Fallback", "False", ("True", "Fallback")),
    ],
)
def test_the_scaling_conditions_follow_the_reason_of_the_decision(
    reason: str, active: str, limited: tuple[str, str]
) -> None:
    world = ScaledWorld()
    world.decide(3, reason)
    world.reconcile()
    assert (world.condition("ScalingActive")["status"], world.condition("ScalingActive")["reason"]) == (
        active,
        reason,
    )
    bound = world.condition("ScalingLimited")
    assert (bound["status"], bound["reason"]) == limited


def test_a_model_with_fixed_replicas_has_no_scaling_status() -> None:
    world = ScaledWorld()
    world.decide(3)
    world.reconcile()
    del world.body["spec"]["autoscaling"]
    world.reconcile()
    assert world.replicas() == 7
    assert "autoscaling" not in world.body["status"]
    assert not [item for item in world.body["status"]["conditions"] if item["type"].startswith("Scaling")]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"start": "0 25 * * *"}, "spec.autoscaling.schedules[0]: cron expression '0 25 * * *'"),
        ({"timezone": "Mars/Olympus"}, "spec.autoscaling.schedules[0]: there is no time zone"),
    ],
)
def test_an_invalid_schedule_is_reported_and_changes_nothing(wrong: Object, words: str) -> None:
    schedule = {"start": "0 8 * * *", "end": "0 18 * * *", "timezone": "UTC", "minReplicas": 2, **wrong}
    world = ScaledWorld(schedules=[schedule])
    planned = world.plan()
    assert not planned.apply
    ready = next(item for item in planned.status["conditions"] if item["type"] == "Ready")
    assert (ready["reason"], words in ready["message"]) == ("InvalidSpec", True)
