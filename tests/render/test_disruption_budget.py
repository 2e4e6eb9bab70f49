"""When a model has a PodDisruptionBudget, and which evictions it allows."""

from __future__ import annotations

import pytest

from tests.plan.builders import model
from tests.render.cases import rendered_of_kind

KIND = "PodDisruptionBudget"


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_model_without_several_replicas_has_no_budget(replicas: int) -> None:
    assert rendered_of_kind(KIND, model(replicas=replicas)) == []


def test_several_replicas_are_evicted_one_at_a_time_and_unready_pods_always() -> None:
    (budget,) = rendered_of_kind(KIND, model(replicas=2))
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_an_autoscaled_model_keeps_its_budget_at_one_replica() -> None:
    assert len(rendered_of_kind(KIND, model(replicas=1, autoscaling={"maxReplicas": 3}))) == 1


def test_the_budget_selects_every_pod_of_the_model() -> None:
    (budget,) = rendered_of_kind(KIND, model(replicas=2))
    assert budget["spec"]["selector"]["matchLabels"].items() <= model().labels.items()
