"""Security contexts that meet the "restricted" Pod Security Standard, the same for every model."""

from __future__ import annotations

from typing import Any

# One user for both containers: the engine's socket is only writable by its owner.
USER = 65532


def pod_security() -> dict[str, Any]:
    """The pod's security context."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security(*, read_only_root: bool) -> dict[str, Any]:
    """A container's security context; `read_only_root` where the image is ours."""
    context: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {**context, "readOnlyRootFilesystem": True} if read_only_root else context
