"""PersistentVolumeClaims, of which Kubernetes lets only the size grow once they exist.

A wish for anything else could never be fulfilled, and would keep the operator from applying whatever comes
after it. So a claim that exists keeps its class, access modes and whatever size it has beyond the wish.
"""

from __future__ import annotations

from typing import Any

from fairlead_operator.render.quantity import whole_number

Object = dict[str, Any]


def keep_immutable_claim_fields(desired: Object, live: Object) -> Object:
    """The rendered object as it can be applied over the live one; other kinds than claims as they are."""
    if desired["kind"] != "PersistentVolumeClaim":
        return desired
    spec, had = desired["spec"], live.get("spec", {})
    kept = {name: had[name] for name in ("accessModes", "storageClassName") if had.get(name)}
    sizes = [_storage(spec), _storage(had)]
    size = max((size for size in sizes if size), key=whole_number)
    return {**desired, "spec": {**spec, **kept, "resources": {"requests": {"storage": size}}}}


def _storage(spec: Object) -> str | None:
    found: str | None = spec.get("resources", {}).get("requests", {}).get("storage")
    return found
