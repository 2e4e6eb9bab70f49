"""The pod that the operator renders fits the programs that run in it: gateway, engine, launcher, download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairlead_contract.gateway_settings import GatewaySettings
from fairlead_contract.paths import LAUNCHER
from fairlead_gateway.drain import COME_BACK_SECONDS
from fairlead_gateway.settings import ProcessSettings, load_settings
from fairlead_launcher.hooks import HOOKS
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model, RenderSettings, parse_model
from fairlead_operator.render.source import model_place
from fairlead_operator.render.weights import weights_containers
from fairlead_weights import __main__ as download
from fairlead_weights.jobs import Job, Order, parse
from tests.plan.builders import SETTINGS, model

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


def gateway_container(body: dict[str, Any] = BODY) -> dict[str, Any]:
    (container,) = rendered("Deployment", body)["spec"]["template"]["spec"]["initContainers"]
    found: dict[str, Any] = container
    return found


def environment(body: dict[str, Any] = BODY) -> dict[str, str]:
    """The gateway's environment."""
    return {variable["name"]: variable["value"] for variable in gateway_container(body)["env"]}


def engine_container() -> dict[str, Any]:
    (container,) = rendered("Deployment")["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def ordered(parsed: Model) -> Order:
    """The download order in the environment of the download's container, as the download reads it."""
    (container,) = weights_containers(parsed, SETTINGS)
    assert container["command"] == ["python", "-m", download.__name__.partition(".")[0]]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    return parse(values["FAIRLEAD_WEIGHTS"])


def test_omitted_spec_fields_have_the_gateways_defaults() -> None:
    written = json.loads(rendered("ConfigMap", PLAIN)["data"]["gateway.json"])
    assumed = GatewaySettings.model_validate({name: written[name] for name in ("model", "resource")})
    assert assumed == GatewaySettings.model_validate(written)


def test_settings_pinned_in_a_pod_override_the_shared_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "gateway.json"
    shared, own = (rendered("ConfigMap", body)["data"]["gateway.json"] for body in (BODY, PLAIN))
    file.write_text(shared)
    pinned = json.loads(environment(PLAIN)["FAIRLEAD_GATEWAY_PINNED"])
    read = load_settings(file, pinned).model_dump(mode="json", by_alias=True)
    kept = {name: json.loads(own)[name] for name in ("model", "engine", "auth")}
    assert read == json.loads(shared) | kept


def test_the_gateway_finds_the_keys_where_the_pod_mounts_them() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in gateway_container()["volumeMounts"]}
    assert environment()["FAIRLEAD_GATEWAY_KEYS_DIR"] == mounts["gateway-keys"]


def test_the_pod_sets_only_environment_known_to_the_gateway() -> None:
    known = {f"FAIRLEAD_GATEWAY_{name.upper()}" for name in ProcessSettings.model_fields}
    assert environment().keys() <= known


def test_engine_and_gateway_share_the_socket_and_the_state_file() -> None:
    arguments = engine_container()["args"]
    settings = ProcessSettings(run_dir=Path(environment()["FAIRLEAD_GATEWAY_RUN_DIR"]))
    assert arguments[arguments.index("--socket") + 1] == str(settings.engine_socket)
    assert arguments[arguments.index("--state") + 1] == str(settings.engine_state)


def test_the_gateway_installs_the_launcher_where_the_engine_starts_it() -> None:
    settings = ProcessSettings(launcher_dir=Path(environment()["FAIRLEAD_GATEWAY_LAUNCHER_DIR"]))
    assert engine_container()["command"] == ["python3", f"{settings.launcher_dir}/{LAUNCHER}"]


def test_the_drain_hook_uses_a_command_and_port_known_to_the_launcher() -> None:
    command = engine_container()["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:2] == engine_container()["command"]
    assert command[2] in HOOKS
    assert int(command[command.index("--port") + 1]) == ProcessSettings().admin_port


def test_the_grace_period_ends_before_a_drained_pod_becomes_ready_again() -> None:
    spec = rendered("Deployment")["spec"]["template"]["spec"]
    drain_seconds = parse_model(BODY).spec.rollout.drain_timeout_seconds
    assert spec["terminationGracePeriodSeconds"] < drain_seconds + COME_BACK_SECONDS


def test_the_download_reads_the_order_that_the_operator_writes() -> None:
    source = {
        "source": "hf://org/big",
        "revision": "v1",
        "endpoint": "http://hub.example",
        "cache": {"size": "2Gi"},
        "adapters": [{"name": "poet", "source": "s3://bucket/poet/"}],
    }
    assert ordered(model(model=source)) == Order(
        jobs=(
            Job("model", "hf://org/big", "/run/fairlead/model", "v1", "http://hub.example"),
            Job("poet", "s3://bucket/poet", "/run/fairlead/adapters/poet"),
        ),
        cache="/weights",
        state="/run/fairlead/weights.json",
        capacity_bytes=2 << 30,
    )


@pytest.mark.parametrize(
    "source",
    [
        "hf://org/big",
        "hf://org/big/q4.gguf",
        "hf://org/big/q4/big-00001-of-00002.gguf",
        "s3://bucket/big",
        "s3://bucket/big/q4.gguf",
        "s3://bucket/big.gguf/",
        "s3://bucket.gguf",
        "s3://bucket.gguf/",
    ],
)
def test_the_engine_loads_the_gguf_file_that_is_downloaded(source: str) -> None:
    parsed = model(model={"source": source})
    (job,) = ordered(parsed).jobs
    assert model_place(parsed).path == f"{job.target}/{job.file}".rstrip("/")
