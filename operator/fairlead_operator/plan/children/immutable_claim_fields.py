"""PersistentVolumeClaims, of which Kubernetes lets only the size grow once they exist.

Any other change would be refused, and would keep the operator from applying the objects after it. So an
existing claim keeps its class, its access modes and a size beyond the desired one.
"""

from __future__ import annotations

from typing import Any

from fairlead_operator.render.quantity import whole_number

Object = dict[str, Any]


def keep_immutable_claim_fields(desired: Object, live: Object) -> Object:
    """The rendered claim with the immutable fields of the live one; other kinds unchanged."""
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
