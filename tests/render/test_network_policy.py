"""Which connections to a model's pods the NetworkPolicy allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead_operator.render.model import ApiClients
from fairlead_operator.settings import Settings
from tests.plan.builders import model
from tests.render.cases import SETTINGS, rendered_of_kind

Object = dict[str, Any]
ADMIN = {"port": 8001, "protocol": "TCP"}


def policy(**spec: Any) -> Object:
    (found,) = rendered_of_kind("NetworkPolicy", model(**spec))
    return found


def test_the_api_port_is_open_to_all() -> None:
    (rule,) = [rule for rule in policy()["spec"]["ingress"] if "from" not in rule]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]


def test_the_admin_port_is_open_only_to_operator_and_monitoring_namespaces() -> None:
    (rule,) = [rule for rule in policy()["spec"]["ingress"] if ADMIN in rule.get("ports", [])]
    operator, monitoring = rule["from"]
    assert operator["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "fairlead-system"}
    # The routers' component is another one.
    assert operator["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "fairlead",
        "app.kubernetes.io/component": "operator",
    }
    assert monitoring == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


def test_the_api_port_can_be_limited_to_the_routers_and_to_namespaces() -> None:
    clients = ApiClients("fairlead-system", {"app.kubernetes.io/component": "router"}, ("apps",))
    (found,) = rendered_of_kind("NetworkPolicy", model(), replace(SETTINGS, api_clients=clients))
    (rule,) = [rule for rule in found["spec"]["ingress"] if ADMIN not in rule["ports"]]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "fairlead-system"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": "router"}},
        },
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "apps"}}},
    ]


def test_a_limit_of_the_api_port_needs_routers_that_a_policy_can_select() -> None:
    settings = Settings(gateway_image="g", engine_image="e", router_selector="component in (router)")
    assert settings.render.api_clients is None
    with pytest.raises(ValueError, match=r"api_namespaces\n.*router_selector in the form KEY=VALUE"):
        Settings.model_validate({**settings.model_dump(), "api_namespaces": "apps"})


def test_egress_of_pods_is_not_restricted() -> None:
    assert policy()["spec"]["policyTypes"] == ["Ingress"]


def test_pods_of_a_multi_node_replica_reach_each_other_on_every_port() -> None:
    found = policy(accelerator={"resourceName": "nvidia.com/gpu"}, engine={"nodes": 2})
    (among,) = [rule for rule in found["spec"]["ingress"] if "ports" not in rule]
    assert among["from"] == [{"podSelector": found["spec"]["podSelector"]}]


def test_the_policy_selects_every_pod_of_the_model() -> None:
    assert policy()["spec"]["podSelector"]["matchLabels"].items() <= model().labels.items()


def test_without_admin_clients_in_the_settings_there_is_no_policy() -> None:
    assert rendered_of_kind("NetworkPolicy", model(), replace(SETTINGS, admin_clients=None)) == []
