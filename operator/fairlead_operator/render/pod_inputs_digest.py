"""A digest of the parts of a ModelDeployment that decide its pods.

The operator's default images and its rendering rules decide them too, but an upgrade of the operator must not
restart models. So the planner keeps the pod template that runs until one of these inputs changes.
"""

from __future__ import annotations

from fairlead_operator.render.hashing import digest
from fairlead_operator.render.model import Model


def pod_inputs(model: Model) -> str:
    """A digest of everything in the object that can show in the pod template.

    Values that equal their default are left out: a field that a newer version adds changes no digest.
    """
    spec = model.spec
    dumped = spec.model_dump(
        mode="json",
        by_alias=True,
        exclude_defaults=True,
        include={
            *("model", "engine", "accelerator", "resources", "scheduling"),
            *("inherited_metadata", "pod_template"),
        },
    )
    return digest(
        {
            **dumped,
            "auth": spec.api.auth.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "mediaDomains": list(spec.api.media_domains),
            "drainTimeoutSeconds": spec.rollout.drain_timeout_seconds,
            "restartedAt": model.restarted_at,
        }
    )
