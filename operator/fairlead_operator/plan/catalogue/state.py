"""Reasons that say where a model stands rather than what is wrong."""

from __future__ import annotations

from fairlead_operator.plan.catalogue.reason import ConditionReason

LATE = (
    ConditionReason(
        "DeadlineExceeded",
        "The rollout made no progress within spec.rollout.progressDeadlineSeconds.",
        "Look at the pods (`kubectl describe pod`); pods of the previous revision go on serving.",
        "controller-manager",
        stalled=True,
    ),
)
UNDER_WAY = (
    ConditionReason("EngineStarting", "The engine loads the model.", "Wait.", "kubelet", healthy=True),
    ConditionReason("Progressing", "Objects or pods are being created or replaced.", "Wait.", healthy=True),
    ConditionReason(
        "DrainThenReplace",
        "There is no room for a further pod during the rollout, so each new pod takes the place of an old "
        "one that was drained.",
        "Nothing; with room for one more pod a rollout keeps all replicas serving.",
        "scheduler",
        healthy=True,
    ),
    ConditionReason("Scheduled", "Every pod has a node.", "Nothing.", "scheduler", healthy=True),
    ConditionReason("Serving", "At least one engine answers requests.", "Nothing.", "kubelet", healthy=True),
    ConditionReason(
        "ScaledToZero",
        "No replica is wanted and none runs. This is the desired state, so Ready is True.",
        "Nothing; with spec.autoscaling a request starts a replica, else raise spec.replicas to serve.",
        healthy=True,
    ),
    ConditionReason(
        "Ready", "Every wanted replica of the current spec answers requests.", "Nothing.", healthy=True
    ),
)
