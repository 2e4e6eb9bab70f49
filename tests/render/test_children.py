"""The result of a rendering: the workload, the children that it needs, and the revision of its pods."""

from __future__ import annotations

import pytest

from fairlead_operator.render.children import child_names, fit_model, render_children
from fairlead_operator.render.model import Choices, parse_model
from tests.plan.builders import model
from tests.render.cases import CASES, GROUPED, SETTINGS, pod_templates_of, read_model, render_case


def test_the_deployment_is_applied_after_what_its_pods_need() -> None:
    rendered = render_children(model(replicas=2), SETTINGS)
    assert rendered.workload["kind"] == "Deployment"
    assert rendered.children == (*rendered.dependencies, rendered.workload)
    assert "ServiceAccount" in [child["kind"] for child in rendered.dependencies]


def test_the_workload_of_a_replica_on_several_nodes_is_a_leader_worker_set() -> None:
    assert render_case(GROUPED).workload["kind"] == "LeaderWorkerSet"


@pytest.mark.parametrize("case", CASES)
def test_templates_and_revision_are_those_of_the_workload(case: str) -> None:
    rendered = render_case(case)
    templates = pod_templates_of(rendered.workload)
    assert list(rendered.templates) == templates
    assert {template["metadata"]["annotations"]["fairlead.dev/revision"] for template in templates} == {
        rendered.revision
    }


def test_templates_that_the_planner_keeps_are_used_as_they_are() -> None:
    kept = fit_model(model(engine={"maxModelLen": 9}), SETTINGS).templates
    rendered = render_children(model(), SETTINGS, Choices(kept))
    assert pod_templates_of(rendered.workload) == list(kept) == list(rendered.templates)


@pytest.mark.parametrize("case", CASES)
def test_names_are_those_of_the_children(case: str) -> None:
    rendered = [(child["kind"], child["metadata"]["name"]) for child in render_case(case).children]
    assert child_names(parse_model(read_model(case)), SETTINGS) == rendered


def test_a_pod_template_that_does_not_fit_hides_no_child() -> None:
    unfit = model(podTemplate={"spec": {"restartPolicy": "Never"}})
    assert child_names(unfit, SETTINGS) == child_names(model(), SETTINGS)
