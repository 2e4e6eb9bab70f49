"""Who set a field last, by what the API server keeps of it, and what is said about contested fields."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.api.names import FIELD_MANAGER
from fairlead_operator.plan.children.contest import contest_finding, last_writer
from fairlead_operator.plan.observed import Contest, Field

Object = dict[str, Any]


def entry(manager: str, fields: Object, time: str = "2026-01-01T12:00:00Z", **more: str) -> Object:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


def body(*entries: Object) -> Object:
    return {"kind": "Deployment", "metadata": {"name": "tiny", "managedFields": list(entries)}}


REPLICAS: Object = {"f:spec": {"f:replicas": {}}}
IMAGE: Object = {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"vllm"}': {".": {}, "f:image": {}}}}}}
}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (REPLICAS, "spec.replicas"),
        (IMAGE, "spec.template.spec.containers[vllm].image"),
        ({"f:spec": {"f:tolerations": {}}}, "spec.tolerations[0].key"),
        ({"f:spec": {"f:selector": {"f:a.b/c": {}}}}, "spec.selector.a.b/c"),
    ],
)
def test_the_field_manager_of_a_field_is_found(fields: Object, path: str) -> None:
    assert last_writer(body(entry("kubectl", fields)), path) == "kubectl"


@pytest.mark.parametrize("path", ["spec.paused", "spec.template.spec.containers[gateway].image"])
def test_the_field_manager_of_another_field_is_ignored(path: str) -> None:
    assert last_writer(body(entry("kubectl", REPLICAS), entry("kubectl", IMAGE)), path) == ""


def test_the_latest_other_field_manager_counts_and_never_the_operator() -> None:
    found = last_writer(
        body(
            entry("late", REPLICAS, "2026-01-01T12:00:02Z", subresource="scale"),
            entry("early", REPLICAS, "2026-01-01T12:00:01Z"),
            entry(FIELD_MANAGER, REPLICAS, "2026-01-01T12:00:03Z"),
        ),
        "spec.replicas",
    )
    assert found == "late (subresource scale)"


@pytest.mark.parametrize(
    "entries", [[], [{}], [{"manager": "x", "fieldsV1": []}], [entry("x", {"f:spec": 1})]]
)
def test_without_a_field_manager_the_writer_is_unknown(entries: list[Object]) -> None:
    assert last_writer(body(*entries), "spec.replicas") == ""


def test_contested_replicas_are_named_first_and_an_unknown_writer_has_a_placeholder() -> None:
    finding = contest_finding(
        [
            Contest(Field("Service", "tiny", "spec.type"), "", 5.0),
            Contest(Field("Deployment", "tiny", "spec.replicas"), "keda", 5.0),
        ]
    )
    assert finding is not None
    assert finding.reason == "ReplicasContested"
    first, second = finding.message.split("; something else")
    assert first.startswith("keda repeatedly sets spec.replicas of Deployment/tiny; its value is left")
    assert "mutating webhook, repeatedly sets spec.type of Service/tiny" in second


def test_without_a_contest_there_is_no_finding() -> None:
    assert contest_finding([]) is None
