"""spec.podTemplate: merged in last, and what it must leave alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_operator.render.children import fit_model, render_children
from fairlead_operator.render.model import Model
from fairlead_operator.render.pod import pod_template
from fairlead_operator.render.podtemplate import PodTemplateError, patch_for
from tests.plan.builders import SETTINGS, model


def patched(patch: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return pod_template(model(podTemplate=patch, **spec), SETTINGS)


def of_engine(**changes: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "vllm", **changes}]}}


def of_gateway(**changes: Any) -> dict[str, Any]:
    return {"spec": {"initContainers": [{"name": "gateway", **changes}]}}


def test_the_pod_template_overrides_every_spec_field() -> None:
    template = patched({"spec": {"priorityClassName": "b"}}, scheduling={"priorityClassName": "a"})
    assert template["spec"]["priorityClassName"] == "b"


def test_labels_and_annotations_of_the_pod_template_are_added() -> None:
    metadata = patched({"metadata": {"labels": {"team": "a"}, "annotations": {"b": "c"}}})["metadata"]
    assert metadata["labels"] == {**model().labels, "team": "a"}
    assert metadata["annotations"]["b"] == "c"


def test_the_pod_template_can_replace_the_engines_command() -> None:
    assert patched(of_engine(command=["sleep"], args=["9"]))["spec"]["containers"][0]["args"] == ["9"]


def test_a_change_of_the_pod_template_makes_a_new_revision() -> None:
    def revision(parsed: Model) -> Any:
        return render_children(parsed, SETTINGS).workload["spec"]["template"]["metadata"]["annotations"]

    assert revision(model()) != revision(model(podTemplate={"spec": {"hostNetwork": True}}))


def test_quantities_are_in_the_form_in_which_the_api_server_stores_them() -> None:
    patch = of_engine(resources={"limits": {"memory": "1024Mi"}, "requests": {"cpu": 0.5}})
    patch["spec"]["overhead"] = {"memory": "0.5Gi"}
    patch["spec"]["volumes"] = [
        {"name": "shm", "emptyDir": {"sizeLimit": "1024Ki"}},
        {
            "name": "scratch",
            "ephemeral": {
                "volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "2048Mi"}}}}
            },
        },
    ]
    spec = patched(patch)["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    claim = volumes["scratch"]["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert spec["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}, "requests": {"cpu": "500m"}}
    assert spec["overhead"] == {"memory": "512Mi"}
    assert volumes["shm"]["emptyDir"]["sizeLimit"] == "1Mi"
    assert claim["resources"]["requests"] == {"storage": "2Gi"}


REFUSED: dict[str, dict[str, Any]] = {
    "spec.podTemplate.status": {"status": {}},
    "spec.podTemplate.metadata.name": {"metadata": {"name": "x"}},
    "spec.podTemplate.metadata.labels[fairlead.dev/model]": {
        "metadata": {"labels": {"fairlead.dev/model": "other"}}
    },
    "spec.podTemplate.metadata.labels[app.kubernetes.io/component]": {
        "metadata": {"labels": {"app.kubernetes.io/component": None}}
    },
    "spec.podTemplate.metadata must be an object": {"metadata": None},
    "spec.podTemplate.metadata.labels[app.kubernetes.io/component] must": {"metadata": {"labels": None}},
    "spec.podTemplate.metadata.annotations[fairlead.dev/revision]": {
        "metadata": {"annotations": {"fairlead.dev/revision": "mine"}}
    },
    "spec.podTemplate.metadata.annotations must be an object": {"metadata": {"annotations": ["x"]}},
    "spec.podTemplate.spec must be an object": {"spec": "x"},
    "spec.podTemplate.spec.restartPolicy": {"spec": {"restartPolicy": "Never"}},
    "spec.podTemplate.spec.containers[vllm] must not be removed": {
        "spec": {"containers": [{"name": "vllm", "$patch": "delete"}]}
    },
    "spec.podTemplate.spec.initContainers[gateway] must not be removed": {
        "spec": {"initContainers": [{"$patch": "replace"}, {"name": "mine", "image": "x"}]}
    },
    "spec.podTemplate.spec.initContainers[gateway].restartPolicy": of_gateway(restartPolicy=None),
    "spec.podTemplate.spec.initContainers[gateway].ports": of_gateway(
        ports=[{"containerPort": 8001, "$patch": "delete"}]
    ),
    "spec.podTemplate.spec.initContainers[gateway].env[FAIRLEAD_GATEWAY_RUN_DIR]": of_gateway(
        env=[{"name": "FAIRLEAD_GATEWAY_RUN_DIR", "value": "/tmp"}]
    ),
    "spec.podTemplate.spec.containers[vllm].volumeMounts[/run/fairlead]": of_engine(
        volumeMounts=[{"mountPath": "/run/fairlead", "name": "home"}]
    ),
    "spec.podTemplate.spec.containers[vllm].volumeMounts[/run/fairlead-launcher]": of_engine(
        volumeMounts=[{"mountPath": "/run/fairlead-launcher", "readOnly": False}]
    ),
    "spec.podTemplate.spec.containers[vllm].env[VLLM_API_KEY] must not be set: the engine": of_engine(
        env=[{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]
    ),
    "spec.podTemplate.spec.containers[vllm].env[VLLM_KEEP_ALIVE_ON_ENGINE_DEATH]": of_engine(
        env=[{"name": "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "value": "1"}]
    ),
    "spec.podTemplate.spec.containers[vllm].args must not have --api-key": of_engine(
        command=["vllm", "serve"], args=["--api_key=x"]
    ),
    "spec.podTemplate.spec.volumes[run]": {"spec": {"volumes": [{"name": "run", "$patch": "delete"}]}},
    "spec.podTemplate.spec.containers[vllm].env[0] needs name": of_engine(env=[{"value": "x"}]),
    "spec.podTemplate.spec.containers[0].name must be": {"spec": {"containers": [{"name": []}]}},
}


@pytest.mark.parametrize("words", REFUSED)
def test_pod_template_fields_that_the_operator_needs_are_refused_by_name(words: str) -> None:
    with pytest.raises(PodTemplateError) as refused:
        patched(REFUSED[words])
    assert str(refused.value).startswith(words)


def test_a_harmless_environment_variable_may_be_set() -> None:
    variables = [
        {"name": "VLLM_API_KEY", "value": ""},
        {"name": "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH", "value": "0"},
    ]
    environment = patched(of_engine(env=variables))["spec"]["containers"][0]["env"]
    assert [item for item in variables if item not in environment] == []


def test_an_unsuitable_pod_template_is_ignored_and_reported() -> None:
    fitted = fit_model(model(podTemplate={"spec": {"restartPolicy": "Never"}}), SETTINGS)
    assert [problem.split(" ")[0] for problem in fitted.problems] == ["spec.podTemplate.spec.restartPolicy"]
    assert pod_template(fitted.model, SETTINGS) == pod_template(model(), SETTINGS)
    assert fit_model(model(podTemplate={"spec": {"hostNetwork": True}}), SETTINGS).problems == ()


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(
                ["name", "$patch", "env", "resources", "limits", "emptyDir", "value", "labels", "valueFrom"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
named = st.builds(
    lambda name, rest: {**rest, "name": name} if isinstance(rest, dict) else rest,
    st.sampled_from(["vllm", "gateway", "shm", "mine"]),
    anything,
)
nonsense = st.fixed_dictionaries(
    {},
    optional={
        "metadata": anything,
        "spec": st.one_of(
            anything,
            st.dictionaries(
                st.sampled_from(["containers", "initContainers", "volumes", "overhead", "resources"]),
                st.one_of(st.lists(named, max_size=3), anything),
                max_size=3,
            ),
        ),
    },
)


@settings(max_examples=500, deadline=None)
@given(patch=nonsense)
def test_any_pod_template_is_merged_or_refused_and_keeps_the_protected_fields(
    patch: dict[str, Any],
) -> None:
    before = copy.deepcopy(patch)
    template, refusal = None, ""
    try:
        template = patched(patch)
    except PodTemplateError as error:
        refusal = str(error)
    assert patch == before
    if template is None:
        assert refusal.startswith("spec.podTemplate")
        return
    spec = template["spec"]
    assert template["metadata"]["labels"].items() >= model().labels.items()
    assert [item["name"] for item in spec["containers"] if item.get("name") == "vllm"] == ["vllm"]
    (gateway,) = [item for item in spec["initContainers"] if item.get("name") == "gateway"]
    assert (gateway["restartPolicy"], len(gateway["ports"])) == ("Always", 2)


def test_patches_for_containers_missing_in_a_template_are_ignored() -> None:
    template = {"spec": {"initContainers": [{"name": "a"}], "containers": [{"name": "vllm"}]}}
    patch = {
        "spec": {"initContainers": [{"name": "gateway"}, {"name": "mine"}, {"name": "a"}], "hostPID": True}
    }
    assert patch_for(template, patch, frozenset({"gateway", "a"})) == {
        "spec": {"initContainers": [{"name": "mine"}, {"name": "a"}], "hostPID": True}
    }
    assert patch_for(template, {"spec": "x"}, frozenset({"gateway"})) == {"spec": "x"}
