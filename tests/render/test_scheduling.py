"""The fields for the scheduler, a device driver and a queue."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model
from tests.plan.builders import SETTINGS, model

CLAIMED = {"deviceClassName": "gpu.example.com", "count": 2, "selectors": ["device.driver == 'x'"]}


def children(parsed: Model, kind: str) -> list[dict[str, Any]]:
    return [child for child in render_children(parsed, SETTINGS).children if child["kind"] == kind]


def pod(parsed: Model) -> dict[str, Any]:
    (deployment,) = children(parsed, "Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]
    return found


def engine(parsed: Model) -> dict[str, Any]:
    found: dict[str, Any] = pod(parsed)["spec"]["containers"][0]
    return found


@pytest.mark.parametrize("name", ["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-3g.40gb"])
def test_an_extended_resource_of_any_name_is_requested(name: str) -> None:
    parsed = model(accelerator={"resourceName": name, "count": 2}, resources={"limits": {"memory": "1024Mi"}})
    assert engine(parsed)["resources"]["limits"] == {"memory": "1Gi", name: "2"}
    assert "resourceClaims" not in pod(parsed)["spec"]
    assert not children(parsed, "ResourceClaimTemplate")


def test_devices_are_claimed_through_a_resource_claim_template() -> None:
    parsed = model(accelerator=CLAIMED)
    (template,) = children(parsed, "ResourceClaimTemplate")
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {
        "deviceClassName": "gpu.example.com",
        "allocationMode": "ExactCount",
        "count": 2,
        "selectors": [{"cel": {"expression": "device.driver == 'x'"}}],
    }
    (claim,) = pod(parsed)["spec"]["resourceClaims"]
    assert claim["resourceClaimTemplateName"] == template["metadata"]["name"]
    assert engine(parsed)["resources"] == {"claims": [{"name": claim["name"]}]}


def test_only_the_engine_gets_the_devices() -> None:
    (gateway,) = pod(model(accelerator=CLAIMED))["spec"]["initContainers"]
    assert "claims" not in gateway["resources"]


def test_changed_devices_make_a_new_claim_template() -> None:
    def name(**accelerator: Any) -> str:
        (template,) = children(model(accelerator={**CLAIMED, **accelerator}), "ResourceClaimTemplate")
        return str(template["metadata"]["name"])

    names = [name(), name(count=3), name(selectors=[]), name(deviceClassName="other.example.com")]
    assert len(set(names)) == len(names)
    assert name() == name()


def test_a_claim_template_is_applied_before_the_pods_that_need_it() -> None:
    kinds = [child["kind"] for child in render_children(model(accelerator=CLAIMED), SETTINGS).children]
    assert kinds.index("ResourceClaimTemplate") < kinds.index("Deployment")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nodeSelector", {"gpu": "a100"}),
        ("tolerations", [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]),
        ("affinity", {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}),
        ("priorityClassName", "serving"),
        ("runtimeClassName", "nvidia"),
        ("schedulerName", "mine"),
    ],
)
def test_a_scheduling_field_is_copied_to_the_pod_and_absent_by_default(field: str, value: Any) -> None:
    assert pod(model(scheduling={field: value}))["spec"][field] == value
    assert field not in pod(model())["spec"]


def test_topology_spread_counts_pods_of_one_revision() -> None:
    wanted = {"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"}
    parsed = model(scheduling={"topologySpreadConstraints": [wanted]})
    (constraint,) = pod(parsed)["spec"]["topologySpreadConstraints"]
    assert constraint == {
        **wanted,
        "labelSelector": {"matchLabels": parsed.selector},
        "matchLabelKeys": ["pod-template-hash"],
    }


def test_the_kueue_queue_label_is_only_where_kueue_reads_it() -> None:
    label = {"kueue.x-k8s.io/queue-name": "team-a"}
    parsed = model(scheduling={"queueName": "team-a"})
    (deployment,) = children(parsed, "Deployment")
    assert deployment["metadata"]["labels"].items() >= label.items()
    assert pod(parsed)["metadata"]["labels"].items() >= label.items()
    # The selector of a Deployment can never change, its queue can.
    assert deployment["spec"]["selector"]["matchLabels"] == parsed.selector
    assert not label.keys() & pod(model())["metadata"]["labels"].keys()


def test_shared_memory_is_in_memory() -> None:
    volumes = {volume["name"]: volume for volume in pod(model())["spec"]["volumes"]}
    (mount,) = [item for item in engine(model())["volumeMounts"] if item["mountPath"] == "/dev/shm"]
    assert volumes[mount["name"]]["emptyDir"] == {"medium": "Memory"}


def test_a_chat_template_file_is_mounted_read_only_and_required() -> None:
    reference = {"name": "templates", "key": "a.jinja"}
    parsed = model(engine={"chatTemplate": {"configMapKeyRef": reference}})
    volumes = {volume["name"]: volume for volume in pod(parsed)["spec"]["volumes"]}
    (mount,) = [
        item for item in engine(parsed)["volumeMounts"] if item["mountPath"] == "/etc/fairlead/chat-template"
    ]
    assert mount["readOnly"] is True
    assert volumes[mount["name"]]["configMap"] == {
        "name": "templates",
        "items": [{"key": "a.jinja", "path": "a.jinja"}],
        "optional": False,
    }
