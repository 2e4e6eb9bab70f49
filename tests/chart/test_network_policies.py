"""Which pods may connect to operator, routers and models with the NetworkPolicies of the chart."""

from __future__ import annotations

import pytest

from tests.chart.support import Object, Render, named, of_kind, rendered

OPERATOR, ROUTER = "fairlead-operator", "fairlead-router"


def labels(objects: list[Object], deployment: str) -> dict[str, str]:
    """The labels of a Deployment's pods."""
    found: dict[str, str] = named(objects, "Deployment", deployment)["spec"]["template"]["metadata"]["labels"]
    return found


def policy(objects: list[Object], name: str) -> Object:
    found: Object = named(objects, "NetworkPolicy", name)["spec"]
    return found


def namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def test_the_operators_policy_selects_its_pods_alone(render: Render) -> None:
    objects = render()
    selected = policy(objects, OPERATOR)["podSelector"]["matchLabels"].items()
    assert selected <= labels(objects, OPERATOR).items()
    assert not selected <= labels(objects, ROUTER).items()


def test_the_operators_port_is_closed_without_monitoring(render: Render) -> None:
    found = policy(render(), OPERATOR)
    assert found["policyTypes"] == ["Ingress"]
    assert not found.get("ingress")


def test_the_operators_port_is_open_to_the_monitoring(render: Render) -> None:
    objects = render("networkPolicy.monitoringNamespaces={grafana,prometheus}")
    (rule,) = policy(objects, OPERATOR)["ingress"]
    assert rule["from"] == [namespace("grafana"), namespace("prometheus")]
    (container,) = named(objects, "Deployment", OPERATOR)["spec"]["template"]["spec"]["containers"]
    assert [port["port"] for port in rule["ports"]] == [port["containerPort"] for port in container["ports"]]


def test_without_network_policies_there_is_none(render: Render) -> None:
    assert of_kind(render("networkPolicy.enabled=false"), "NetworkPolicy") == []


def test_models_can_be_limited_to_the_router_and_to_some_namespaces(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render("networkPolicy.apiNamespaces={apps}")
    # The operator knows its namespace by its own pod.
    children = rendered(monkeypatch, objects).children
    (found,) = of_kind(children, "NetworkPolicy")
    (rule,) = [rule for rule in found["spec"]["ingress"] if rule["ports"][0]["port"] == 8000]
    routers, apps = rule["from"]
    assert routers["podSelector"]["matchLabels"].items() <= labels(objects, ROUTER).items()
    assert not routers["podSelector"]["matchLabels"].items() <= labels(objects, OPERATOR).items()
    assert apps == namespace("apps")


def test_the_router_stays_open_when_models_are_limited(render: Render) -> None:
    api, _ = policy(render("networkPolicy.apiNamespaces={apps}"), ROUTER)["ingress"]
    assert "from" not in api
