"""Labels and annotations that everything made for a model inherits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead_contract.names import MODEL_LABEL
from fairlead_operator.api.metadata import RESERVED_LABELS, RESERVED_PREFIXES, InheritedMetadata
from fairlead_operator.render.children import fit_model, render_children
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
    rendered = render_children(model, settings)
    return [part["metadata"] for part in (*rendered.children, *pod_templates_of(rendered.workload))]


@pytest.mark.parametrize("case", CASES)
def test_every_child_and_pod_has_the_models_inherited_metadata(case: str) -> None:
    found = metadata(of_case(case, inheritedMetadata=OURS))
    assert len(found) >= 5
    for item in found:
        assert OURS["labels"].items() <= item["labels"].items()
        assert OURS["annotations"].items() <= item["annotations"].items()


@pytest.mark.parametrize("case", CASES)
def test_every_child_and_pod_has_the_settings_inherited_metadata_unless_the_model_overrides_it(
    case: str,
) -> None:
    for item in metadata(of_case(case, inheritedMetadata=OURS), OF_ALL):
        assert {"division": "platform", "cost-centre": "42"}.items() <= item["labels"].items()
        assert {"owner": "platform", **OURS["annotations"]}.items() <= item["annotations"].items()


@pytest.mark.parametrize("case", CASES)
def test_inherited_metadata_leaves_selectors_and_other_labels_unchanged(case: str) -> None:
    plain = render_children(of_case(case, inheritedMetadata={}), SETTINGS).children
    labelled = render_children(of_case(case, inheritedMetadata=OURS), OF_ALL).children
    for before, after in zip(plain, labelled, strict=True):
        assert before["metadata"]["labels"].items() <= after["metadata"]["labels"].items()
        for field in ("selector", "podSelector"):
            assert before.get("spec", {}).get(field) == after.get("spec", {}).get(field)


def test_inherited_labels_cannot_override_fairleads_own() -> None:
    theirs = dict.fromkeys([*RESERVED_LABELS, MODEL_LABEL], "mine")
    settings = replace(SETTINGS, inherited_metadata=InheritedMetadata(labels=theirs))
    plain, labelled = metadata(model()), metadata(model(), settings)
    for before, after in zip(plain, labelled, strict=True):
        assert before["labels"].items() <= after["labels"].items()


def test_keys_set_by_fairlead_are_refused_as_inherited_metadata() -> None:
    group = of_case("two-nodes")
    for item in metadata(group):
        for key in (*item["labels"], *item["annotations"]):
            assert key in RESERVED_LABELS or key.startswith(tuple(RESERVED_PREFIXES)), key


def test_metadata_of_the_users_pod_template_overrides_inherited_metadata_in_pods() -> None:
    own = {"metadata": {"labels": {"cost-centre": "7"}}}
    labelled = model(inheritedMetadata=OURS, podTemplate=own)
    *children, pods = metadata(labelled)

    fitted = fit_model(labelled, SETTINGS)
    assert (fitted.model, fitted.problems) == (labelled, ())
    assert pods["labels"]["cost-centre"] == "7"
    assert {child["labels"]["cost-centre"] for child in children} == {"42"}


def test_changed_inherited_metadata_of_the_model_replaces_its_pods() -> None:
    workload = render_children(model(), SETTINGS).workload
    assert pinned_templates(model(), workload)
    assert not pinned_templates(model(inheritedMetadata=OURS), workload)


def test_changed_inherited_metadata_of_the_settings_keeps_running_pods() -> None:
    workload = render_children(model(), SETTINGS).workload
    assert pinned_templates(model(), workload) == tuple(pod_templates_of(workload))


def test_a_change_of_inherited_metadata_alone_reaches_every_child() -> None:
    """By the digest in their annotation, which decides whether they are applied."""
    for before, after in zip(metadata(model()), metadata(model(inheritedMetadata=OURS)), strict=True):
        assert before["annotations"] != after["annotations"]
