"""Which pods can connect to a model, a router and the operator while NetworkPolicies are enforced.

Whether a connection is possible is tried from pods in other namespaces. What the project needs goes on:
probes make the pods Ready, the router reaches models, and the operator reads gateways and routers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from e2e.cases.policies import Prober, enforced, prober
from e2e.cases.sdk import Client
from e2e.cases.support import NAMESPACE, model, owned, staying_pods, wait_ready
from e2e.world import RELEASE_NAMESPACE, Object, World, wait_until

pytestmark = pytest.mark.cluster

NAME = "guarded"
# Namespaces of one pod each; the chart's values name the second one.
STRANGER, TRUSTED = "e2e-stranger", "e2e-trusted"
APIS = {"model:8000", "router:8000"}
ROUTER = f"fairlead-router.{RELEASE_NAMESPACE}"
# IPv4 and IPv6 sockets that listen on other addresses than loopback, as hexadecimal ports.
_LISTENING = """
import pathlib
for name in ("tcp", "tcp6"):
    file = pathlib.Path("/proc/net", name)
    for line in file.read_text().splitlines()[1:] if file.exists() else ():
        _, local, _, state, *_ = line.split()
        address, _, port = local.partition(":")
        loopback = address.endswith("7F") or address == "0" * 24 + "01000000"
        if state == "0A" and not loopback:
            print(int(port, 16))
"""


@dataclass(frozen=True)
class Guarded:
    """Every address that something listens on in the pods, as COMPONENT:PORT, and who tries to connect."""

    addresses: Mapping[str, str]
    stranger: Prober
    trusted: Prober


@pytest.fixture(scope="module")
def guarded(world: World) -> Iterator[Guarded]:
    """Model, router and operator under enforced policies; TRUSTED is the namespace of the monitoring."""
    with prober(world, STRANGER) as stranger, prober(world, TRUSTED) as trusted, enforced(world):
        try:
            world.install_chart(f"networkPolicy.monitoringNamespaces={{{TRUSTED}}}")
            world.apply(model(NAME), namespace=NAMESPACE)
            wait_ready(world, NAME)
            yield Guarded(_listeners(world), stranger, trusted)
        finally:
            world.kubectl("delete", "-n", NAMESPACE, "modeldeployment", NAME, "--ignore-not-found")
            wait_until("no pod of the model", lambda: not owned(world, "pods", NAME), timeout=180)
            world.install_chart()


def _listeners(world: World) -> dict[str, str]:
    pods = {
        "model": (staying_pods(world, NAME)[0], "gateway"),
        "router": (_pod_of(world, "router"), "router"),
        "operator": (_pod_of(world, "operator"), "operator"),
    }
    return {
        f"{component}:{port}": f"{pod['status']['podIP']}:{port}"
        for component, (pod, container) in pods.items()
        for port in _listening(world, pod, container)
    }


def _pod_of(world: World, component: str) -> Object:
    """A pod of the release that is not on its way out."""
    label = f"app.kubernetes.io/component={component}"
    listed: list[Object] = world.get("pods", "-n", RELEASE_NAMESPACE, "-l", label)["items"]
    return next(pod for pod in listed if not pod["metadata"].get("deletionTimestamp"))


def _listening(world: World, pod: Object, container: str) -> list[str]:
    where = {"namespace": pod["metadata"]["namespace"], "container": container}
    printed = world.exec(pod["metadata"]["name"], "python3", "-c", _LISTENING, **where)
    return sorted(set(printed.split()))


def test_all_ports_of_the_project_are_tried(guarded: Guarded) -> None:
    assert guarded.addresses.keys() >= APIS | {"model:8001", "router:8001", "operator:8080"}


def test_from_another_namespace_only_the_apis_can_be_reached(guarded: Guarded) -> None:
    guarded.stranger.wait_open(guarded.addresses, APIS)


def test_from_the_monitoring_the_metrics_can_be_reached_as_well(guarded: Guarded) -> None:
    metrics = {"model:8001", "router:8001", "operator:8080"}
    guarded.trusted.wait_open(guarded.addresses, APIS | metrics)
    for name in metrics:
        assert "# TYPE fairlead_" in guarded.trusted.get(f"{guarded.addresses[name]}/metrics")


def test_a_request_is_answered_through_the_router(guarded: Guarded, client: Client) -> None:
    assert _answered(client, ROUTER)


def test_the_operator_reads_gateways_and_routers(guarded: Guarded) -> None:
    """Without them it would not know of the model's requests, nor drain its pods."""
    answered = {
        'fairlead_operator_gateway_requests_total{result="ok"}',
        'fairlead_autoscaler_demand_requests_total{result="ok",source="router"}',
    }

    def counted() -> bool:
        metrics = guarded.trusted.get(f"{guarded.addresses['operator:8080']}/metrics")
        return all(counter in metrics for counter in answered)

    wait_until("answers of a gateway and a router", counted, timeout=120)


def test_the_api_can_be_limited_to_the_router_and_chosen_namespaces(
    guarded: Guarded, world: World, client: Client
) -> None:
    world.install_chart(f"networkPolicy.apiNamespaces={{{TRUSTED}}}")
    direct = {name: guarded.addresses[name] for name in ("model:8000", "model:8001")}
    guarded.stranger.wait_open(direct, set())
    guarded.trusted.wait_open(direct, {"model:8000"})
    # From a third namespace, which has no access of its own.
    assert _answered(client, ROUTER)


def _answered(client: Client, address: str) -> bool:
    script = """
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "hello"}], max_tokens=4,
            extra_body={"ignore_eos": True})
        print(json.dumps(answer.usage.completion_tokens))
        """
    return bool(client.spawn(NAME, script, address=address).result() == 4)
