"""Each rule of the API, with one object that keeps it and one that breaks it, before a real API server.

A refusal names the field, and where it helps what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import InvalidError
from fairlead_operator.kube.resources import MODEL_DEPLOYMENT
from tests.api.rules_of_spec_api import API_RULES, Rule
from tests.kube.support import ControlPlane, manifest

pytestmark = pytest.mark.apiserver

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "docs" / "examples").glob("*.yaml"))
HUB = "hf://Qwen/Qwen3-8B"
GPU = {"resourceName": "nvidia.com/gpu"}


def model(source: str = HUB, **more: Any) -> dict[str, Any]:
    return {"model": {"source": source, **more}}


def engine(**more: Any) -> dict[str, Any]:
    return {"engine": more}


def env(**more: Any) -> dict[str, Any]:
    return engine(env=[{"name": "A", **more}])


def resources(requests: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    return {"resources": {"requests": requests, "limits": limits}}


# (spec that is accepted, spec that is refused, words of the refusal)
RULES: dict[str, Rule] = {
    "source-hub": (model(HUB), model("hf://Qwen"), "spec.model.source must be hf://ORG/NAME"),
    "source-claim": (model("pvc://a/b c/d"), model("pvc://A/b"), "spec.model.source must be"),
    "source-file": (model("file:///opt/m"), model("file://opt/m"), "spec.model.source must be"),
    "source-scheme": (model("pvc://a"), model("ftp://a/b"), "spec.model.source must be"),
    "source-path": (model("pvc://a/..b"), model("pvc://a/../b"), "segments . and .."),
    "source-length": (
        model("pvc://a/" + "b" * 900),
        model("pvc://a/" + "b" * 1100),
        "source: Too long",
    ),
    "revision": (
        model(revision="v1.0"),
        model("pvc://a", revision="v1"),
        "spec.model.revision is only for hf://",
    ),
    "revision-word": (
        model(revision="refs/pr/1"),
        model(revision="--x"),
        "revision must be a branch",
    ),
    "credentials": (
        model(credentials={"secretName": "s"}),
        model("pvc://a", credentials={"secretName": "s"}),
        "spec.model.credentials is only for hf://",
    ),
    "served-name": (model(servedName="a/b:c"), model(servedName="-a"), "spec.model.servedName must start"),
    "aliases": (
        model(aliases=["a", "b"]),
        model(aliases=["a", "a"]),
        "aliases[1]: Duplicate value",
    ),
    "alias-word": (model(aliases=["a"]), model(aliases=["a b"]), "an item of spec.model.aliases must start"),
    "alias-served": (
        model(servedName="a", aliases=["b"]),
        model(servedName="a", aliases=["a"]),
        "spec.model.aliases must not repeat spec.model.servedName",
    ),
    "pull-policy": (
        engine(imagePullPolicy="Always"),
        engine(imagePullPolicy="Sometimes"),
        "spec.engine.imagePullPolicy: Unsupported value",
    ),
    "arguments": (
        engine(args=["--model-impl=auto", "--port-x", "--enforce-eager"]),
        engine(args=["--served_model_name=x"]),
        "spec.engine.args must not set",
    ),
    "environment-value": (
        env(value=""),
        env(value="a", valueFrom={"fieldRef": {"fieldPath": "status.hostIP"}}),
        "must not have both value and valueFrom",
    ),
    "environment-source": (
        env(valueFrom={"secretKeyRef": {"name": "s", "key": "k"}}),
        env(valueFrom={}),
        "exactly one of configMapKeyRef",
    ),
    "environment-name": (
        engine(env=[{"name": "A_1.b"}]),
        engine(env=[{"name": "1A"}]),
        "the name of an item of spec.engine.env",
    ),
    "environment-twice": (
        engine(env=[{"name": "A"}, {"name": "B"}]),
        engine(env=[{"name": "A"}, {"name": "A"}]),
        "spec.engine.env[1]: Duplicate value",
    ),
    "context": (engine(maxModelLen=1), engine(maxModelLen=0), "spec.engine.maxModelLen"),
    "running": (engine(maxRunningRequests=1), engine(maxRunningRequests=0), "spec.engine.maxRunningRequests"),
    "tool-parser": (
        engine(toolCallParser="granite-20b-fc"),
        engine(toolCallParser="--api-key"),
        "spec.engine.toolCallParser must be the name of one of vLLM's parsers",
    ),
    "reasoning-parser": (
        engine(reasoningParser="deepseek_r1"),
        engine(reasoningParser="a b"),
        "spec.engine.reasoningParser must be the name of one of vLLM's parsers",
    ),
    "scheduling": (
        engine(schedulingPolicy="Priority"),
        engine(schedulingPolicy="priority"),
        "spec.engine.schedulingPolicy: Unsupported value",
    ),
    "structured-outputs": (
        engine(structuredOutputsBackend="LMFormatEnforcer"),
        engine(structuredOutputsBackend="lm-format-enforcer"),
        "spec.engine.structuredOutputsBackend: Unsupported value",
    ),
    "chat-templates": (
        engine(requestChatTemplates="Allow"),
        engine(requestChatTemplates="Maybe"),
        "spec.engine.requestChatTemplates: Unsupported value",
    ),
    "startup": (
        engine(startupTimeoutSeconds=30),
        engine(startupTimeoutSeconds=29),
        "spec.engine.startupTimeoutSeconds",
    ),
    "accelerator-name": (
        {"accelerator": {"resourceName": "nvidia.com/mig-1g.5gb"}},
        {"accelerator": {"resourceName": "gpu"}},
        "spec.accelerator.resourceName must be qualified like nvidia.com/gpu",
    ),
    "accelerator-count": (
        {"accelerator": {**GPU, "count": 8}},
        {"accelerator": {**GPU, "count": 0}},
        "spec.accelerator.count",
    ),
    "accelerator-twice": (
        {"accelerator": GPU, **resources({"cpu": 1}, {"memory": "1Gi"})},
        {"accelerator": GPU, **resources({}, {"nvidia.com/gpu": 1})},
        "spec.resources must not name spec.accelerator.resourceName",
    ),
    "quantity": (
        resources({"cpu": "1.5", "memory": "1e9"}, {}),
        resources({"cpu": "many"}, {}),
        "spec.resources.requests.cpu",
    ),
    "quantity-without-quotes": (
        resources({"cpu": 2}, {}),
        resources({"cpu": 1.5}, {}),
        "spec.resources.requests.cpu",
    ),
    "requests": (
        resources({"cpu": "500m", "memory": "1Gi"}, {"cpu": 1, "memory": "1024Mi"}),
        resources({"memory": "2Gi"}, {"memory": "1Gi"}),
        "spec.resources.requests must not exceed spec.resources.limits",
    ),
    "toleration": (
        {"scheduling": {"tolerations": [{"operator": "Exists"}]}},
        {"scheduling": {"tolerations": [{"operator": "Maybe"}]}},
        "spec.scheduling.tolerations[0].operator: Unsupported value",
    ),
    "replicas": ({"replicas": 0}, {"replicas": -1}, "spec.replicas"),
    "drain": (
        {"rollout": {"drainTimeoutSeconds": 0}},
        {"rollout": {"drainTimeoutSeconds": -1}},
        "spec.rollout.drainTimeoutSeconds",
    ),
    "deadline": (
        {"rollout": {"progressDeadlineSeconds": 1801}},
        {"rollout": {"progressDeadlineSeconds": 1800}},
        "spec.rollout.progressDeadlineSeconds must be greater than spec.engine.startupTimeoutSeconds",
    ),
}


RULES |= API_RULES


@pytest.mark.parametrize("case", RULES)
async def test_a_rule_lets_pass_what_keeps_it(case: str, kube: KubeClient, namespace: str) -> None:
    stored = await kube.create(MODEL_DEPLOYMENT, namespace, manifest(case, **RULES[case][0]))
    assert stored["metadata"]["generation"] == 1


@pytest.mark.parametrize("case", RULES)
async def test_a_rule_refuses_what_breaks_it_and_names_the_field(
    case: str, kube: KubeClient, namespace: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest(case, **RULES[case][1]))
    assert RULES[case][2] in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 41, "metadata.name must have at most 40 characters"),
        ("7b", "metadata.name must start with a letter"),
        ("a.b", "metadata.name must start with a letter"),
    ],
)
async def test_a_name_must_fit_a_service(name: str, words: str, kube: KubeClient, namespace: str) -> None:
    with pytest.raises(InvalidError, match=words):
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest(name))


async def test_an_adapter_must_not_hide_the_model(kube: KubeClient, namespace: str) -> None:
    adapted = {"source": "hf://a/b", "adapters": [{"name": "poet", "source": "hf://a/poet"}]}
    with pytest.raises(InvalidError, match=r"spec\.model\.adapters\[\]\.name must not be metadata\.name"):
        await kube.create(MODEL_DEPLOYMENT, namespace, manifest("poet", model=adapted))
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest("poet", model={**adapted, "servedName": "big"}))
    await kube.create(MODEL_DEPLOYMENT, namespace, manifest("tiny", model=adapted))


async def test_a_model_without_a_source_is_refused(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(InvalidError, match=r"spec\.model\.source: Required value"):
        await kube.create(MODEL_DEPLOYMENT, namespace, {**manifest(), "spec": {"model": {}}})


async def test_defaults_are_filled_in_by_the_server(kube: KubeClient, namespace: str) -> None:
    stored = await kube.create(MODEL_DEPLOYMENT, namespace, manifest("a" * 40))
    assert stored["spec"]["replicas"] == 1
    assert stored["spec"]["engine"] == {
        "dtype": "Auto",
        "nodes": 1,
        "requestChatTemplates": "Deny",
        "schedulingPolicy": "FirstComeFirstServed",
        "startupTimeoutSeconds": 1800,
        "structuredOutputsBackend": "Auto",
        "unresponsive": {"action": "Report", "afterSeconds": 300},
    }
    assert stored["spec"]["api"] == {
        "auth": {"mode": "None"},
        "dialect": "OpenAI",
        "engineSilenceTimeoutSeconds": 600,
        "maxBodyBytes": 32 << 20,
        "maxQueuedRequests": 1024,
        "queueTimeoutSeconds": 120,
        "unknownFields": "Ignore",
    }
    assert stored["spec"]["rollout"] == {
        "drainTimeoutSeconds": 300,
        "progressDeadlineSeconds": 3600,
        "strategy": "Auto",
        "surgePatienceSeconds": 15,
    }


async def test_numbers_with_fractions_and_empty_lists_are_stored_as_written(
    kube: KubeClient, namespace: str
) -> None:
    written = {
        "defaults": {"temperature": 0.1, "stop": [], "user": "", "logit_bias": {"5": -1.5}, "n": 1},
        "limits": {"temperature": {"maximum": 1.5}, "max_tokens": {"minimum": 1, "maximum": 4096}},
    }
    stored = await kube.create(MODEL_DEPLOYMENT, namespace, manifest("free-form", api=written))
    assert {key: stored["spec"]["api"][key] for key in written} == written


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_of_the_documentation_can_be_applied(
    example: Path, control_plane: ControlPlane, namespace: str
) -> None:
    printed = control_plane.kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(example))
    assert "modeldeployment.fairlead.dev/" in printed
