"""What happens to a claim that exists when the wish for it changes."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.plan.children.immutable_claim_fields import keep_immutable_claim_fields
from tests.plan.builders import PlannedNamespace, model_body

Object = dict[str, Any]


def body(replicas: int = 1, **cache: Any) -> Object:
    wanted = {"type": "PersistentVolumeClaim", **cache}
    return model_body(model={"source": "hf://a/b", "cache": wanted}, replicas=replicas)


def world_with_claim() -> PlannedNamespace:
    """A model whose claim the storage has given a class and a volume."""
    world = PlannedNamespace(body(size="10Gi"))
    world.reconcile()
    claim = world.children["PersistentVolumeClaim", "tiny-weights"]
    claim["spec"] |= {"storageClassName": "standard", "volumeName": "pv-1", "volumeMode": "Filesystem"}
    return world


def changed(world: PlannedNamespace, wanted: Object) -> list[Object]:
    """What is applied to the claim after the spec has changed."""
    world.body["spec"] = wanted["spec"]
    return [child for child in world.plan().apply if child["kind"] == "PersistentVolumeClaim"]


def test_an_unchanged_volume_claim_is_left_alone() -> None:
    assert changed(world_with_claim(), body(size="10Gi")) == []


def test_a_larger_size_is_applied_to_a_volume_claim() -> None:
    (applied,) = changed(world_with_claim(), body(size="20Gi"))
    assert applied["spec"]["resources"] == {"requests": {"storage": "20Gi"}}


@pytest.mark.parametrize(
    "wanted", [body(size="5Gi"), body(size="10Gi", storageClassName="fast"), body(size="10Gi", replicas=3)]
)
def test_immutable_claim_fields_are_kept_and_do_not_block_other_changes(wanted: Object) -> None:
    for applied in changed(world_with_claim(), wanted):
        assert applied["spec"]["resources"] == {"requests": {"storage": "10Gi"}}
        assert applied["spec"]["storageClassName"] == "standard"
        assert applied["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_an_impossible_claim_change_is_not_applied_repeatedly() -> None:
    world = world_with_claim()
    world.body["spec"] = body(size="5Gi", storageClassName="fast")["spec"]
    world.reconcile()
    claim = world.children["PersistentVolumeClaim", "tiny-weights"]
    claim["spec"] |= {"volumeName": "pv-1"}
    assert world.plan().apply == ()


def test_a_volume_claim_is_deleted_when_the_cache_changes() -> None:
    world = world_with_claim()
    world.body["spec"] = model_body(model={"source": "hf://a/b"})["spec"]
    assert [child["metadata"]["name"] for child in world.plan().delete] == ["tiny-weights"]


def test_objects_of_other_kinds_are_applied_unchanged() -> None:
    service: Object = {"kind": "Service", "spec": {}}
    assert keep_immutable_claim_fields(service, {"spec": {"clusterIP": "1"}}) is service
