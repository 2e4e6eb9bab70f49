"""What reaches the router from outside by the chart: clients with TLS, pages of other origins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairlead_gateway.cors import CorsPolicy
from fairlead_gateway.router.settings import RouterSettings
from tests.chart.support import CHART, Helm, Object, Render, named, of_kind

PAGE = "https://page.example"


def environment(render: Render, **cors: Any) -> dict[str, str]:
    """The router's environment with these values of router.cors."""
    objects = render(f"router.cors={json.dumps(cors)}", option="--set-json")
    (router,) = named(objects, "Deployment", "fairlead-router")["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in router["env"]}


def policy(render: Render, monkeypatch: pytest.MonkeyPatch, **cors: Any) -> CorsPolicy | None:
    """What the router of the rendered chart does about CORS."""
    for name, value in environment(render, **cors).items():
        monkeypatch.setenv(name, value)
    return RouterSettings().cors


def test_cors_is_off_by_default(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    assert policy(render, monkeypatch) is None
    assert not [name for name in environment(render) if "CORS" in name]


def test_the_values_of_cors_reach_the_router(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    assert policy(
        render,
        monkeypatch,
        allowedOrigins=[PAGE],
        allowedMethods=["POST"],
        allowedHeaders=["X-Mine"],
        exposedHeaders=["x-yours"],
        allowCredentials=True,
        maxAgeSeconds=0,
    ) == CorsPolicy(frozenset({PAGE.encode()}), ("POST",), ("x-mine",), ("x-yours",), True, 0)


def test_the_charts_defaults_of_cors_are_the_routers(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        policy(render, monkeypatch, allowedOrigins=[PAGE])
        == RouterSettings(
            cors_allowed_origins=PAGE,
            **{
                name: field.default
                for name, field in RouterSettings.model_fields.items()
                if name.startswith("cors_") and name != "cors_allowed_origins"
            },
        ).cors
    )


@pytest.mark.parametrize(
    ("cors", "named_value"),
    [
        ({"allowedOrigins": ["https://page.example/"]}, "allowedOrigins"),
        ({"allowedOrigins": ["page.example"]}, "allowedOrigins"),
        ({"allowedOrigins": ["*"], "allowCredentials": True}, "router.cors.allowCredentials"),
        ({"allowedOrigin": [PAGE]}, "allowedOrigin"),
    ],
)
def test_a_wrong_value_of_cors_is_refused_by_name(helm: Helm, cors: Any, named_value: str) -> None:
    done = helm("template", "fairlead", str(CHART), "--set-json", f"router.cors={json.dumps(cors)}")
    assert done.returncode != 0
    assert named_value in done.stderr


ROUTER = "fairlead-router"


def services(objects: list[Object]) -> dict[str, Object]:
    """The Services for clients of the router, by name."""
    found = {item["metadata"]["name"]: item["spec"] for item in of_kind(objects, "Service")}
    return {name: spec for name, spec in found.items() if name in (ROUTER, f"{ROUTER}-tls")}


def ports(service: Object) -> list[tuple[int, str]]:
    return [(port["port"], port["targetPort"]) for port in service["ports"]]


def test_a_tls_secret_is_mounted_where_the_router_reads_it(render: Render) -> None:
    objects = render("router.tls.secretName=models-tls")
    spec = named(objects, "Deployment", ROUTER)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (mount,), (volume,) = container["volumeMounts"], spec["volumes"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    listening = {port["name"]: port["containerPort"] for port in container["ports"]}
    (api, _) = named(objects, "NetworkPolicy", ROUTER)["spec"]["ingress"]

    assert (volume["name"], volume["secret"]) == (mount["name"], {"secretName": "models-tls"})
    assert variables["FAIRLEAD_ROUTER_TLS_DIR"] == mount["mountPath"]
    assert listening["https"] == RouterSettings.model_fields["tls_port"].default
    assert listening["https"] in [port["port"] for port in api["ports"]]


def test_without_a_tls_secret_the_router_has_only_plain_http(render: Render) -> None:
    objects = render()
    assert {name: ports(service) for name, service in services(objects).items()} == {ROUTER: [(80, "http")]}


def test_inside_the_cluster_one_service_has_both_ports(render: Render) -> None:
    found = services(render("router.tls.secretName=models-tls"))
    assert {name: ports(service) for name, service in found.items()} == {
        ROUTER: [(80, "http"), (443, "https")]
    }


def test_clients_outside_reach_only_tls_if_the_router_has_it(render: Render) -> None:
    given = {
        "tls": {"secretName": "models-tls"},
        "service": {
            "type": "LoadBalancer",
            "loadBalancerSourceRanges": ["192.0.2.0/24"],
            "nodePort": 30443,
            "annotations": {"a": "b"},
        },
    }
    objects = render(f"router={json.dumps(given)}", option="--set-json")
    found = services(objects)
    outside = found[f"{ROUTER}-tls"]

    assert (found[ROUTER]["type"], ports(found[ROUTER])) == ("ClusterIP", [(80, "http")])
    assert (outside["type"], ports(outside)) == ("LoadBalancer", [(443, "https")])
    assert outside["loadBalancerSourceRanges"] == ["192.0.2.0/24"]
    assert outside["ports"][0]["nodePort"] == 30443
    assert "nodePort" not in found[ROUTER]["ports"][0]
    assert "annotations" not in named(objects, "Service", ROUTER)["metadata"]
