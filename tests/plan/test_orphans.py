"""Which children that a model does not have any more are removed, and when."""

from __future__ import annotations

from typing import Any

from tests.plan.builders import Object, PlannedNamespace, model_body, pod

FEW = {"deviceClassName": "gpu.example.com", "count": 1}
MANY = {"deviceClassName": "gpu.example.com", "count": 2}


def claim_templates(world: PlannedNamespace) -> list[str]:
    return sorted(name for kind, name in world.children if kind == "ResourceClaimTemplate")


def claimed_by(world: PlannedNamespace) -> str:
    (claim,) = world.deployment()["spec"]["template"]["spec"]["resourceClaims"]
    return str(claim["resourceClaimTemplateName"])


def pod_of(world: PlannedNamespace, name: str, **more: Any) -> Object:
    """A ready pod as the live Deployment makes it now."""
    template = world.deployment()["spec"]["template"]
    revision = template["metadata"]["annotations"]["fairlead.dev/revision"]
    made = pod(name, revision=revision, ready=True, **more)
    made["spec"]["resourceClaims"] = template["spec"].get("resourceClaims", [])
    return made


def serving(accelerator: Object) -> PlannedNamespace:
    world = PlannedNamespace(model_body(accelerator=accelerator))
    world.reconcile()
    world.roll([pod_of(world, "tiny-1")])
    world.reconcile()
    return world


def change(world: PlannedNamespace, accelerator: Object | None) -> None:
    world.body["spec"]["accelerator"] = accelerator
    world.body["metadata"]["generation"] += 1
    world.reconcile()


def test_a_claim_template_is_kept_while_pods_of_the_former_revision_may_be_replaced() -> None:
    world = serving(FEW)
    (old,) = claim_templates(world)
    change(world, MANY)
    new = claimed_by(world)
    assert claim_templates(world) == sorted([old, new])
    # The old pod is gone, its ReplicaSet is about to make another one, and no pod names the template.
    world.roll([], updated=0)
    world.deployment()["status"]["replicas"] = 1
    world.reconcile()
    assert claim_templates(world) == sorted([old, new])


def test_a_former_claim_template_is_removed_after_the_rollout() -> None:
    world = serving(FEW)
    change(world, MANY)
    world.roll([pod_of(world, "tiny-2")])
    world.reconcile()
    assert claim_templates(world) == [claimed_by(world)]


def test_a_former_claim_template_stays_while_a_pod_of_that_revision_drains() -> None:
    world = serving(FEW)
    (old,) = claim_templates(world)
    former = world.pods[0]
    change(world, MANY)
    world.roll([pod_of(world, "tiny-2")])
    world.pods.append(former)
    world.reconcile()
    assert old in claim_templates(world)


def test_the_claim_template_is_removed_with_the_last_accelerator() -> None:
    world = serving(FEW)
    change(world, None)
    world.roll([pod_of(world, "tiny-2")])
    world.reconcile()
    assert claim_templates(world) == []


def test_a_claim_template_of_another_owner_is_never_removed() -> None:
    world = serving(FEW)
    foreign = {"kind": "ResourceClaimTemplate", "metadata": {"name": "theirs", "uid": "x"}}
    world.children["ResourceClaimTemplate", "theirs"] = foreign
    world.reconcile()
    assert "theirs" in claim_templates(world)
