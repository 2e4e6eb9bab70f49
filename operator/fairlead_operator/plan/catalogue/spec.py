"""Reasons about the ModelDeployment itself and the objects that the operator makes of it."""

from __future__ import annotations

from fairlead_operator.plan.catalogue.reason import ConditionReason

REASONS = (
    ConditionReason(
        "InvalidSpec",
        "The stored object cannot be read by this version of the operator, spec.api.defaults or "
        "spec.api.limits do not fit the dialect, spec.engine.chatTemplate.inline is not a valid Jinja "
        "template, or spec.podTemplate changes what the operator relies on. "
        "What runs goes on as it is.",
        "Correct the field that the message names, or upgrade the operator.",
        stalled=True,
    ),
    ConditionReason(
        "NameConflict",
        "An object with the name of a child exists and has another owner. It is not changed.",
        "Rename the ModelDeployment, or delete the other object.",
        stalled=True,
    ),
    ConditionReason(
        "ApiNotServed",
        "The cluster does not serve a kind that the spec needs: LeaderWorkerSet for spec.engine.nodes above "
        "1, ResourceClaimTemplate for spec.accelerator.deviceClassName.",
        "Install the API that the message names (LeaderWorkerSet, or Kubernetes 1.34 or newer); the operator "
        "tries again by itself.",
        stalled=True,
    ),
    ConditionReason(
        "ObjectRejected",
        "The API server refused an object that the operator made from the spec, or a right that it needs. "
        "What runs goes on as it is.",
        "Correct the field that the message names, or the policy that refuses it; it is tried again every "
        "minute.",
        stalled=True,
    ),
    ConditionReason(
        "ApiRequestFailed",
        "The operator could not carry out the spec, because requests to the API server fail: a webhook does "
        "not answer, the server is overloaded, or it has a fault.",
        "See the webhook or the server that the message names; it is tried again with growing delays.",
    ),
    ConditionReason(
        "ReconcileFailed",
        "The operator has a fault that this model brings out. What runs goes on as it is.",
        "See the operator's log and report the fault; it is tried again with growing delays.",
        stalled=True,
    ),
)
CONTESTED = (
    ConditionReason(
        "ReplicasContested",
        "Something else than the operator sets the number of replicas of the model's Deployment, typically a "
        "HorizontalPodAutoscaler or ScaledObject that targets the Deployment.",
        "Let the autoscaler target the ModelDeployment (scaleTargetRef), or remove it.",
    ),
    ConditionReason(
        "FieldContested",
        "Something else than the operator sets a field of an object that the operator made: another tool, a "
        "mutating webhook, or an API server that drops the field.",
        "Stop what the message names, or say the same in the spec, for example in spec.podTemplate.",
    ),
)
NAMES = (
    ConditionReason(
        "ServedNameTaken",
        "Another ModelDeployment has one of the model's names (servedName, alias or adapter), so requests to "
        "the router by that name go there. The model runs and is reached as NAMESPACE/NAME and by its own "
        "Service.",
        "Choose another name, or ask for NAMESPACE/NAME or NAMESPACE/NAME/ID; the name becomes free when the "
        "other model gives it up.",
    ),
)
