"""The CustomResourceDefinition of ModelDeployment as a dict, generated from the models."""

from __future__ import annotations

from typing import Any

from fairlead_contract.names import GROUP, PLURAL, VERSION
from fairlead_operator.api.markers import rule
from fairlead_operator.api.names import KIND
from fairlead_operator.api.schema import structural_schema
from fairlead_operator.api.v1alpha1 import ModelDeployment

# Children carry the name, pods with suffixes; the Service's name must be a DNS-1035 label.
_NAME_RULES = [
    rule(
        "size(self.metadata.name) <= 40",
        "metadata.name must have at most 40 characters; choose a shorter name",
        at=".metadata",
    ),
    rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "metadata.name must start with a letter and have only lower-case letters, digits and - "
        "(it names a Service); choose another name",
        at=".metadata",
    ),
    rule(
        "has(self.spec.model.servedName) || !has(self.spec.model.adapters) || "
        "self.spec.model.adapters.all(a, a.name != self.metadata.name)",
        "spec.model.adapters[].name must not be metadata.name, under which the model itself is served; "
        "rename the adapter",
        at=".spec.model.adapters",
    ),
]


_NAMES = {
    "kind": KIND,
    "listKind": f"{KIND}List",
    "plural": PLURAL,
    "singular": KIND.lower(),
    "shortNames": ["mdep"],
    "categories": ["fairlead"],
}


def _column(name: str, path: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, **more}


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


# A column is one JSONPath, so ready and wanted replicas are two.
_COLUMNS = [
    _column("Ready", _ready("status")),
    _column("Reason", _ready("reason")),
    _column("Serving", ".status.readyReplicas", "integer"),
    _column("Desired", ".status.desiredReplicas", "integer"),
    _column("Restarts", ".status.restarts", "integer", priority=1),
    _column("Last Failure", ".status.lastFailure.reason", priority=1),
    _column("Model", ".spec.model.source", priority=1),
    _column("URL", ".status.url", priority=1),
    _column("Message", _ready("message"), priority=1),
    _column("Age", ".metadata.creationTimestamp", "date"),
]


def crd() -> dict[str, Any]:
    """The CustomResourceDefinition, ready to be applied."""
    schema = structural_schema(ModelDeployment)
    schema["properties"] = {
        "apiVersion": {"description": "apiVersion of the object.", "type": "string"},
        "kind": {"description": "kind of the object.", "type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    # kstatus takes an object without conditions and observedGeneration for done: Flux would not wait for a
    # model that the operator has yet to see. No spec has generation 0.
    schema["properties"]["status"]["default"] = {"observedGeneration": 0}
    schema["x-kubernetes-validations"] = _NAME_RULES
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": _NAMES,
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": _COLUMNS,
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
