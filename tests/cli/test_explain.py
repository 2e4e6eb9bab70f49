"""`fairlead explain` before a real API server: what is found, and errors that a person can act upon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.cli.conftest import Run
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import cluster as cluster
from tests.controller.conftest import node as node
from tests.controller.conftest import operator as operator
from tests.controller.conftest import start_operator as start_operator
from tests.controller.gateways import running_gateways
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, manifest

pytestmark = pytest.mark.apiserver

Explain = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def explain(
    fairlead: Run, control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Explain:
    """Runs `fairlead explain` in the test's namespace with the operator's settings, as in its pod."""
    monkeypatch.setenv("FAIRLEAD_GATEWAY_IMAGE", "gateway:1")
    monkeypatch.setenv("FAIRLEAD_ENGINE_IMAGE", "vllm:1")
    monkeypatch.setenv("FAIRLEAD_POD_NAMESPACE", namespace)
    monkeypatch.setenv("FAIRLEAD_WATCH_NAMESPACES", namespace)

    async def run(*arguments: str) -> tuple[int, str, str]:
        options = ("--kubeconfig", str(control_plane.kubeconfig), "-n", namespace)
        return await asyncio.to_thread(fairlead, "explain", *options, *arguments)

    return run


async def test_explain_shows_what_a_model_waits_for(
    explain: Explain, cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet
) -> None:
    await cluster.create(accelerator={"resourceName": "nvidia.com/gpu"})
    await node.cannot_schedule("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    await cluster.await_condition("Ready", "False", "InsufficientResources")
    code, out, err = await explain("tiny")
    assert (code, err) == (0, "")
    name = (await node.pod())["metadata"]["name"]
    assert "(pvc://models/tiny): 0 of 1 replicas answer requests" in out
    assert "Not ready: InsufficientResources" in out
    assert f"  {name}  Starting  -" in out
    assert "NEXT: nothing is to be changed" in out
    assert "Warning  InsufficientResources  ModelDeployment/tiny" in out


async def test_explain_shows_what_the_gateways_report(
    explain: Explain,
    cluster: ModelNamespace,
    operator: OperatorProcess,
    node: FakeKubelet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_gateways({"127.0.0.2": 5}) as gateways:
        monkeypatch.setenv("FAIRLEAD_ADMIN_PORT", str(gateways.port))
        await cluster.create()
        await node.ready(["127.0.0.2"])
        await cluster.await_condition("Ready", "True", "Ready")
        _, out, _ = await explain("tiny")
    assert "5 requests in flight, 0 queued" in out
    _, out, _ = await explain("tiny")
    assert f"NOTE: the gateway of pod {(await node.pod())['metadata']['name']} did not answer" in out


async def test_explain_shows_what_the_operator_would_do_next(
    explain: Explain, cluster: ModelNamespace
) -> None:
    await cluster.create()
    code, out, _ = await explain("tiny")
    assert code == 0
    assert "create Service/tiny" in out
    assert "create Deployment/tiny" in out
    assert await cluster.versions() == {
        "ModelDeployment/tiny": (await cluster.kube.get(MODEL_DEPLOYMENT, cluster.namespace, "tiny"))[
            "metadata"
        ]["resourceVersion"]
    }


async def test_explain_shows_a_refused_write_beside_the_next_steps(
    explain: Explain, cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    await cluster.create(podTemplate={"spec": {"nodeselector": {}}})
    await cluster.await_condition("Ready", "False", "ObjectRejected")
    _, out, _ = await explain("tiny")
    assert (
        "NOTE: the operator's last attempt failed: ObjectRejected: spec.podTemplate.spec.nodeselector" in out
    )


async def test_explain_reports_a_served_name_of_another_model(
    explain: Explain, kube: KubeClient, namespace: str
) -> None:
    for name in ("one", "two"):
        model = {"source": "pvc://m", "aliases": ["chat"]}
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest(name, model=model))
    _, one, _ = await explain("one")
    _, two, _ = await explain("two")
    assert "ServedNameTaken" not in one
    assert "ServedNameTaken" in two


async def test_explain_reads_the_operators_settings_from_its_deployment(
    explain: Explain, cluster: ModelNamespace, control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAIRLEAD_GATEWAY_IMAGE")
    monkeypatch.delenv("FAIRLEAD_ENGINE_IMAGE")
    await cluster.create()
    _, alone, _ = await explain("tiny")
    assert "NOTE: no operator was found in the cluster" in alone
    assert "NEXT" not in alone
    install(control_plane, cluster.namespace)
    _, out, _ = await explain("tiny")
    assert "NEXT: create ServiceAccount/tiny" in out


async def test_an_unknown_model_name_gets_similar_names_suggested(
    explain: Explain, kube: KubeClient, namespace: str
) -> None:
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest("qwen3-8b"))
    code, out, err = await explain("qwen3-b8")
    assert (code, out) == (1, "")
    assert f"there is no ModelDeployment qwen3-b8 in namespace {namespace}; did you mean qwen3-8b?" in err


async def test_an_unreachable_cluster_is_reported_in_one_line(
    fairlead: Run, control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    code, out, err = await asyncio.to_thread(fairlead, "explain", "tiny", "--kubeconfig", str(path))
    assert (code, out) == (1, "")
    assert err.startswith("fairlead explain: the API server cannot be reached: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("options", [("--kubeconfig", "/none"), ("--context", "none")])
async def test_a_missing_kubeconfig_or_context_is_reported_in_one_line(
    options: tuple[str, ...], fairlead: Run, control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    code, out, err = await asyncio.to_thread(fairlead, "explain", "tiny", *options)
    assert (code, out) == (1, "")
    assert err.startswith("fairlead explain: no way to a cluster: ")
    assert "set KUBECONFIG or --kubeconfig" in err
    assert err.count("\n") == 1


def install(plane: ControlPlane, namespace: str) -> None:
    """A Deployment as the chart makes it, as far as it holds the settings."""
    labels = {"app.kubernetes.io/name": "fairlead", "app.kubernetes.io/component": "operator"}
    environment = [
        {"name": "FAIRLEAD_GATEWAY_IMAGE", "value": "gateway:1"},
        {"name": "FAIRLEAD_ENGINE_IMAGE", "value": "vllm:1"},
        {"name": "FAIRLEAD_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fairlead-operator", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "operator", "image": "o", "env": environment}]},
            },
        },
    }
    plane.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(body))
