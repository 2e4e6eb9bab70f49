"""Reasons about the ModelDeployment itself and the objects that the operator makes of it."""

from __future__ import annotations

from fairlead_operator.plan.reason import Reason

REASONS = (
    Reason(
        "InvalidSpec",
        "The stored object cannot be read by this version of the operator, spec.api.defaults or "
        "spec.api.limits do not fit the dialect, or spec.podTemplate changes what the operator relies on. "
        "What runs goes on as it is.",
        "Correct the field that the message names, or upgrade the operator.",
        stalled=True,
    ),
    Reason(
        "NameConflict",
        "An object with the name of a child exists and belongs to somebody else. It is left alone.",
        "Rename the ModelDeployment, or delete the other object.",
        stalled=True,
    ),
    Reason(
        "ApiNotServed",
        "The cluster does not serve a kind that the spec needs: LeaderWorkerSet for spec.engine.nodes above "
        "1, ResourceClaimTemplate for spec.accelerator.deviceClassName.",
        "Install the API that the message names (LeaderWorkerSet, or Kubernetes 1.34 or newer); the operator "
        "tries again by itself.",
        stalled=True,
    ),
    Reason(
        "ObjectRejected",
        "The API server refused an object that the operator made from the spec.",
        "Correct the field that the API server names, or the policy that refuses it.",
        stalled=True,
    ),
)
NAMES = (
    Reason(
        "ServedNameTaken",
        "Another ModelDeployment has one of the model's names (servedName, alias or adapter), so requests to "
        "the router by that name go there. The model runs and is reached as NAMESPACE/NAME and by its own "
        "Service.",
        "Choose another name, or ask for NAMESPACE/NAME or NAMESPACE/NAME/ID; the name becomes free when the "
        "other model gives it up.",
    ),
)
