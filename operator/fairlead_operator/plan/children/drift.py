"""Whether a live object still has what was rendered.

The API server adds defaults and other writers add fields of their own. So the rendered object has to be
contained in the live one, not equal to it.
"""

from __future__ import annotations

from typing import Any

# The merge keys of lists, as in server-side apply. Other lists are compared item by item.
_KEYS = {
    "containers": "name",
    "env": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "name",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
# Of these, absent means true.
_MEANT = frozenset({"allowPrivilegeEscalation", "automountServiceAccountToken"})


def first_difference(
    desired: Any, live: Any, path: str = "", ignored: frozenset[str] = frozenset()
) -> str | None:
    """The path of the first rendered value that the live object does not have, or None. What is at an ignored
    path may differ.
    """
    if path in ignored:
        return None
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            return None if live is None and not desired else path
        return _first(
            first_difference(value, live.get(key), f"{path}.{key}" if path else key, ignored)
            for key, value in desired.items()
        )
    if isinstance(desired, list):
        return _list_difference(desired, live or [], path, ignored)
    # Empty values, zero and false among them, are not stored where they mean the same as none.
    unsaid = live is None and not desired and path.rsplit(".", 1)[-1] not in _MEANT
    return None if desired == live or unsaid else path


def _list_difference(desired: list[Any], live: Any, path: str, ignored: frozenset[str]) -> str | None:
    if not isinstance(live, list):
        return path
    key = _KEYS.get(path.rsplit(".", 1)[-1])
    if key and all(key in item for item in desired):
        found = {item.get(key): item for item in live if isinstance(item, dict)}
        return _first(
            first_difference(item, found.get(item[key]), f"{path}[{item[key]}]", ignored)
            if item[key] in found or f"{path}[{item[key]}]" in ignored
            else f"{path}[{item[key]}]"
            for item in desired
        )
    if len(desired) != len(live):
        return path
    return _first(
        first_difference(one, other, f"{path}[{index}]", ignored)
        for index, (one, other) in enumerate(zip(desired, live, strict=True))
    )


def _first(differences: Any) -> str | None:
    return next((difference for difference in differences if difference), None)
