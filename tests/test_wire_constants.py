"""What operator, gateway and chart must agree on, although none of them imports another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from fairlead_launcher import HOOKS

from fairlead_contract.dialects import DIALECTS
from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_gateway.admission.keys import KeyRing
from fairlead_gateway.drain import COME_BACK_SECONDS
from fairlead_gateway.settings import ProcessSettings, load_settings
from fairlead_operator.api.endpoint import Api
from fairlead_operator.api.parameters import check_parameters
from fairlead_operator.api.v1alpha1 import ModelDeployment
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import RenderSettings, parse_model
from fairlead_operator.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
BODY = {
    "apiVersion": "fairlead.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "tiny", "namespace": "demo", "uid": "1", "generation": 1},
    "spec": {
        "model": {"source": "pvc://models/tiny", "aliases": ["small"]},
        "engine": {
            "args": ["--max-logprobs=5"],
            "maxRunningRequests": 8,
            "schedulingPolicy": "Priority",
            "structuredOutputsBackend": "LMFormatEnforcer",
            "requestChatTemplates": "Allow",
        },
        "api": {
            "dialect": "PolarGrid",
            "defaults": {"temperature": 0.2},
            "limits": {"max_tokens": {"maximum": 100}, "temperature": {"minimum": 0.1}},
            "unknownFields": "Reject",
            "auth": {"mode": "APIKey", "secretName": "keys"},
            "maxQueuedRequests": 1,
            "queueTimeoutSeconds": 2,
            "maxBodyBytes": 3000,
            "engineSilenceTimeoutSeconds": 4,
            "mediaDomains": ["images.example.com"],
        },
        "rollout": {"drainTimeoutSeconds": 5},
    },
}
# The least that a user can write.
PLAIN = {**BODY, "spec": {"model": {"source": "pvc://models/tiny"}}}


def rendered(kind: str, body: dict[str, Any] = BODY) -> dict[str, Any]:
    children = render_children(parse_model(body), RenderSettings("gateway:1", "engine:1")).children
    found: dict[str, Any] = next(child for child in children if child["kind"] == kind)
    return found


def examples(kind: str) -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted((ROOT / "docs/examples").glob("*.yaml"))]
    return [body for text in texts for body in yaml.safe_load_all(text) if body["kind"] == kind]


def gateway_container() -> dict[str, Any]:
    (container,) = rendered("Deployment")["spec"]["template"]["spec"]["initContainers"]
    found: dict[str, Any] = container
    return found


@pytest.mark.parametrize("body", [PLAIN, BODY])
def test_the_gateway_reads_every_key_that_the_operator_writes(body: dict[str, Any]) -> None:
    written = json.loads(rendered("ConfigMap", body)["data"]["gateway.json"])
    read = GatewaySettings.model_validate(written).model_dump(mode="json", by_alias=True)
    assert read == written


def test_omitted_spec_fields_have_the_gateways_defaults() -> None:
    written = json.loads(rendered("ConfigMap", PLAIN)["data"]["gateway.json"])
    assumed = GatewaySettings.model_validate({"model": written["model"]})
    assert assumed == GatewaySettings.model_validate(written)


def test_settings_pinned_in_a_pod_override_the_shared_settings_file(tmp_path: Path) -> None:
    environment = {variable["name"]: variable["value"] for variable in gateway_container()["env"]}
    file = tmp_path / "gateway.json"
    file.write_text(rendered("ConfigMap", PLAIN)["data"]["gateway.json"])
    pinned = json.loads(environment["FAIRLEAD_GATEWAY_PINNED"])
    read = load_settings(file, pinned).model_dump(mode="json", by_alias=True)
    ours = json.loads(rendered("ConfigMap")["data"]["gateway.json"])
    theirs = json.loads(rendered("ConfigMap", PLAIN)["data"]["gateway.json"])
    assert read == {**theirs, **{name: ours[name] for name in ("model", "engine", "auth")}}


def test_the_gateway_finds_the_keys_where_the_pod_mounts_them() -> None:
    environment = {variable["name"]: variable["value"] for variable in gateway_container()["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway_container()["volumeMounts"]}
    assert environment["FAIRLEAD_GATEWAY_KEYS_DIR"] == mounts["gateway-keys"]


def test_operator_and_gateway_know_the_same_dialects() -> None:
    (field,) = (value for name, value in Api.model_fields.items() if name == "dialect")
    assert set(get_args(field.annotation)) == set(DIALECTS)


def test_the_gateway_listens_on_the_ports_of_the_pod() -> None:
    ports = {port["name"]: port["containerPort"] for port in gateway_container()["ports"]}
    settings = ProcessSettings()
    assert ports == {"http": settings.api_port, "admin": settings.admin_port}


def test_the_pod_sets_only_environment_known_to_the_gateway() -> None:
    known = {f"FAIRLEAD_GATEWAY_{name.upper()}" for name in ProcessSettings.model_fields}
    assert {variable["name"] for variable in gateway_container()["env"]} <= known


def test_engine_and_gateway_share_the_socket_and_the_state_file() -> None:
    (engine,) = rendered("Deployment")["spec"]["template"]["spec"]["containers"]
    arguments = engine["args"]
    run_dir = next(v["value"] for v in gateway_container()["env"] if v["name"] == "FAIRLEAD_GATEWAY_RUN_DIR")
    settings = ProcessSettings(run_dir=Path(run_dir))
    assert arguments[arguments.index("--socket") + 1] == str(settings.engine_socket)
    assert arguments[arguments.index("--state") + 1] == str(settings.engine_state)


def test_the_gateway_installs_the_launcher_where_the_engine_starts_it() -> None:
    (engine,) = rendered("Deployment")["spec"]["template"]["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in gateway_container()["env"]}
    settings = ProcessSettings(launcher_dir=Path(environment["FAIRLEAD_GATEWAY_LAUNCHER_DIR"]))
    assert engine["command"] == ["python3", f"{settings.launcher_dir}/launcher.py"]


def test_the_drain_hook_uses_a_command_and_port_known_to_the_launcher() -> None:
    (engine,) = rendered("Deployment")["spec"]["template"]["spec"]["containers"]
    command = engine["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:2] == engine["command"]
    assert command[2] in HOOKS
    assert int(command[command.index("--port") + 1]) == ProcessSettings().admin_port


def test_the_grace_period_ends_before_a_drained_pod_becomes_ready_again() -> None:
    spec = rendered("Deployment")["spec"]["template"]["spec"]
    drain_seconds = parse_model(BODY).spec.rollout.drain_timeout_seconds
    assert spec["terminationGracePeriodSeconds"] < drain_seconds + COME_BACK_SECONDS


def test_the_chart_sets_only_environment_known_to_the_operator() -> None:
    template = (ROOT / "charts/fairlead/templates/deployment.yaml").read_text()
    names = {line.split("name: ")[1].strip() for line in template.splitlines() if "- name: FAIRLEAD_" in line}
    assert names
    assert names <= {f"FAIRLEAD_{name.upper()}" for name in Settings.model_fields}


def test_the_documentation_examples_are_valid_models() -> None:
    for document in examples("ModelDeployment"):
        spec = ModelDeployment.model_validate(document).spec
        assert spec.model.source
        assert check_parameters(spec.api) == []


def test_the_documented_api_key_secrets_have_valid_keys() -> None:
    (secret,) = examples("Secret")
    ring = KeyRing.parse({name: value.encode() for name, value in secret["stringData"].items()})
    assert ring.problems == ()
    key = ring.find(b"Bearer example-key")
    assert key is not None
    assert key.allows("guarded")
