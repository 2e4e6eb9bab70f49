"""An upgrade of the operator restarts no model; a change of the spec takes the new rules."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fairlead_operator.api.names import POD_TEMPLATE, RENDERING, RESTARTED_AT
from fairlead_operator.plan import planner
from fairlead_operator.render import templates as rendering
from fairlead_operator.render.model import RENDERING_VERSION
from fairlead_operator.render.pod import pod_template
from tests.plan.builders import SETTINGS, Object, PlannedNamespace, model, model_body

NEWER = replace(SETTINGS, gateway_image="gateway:2", engine_image="vllm:2")


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> PlannedNamespace:
    """A serving model whose operator was replaced by one with other images and other rules."""
    world = PlannedNamespace()
    world.serve()
    world.settings = NEWER

    def newer(*args: Any) -> Object:
        template = pod_template(*args)
        template["spec"]["newer"] = True
        return template

    monkeypatch.setattr(rendering, "pod_template", newer)
    monkeypatch.setattr(planner, "RENDERING_VERSION", 99)
    return world


def images(world: PlannedNamespace) -> set[str]:
    spec = world.deployment()["spec"]["template"]["spec"]
    return {container["image"] for container in (*spec["initContainers"], *spec["containers"])}


def test_new_images_and_rendering_rules_do_not_change_running_pods(upgraded: PlannedNamespace) -> None:
    planned = upgraded.reconcile()
    assert planned.apply == ()
    assert upgraded.condition("Ready")["status"] == "True"


def test_scaling_keeps_the_template_of_running_pods(upgraded: PlannedNamespace) -> None:
    upgraded.body["spec"]["replicas"] = 3
    upgraded.reconcile()
    assert upgraded.deployment()["spec"]["replicas"] == 3
    assert images(upgraded) == {"gateway:1", "vllm:1"}


def test_a_change_that_the_gateway_reloads_keeps_the_running_pods(upgraded: PlannedNamespace) -> None:
    upgraded.body["spec"]["api"] = {"defaults": {"temperature": 0.5}, "maxQueuedRequests": 5}
    planned = upgraded.reconcile()
    assert [child["kind"] for child in planned.apply] == ["ConfigMap"]


def test_a_change_of_the_pods_adopts_new_images_and_rules(upgraded: PlannedNamespace) -> None:
    upgraded.body["spec"]["engine"] = {"maxModelLen": 1024}
    upgraded.reconcile()
    assert images(upgraded) == {"gateway:2", "vllm:2"}
    assert upgraded.deployment()["spec"]["template"]["spec"]["newer"] is True


def test_a_requested_restart_adopts_new_images_and_rules(upgraded: PlannedNamespace) -> None:
    upgraded.body["metadata"]["annotations"] = {RESTARTED_AT: "2026-01-01T00:00:00Z"}
    upgraded.reconcile()
    assert images(upgraded) == {"gateway:2", "vllm:2"}


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_requested_restart_makes_new_pods_without_other_changes(nodes: int) -> None:
    def asked(at: str) -> tuple[Object, ...]:
        parsed = model(engine={"nodes": nodes}, accelerator={"resourceName": "nvidia.com/gpu", "count": 1})
        return rendering.render_templates(replace(parsed, restarted_at=at), SETTINGS)

    never, first, again = (rendering.revision_of(asked(at)[0]) for at in ("", "10:00", "11:00"))
    assert len({never, first, again}) == 3
    assert all(template["metadata"]["annotations"][RESTARTED_AT] == "10:00" for template in asked("10:00"))


def test_the_status_reports_the_rendering_version_of_the_pods(upgraded: PlannedNamespace) -> None:
    upgraded.reconcile()
    before = upgraded.body["status"]["renderingVersion"]
    upgraded.body["spec"]["engine"] = {"maxModelLen": 1024}
    upgraded.reconcile()
    assert (before, upgraded.body["status"]["renderingVersion"]) == (RENDERING_VERSION, 99)


def test_drift_is_reverted_to_the_applied_template_and_not_to_new_rules(upgraded: PlannedNamespace) -> None:
    upgraded.deployment()["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    planned = upgraded.reconcile()
    assert "image" in planned.explain
    assert images(upgraded) == {"gateway:1", "vllm:1"}


def test_a_recorded_template_changed_by_others_is_ignored(upgraded: PlannedNamespace) -> None:
    annotations = upgraded.deployment()["metadata"]["annotations"]
    template = json.loads(annotations[POD_TEMPLATE])
    template["spec"]["hostNetwork"] = True
    annotations[POD_TEMPLATE] = json.dumps(template)
    upgraded.reconcile()
    assert "hostNetwork" not in upgraded.deployment()["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    "damage",
    [
        *("", "[]", "{", "null", "[1]", '"x"', '{"metadata": {}}', '{"metadata": []}'),
        *('{"metadata": {"annotations": []}}', '{"metadata": {"annotations": {"a": 1}}}', "[" * 50_000),
    ],
)
def test_a_damaged_template_annotation_is_rendered_again(upgraded: PlannedNamespace, damage: str) -> None:
    upgraded.deployment()["metadata"]["annotations"][POD_TEMPLATE] = damage
    upgraded.reconcile()
    assert json.loads(upgraded.deployment()["metadata"]["annotations"][POD_TEMPLATE])["spec"]


@pytest.mark.parametrize("version", ["9" * 5000, "²", "-1", "", "1e3"])
def test_a_damaged_rendering_version_is_read_as_0(upgraded: PlannedNamespace, version: str) -> None:
    upgraded.deployment()["metadata"]["annotations"][RENDERING] = version
    assert upgraded.plan().status["renderingVersion"] == 0


# Every field of the spec by what it does to the pods: what changes the template must be among the inputs, or
# a change would never arrive.
CHANGES: dict[str, Object] = {
    "source": {"model": {"source": "pvc://models/other"}},
    "image": {"engine": {"image": "x"}},
    "args": {"engine": {"args": ["--x"]}},
    "env": {"engine": {"env": [{"name": "A", "value": "b"}]}},
    "accelerator": {"accelerator": {"resourceName": "nvidia.com/gpu"}},
    "resources": {"resources": {"requests": {"cpu": "1"}}},
    "node": {"scheduling": {"nodeSelector": {"a": "b"}}},
    "auth": {"api": {"auth": {"mode": "APIKey", "secretName": "s"}}},
    "media": {"api": {"mediaDomains": ["a.example"]}},
    "drain": {"rollout": {"drainTimeoutSeconds": 5}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_spec_change_that_affects_pods_changes_their_template(change: Object) -> None:
    world = PlannedNamespace()
    world.serve()
    before = world.deployment()["spec"]["template"]
    world.body = {**model_body(**change), "status": world.body["status"]}
    world.reconcile()
    assert world.deployment()["spec"]["template"] != before
