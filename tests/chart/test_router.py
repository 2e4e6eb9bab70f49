"""The router in the chart: its rights, its settings, and its availability."""

from __future__ import annotations

import pytest

from fairlead_contract.names import API_PORT
from fairlead_gateway.router.settings import RouterSettings
from tests.chart.support import Helm, Object, Render, named, of_kind
from tests.router.process import RULES

NAME = "fairlead-router"


def pod(objects: list[Object]) -> Object:
    template: Object = named(objects, "Deployment", NAME)["spec"]["template"]
    return template


def environment(objects: list[Object], deployment: str = NAME) -> dict[str, str]:
    (container,) = named(objects, "Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def selects(selector: Object, labels: Object) -> bool:
    return bool(selector) and selector.items() <= labels.items()


@pytest.mark.parametrize(("values", "kind"), [((), "ClusterRole"), (("watch.namespaces={a}",), "Role")])
def test_the_router_may_read_only_models_and_their_endpoints(
    render: Render, values: tuple[str, ...], kind: str
) -> None:
    rules = named(render(*values), kind, NAME)["rules"]
    assert rules == RULES


def test_a_router_for_all_namespaces_may_also_list_namespaces(
    render: Render,
) -> None:
    role = named(render(), "ClusterRole", f"{NAME}-namespaces")
    binding = named(render(), "ClusterRoleBinding", f"{NAME}-namespaces")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "fairlead-system"}]


def test_the_router_environment_has_its_service_and_the_gateways_port(render: Render) -> None:
    objects = render()
    service = named(objects, "Service", NAME)["metadata"]
    settings = environment(objects)
    assert settings["FAIRLEAD_ROUTER_SERVICE"] == f"{service['name']}.{service['namespace']}"
    assert settings["FAIRLEAD_ROUTER_POD_PORT"] == str(API_PORT)


def test_the_router_watches_only_the_configured_namespaces(render: Render) -> None:
    objects = render("watch.namespaces={a,b}")
    given = {r["metadata"]["namespace"] for r in of_kind(objects, "Role") if r["metadata"]["name"] == NAME}
    assert given == {"a", "b"}
    assert environment(objects)["FAIRLEAD_ROUTER_WATCH_NAMESPACES"] == "a,b"
    assert not [role for role in of_kind(objects, "ClusterRole") if NAME in role["metadata"]["name"]]


def test_the_router_environment_has_only_known_settings(render: Render) -> None:
    known = {f"FAIRLEAD_ROUTER_{name.upper()}" for name in RouterSettings.model_fields}
    assert environment(render()).keys() <= known


def test_the_routers_service_and_budget_select_only_routers(render: Render) -> None:
    objects = render()
    labels = pod(objects)["metadata"]["labels"]
    operators = named(objects, "Deployment", "fairlead-operator")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        named(objects, "Service", NAME)["spec"]["selector"],
        named(objects, "PodDisruptionBudget", NAME)["spec"]["selector"]["matchLabels"],
        named(objects, "NetworkPolicy", NAME)["spec"]["podSelector"]["matchLabels"],
        named(objects, "Deployment", NAME)["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selects(selector, labels)
        assert not selects(selector, operators)


def test_the_operator_environment_has_the_routers_address(render: Render) -> None:
    variables = environment(render("clusterDomain=example.org"), "fairlead-operator")
    assert variables["FAIRLEAD_ROUTER_SERVICE"] == f"{NAME}.fairlead-system.svc.example.org:80"


def test_the_routers_admin_port_is_open_only_to_operator_and_monitoring(render: Render) -> None:
    objects = render("networkPolicy.monitoringNamespaces={grafana}")
    api, admin = named(objects, "NetworkPolicy", NAME)["spec"]["ingress"]
    operators = named(objects, "Deployment", "fairlead-operator")["spec"]["template"]["metadata"]["labels"]
    assert ("from" in api, api["ports"][0]["port"], admin["ports"][0]["port"]) == (False, 8000, 8001)
    assert selects(admin["from"][0]["podSelector"]["matchLabels"], operators)
    assert admin["from"][1]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "grafana"}
    assert not of_kind(render("networkPolicy.enabled=false"), "NetworkPolicy")


def test_the_routers_grace_period_is_longer_than_its_drain(render: Render) -> None:
    objects = render("router.drainSeconds=100")
    assert environment(objects)["FAIRLEAD_ROUTER_DRAIN_SECONDS"] == "100"
    grace = pod(objects)["spec"]["terminationGracePeriodSeconds"]
    assert grace > 100 + RouterSettings.model_fields["linger_seconds"].default


def test_the_router_meets_the_restricted_pod_security_standard(render: Render) -> None:
    spec = pod(render())["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_single_router_replica_has_no_disruption_budget(render: Render) -> None:
    assert not of_kind(render("router.replicas=1"), "PodDisruptionBudget")


def test_with_the_router_disabled_no_object_refers_to_it(render: Render) -> None:
    objects = render("router.enabled=false")
    assert not [item for item in objects if NAME in item["metadata"]["name"]]
    assert "FAIRLEAD_ROUTER_SERVICE" not in environment(objects, "fairlead-operator")


def test_a_misspelt_router_value_is_refused(helm: Helm) -> None:
    done = helm("template", "fairlead", "charts/fairlead", "--set", "router.replica=3")
    assert done.returncode != 0
