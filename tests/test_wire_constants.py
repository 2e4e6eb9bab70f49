"""What operator, gateway and chart must agree on, although none of them imports another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from fairlead_gateway.settings import GatewaySettings, ProcessSettings
from fairlead_operator.api.v1alpha1 import ModelDeployment
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import RenderSettings, parse_model
from fairlead_operator.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
BODY = {
    "apiVersion": "fairlead.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "tiny", "namespace": "demo", "uid": "1", "generation": 1},
    "spec": {"model": {"source": "pvc://models/tiny", "aliases": ["small"]}},
}


def rendered(kind: str) -> dict[str, Any]:
    children = render_children(parse_model(BODY), RenderSettings("gateway:1", "engine:1"))
    found: dict[str, Any] = next(child for child in children if child["kind"] == kind)
    return found


def gateway_container() -> dict[str, Any]:
    (container,) = rendered("Deployment")["spec"]["template"]["spec"]["initContainers"]
    found: dict[str, Any] = container
    return found


def test_the_gateway_reads_every_key_that_the_operator_writes() -> None:
    written = json.loads(rendered("ConfigMap")["data"]["gateway.json"])
    read = GatewaySettings.model_validate(written).model_dump(mode="json", by_alias=True)
    assert read == written


def test_the_gateway_listens_where_the_pod_says() -> None:
    ports = {port["name"]: port["containerPort"] for port in gateway_container()["ports"]}
    settings = ProcessSettings()
    assert ports == {"http": settings.api_port, "admin": settings.admin_port}


def test_the_gateway_knows_the_environment_that_the_pod_sets() -> None:
    known = {f"FAIRLEAD_GATEWAY_{name.upper()}" for name in ProcessSettings.model_fields}
    assert {variable["name"] for variable in gateway_container()["env"]} <= known


def test_engine_and_gateway_share_the_socket_and_the_state_file() -> None:
    (engine,) = rendered("Deployment")["spec"]["template"]["spec"]["containers"]
    arguments = engine["args"]
    run_dir = next(v["value"] for v in gateway_container()["env"] if v["name"] == "FAIRLEAD_GATEWAY_RUN_DIR")
    settings = ProcessSettings(run_dir=Path(run_dir))
    assert arguments[arguments.index("--socket") + 1] == str(settings.engine_socket)
    assert arguments[arguments.index("--state") + 1] == str(settings.engine_state)


def test_the_chart_sets_only_environment_that_the_operator_knows() -> None:
    template = (ROOT / "charts/fairlead/templates/deployment.yaml").read_text()
    names = {line.split("name: ")[1].strip() for line in template.splitlines() if "- name: FAIRLEAD_" in line}
    assert names
    assert names <= {f"FAIRLEAD_{name.upper()}" for name in Settings.model_fields}


def test_the_examples_of_the_documentation_are_models() -> None:
    for example in sorted((ROOT / "docs/examples").glob("*.yaml")):
        document = yaml.safe_load(example.read_text())
        assert ModelDeployment.model_validate(document).spec.model.source
