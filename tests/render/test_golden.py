"""What is rendered for a few typical models, in full.

After a change on purpose, FAIRLEAD_UPDATE_GOLDEN=1 rewrites the files; the difference is part of the review.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from fairlead_operator.api.manifest import to_yaml
from fairlead_operator.api.names import POD_TEMPLATE
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import ForbiddenError
from fairlead_operator.kube.resources import POD, Resource
from fairlead_operator.plan.children.drift import first_difference
from tests.kube.support import ControlPlane, Object, eventually
from tests.render.cases import CASES, GOLDEN, GROUPED, pod_templates, read_model, render_case


@pytest.mark.parametrize("case", CASES)
def test_the_rendered_objects_match_the_golden_file(case: str) -> None:
    rendered = render_case(case)
    # A copy of what stands below it.
    del rendered.workload["metadata"]["annotations"][POD_TEMPLATE]
    text = to_yaml(read_model(case), *rendered.children)
    path = GOLDEN / f"{case}.yaml"
    if os.environ.get("FAIRLEAD_UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("case", CASES)
def test_pods_meet_the_restricted_standard(case: str) -> None:
    for template in pod_templates(case):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in (*spec["initContainers"], *spec["containers"]):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("case", CASES)
def test_label_values_have_at_most_63_characters(case: str) -> None:
    for value in _label_values(list(render_case(case).children)):
        assert len(value) <= 63


@pytest.mark.apiserver
@pytest.mark.parametrize("case", [case for case in CASES if case != GROUPED])
async def test_a_real_api_server_stores_the_objects_as_rendered(
    case: str, kube: KubeClient, namespace: str
) -> None:
    await stored_as_rendered(case, kube, namespace)


@pytest.mark.apiserver
@pytest.mark.usefixtures("lws_crd")
async def test_with_the_leader_worker_set_crd_a_real_api_server_stores_a_group_as_rendered(
    kube: KubeClient, namespace: str
) -> None:
    await stored_as_rendered(GROUPED, kube, namespace)


async def stored_as_rendered(case: str, kube: KubeClient, namespace: str) -> None:
    for child in render_case(case).children:
        child["metadata"]["namespace"] = namespace
        stored = await kube.apply(child)
        assert first_difference(child, stored) is None


@pytest.mark.apiserver
@pytest.mark.parametrize("template", pod_templates(GROUPED), ids=["leader", "worker"])
async def test_a_stateful_set_accepts_the_pod_templates_of_a_group(
    template: Object, kube: KubeClient, namespace: str
) -> None:
    """The CRD does not look into pod templates; LeaderWorkerSet hands them on to StatefulSets."""
    labels = {"app": "x"}
    pod = {**template, "metadata": {"labels": labels}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {"serviceName": "one", "replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
    }
    stored = await kube.create(Resource("apps/v1", "StatefulSet", "statefulsets"), namespace, body)
    assert first_difference(template["spec"], stored["spec"]["template"]["spec"]) is None


@pytest.mark.apiserver
async def test_a_real_api_server_admits_the_pod_under_the_restricted_standard(
    kube: KubeClient, control_plane: ControlPlane, namespace: str
) -> None:
    control_plane.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    rendered = render_case("tiny-cpu")
    for child in rendered.dependencies:
        child["metadata"]["namespace"] = namespace
        # The owner exists only in the example: with it, garbage collection would remove the child at once.
        del child["metadata"]["ownerReferences"]
        await kube.apply(child)
    template = rendered.workload["spec"]["template"]
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        **template,
        "metadata": {**template["metadata"], "name": "one"},
    }

    async def admitted() -> Object | None:
        try:
            return await kube.create(POD, namespace, body)
        except ForbiddenError as error:
            # Admission learns of the service account a moment after it was made.
            if "error looking up service account" in str(error):
                return None
            raise

    stored = await eventually("the pod's admission", admitted)
    assert stored is not None
    assert first_difference(template["spec"], stored["spec"]) is None


def _label_values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value.get("labels", {}).values()
        for child in value.values():
            yield from _label_values(child)
    elif isinstance(value, list):
        for child in value:
            yield from _label_values(child)
