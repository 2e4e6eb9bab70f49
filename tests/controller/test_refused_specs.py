"""A spec that cannot be carried out ends in conditions of its own generation, whatever refuses it and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import DEPLOYMENT, MODEL_DEPLOYMENT, Resource
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.killed import Run
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import eventually
from tests.support.faults import Call, Fault, FaultyProxy

pytestmark = pytest.mark.apiserver

Spec = dict[str, Any]
WEBHOOKS = Resource(
    "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"
)


def pod_spec(**fields: Any) -> Spec:
    return {"podTemplate": {"spec": fields}}


# What the CRD lets through and the API server refuses in the Deployment, with the field that is at fault.
REFUSED: dict[str, tuple[Spec, str]] = {
    "label-that-is-a-number": (
        {"podTemplate": {"metadata": {"labels": {"cost-centre": 42}}}},
        "spec.podTemplate.metadata.labels.cost-centre",
    ),
    "variable-that-is-a-number": (
        pod_spec(containers=[{"name": "vllm", "env": [{"name": "A", "value": 1}]}]),
        "spec.podTemplate.spec.containers[0].env[0].value",
    ),
    "quantity-in-words": (
        pod_spec(containers=[{"name": "vllm", "resources": {"limits": {"memory": "lots"}}}]),
        "spec.podTemplate.spec.containers[0].resources.limits.memory",
    ),
    "field-in-lower-case": (
        pod_spec(nodeselector={"disk": "fast"}),
        "spec.podTemplate.spec.nodeselector",
    ),
    "field-misspelt-in-an-affinity": (
        {"scheduling": {"affinity": {"nodeAfinity": {}}}},
        "spec.scheduling.affinity.nodeAfinity",
    ),
    "field-misspelt-in-a-volume": (
        pod_spec(volumes=[{"name": "data", "persistantVolumeClaim": {"claimName": "data"}}]),
        "spec.podTemplate.spec.volumes[0].persistantVolumeClaim",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_new_model_reports_the_refusal(
    cluster: ModelNamespace, operator: OperatorProcess, case: str
) -> None:
    spec, field = REFUSED[case]
    await cluster.create(**spec)
    condition = await cluster.await_condition("Ready", "False", "ObjectRejected")
    assert field in condition["message"]
    await cluster.await_condition("Stalled", "True", "ObjectRejected")


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_change_is_reported_until_it_is_corrected(
    cluster: ModelNamespace, operator: OperatorProcess, node: FakeKubelet, case: str
) -> None:
    spec, field = REFUSED[case]
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", {"spec": spec})
    condition = await cluster.await_condition("Ready", "False", "ObjectRejected")
    assert field in condition["message"]
    await cluster.await_condition("EngineReady", "True", "Serving")
    taken_back = {"spec": dict.fromkeys(spec)}
    await cluster.kube.patch(MODEL_DEPLOYMENT, cluster.namespace, "tiny", taken_back)
    await cluster.await_condition("Ready", "True", "Ready")


CODES = {
    400: "ObjectRejected",
    401: "ObjectRejected",
    403: "ObjectRejected",
    404: "ApiNotServed",
    405: "ApiRequestFailed",
    409: "ApiRequestFailed",
    413: "ObjectRejected",
    415: "ObjectRejected",
    422: "ObjectRejected",
    429: "ApiRequestFailed",
    500: "ApiRequestFailed",
    502: "ApiRequestFailed",
    503: "ApiRequestFailed",
    504: "ApiRequestFailed",
}


async def test_a_failure_with_any_code_is_reported_and_the_other_writes_are_done_afterwards(
    cluster: ModelNamespace, start_operator: Start, proxy: FaultyProxy
) -> None:
    """One model for each code, with which its Deployment is refused."""

    def refuse(call: Call) -> Fault | None:
        code = call.path.partition("?")[0].rpartition("/deployments/code-")[2]
        return Fault(int(code)) if call.method == "PATCH" and code.isdigit() else None

    proxy.rule = refuse
    start_operator(kubeconfig=proxy.kubeconfig)
    for code in CODES:
        await cluster.create(f"code-{code}")

    async def reasons() -> dict[int, str]:
        return {code: await cluster.reason(f"code-{code}") for code in CODES}

    async def all_reported() -> bool:
        return await reasons() == CODES

    await eventually("a reason for each code", all_reported)
    proxy.rule = lambda _: None

    async def done() -> bool:
        passed = [code for code, reason in CODES.items() if reason == "ApiRequestFailed"]
        return all([await cluster.reason(f"code-{code}") == "Progressing" for code in passed])

    await eventually("what could not be applied before", done)


def reading_pods(code: int) -> Callable[[Call], Fault | None]:
    return lambda call: Fault(code) if call.path.endswith("/pods") and not call.watch else None


@pytest.mark.parametrize(("code", "reason"), [(403, "ObjectRejected"), (500, "ApiRequestFailed")])
async def test_a_read_failure_is_reported_while_a_new_spec_is_pending(
    cluster: ModelNamespace, start_operator: Start, proxy: FaultyProxy, code: int, reason: str
) -> None:
    operator = start_operator(kubeconfig=proxy.kubeconfig)
    await eventually("the operator to be ready", operator.ready)
    proxy.rule = reading_pods(code)
    await cluster.create()
    await cluster.await_condition("Ready", "False", reason)


async def test_a_read_failure_does_not_change_a_current_status(
    cluster: ModelNamespace, start_operator: Start, proxy: FaultyProxy, node: FakeKubelet
) -> None:
    operator = start_operator(kubeconfig=proxy.kubeconfig)
    await cluster.create()
    await node.ready()
    await cluster.await_condition("Ready", "True", "Ready")
    await operator.quiet()
    before = await cluster.find(MODEL_DEPLOYMENT)
    proxy.rule = reading_pods(500)
    await cluster.kube.patch(
        DEPLOYMENT, cluster.namespace, "tiny", {"metadata": {"annotations": {"someone": "else"}}}
    )

    async def failed_twice() -> bool:
        return await operator.metric(r'reconcile_total\{.*"retry"') >= 2

    await eventually("two failures", failed_twice)
    assert await cluster.find(MODEL_DEPLOYMENT) == before


async def test_a_silent_admission_webhook_is_named_and_retried(
    cluster: ModelNamespace, operator: OperatorProcess
) -> None:
    name = f"away.{cluster.namespace}.test"
    body = {
        "metadata": {"name": cluster.namespace},
        "webhooks": [
            {
                "name": name,
                "clientConfig": {"url": "https://127.0.0.1:9/"},
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["*"],
                        "resources": ["deployments"],
                    }
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}},
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
    await cluster.kube.create(WEBHOOKS, None, body)
    try:
        await cluster.create()
        condition = await cluster.await_condition("Reconciling", "True", "ApiRequestFailed")
        assert name in condition["message"]
    finally:
        await cluster.kube._request("DELETE", WEBHOOKS, WEBHOOKS.path(None, cluster.namespace))
    await cluster.await_condition("Reconciling", "True", "Progressing")


async def test_an_internal_error_is_reported_on_the_model_that_causes_it(
    kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any) -> None:
        raise KeyError("name")

    run = Run(kube)
    await run.create()
    monkeypatch.setattr("fairlead_operator.controller.reconciler.plan", fault)
    with pytest.raises(KeyError):
        await run.reconcile()
    cluster = ModelNamespace(kube, run.namespace)
    condition = await cluster.await_condition("Stalled", "True", "ReconcileFailed")
    assert "KeyError: 'name'" in condition["message"]
    monkeypatch.undo()
    await run.reconcile()
    await cluster.await_condition("Stalled", "False", "Progressing")
    await run.remove()
