"""Accelerators by dynamic resource allocation: the template of the pods' claims, and how a pod refers to it.

The specification of a ResourceClaimTemplate cannot be changed, so its name has a digest of its content: other
accelerators mean another template beside the former one, which pods of the former revision still need when
one of them has to be replaced.
"""

from __future__ import annotations

from typing import Any

from fairlead_operator.api.names import RESOURCE_CLAIM_TEMPLATE
from fairlead_operator.render.hashing import digest
from fairlead_operator.render.model import Model, Object

# The claim's name in the pod, and that of its only request.
CLAIM = "accelerators"


def render_claim_template(model: Model) -> Object | None:
    """The ResourceClaimTemplate NAME-accelerators-DIGEST, or None if the model claims no devices."""
    spec = _claim_spec(model)
    if spec is None:
        return None
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": RESOURCE_CLAIM_TEMPLATE,
        "metadata": model.metadata(_name(model, spec)),
        # The label leads from a claim to its model.
        "spec": {"metadata": {"labels": model.labels}, "spec": spec},
    }


def pod_claims(model: Model) -> list[Object]:
    """A pod's `resourceClaims`: one claim, made for each pod from the template."""
    spec = _claim_spec(model)
    return [] if spec is None else [{"name": CLAIM, "resourceClaimTemplateName": _name(model, spec)}]


def accelerator_resources(model: Model) -> Object:
    """The accelerators of the engine's container, in the form of `resources`."""
    accelerator = model.spec.accelerator
    if accelerator is None:
        return {}
    if accelerator.device_class_name:
        return {"claims": [{"name": CLAIM}]}
    # Kubernetes takes the request of an extended resource from its limit.
    return {"limits": {accelerator.resource_name: str(accelerator.count)}}


def _claim_spec(model: Model) -> Object | None:
    accelerator = model.spec.accelerator
    if accelerator is None or not accelerator.device_class_name:
        return None
    exactly: dict[str, Any] = {
        "deviceClassName": accelerator.device_class_name,
        "allocationMode": "ExactCount",
        "count": accelerator.count,
    }
    if accelerator.selectors:
        exactly["selectors"] = [{"cel": {"expression": text}} for text in accelerator.selectors]
    return {"devices": {"requests": [{"name": CLAIM, "exactly": exactly}]}}


def _name(model: Model, spec: Object) -> str:
    return f"{model.name}-accelerators-{digest(spec)[:8]}"
