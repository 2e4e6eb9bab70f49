"""The schema of pods: what of a spec's own words of Kubernetes it refuses, the API server refuses, and with
the same field.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_operator.bounds import FIELD_PROBLEMS
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.errors import InvalidError
from fairlead_operator.kube.podschema import SCHEMA_VERSION, spec_problems
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model
from tests.plan.builders import SETTINGS, model

Spec = dict[str, Any]


def pod(**fields: Any) -> Spec:
    return {"podTemplate": {"spec": fields}}


def container(**fields: Any) -> Spec:
    return pod(containers=[{"name": "vllm", **fields}])


def volume(**fields: Any) -> Spec:
    return pod(volumes=[{"name": "data", **fields}])


def affinity(**fields: Any) -> Spec:
    return {"scheduling": {"affinity": fields}}


TERM = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}
# What is refused, and the words for it.
WRONG: dict[str, tuple[Spec, str]] = {
    "number-for-a-label": (
        {"podTemplate": {"metadata": {"labels": {"cost-centre": 42}}}},
        "spec.podTemplate.metadata.labels.cost-centre: Invalid value: 42: must be a string; put quotes "
        "around it",
    ),
    "label-with-a-blank": (
        {"podTemplate": {"metadata": {"labels": {"team": "a b"}}}},
        'spec.podTemplate.metadata.labels.team: Invalid value: "a b": must be up to 63 letters',
    ),
    "label-with-a-wrong-key": (
        {"podTemplate": {"metadata": {"labels": {"_team": "a"}}}},
        "spec.podTemplate.metadata.labels._team: Invalid key: must be up to 63 letters",
    ),
    "annotation-with-a-wrong-key": (
        {"podTemplate": {"metadata": {"annotations": {"a/b/c": "x"}}}},
        "spec.podTemplate.metadata.annotations.a/b/c: Invalid key",
    ),
    "number-for-a-variable": (
        container(env=[{"name": "A", "value": 1}]),
        "spec.podTemplate.spec.containers[0].env[0].value: Invalid value: 1: must be a string",
    ),
    "lower-case": (
        pod(nodeselector={"a": "b"}),
        "spec.podTemplate.spec.nodeselector: Unknown field; did you mean nodeSelector?",
    ),
    "misspelt-affinity": (
        affinity(nodeAfinity={}),
        "spec.scheduling.affinity.nodeAfinity: Unknown field; did you mean nodeAffinity?",
    ),
    "misspelt-volume": (
        volume(persistantVolumeClaim={"claimName": "a"}),
        "spec.podTemplate.spec.volumes[0].persistantVolumeClaim: Unknown field; did you mean "
        "persistentVolumeClaim?",
    ),
    "boolean-for-a-selector": (
        pod(nodeSelector={"fast": True}),
        "spec.podTemplate.spec.nodeSelector.fast: Invalid value: true: must be a string",
    ),
    "selector-with-a-blank": (pod(nodeSelector={"fast": "a b"}), "spec.podTemplate.spec.nodeSelector.fast"),
    "text-for-a-boolean": (
        pod(hostNetwork="yes"),
        'spec.podTemplate.spec.hostNetwork: Invalid value: "yes": must be true or false',
    ),
    "text-for-a-number": (
        pod(terminationGracePeriodSeconds="30"),
        'spec.podTemplate.spec.terminationGracePeriodSeconds: Invalid value: "30": must be an integer',
    ),
    "fraction-for-a-number": (
        pod(terminationGracePeriodSeconds=30.5),
        "spec.podTemplate.spec.terminationGracePeriodSeconds: Invalid value: 30.5: must be an integer",
    ),
    "object-for-a-list": (pod(tolerations={"key": "a"}), "spec.podTemplate.spec.tolerations: Invalid value"),
    "list-for-an-object": (pod(securityContext=[]), "spec.podTemplate.spec.securityContext: Invalid value"),
    "text-for-a-map": (pod(nodeSelector="a=b"), "spec.podTemplate.spec.nodeSelector: Invalid value"),
    "quantity-in-words": (
        container(resources={"limits": {"memory": "lots"}}),
        'spec.podTemplate.spec.containers[0].resources.limits.memory: Invalid value: "lots": must be a '
        "quantity",
    ),
    "quantity-that-is-true": (
        volume(emptyDir={"sizeLimit": True}),
        "spec.podTemplate.spec.volumes[0].emptyDir.sizeLimit: Invalid value: true: must be a quantity",
    ),
    "port-that-is-true": (
        container(livenessProbe={"httpGet": {"port": True}}),
        "spec.podTemplate.spec.containers[0].livenessProbe.httpGet.port: Invalid value: true: must be an "
        "integer or a string",
    ),
    "volume-without-a-claim": (
        volume(persistentVolumeClaim={}),
        "spec.podTemplate.spec.volumes[data].persistentVolumeClaim.claimName: Required value",
    ),
    "container-without-a-port": (
        container(livenessProbe={"httpGet": {}}),
        "spec.podTemplate.spec.containers[vllm].livenessProbe.httpGet.port: Required value",
    ),
    "affinity-without-terms": (
        affinity(nodeAffinity={"requiredDuringSchedulingIgnoredDuringExecution": {}}),
        "spec.scheduling.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
        "nodeSelectorTerms: Required value",
    ),
    "affinity-with-a-number": (
        affinity(
            podAffinity={
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {**TERM, "labelSelector": {"matchLabels": {"a": 1}}}
                ]
            }
        ),
        "spec.scheduling.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]."
        "labelSelector.matchLabels.a: Invalid value: 1: must be a string",
    ),
}
# What the API server takes, although it looks odd or the client's own models are stricter.
RIGHT: dict[str, Spec] = {
    "nothing": {},
    "null-for-a-field": pod(nodeSelector=None, hostNetwork=None),
    "directives": pod(
        tolerations=[{"key": "a", "operator": "Exists"}],
        containers=[{"name": "vllm", "env": [{"$patch": "delete", "name": "HOME"}]}],
    ),
    "numbers-for-quantities": container(resources={"limits": {"cpu": 1.5, "memory": 8_000_000_000}}),
    "quantity-of-a-volume": volume(emptyDir={"sizeLimit": 1000}),
    "port-by-name": container(livenessProbe={"httpGet": {"port": "api"}}),
    "port-by-number": container(livenessProbe={"tcpSocket": {"port": 8000}}),
    "header-without-a-value": container(
        livenessProbe={"httpGet": {"port": 8000, "httpHeaders": [{"name": "A", "value": ""}]}}
    ),
    "variable-without-a-value": container(env=[{"name": "A"}]),
    "empty-label": {"podTemplate": {"metadata": {"labels": {"team": "", "example.com/cost-centre": "42"}}}},
    "any-annotation": {"podTemplate": {"metadata": {"annotations": {"Example.com/note": "a b\nc"}}}},
    "a-container-more": pod(containers=[{"name": "side", "image": "side:1"}]),
    "volumes": pod(
        volumes=[
            {"name": "a", "persistentVolumeClaim": {"claimName": "a"}},
            {"name": "b", "projected": {"sources": [{"secret": {"name": "s"}}]}},
            {"name": "c", "nfs": {"server": "s", "path": "/p"}},
            {"name": "d", "iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:a", "lun": 0}},
        ]
    ),
    "affinity": affinity(
        nodeAffinity={
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]
            }
        },
        podAffinity={"requiredDuringSchedulingIgnoredDuringExecution": [TERM]},
    ),
    "empty-affinity": affinity(nodeAffinity=None, podAffinity={}),
}


def texts(made: Model) -> list[str]:
    return [str(problem) for problem in spec_problems(made, SETTINGS)]


@pytest.mark.parametrize("case", WRONG)
def test_an_invalid_pod_field_is_reported_with_the_valid_form(case: str) -> None:
    spec, words = WRONG[case]
    (text,) = texts(model(**spec))
    assert text.startswith(words)


@pytest.mark.parametrize("case", RIGHT)
def test_a_valid_pod_field_is_accepted(case: str) -> None:
    assert texts(model(**RIGHT[case])) == []


def test_an_unknown_field_unlike_known_ones_may_be_newer_than_the_schema() -> None:
    (problem,) = spec_problems(model(**pod(frobnication={"a": 1})), SETTINGS)
    assert not problem.certain
    assert f"Kubernetes {SCHEMA_VERSION}" in problem.text


def test_the_number_of_reported_pod_problems_is_bounded() -> None:
    many = {f"nodeSelector{number}": 1 for number in range(5_000)}
    assert len(spec_problems(model(**pod(**many)), SETTINGS)) == FIELD_PROBLEMS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["spec", "metadata", "labels", "containers", "volumes", "name", "env", "affinity"])


@given(
    st.dictionaries(NAMES, st.dictionaries(NAMES, st.lists(st.dictionaries(NAMES, JSON)) | JSON) | JSON),
    st.dictionaries(st.sampled_from(["nodeAffinity", "podAffinity", "a"]), JSON),
)
def test_any_json_gets_a_verdict_without_an_exception(template: Spec, where: Spec) -> None:
    for text in texts(model(podTemplate=template, scheduling={"affinity": where})):
        assert text.startswith(("spec.podTemplate", "spec.scheduling.affinity"))


@pytest.mark.apiserver
async def test_the_pod_schema_verdict_matches_that_of_the_api_server(
    kube: KubeClient, namespace: str
) -> None:
    # One test for all: a namespace for each would take minutes.
    specs = {**{name: spec for name, (spec, _) in WRONG.items()}, **RIGHT}
    theirs, ours = {}, {}
    for case, spec in specs.items():
        made = model(case, **spec)
        workload = render_children(made, SETTINGS).workload
        del workload["metadata"]["ownerReferences"]
        workload["metadata"]["namespace"] = namespace
        try:
            await kube.apply(workload)
            theirs[case] = True
        except InvalidError:
            theirs[case] = False
        ours[case] = not texts(made)
    assert ours == theirs
