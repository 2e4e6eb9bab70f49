"""The values for request logs and spans reach routers, and models' pods by way of the operator."""

from __future__ import annotations

import json

import pytest

from fairlead_gateway.router.settings import RouterSettings
from tests.chart.support import CHART, Helm, Object, Render, named, of_kind, rendered

COLLECTOR = "http://collector.monitoring:4318"


def router(objects: list[Object]) -> dict[str, str]:
    """The router's environment."""
    (container,) = named(objects, "Deployment", "fairlead-router")["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item.get("value", "") for item in container["env"]}


def test_the_request_log_of_routers_and_gateways_has_its_values(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render("requestLog.mode=All", "requestLog.slowSeconds=2")
    environment = router(objects)
    (config,) = of_kind(rendered(monkeypatch, objects).dependencies, "ConfigMap")

    assert environment["FAIRLEAD_ROUTER_REQUEST_LOG"] == "All"
    assert environment["FAIRLEAD_ROUTER_SLOW_REQUEST_SECONDS"] == "2"
    assert json.loads(config["data"]["gateway.json"])["requestLog"] == {"mode": "All", "slowSeconds": 2}


def test_the_defaults_of_the_chart_are_those_of_the_programs(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_defaults, without = render(), render("requestLog=null", "tracing=null")
    before = RouterSettings()
    for name in ("FAIRLEAD_ROUTER_REQUEST_LOG", "FAIRLEAD_ROUTER_SLOW_REQUEST_SECONDS"):
        monkeypatch.setenv(name, router(with_defaults)[name])
    assert RouterSettings() == before
    assert rendered(monkeypatch, with_defaults) == rendered(monkeypatch, without)


@pytest.mark.parametrize(("percent", "ratio"), [(0, 0), (50, 0.5), (100, 1)])
def test_with_a_collector_routers_gateways_and_engines_send_spans_there(
    percent: int, ratio: float, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = render(f"tracing.endpoint={COLLECTOR}", f"tracing.samplingPercent={percent}")
    pod = rendered(monkeypatch, objects).workload["spec"]["template"]["spec"]
    environments = [router(objects)] + [
        {item["name"]: item.get("value", "") for item in container["env"]}
        for container in (*pod["initContainers"], *pod["containers"])
        if container["name"] in ("gateway", "vllm")
    ]

    assert len(environments) == 3
    for environment in environments:
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == COLLECTOR
        assert float(environment["OTEL_TRACES_SAMPLER_ARG"]) == ratio


def test_without_a_collector_nothing_sends_spans(render: Render) -> None:
    assert not [name for name in router(render()) if name.startswith("OTEL_")]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("requestLog.mode=Sometimes", "/requestLog/mode"),
        ("requestLog.slowSeconds=0", "/requestLog/slowSeconds"),
        ("tracing.endpoint=collector:4317", "/tracing/endpoint"),
        ("tracing.samplingPercent=101", "/tracing/samplingPercent"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: str, field: str, helm: Helm) -> None:
    done = helm("template", "fairlead", str(CHART), "--set", value)
    assert done.returncode != 0
    assert field in done.stderr
