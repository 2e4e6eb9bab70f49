"""Whatever stands in spec.podTemplate, the planner has a plan."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.plan.builders import PlannedNamespace, model_body

Object = dict[str, Any]

NAMES = st.sampled_from(
    [
        "$patch",
        "$retainKeys",
        "divisor",
        "emptyDir",
        "ephemeral",
        "limits",
        "mountPath",
        "name",
        "requests",
        "resourceFieldRef",
        "resources",
        "sizeLimit",
        "spec",
        "valueFrom",
        "volumeClaimTemplate",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["vllm", "gateway", "side", 3, None])},
        optional=dict.fromkeys(("env", "ports", "resources", "restartPolicy", "volumeMounts"), JSON),
    )
    | JSON,
    max_size=2,
)
POD = st.fixed_dictionaries(
    {},
    optional={
        "containers": CONTAINERS | JSON,
        "initContainers": CONTAINERS | JSON,
        **dict.fromkeys(("affinity", "overhead", "resources", "restartPolicy", "volumes"), JSON),
    },
)
META = st.fixed_dictionaries({}, optional={"labels": JSON, "annotations": JSON})


@given(st.fixed_dictionaries({}, optional={"metadata": META | JSON, "spec": POD | JSON}), st.booleans())
def test_any_pod_template_is_applied_or_refused(template: Object, several: bool) -> None:
    nodes: Object = {"engine": {"nodes": 2}} if several else {}
    planned = PlannedNamespace(model_body(podTemplate=template, **nodes)).plan()
    assert bool(planned.apply) != (planned.status["conditions"][0]["reason"] == "InvalidSpec")
