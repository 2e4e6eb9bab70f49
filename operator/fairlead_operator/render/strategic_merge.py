"""Strategic merge of a patch into a pod template, with the result of `kubectl patch --type=strategic`.

Objects are merged field by field, null removes a field, and lists whose items have a key in Kubernetes' types
(containers by name, mounts by path, ...) are merged item by item; all other lists are replaced. Directives:
`$patch: replace` and `$patch: delete` in an object or an item, `$retainKeys` in an object. kubectl's
directives for the order of lists are refused: the order of the patch, then of the template, decides.

Source of the keys: the tags `patchMergeKey` of k8s.io/api/core/v1; of the rules: the package strategicpatch
of k8s.io/apimachinery, with which the tests compare.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


class MergeError(ValueError):
    """The patch is not one. The message begins with the path of the field."""


@dataclass(frozen=True)
class _Fields:
    """The merge schema of an object: its lists with a key, and its objects that contain such lists."""

    lists: dict[str, tuple[str, _Fields]] = field(default_factory=dict)
    objects: dict[str, _Fields] = field(default_factory=dict)


_PLAIN = _Fields()
_CONTAINER = _Fields(
    lists={
        "env": ("name", _PLAIN),
        "ports": ("containerPort", _PLAIN),
        "volumeDevices": ("devicePath", _PLAIN),
        "volumeMounts": ("mountPath", _PLAIN),
    }
)
_POD = _Fields(
    lists={
        "containers": ("name", _CONTAINER),
        "ephemeralContainers": ("name", _CONTAINER),
        "hostAliases": ("ip", _PLAIN),
        "imagePullSecrets": ("name", _PLAIN),
        "initContainers": ("name", _CONTAINER),
        "resourceClaims": ("name", _PLAIN),
        "schedulingGates": ("name", _PLAIN),
        "topologySpreadConstraints": ("topologyKey", _PLAIN),
        "volumes": ("name", _PLAIN),
    }
)
_TEMPLATE = _Fields(objects={"spec": _POD})
_PATCH, _RETAIN = "$patch", "$retainKeys"


def merge_template(template: Object, patch: Object, path: str) -> Object:
    """The template with the patch merged into it; neither is changed. Raises MergeError with `path` before
    the field.
    """
    return _merge(copy.deepcopy(template), copy.deepcopy(patch), _TEMPLATE, path)


def _merge(original: Object, patch: Object, fields: _Fields, path: str) -> Object:
    """Merges into `original`."""
    directive = patch.pop(_PATCH, None)
    if directive == "replace":
        return dict(_added(patch, path))
    if directive == "delete":
        return {}
    if directive is not None:
        raise MergeError(f"{path}.{_PATCH} must be replace or delete, not {directive!r}")
    _retain(original, patch, path)
    for key, value in patch.items():
        where = f"{path}.{key}"
        _refuse_directive(key, where)
        before = original.get(key)
        if value is None:
            original.pop(key, None)
        elif isinstance(before, dict) and isinstance(value, dict):
            original[key] = _merge(before, value, fields.objects.get(key, _PLAIN), where)
        elif isinstance(before, list) and isinstance(value, list) and key in fields.lists:
            original[key] = _merge_list(before, value, *fields.lists[key], where)
        elif isinstance(value, dict) and _PATCH in value:
            # Nothing to replace or delete. What is there is of another type, and no longer is.
            original.pop(key, None)
        else:
            original[key] = _added(value, where)
    return original


def _retain(original: Object, patch: Object, path: str) -> None:
    """Keeps of `original` only what the directive lists, which must list all that the patch sets."""
    kept = patch.pop(_RETAIN, None)
    if kept is None:
        return
    if not isinstance(kept, list) or any(
        value is not None and key not in kept for key, value in patch.items()
    ):
        raise MergeError(f"{path}.{_RETAIN} must be a list with every field that the patch sets there")
    for key in [key for key in original if key not in kept]:
        del original[key]


def _merge_list(original: list[Any], patch: list[Any], key: str, fields: _Fields, path: str) -> list[Any]:
    for index, item in enumerate(patch):
        if not isinstance(item, dict):
            raise MergeError(f"{path}[{index}] must be an object")
        directive = item.get(_PATCH)
        if directive not in (None, "delete", "replace"):
            raise MergeError(f"{path}[{index}].{_PATCH} must be replace or delete, not {directive!r}")
        if directive != "replace" and key not in item:
            raise MergeError(f"{path}[{index}] needs {key}, which identifies the item")
        if not isinstance(item.get(key, ""), str | int):
            raise MergeError(f"{path}[{index}].{key} must be a string or a number")
    gone = [item[key] for item in patch if item.get(_PATCH) == "delete"]
    before = [item for item in original if item.get(key) not in gone]
    if any(item.get(_PATCH) == "replace" for item in patch):
        before = []
    merged = {item.get(key): item for item in before}
    named = [item for item in patch if _PATCH not in item]
    for item in named:
        where = f"{path}[{item[key]}]"
        found = merged.get(item[key])
        merged[item[key]] = _added(item, where) if found is None else _merge(found, item, fields, where)
    order = list(dict.fromkeys(item[key] for item in named))
    return [merged[value] for value in _ordered([item.get(key) for item in before], order)]


def _ordered(before: list[Any], patched: list[Any]) -> list[Any]:
    """Items of the patch in its order; the others, in theirs, each before the first item of the patch that
    followed it already.
    """
    position = {value: index for index, value in enumerate(before)}
    others = [value for value in before if value not in patched]
    ordered: list[Any] = []
    for value in patched:
        while others and value in position and position[others[0]] < position[value]:
            ordered.append(others.pop(0))
        ordered.append(value)
    return [*ordered, *others]


def _added(value: Any, path: str) -> Any:
    """A new value without nulls, and without objects that were to be deleted."""
    if isinstance(value, dict):
        for key in value:
            _refuse_directive(key, f"{path}.{key}")
        return {
            key: _added(item, f"{path}.{key}")
            for key, item in value.items()
            if item is not None and not _is_directive(item) and key != _RETAIN
        }
    if isinstance(value, list):
        return [_added(item, path) for item in value if not _is_directive(item)]
    return value


def _is_directive(value: Any) -> bool:
    return isinstance(value, dict) and _PATCH in value


def _refuse_directive(key: str, path: str) -> None:
    if key.startswith("$") and key != _RETAIN:
        raise MergeError(f"{path} is a directive that is not supported; use $patch or $retainKeys")
