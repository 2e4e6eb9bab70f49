"""The chart's objects for Prometheus and Grafana."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.support import CHART, Helm, Object, Render, named, of_kind, rendered
from tests.support import prometheus_operator
from tests.support.control_plane import ControlPlane

ALL = tuple(
    f"monitoring.{part}.enabled=true" for part in ("serviceMonitor", "podMonitors", "rules", "dashboards")
)
MONITORS = ("ServiceMonitor", "PodMonitor")


def endpoint(monitor: Object) -> Object:
    (found,) = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
    assert isinstance(found, dict)
    return found


def alerts(objects: list[Object]) -> dict[str, Any]:
    (rule,) = of_kind(objects, "PrometheusRule")
    return {
        item["alert"]: item for group in rule["spec"]["groups"] for item in group["rules"] if "alert" in item
    }


def test_nothing_for_monitoring_is_installed_by_default(render: Render) -> None:
    kinds = {item["kind"] for item in render()}
    assert not kinds & {*MONITORS, "PrometheusRule", "ConfigMap"}


def test_the_service_monitor_selects_the_operators_service_and_its_port(render: Render) -> None:
    objects = render(*ALL)
    (monitor,) = of_kind(objects, "ServiceMonitor")
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    (service,) = (
        item for item in of_kind(objects, "Service") if selected <= item["metadata"]["labels"].items()
    )
    assert endpoint(monitor)["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": [service["metadata"]["namespace"]]}


def test_a_pod_monitor_selects_the_routers_and_their_port(render: Render) -> None:
    objects = render(*ALL)
    monitor = named(objects, "PodMonitor", "fairlead-router")
    template = named(objects, "Deployment", "fairlead-router")["spec"]["template"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert endpoint(monitor)["port"] in ports(template)


def test_a_pod_monitor_selects_the_pods_of_models_and_their_port(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render(*ALL)
    monitor = named(objects, "PodMonitor", "fairlead-models")
    template = rendered(monkeypatch, objects).workload["spec"]["template"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert endpoint(monitor)["port"] in ports(template)
    (relabelling,) = endpoint(monitor)["relabelings"]
    assert relabelling == {
        "sourceLabels": ["__meta_kubernetes_pod_label_fairlead_dev_model"],
        "targetLabel": "model",
    }
    assert "fairlead.dev/model" in template["metadata"]["labels"]


def ports(template: Object) -> list[str]:
    spec = template["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    return [port["name"] for container in containers for port in container.get("ports", ())]


@pytest.mark.parametrize(
    ("values", "namespaces"),
    [((), {"any": True}), (("watch.namespaces={team-a,team-b}",), {"matchNames": ["team-a", "team-b"]})],
)
def test_models_are_scraped_where_the_operator_watches(
    render: Render, values: tuple[str, ...], namespaces: Object
) -> None:
    monitor = named(render(*ALL, *values), "PodMonitor", "fairlead-models")
    assert monitor["spec"]["namespaceSelector"] == namespaces


def test_settings_of_the_scrape_apply_to_all_monitors(render: Render) -> None:
    objects = render(
        *ALL, "monitoring.interval=15s", "monitoring.scrapeTimeout=5s", "monitoring.labels.release=m"
    )
    monitors = [item for kind in MONITORS for item in of_kind(objects, kind)]
    assert len(monitors) == 3
    for monitor in monitors:
        settings = {"interval": "15s", "scrapeTimeout": "5s", "honorLabels": True, "path": "/metrics"}
        assert settings.items() <= endpoint(monitor).items()
    assert {
        item["metadata"]["labels"]["release"] for item in [*monitors, *of_kind(objects, "PrometheusRule")]
    } == {"m"}


def test_the_prometheus_rule_has_the_rules_of_the_file(render: Render) -> None:
    (rule,) = of_kind(render(*ALL), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "rules" / "fairlead.yaml").read_text())


def test_alerts_can_be_left_out_and_changed(render: Render) -> None:
    own = {
        "disabled": ["FairleadModelAtMaximum"],
        "overrides": {"FairleadModelDown": {"for": "5m", "labels": {"severity": "page"}}},
        "additionalLabels": {"team": "serving"},
        "runbookUrl": "https://wiki.example/fairlead",
    }
    rules = json.dumps({"enabled": True, **own})
    objects = render(f"monitoring.rules={rules}", option="--set-json")
    found, before = alerts(objects), alerts(render(*ALL))
    down = found["FairleadModelDown"]
    assert before.keys() - found.keys() == {"FairleadModelAtMaximum"}
    assert (down["for"], down["labels"]) == ("5m", {"severity": "page", "team": "serving"})
    assert down["expr"] == before["FairleadModelDown"]["expr"]
    assert down["annotations"]["runbook_url"] == "https://wiki.example/fairlead#fairleadmodeldown"
    assert all(alert["labels"]["team"] == "serving" for alert in found.values())


def test_without_a_router_nothing_waits_for_one(render: Render) -> None:
    objects = render(*ALL, "router.enabled=false")
    assert "FairleadRouterDown" not in alerts(objects)
    assert [item["metadata"]["name"] for item in of_kind(objects, "PodMonitor")] == ["fairlead-models"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("monitoring.rules.disabled={FairleadModelGone}",), "there is no alert FairleadModelGone"),
        (("monitoring.rules.overrides.Down.for=5m",), "there is no alert Down"),
        (("monitoring.rules.overrides.FairleadModelDown.fore=5m",), "fore"),
        (("monitoring.interval=soon",), "interval"),
        (("metrics.service.enabled=false",), "metrics.service.enabled"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, values: tuple[str, ...], words: str) -> None:
    parts = [part for value in (*ALL, *values) for part in ("--set", value)]
    done = helm("template", "fairlead", str(CHART), *parts)
    assert done.returncode != 0
    assert words in done.stderr


def test_each_dashboard_is_in_a_config_map_that_the_sidecar_finds(render: Render) -> None:
    maps = of_kind(render(*ALL), "ConfigMap")
    files = {file.name: json.loads(file.read_text()) for file in (CHART / "dashboards").glob("*.json")}
    assert len(maps) == len(files)
    assert all(item["metadata"]["labels"]["grafana_dashboard"] == "1" for item in maps)
    found = [json.loads(text) for item in maps for text in item["data"].values()]
    assert sorted(board["uid"] for board in found) == sorted(board["uid"] for board in files.values())
    assert all(board in files.values() for board in found)


def test_labels_folder_and_namespace_of_dashboards_can_be_set(render: Render) -> None:
    own = {"enabled": True, "labels": {"mine": "yes"}, "annotations": {"grafana_folder": "LLM"}}
    objects = render(
        f"monitoring.dashboards={json.dumps({**own, 'namespace': 'grafana'})}", option="--set-json"
    )
    for item in of_kind(objects, "ConfigMap"):
        metadata = item["metadata"]
        assert (metadata["namespace"], metadata["labels"]["mine"]) == ("grafana", "yes")
        assert metadata["annotations"] == {"grafana_folder": "LLM"}


@pytest.fixture
def monitored_plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The control plane with the CRDs of the Prometheus Operator."""
    prometheus_operator.install(control_plane)
    yield control_plane
    prometheus_operator.remove(control_plane)


@pytest.mark.apiserver
def test_the_api_server_accepts_all_objects_with_the_prometheus_operators_schemas(
    render: Render, monitored_plane: ControlPlane, namespace: str
) -> None:
    kinds = {*MONITORS, "PrometheusRule", "ConfigMap"}
    objects = [item for item in render(*ALL, "monitoring.interval=30s") if item["kind"] in kinds]
    for item in objects:
        item["metadata"]["namespace"] = namespace
    # Unknown fields are errors too.
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    accepted = monitored_plane.kubectl("apply", "--validate=strict", "-f", "-", input=listed)
    assert len(accepted.splitlines()) == len(objects) == 8
