"""Environment variables and quantities, as they are in a pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, WithJsonSchema

from fairlead_operator.api.markers import FORBIDDEN, Schema, length, rule, validations
from fairlead_operator.api.part import ApiObject


@dataclass(frozen=True)
class RefusedVariable:
    """A variable of the engine's that breaks what gateway and launcher rely on.

    `harmless` values change nothing; `problem` says what any other one does. The launcher has the same table,
    for variables that only the pod knows.
    """

    name: str
    harmless: tuple[str, ...]
    problem: str

    def allows(self, value: str | None) -> bool:
        """Whether the value changes nothing; None is one that is not known here."""
        return value in self.harmless

    @property
    def rule(self) -> Schema:
        """The rule for one item of a list of variables."""
        words = ", ".join(f"'{value}'" for value in self.harmless)
        return rule(
            f"self.name != '{self.name}' || (has(self.value) && self.value in [{words}])",
            f"spec.engine.env must not set {self.name}: {self.problem}; remove it",
            at=".name",
            reason=FORBIDDEN,
        )


REFUSED_VARIABLES = (
    RefusedVariable(
        "VLLM_API_KEY",
        ("",),
        "the engine would refuse the gateway's requests; clients' keys are spec.api.auth",
    ),
    RefusedVariable(
        "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH",
        ("", "0"),
        "the container would go on without its engine, and would not be restarted",
    ),
)

# Kubernetes' own syntax of a resource quantity.
_QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
Quantity = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 64,
            "pattern": _QUANTITY,
            "x-kubernetes-int-or-string": True,
        }
    ),
]


class ObjectKey(ApiObject):
    """One key of a ConfigMap or Secret."""

    name: Annotated[str, length(1, 253)]
    """name of the object in the model's namespace."""
    key: Annotated[str, length(1, 253)]
    """key within the object."""
    optional: bool | None = None
    """optional lets the container start although the object or key does not exist."""


class FieldRef(ApiObject):
    """A field of the pod."""

    field_path: Annotated[str, length(1, 253)]
    """fieldPath of the pod, for example `status.hostIP`."""


class ResourceFieldRef(ApiObject):
    """A resource of a container."""

    resource: Annotated[str, length(1, 253)]
    """resource to read, for example `limits.memory`."""
    container_name: Annotated[str | None, length(1, 63)] = None
    """containerName whose resource is read; the engine's container if absent."""
    divisor: Quantity | None = None
    """divisor of the value, for example `1Mi`."""


class EnvSource(ApiObject):
    """Where the value of an environment variable comes from."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), "
                    "has(self.resourceFieldRef)].filter(x, x).size() == 1",
                    "spec.engine.env[].valueFrom must have exactly one of configMapKeyRef, "
                    "secretKeyRef, fieldRef and resourceFieldRef",
                )
            ]
        }
    )

    config_map_key_ref: ObjectKey | None = None
    """configMapKeyRef takes the value from a ConfigMap."""
    secret_key_ref: ObjectKey | None = None
    """secretKeyRef takes the value from a Secret."""
    field_ref: FieldRef | None = None
    """fieldRef takes the value from a field of the pod."""
    resource_field_ref: ResourceFieldRef | None = None
    """resourceFieldRef takes the value from a container's resources."""


class EnvVar(ApiObject):
    """One environment variable, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!(has(self.value) && has(self.valueFrom))",
                    "an item of spec.engine.env must not have both value and valueFrom; remove one",
                    at=".valueFrom",
                ),
                *(refused.rule for refused in REFUSED_VARIABLES),
            ]
        }
    )

    name: Annotated[
        str,
        length(1, 253),
        validations(
            rule(
                "self.matches('^[-._a-zA-Z][-._a-zA-Z0-9]*$')",
                "the name of an item of spec.engine.env must have only letters, digits and - _ . "
                "and no leading digit",
            )
        ),
    ]
    """name of the variable. A name that the operator sets too overrides the operator's value. Variables that
    take the engine away from the gateway, such as `VLLM_API_KEY`, are refused.
    """
    value: Annotated[str | None, length(0, 32768)] = None
    """value of the variable; `$(NAME)` refers to variables before it."""
    value_from: EnvSource | None = None
    """valueFrom takes the value from elsewhere."""
