"""The environment of a local container: that of its image, then the variables of the rendered pod. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.sources import Sources
from fairlead_operator.local.volumes import missing

Object = dict[str, Any]
LOOPBACK = "127.0.0.1"

# What of the user's environment a container gets: how this machine reaches its accelerators and the network,
# and where spans go.
# Everything else stays away, as in a pod, so that the same manifest gives the same model.
INHERITED = re.compile(
    r"PATH|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+|ROCM?_\w+|HIP_\w+"
    r"|OTEL_\w+|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|(?i:(https?|no|all)_proxy)"
)
# What Kubernetes replaces in arguments and values, and how it writes a dollar.
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of this machine that containers get."""
    return {name: value for name, value in environment.items() if INHERITED.fullmatch(name)}


def variables(container: Object, pod: Mapping[str, str], sources: Sources) -> dict[str, str]:
    """The container's own variables, later ones over earlier. `pod` has the fields that a fieldRef may name.

    Raises LocalError for a missing Secret or ConfigMap, or a reference that means nothing here.
    """
    found: dict[str, str] = {}
    for block in container.get("envFrom") or ():
        found.update(_all_keys(block, sources))
    for variable in container.get("env") or ():
        name = variable["name"]
        if (reference := variable.get("valueFrom")) is None:
            found[name] = expanded(variable.get("value") or "", found)
        elif (value := _referenced(name, reference, pod, sources)) is not None:
            found[name] = value
    return found


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """The text with `$(NAME)` replaced, where there is such a variable, and `$$` as a dollar."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[1] is None else environment.get(found[1], found[0])

    return _REFERENCE.sub(value, text)


def _all_keys(block: Object, sources: Sources) -> Iterator[tuple[str, str]]:
    kind = "ConfigMap" if "configMapRef" in block else "Secret"
    reference = block.get("configMapRef") or block.get("secretRef") or {}
    keys = (sources.config_maps if kind == "ConfigMap" else sources.secrets).get(reference["name"])
    if keys is None and not reference.get("optional"):
        raise missing(kind, reference["name"])
    for key, value in (keys or {}).items():
        yield f"{block.get('prefix') or ''}{key}", value.decode(errors="surrogateescape")


def _referenced(name: str, reference: Object, pod: Mapping[str, str], sources: Sources) -> str | None:
    for kind, field, keys in (
        ("Secret", "secretKeyRef", sources.secrets),
        ("ConfigMap", "configMapKeyRef", sources.config_maps),
    ):
        if of := reference.get(field):
            value = keys.get(of["name"], {}).get(of["key"])
            if value is None and not of.get("optional"):
                raise missing(kind, of["name"], of["key"] if of["name"] in keys else "")
            return None if value is None else value.decode(errors="surrogateescape")
    path = (reference.get("fieldRef") or {}).get("fieldPath", "")
    if path in pod:
        return pod[path]
    what = path or "resourceFieldRef"
    raise LocalError(f"variable {name}: valueFrom {what} is known in a cluster only; give it a value")
