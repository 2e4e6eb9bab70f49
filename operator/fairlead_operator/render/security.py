"""Security contexts that meet the "restricted" Pod Security Standard, the same for every model."""

from __future__ import annotations

from typing import Any

from fairlead_operator.render.model import PodUser


def pod_security(user: PodUser) -> dict[str, Any]:
    """The pod's security context.

    One user for all containers: the engine's socket is only writable by its owner.
    """
    ids = {"runAsUser": user.run_as_user, "runAsGroup": user.run_as_group, "fsGroup": user.fs_group}
    return {
        "runAsNonRoot": True,
        **{name: number for name, number in ids.items() if number is not None},
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security(*, read_only_root: bool) -> dict[str, Any]:
    """A container's security context; `read_only_root` where the image is ours."""
    context: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {**context, "readOnlyRootFilesystem": True} if read_only_root else context
