"""spec.inheritedMetadata: labels and annotations of everything that is made for a model.

For requirements of the cluster on every object: a cost centre, an owner, a policy engine's exceptions. Keys
that select or control objects are refused, each by a rule that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from fairlead_contract.names import GROUP
from fairlead_operator.api.markers import Schema, length, properties, rule, validations
from fairlead_operator.api.names import (
    COMPONENT_LABEL,
    DELETION_COST,
    INSTANCE_LABEL,
    MANAGED_BY_LABEL,
    NAME_LABEL,
    POD_TEMPLATE_HASH_LABEL,
    QUEUE_LABEL,
)
from fairlead_operator.api.part import ApiObject

_FIELD = "spec.inheritedMetadata"
_OTHERS = "it is set by Fairlead or by Kubernetes; remove it"
# Selectors, and what Fairlead sets on each object.
RESERVED_LABELS = {
    NAME_LABEL: _OTHERS,
    INSTANCE_LABEL: _OTHERS,
    COMPONENT_LABEL: _OTHERS,
    MANAGED_BY_LABEL: _OTHERS,
    "controller-revision-hash": _OTHERS,
    QUEUE_LABEL: "use spec.scheduling.queueName",
    POD_TEMPLATE_HASH_LABEL: _OTHERS,
}
RESERVED_ANNOTATIONS = {
    DELETION_COST: _OTHERS,
    "kubectl.kubernetes.io/last-applied-configuration": _OTHERS,
}
RESERVED_PREFIXES = {
    f"{GROUP}/": _OTHERS,
    "deployment.kubernetes.io/": _OTHERS,
    "leaderworkerset.sigs.k8s.io/": _OTHERS,
}
# What Kubernetes takes as the value of a label.
_LABEL_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
# What Kubernetes takes as the key of a label or an annotation; the API server itself bounds its length.
_KEY = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
# Kubernetes takes 256 KiB of annotations for each object. The workload has these twice, since it keeps a copy
# of its pod template, so they may have 64 KiB.
_ANNOTATION_CHARACTERS = 2048
_MOST_KEYS = 32


def _reserved(kind: str, keys: dict[str, str]) -> list[Schema]:
    return [
        rule(
            f"self.all(key, key.matches('{_KEY}'))",
            f"a key of {_FIELD}.{kind} must be a name like cost-centre or example.com/cost-centre",
        ),
        *(
            rule(f"!('{key}' in self)", f"{_FIELD}.{kind} must not have {key}: {remedy}")
            for key, remedy in keys.items()
        ),
        *(
            rule(
                f"!self.exists(key, key.startsWith('{prefix}'))",
                f"{_FIELD}.{kind} must not have {prefix}*: {remedy}",
            )
            for prefix, remedy in RESERVED_PREFIXES.items()
        ),
    ]


def refused_key(keys: Iterable[str], reserved: Mapping[str, str]) -> str | None:
    """The first of the keys that is not for users, with what to do instead; None if there is none.

    `reserved` is RESERVED_LABELS or RESERVED_ANNOTATIONS.
    """
    for key in keys:
        found = [text for prefix, text in RESERVED_PREFIXES.items() if key.startswith(prefix)]
        if remedy := reserved.get(key) or next(iter(found), None):
            return f"{key}: {remedy}"
    return None


class InheritedMetadata(ApiObject):
    """Labels and annotations of everything that is made for the model, its pods among them."""

    labels: Annotated[
        dict[
            str,
            Annotated[
                str,
                length(0, 63),
                validations(
                    rule(
                        f"self.matches('{_LABEL_VALUE}')",
                        f"a value of {_FIELD}.labels must start and end with a letter or digit and have only "
                        "letters, digits and . _ -",
                    )
                ),
            ],
        ],
        properties(_MOST_KEYS),
        validations(*_reserved("labels", RESERVED_LABELS)),
    ] = Field(default_factory=dict)
    """labels of every object, for example a cost centre."""
    annotations: Annotated[
        dict[str, Annotated[str, length(0, _ANNOTATION_CHARACTERS)]],
        properties(_MOST_KEYS),
        validations(*_reserved("annotations", RESERVED_ANNOTATIONS)),
    ] = Field(default_factory=dict)
    """annotations of every object."""
