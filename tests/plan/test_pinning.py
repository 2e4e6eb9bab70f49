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
from tests.plan.builders import SETTINGS, Object, World, model, model_body

NEWER = replace(SETTINGS, gateway_image="gateway:2", engine_image="vllm:2")


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> World:
    """A serving model whose operator was replaced by one with other images and other rules."""
    world = World()
    world.serve()
    world.settings = NEWER

    def newer(*args: Any) -> Object:
        template = pod_template(*args)
        template["spec"]["newer"] = True
        return template

    monkeypatch.setattr(rendering, "pod_template", newer)
    monkeypatch.setattr(planner, "RENDERING_VERSION", 99)
    return world


def images(world: World) -> set[str]:
    spec = world.deployment()["spec"]["template"]["spec"]
    return {container["image"] for container in (*spec["initContainers"], *spec["containers"])}


def test_new_images_and_new_rules_change_nothing_that_runs(upgraded: World) -> None:
    planned = upgraded.reconcile()
    assert planned.apply == ()
    assert upgraded.condition("Ready")["status"] == "True"


def test_scaling_keeps_the_pods_that_run(upgraded: World) -> None:
    upgraded.body["spec"]["replicas"] = 3
    upgraded.reconcile()
    assert upgraded.deployment()["spec"]["replicas"] == 3
    assert images(upgraded) == {"gateway:1", "vllm:1"}


def test_what_only_the_gateway_reads_again_keeps_the_pods_that_run(upgraded: World) -> None:
    upgraded.body["spec"]["api"] = {"defaults": {"temperature": 0.5}, "maxQueuedRequests": 5}
    planned = upgraded.reconcile()
    assert [child["kind"] for child in planned.apply] == ["ConfigMap"]


def test_a_change_of_the_pods_takes_the_new_images_and_rules(upgraded: World) -> None:
    upgraded.body["spec"]["engine"] = {"maxModelLen": 1024}
    upgraded.reconcile()
    assert images(upgraded) == {"gateway:2", "vllm:2"}
    assert upgraded.deployment()["spec"]["template"]["spec"]["newer"] is True


def test_somebody_who_asks_for_a_restart_gets_the_new_images_and_rules(upgraded: World) -> None:
    upgraded.body["metadata"]["annotations"] = {RESTARTED_AT: "2026-01-01T00:00:00Z"}
    upgraded.reconcile()
    assert images(upgraded) == {"gateway:2", "vllm:2"}


@pytest.mark.parametrize("nodes", [1, 2])
def test_somebody_who_asks_for_a_restart_gets_new_pods_though_nothing_else_changed(nodes: int) -> None:
    def asked(at: str) -> tuple[Object, ...]:
        parsed = model(engine={"nodes": nodes}, accelerator={"resourceName": "nvidia.com/gpu", "count": 1})
        return rendering.render_templates(replace(parsed, restarted_at=at), SETTINGS)

    never, first, again = (rendering.revision_of(asked(at)[0]) for at in ("", "10:00", "11:00"))
    assert len({never, first, again}) == 3
    assert all(template["metadata"]["annotations"][RESTARTED_AT] == "10:00" for template in asked("10:00"))


def test_the_status_tells_by_which_rules_the_pods_were_made(upgraded: World) -> None:
    upgraded.reconcile()
    before = upgraded.body["status"]["renderingVersion"]
    upgraded.body["spec"]["engine"] = {"maxModelLen": 1024}
    upgraded.reconcile()
    assert (before, upgraded.body["status"]["renderingVersion"]) == (RENDERING_VERSION, 99)


def test_drift_is_repaired_to_what_was_applied_not_to_the_new_rules(upgraded: World) -> None:
    upgraded.deployment()["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    planned = upgraded.reconcile()
    assert "image" in planned.explain
    assert images(upgraded) == {"gateway:1", "vllm:1"}


def test_a_kept_template_that_somebody_changed_does_not_count(upgraded: World) -> None:
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
def test_a_damaged_annotation_is_made_anew(upgraded: World, damage: str) -> None:
    upgraded.deployment()["metadata"]["annotations"][POD_TEMPLATE] = damage
    upgraded.reconcile()
    assert json.loads(upgraded.deployment()["metadata"]["annotations"][POD_TEMPLATE])["spec"]


@pytest.mark.parametrize("version", ["9" * 5000, "²", "-1", "", "1e3"])
def test_a_damaged_version_of_the_rules_is_none(upgraded: World, version: str) -> None:
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
def test_every_change_of_the_pods_arrives(change: Object) -> None:
    world = World()
    world.serve()
    before = world.deployment()["spec"]["template"]
    world.body = {**model_body(**change), "status": world.body["status"]}
    world.reconcile()
    assert world.deployment()["spec"]["template"] != before
