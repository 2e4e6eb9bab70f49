"""The merge gives what kubectl makes of the same patch, or refuses the patch by name."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.cluster import tools
from fairlead_operator.render.strategic_merge import MergeError, merge_template

Object = dict[str, Any]
Kubectl = Callable[[Object, Object], Object]

OPTIONS = ("--local", "--type=strategic", "-f", "-", "-o", "json")
TEMPLATE: Object = {
    "metadata": {"labels": {"app": "model", "tier": "gpu"}},
    "spec": {
        "enableServiceLinks": False,
        "nodeSelector": {"gpu": "a100", "zone": "a"},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "initContainers": [{"name": "gateway", "image": "gateway:1"}],
        "containers": [
            {
                "name": "vllm",
                "image": "vllm:1",
                "args": ["--model", "a"],
                "env": [{"name": "HOME", "value": "/home"}, {"name": "USER", "value": "me"}],
                "ports": [{"containerPort": 8000, "name": "http", "protocol": "TCP"}],
                "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}},
                "volumeMounts": [
                    {"mountPath": "/run", "name": "run"},
                    {"mountPath": "/tmp", "name": "tmp"},
                ],
            }
        ],
        "volumes": [{"name": "run", "emptyDir": {}}, {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
    },
}


def engine(**changes: Any) -> Object:
    return {"spec": {"containers": [{"name": "vllm", **changes}]}}


TABLE: dict[str, Object] = {
    "nothing": {},
    "a field is set": {"spec": {"hostNetwork": True}},
    "a field is removed": {"spec": {"nodeSelector": {"zone": None}}},
    "what is not there is removed": {"spec": {"priorityClassName": None, "affinity": {"nodeAffinity": None}}},
    "an object is removed": {"spec": {"nodeSelector": None}},
    "an object is replaced": {"spec": {"nodeSelector": {"$patch": "replace", "pool": "b"}}},
    "an object is emptied": {"spec": {"nodeSelector": {"$patch": "delete"}}},
    "only some keys are retained": {"spec": {"securityContext": {"$retainKeys": ["fsGroup"], "fsGroup": 1}}},
    "a list without a key is replaced": {"spec": {"tolerations": [{"key": "other"}]}},
    "a list of words is replaced": engine(args=["--model", "b", "--enforce-eager"]),
    "an item is changed": engine(env=[{"name": "HOME", "value": "/root"}]),
    "an item is added": engine(env=[{"name": "NCCL_DEBUG", "value": "INFO"}]),
    "an item is removed": engine(env=[{"name": "USER", "$patch": "delete"}]),
    "what is not there is removed from a list": engine(env=[{"name": "NONE", "$patch": "delete"}]),
    "a list with a key is replaced": engine(env=[{"$patch": "replace"}, {"name": "A", "value": "b"}]),
    "a list with a key is emptied": engine(env=[{"$patch": "replace"}]),
    "a value becomes a reference": engine(
        env=[{"name": "HOME", "value": None, "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]
    ),
    "the patch's order counts": engine(
        env=[{"name": "USER", "value": "x"}, {"name": "NEW", "value": "y"}, {"name": "HOME", "value": "z"}]
    ),
    "a port by its number": engine(ports=[{"containerPort": 8000, "name": "api"}, {"containerPort": 9}]),
    "a mount by its path": engine(volumeMounts=[{"mountPath": "/tmp", "name": "other", "subPath": "x"}]),
    "a source of a volume": {
        "spec": {"volumes": [{"name": "tmp", "emptyDir": None, "hostPath": {"path": "/x"}}]}
    },
    "a sidecar before the engine": {
        "spec": {"containers": [{"name": "log", "image": "log:1"}, {"name": "vllm", "tty": True}]}
    },
    "a sidecar after the engine": {"spec": {"containers": [{"name": "log", "image": "log:1"}]}},
    "a list that was not there": {
        "spec": {"imagePullSecrets": [{"name": "a"}, {"name": "b"}], "hostAliases": [{"ip": "1.2.3.4"}]}
    },
    "constraints by their topology": {
        "spec": {"topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1}]}
    },
    "an empty list leaves one with a key": engine(env=[]),
    "an empty list ends one without": {"spec": {"tolerations": []}},
}


@pytest.fixture(scope="module")
def kubectl() -> Kubectl:
    """kubectl's own merge, without a cluster."""
    program = str(tools.ensure(["kubectl"])["kubectl"])

    def merge(template: Object, patch: Object) -> Object:
        body = {"apiVersion": "v1", "kind": "Pod", **template}
        body["metadata"] = {**template["metadata"], "name": "x"}
        done = subprocess.run(
            [program, "patch", *OPTIONS, "-p", json.dumps(patch)],
            input=json.dumps(body),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        merged = json.loads(done.stdout)
        del merged["metadata"]["name"]
        return {"metadata": merged["metadata"], "spec": merged["spec"]}

    return merge


def merge(patch: Object) -> Object:
    return merge_template(TEMPLATE, patch, "p")


def without_nulls(value: Any) -> Any:
    """kubectl passes on nulls in values that it takes as a whole; for the API server they are not there."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", TABLE)
def test_a_strategic_merge_gives_the_result_of_kubectl(case: str, kubectl: Kubectl) -> None:
    assert merge(TABLE[case]) == without_nulls(kubectl(TEMPLATE, TABLE[case]))


words = st.sampled_from(["a", "b", "HOME", "USER"])
variables = st.lists(
    st.one_of(
        st.builds(lambda name, value: {"name": name, "value": value}, words, words),
        st.builds(lambda name: {"name": name, "$patch": "delete"}, words),
        st.just({"$patch": "replace"}),
    ),
    max_size=4,
    unique_by=lambda item: item.get("name"),
)
numbers = st.sampled_from([8000, 1, 2])
ports = st.lists(
    st.builds(lambda number, name: {"containerPort": number, "name": name}, numbers, words),
    max_size=3,
    unique_by=lambda item: item["containerPort"],
)
containers = st.builds(
    lambda name, parts: {"name": name, **parts},
    st.sampled_from(["vllm", "log", "other"]),
    st.fixed_dictionaries({}, optional={"env": variables, "ports": ports, "args": st.lists(words)}),
)


def has_directive(value: Any) -> bool:
    if isinstance(value, dict):
        return "$patch" in value or any(map(has_directive, value.values()))
    return isinstance(value, list) and any(map(has_directive, value))


def is_fair(patch: Object) -> bool:
    """Not with directives in items that are added: kubectl leaves them standing there, where they are of no
    use.
    """
    items = patch.get("spec", {}).get("containers", [])
    return not any(item["name"] != "vllm" and has_directive(item) for item in items)


patches: st.SearchStrategy[Object] = (
    st.fixed_dictionaries(
        {},
        optional={
            "metadata": st.fixed_dictionaries(
                {}, optional={"labels": st.dictionaries(words, st.one_of(words, st.none()))}
            ),
            "spec": st.fixed_dictionaries(
                {},
                optional={
                    "containers": st.lists(containers, max_size=3, unique_by=lambda item: item["name"]),
                    "nodeSelector": st.one_of(
                        st.none(),
                        st.dictionaries(st.sampled_from(["gpu", "zone", "x"]), st.one_of(words, st.none())),
                    ),
                    "tolerations": st.lists(st.builds(lambda key: {"key": key}, words), max_size=2),
                    "hostNetwork": st.one_of(st.booleans(), st.none()),
                },
            ),
        },
    )
    .map(dict)
    .filter(is_fair)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patch=patches)
def test_any_generated_patch_gives_the_result_of_kubectl(patch: Object, kubectl: Kubectl) -> None:
    assert merge(patch) == without_nulls(kubectl(TEMPLATE, patch))


@settings(max_examples=200, deadline=None)
@given(patch=patches)
def test_a_merge_is_pure_and_idempotent(patch: Object) -> None:
    given_patch, given_template = copy.deepcopy(patch), copy.deepcopy(TEMPLATE)
    once = merge(patch)
    assert (patch, TEMPLATE) == (given_patch, given_template)
    if not has_directive(patch):
        assert merge_template(once, patch, "p") == once


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (engine(env=[{"value": "x"}]), r"p.spec.containers\[vllm\].env\[0\] needs name"),
        (engine(env=[{"value": "x", "$patch": "delete"}]), r"env\[0\] needs name"),
        (engine(env=["x"]), r"env\[0\] must be an object"),
        (engine(env=[{"name": "A", "$patch": "merge"}]), r"env\[0\].\$patch must be replace or delete"),
        ({"spec": {"nodeSelector": {"$patch": 1}}}, r"p.spec.nodeSelector.\$patch must be replace or delete"),
        ({"spec": {"$setElementOrder/volumes": []}}, r"p.spec.\$setElementOrder/volumes is a directive"),
        (
            {"spec": {"new": {"$deleteFromPrimitiveList/x": []}}},
            r"\$deleteFromPrimitiveList/x is a directive",
        ),
        ({"spec": {"$retainKeys": ["a"], "b": 1}}, r"p.spec.\$retainKeys must be a list with every field"),
        ({"spec": {"$retainKeys": "a"}}, r"p.spec.\$retainKeys must be a list"),
    ],
)
def test_an_invalid_patch_is_refused_with_its_field(patch: Object, problem: str) -> None:
    with pytest.raises(MergeError, match=problem):
        merge(patch)
