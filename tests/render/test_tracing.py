"""With a collector in the operator's settings, gateway and engine of every pod send their spans there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import RenderSettings, Tracing
from tests.plan.builders import SETTINGS, model

TRACED = replace(SETTINGS, tracing=Tracing("http://collector.monitoring:4318", 25))


def container(name: str, settings: RenderSettings, **spec: Any) -> dict[str, Any]:
    pod = render_children(model(**spec), settings).workload["spec"]["template"]["spec"]
    (found,) = (item for item in (*pod["initContainers"], *pod["containers"]) if item["name"] == name)
    return dict(found)


def variables(name: str, settings: RenderSettings, **spec: Any) -> dict[str, str]:
    env = container(name, settings, **spec)["env"]
    return {item["name"]: item["value"] for item in env if item["name"].startswith("OTEL_")}


@pytest.mark.parametrize(("name", "service"), [("gateway", "fairlead-gateway"), ("vllm", "vllm")])
def test_a_container_has_the_collector_the_sampler_and_its_origin(name: str, service: str) -> None:
    assert variables(name, TRACED) == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring:4318",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.namespace.name=demo,fairlead.model=tiny",
        "OTEL_SERVICE_NAME": service,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
    }


def test_the_engine_gets_the_collectors_path_for_traces_as_an_argument() -> None:
    args = container("vllm", TRACED)["args"]
    at = args.index("--otlp-traces-endpoint")
    assert at > args.index("--")
    assert args[at + 1] == "http://collector.monitoring:4318/v1/traces"


def test_the_models_own_variables_win() -> None:
    own = {"env": [{"name": "OTEL_SERVICE_NAME", "value": "mine"}]}
    assert variables("vllm", TRACED, engine=own)["OTEL_SERVICE_NAME"] == "mine"


@pytest.mark.parametrize("name", ["gateway", "vllm"])
def test_without_a_collector_a_pod_has_nothing_of_it(name: str) -> None:
    assert variables(name, SETTINGS) == {}
    assert "--otlp-traces-endpoint" not in container("vllm", SETTINGS)["args"]
