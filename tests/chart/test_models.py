"""What the chart's values say about the objects of all models, and what of it reaches the rendered ones."""

from __future__ import annotations

import json
from typing import cast

import pytest
from pydantic import ValidationError

from fairlead_operator.__main__ import main
from fairlead_operator.api.metadata import (
    RESERVED_ANNOTATIONS,
    RESERVED_LABELS,
    RESERVED_PREFIXES,
)
from fairlead_operator.cli.cluster import find_settings
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.render.children import render_children
from fairlead_operator.settings import Settings
from tests.chart.support import CHART, Helm, Object, Render, named, of_kind, rendered
from tests.plan.builders import model

USER = "models.podSecurityContext"
INHERITED = "models.inheritedMetadata"
RESERVED = [
    *(("labels", key) for key in RESERVED_LABELS),
    *(("annotations", key) for key in RESERVED_ANNOTATIONS),
    *((kind, f"{prefix}x") for kind in ("labels", "annotations") for prefix in RESERVED_PREFIXES),
]


def security(workload: Object) -> Object:
    context: Object = workload["spec"]["template"]["spec"]["securityContext"]
    return {name: context[name] for name in ("runAsUser", "runAsGroup", "fsGroup") if name in context}


def test_pods_of_models_have_a_fixed_user_by_default(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    assert security(rendered(monkeypatch, render()).workload) == fixed


def test_with_null_user_values_the_platform_assigns_the_user_of_pods(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    nulls = [f"{USER}.{name}=null" for name in ("runAsUser", "runAsGroup", "fsGroup")]
    assert security(rendered(monkeypatch, render(*nulls)).workload) == {}


def test_the_user_of_pods_can_be_set_by_values(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = render(f"{USER}.runAsUser=1000660000", f"{USER}.runAsGroup=0", f"{USER}.fsGroup=null")
    assert security(rendered(monkeypatch, objects).workload) == {"runAsUser": 1000660000, "runAsGroup": 0}


@pytest.mark.parametrize("values", ["models=null", "models.inheritedMetadata=null", "models.service=null"])
def test_missing_values_of_an_older_release_change_nothing(
    values: str, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `helm upgrade --reuse-values`, which does not read new defaults."""
    assert rendered(monkeypatch, render(values)) == rendered(monkeypatch, render())


def test_root_as_the_user_of_pods_is_refused_by_the_values_schema(helm: Helm) -> None:
    done = helm("template", "fairlead", str(CHART), "--set", f"{USER}.runAsUser=0")
    assert done.returncode != 0
    assert "runAsUser" in done.stderr


def test_the_charts_own_pods_set_no_user(render: Render) -> None:
    for deployment in of_kind(render(), "Deployment"):
        assert not security(deployment)


def test_labels_and_annotations_in_values_reach_every_object_of_a_model(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, annotations = {"cost-centre": "42"}, {"policy.example.com/exception": '{"gpu": true}'}
    inherited = json.dumps({"labels": labels, "annotations": annotations})
    found = rendered(monkeypatch, render(f"{INHERITED}={inherited}", option="--set-json"))
    pods = found.workload["spec"]["template"]
    for item in (*found.children, pods):
        assert labels.items() <= item["metadata"]["labels"].items()
        assert annotations.items() <= item["metadata"]["annotations"].items()


@pytest.mark.parametrize(("kind", "key"), RESERVED)
def test_reserved_label_keys_are_refused_by_chart_and_operator(helm: Helm, kind: str, key: str) -> None:
    given = json.dumps({kind: {key: "x"}})
    done = helm("template", "fairlead", str(CHART), "--set-json", f"{INHERITED}={given}")
    assert done.returncode != 0
    assert key in done.stderr
    with pytest.raises(ValidationError, match=f"must not have {key}"):
        Settings.model_validate({"gateway_image": "g", "engine_image": "e", f"inherited_{kind}": {key: "x"}})


class ReleaseApi:
    """An API server with the chart's Deployment of the operator."""

    def __init__(self, deployment: Object) -> None:
        self._deployment = deployment

    async def list(self, *_: object) -> list[Object]:
        return [self._deployment]


async def test_fairlead_render_uses_the_values_of_the_installed_operator(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render(f"{USER}.fsGroup=null", f"{INHERITED}.labels.team=platform")
    found = await find_settings(
        cast("KubeClient", ReleaseApi(named(objects, "Deployment", "fairlead-operator")))
    )

    assert found is not None
    here, there = render_children(model(), found.render), rendered(monkeypatch, objects)
    assert [child["metadata"]["labels"] for child in here.children] == [
        child["metadata"]["labels"] for child in there.children
    ]
    assert here.workload["metadata"]["labels"]["team"] == "platform"
    assert security(here.workload) == security(there.workload) == {"runAsUser": 65532, "runAsGroup": 65532}


@pytest.mark.parametrize("name", ["INHERITED_LABELS", "INHERITED_ANNOTATIONS", "POD_SECURITY_CONTEXT"])
def test_an_environment_variable_with_invalid_json_is_reported_by_name(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("GATEWAY_IMAGE", "ENGINE_IMAGE"):
        monkeypatch.setenv(f"FAIRLEAD_{variable}", "x")
    monkeypatch.setenv(f"FAIRLEAD_{name}", "team: platform")

    assert main(["operator"]) == 2
    assert f"FAIRLEAD_{name}: " in capsys.readouterr().err


@pytest.mark.parametrize("value", ["SingleStack", "PreferDualStack", "RequireDualStack"])
def test_services_of_models_and_router_have_the_requested_ip_families(
    render: Render, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    objects = render(
        f"models.service.ipFamilyPolicy={value}",
        f"router.service.ipFamilyPolicy={value}",
        "router.service.ipFamilies={IPv6,IPv4}",
    )
    (service,) = of_kind(rendered(monkeypatch, objects).children, "Service")
    router = named(objects, "Service", "fairlead-router")["spec"]

    assert service["spec"]["ipFamilyPolicy"] == value
    assert (router["ipFamilyPolicy"], router["ipFamilies"]) == (value, ["IPv6", "IPv4"])


def test_services_have_the_clusters_ip_families_by_default(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render()
    services = [*of_kind(rendered(monkeypatch, objects).children, "Service"), *of_kind(objects, "Service")]
    for service in services:
        assert not service["spec"].keys() & {"ipFamilyPolicy", "ipFamilies"}
