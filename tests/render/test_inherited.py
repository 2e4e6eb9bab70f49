"""Labels and annotations that everything made for a model inherits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead_operator.api.metadata import RESERVED_LABELS, RESERVED_PREFIXES, InheritedMetadata
from fairlead_operator.api.names import MODEL_LABEL
from fairlead_operator.render.children import fitting, render_children
from fairlead_operator.render.model import Model, Object, RenderSettings, parse_model
from fairlead_operator.render.templates import pinned_templates
from tests.plan.builders import model
from tests.render.cases import CASES, SETTINGS, pod_templates_of, read_model

OURS = {"labels": {"cost-centre": "42"}, "annotations": {"policy.example.com/exception": "gpu"}}
OF_ALL = replace(
    SETTINGS,
    inherited_metadata=InheritedMetadata(
        labels={"division": "platform", "cost-centre": "1"}, annotations={"owner": "platform"}
    ),
)


def of_case(case: str, **spec: Any) -> Model:
    body = read_model(case)
    return parse_model({**body, "spec": {**body["spec"], **spec}})


def metadata(model: Model, settings: RenderSettings = SETTINGS) -> list[Object]:
    """Of all children, and of the pods."""
    children = render_children(model, settings)
    return [part["metadata"] for part in (*children, *pod_templates_of(children[-1]))]


@pytest.mark.parametrize("case", CASES)
def test_every_child_and_every_pod_has_what_the_model_says(case: str) -> None:
    found = metadata(of_case(case, inheritedMetadata=OURS))
    assert len(found) >= 5
    for item in found:
        assert OURS["labels"].items() <= item["labels"].items()
        assert OURS["annotations"].items() <= item["annotations"].items()


@pytest.mark.parametrize("case", CASES)
def test_every_child_and_every_pod_has_what_the_settings_say_unless_the_model_does(case: str) -> None:
    for item in metadata(of_case(case, inheritedMetadata=OURS), OF_ALL):
        assert {"division": "platform", "cost-centre": "42"}.items() <= item["labels"].items()
        assert {"owner": "platform", **OURS["annotations"]}.items() <= item["annotations"].items()


@pytest.mark.parametrize("case", CASES)
def test_selectors_and_other_labels_stay_as_they_are(case: str) -> None:
    plain = render_children(of_case(case, inheritedMetadata={}), SETTINGS)
    labelled = render_children(of_case(case, inheritedMetadata=OURS), OF_ALL)
    for before, after in zip(plain, labelled, strict=True):
        assert before["metadata"]["labels"].items() <= after["metadata"]["labels"].items()
        for field in ("selector", "podSelector"):
            assert before.get("spec", {}).get(field) == after.get("spec", {}).get(field)


def test_what_fairlead_sets_cannot_be_overridden() -> None:
    theirs = dict.fromkeys([*RESERVED_LABELS, MODEL_LABEL], "mine")
    settings = replace(SETTINGS, inherited_metadata=InheritedMetadata(labels=theirs))
    plain, labelled = metadata(model()), metadata(model(), settings)
    for before, after in zip(plain, labelled, strict=True):
        assert before["labels"].items() <= after["labels"].items()


def test_no_key_that_fairlead_sets_is_one_that_users_may_set() -> None:
    group = of_case("two-nodes")
    for item in metadata(group):
        for key in (*item["labels"], *item["annotations"]):
            assert key in RESERVED_LABELS or key.startswith(tuple(RESERVED_PREFIXES)), key


def test_the_pod_template_of_the_user_goes_first_in_pods() -> None:
    own = {"metadata": {"labels": {"cost-centre": "7"}}}
    labelled = model(inheritedMetadata=OURS, podTemplate=own)
    *children, pods = metadata(labelled)

    assert fitting(labelled, SETTINGS) == (labelled, [])
    assert pods["labels"]["cost-centre"] == "7"
    assert {child["labels"]["cost-centre"] for child in children} == {"42"}


def test_a_change_of_the_model_gives_it_new_pods() -> None:
    *_, workload = render_children(model(), SETTINGS)
    assert pinned_templates(model(), workload)
    assert not pinned_templates(model(inheritedMetadata=OURS), workload)


def test_a_change_of_the_settings_leaves_pods_alone() -> None:
    *_, workload = render_children(model(), SETTINGS)
    assert pinned_templates(model(), workload) == tuple(pod_templates_of(workload))


def test_a_change_reaches_children_that_nothing_else_changes() -> None:
    """By the digest in their annotation, which decides whether they are applied."""
    for before, after in zip(metadata(model()), metadata(model(inheritedMetadata=OURS)), strict=True):
        assert before["annotations"] != after["annotations"]
