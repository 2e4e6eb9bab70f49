"""The status of a ModelDeployment: what the operator reports."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from fairlead_operator.api.markers import items, length
from fairlead_operator.api.part import Part


class Condition(Part):
    """One aspect of the state, in Kubernetes' standard form."""

    type: Annotated[str, length(1, 316)]
    """type of the condition: Ready, Reconciling, Stalled, Scheduled or EngineReady."""
    status: Literal["True", "False", "Unknown"]
    """status of the condition."""
    observed_generation: Annotated[
        int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})
    ] = 0
    """observedGeneration is the generation of the spec that the condition is about."""
    last_transition_time: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
    """lastTransitionTime is when the status last changed."""
    reason: Annotated[str, length(1, 1024)]
    """reason is a word of the documented catalogue, or what a cause from outside calls itself."""
    message: Annotated[str, length(0, 32768)]
    """message says what is the case and what to do."""


class Startup(Part):
    """How long the start of a pod took."""

    pod: Annotated[str, length(1, 253)]
    """pod that was measured: the latest that became ready without a restart."""
    scheduling_seconds: int = 0
    """schedulingSeconds from the pod's creation until it had a node."""
    preparing_seconds: int = 0
    """preparingSeconds from then until the engine's container ran: volumes, images, gateway."""
    engine_seconds: int = 0
    """engineSeconds from then until the pod was ready: weights, compilation, warm-up."""
    total_seconds: int = 0
    """totalSeconds of the phases together."""


class ModelDeploymentStatus(Part):
    """What is the case."""

    conditions: Annotated[tuple[Condition, ...], items(16, "map", "type")] = ()
    """conditions of the model. Ready says whether everything asked for runs; its reason is the cause if
    not.
    """
    observed_generation: Annotated[
        int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})
    ] = 0
    """observedGeneration is the generation of the spec that the status is about."""
    replicas: Annotated[int, Field(ge=0)] = 0
    """replicas is the number of pods that exist."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """readyReplicas is the number of pods that answer requests."""
    selector: Annotated[str | None, length(0, 1024)] = None
    """selector of the pods, for the scale subresource."""
    url: Annotated[str | None, length(0, 1024)] = None
    """url is the base URL for OpenAI clients inside the cluster."""
    served_models: Annotated[tuple[Annotated[str, length(1, 253)], ...], items(64)] = ()
    """servedModels are the names under which the model answers."""
    startup: Startup | None = None
    """startup says how long the latest start took, by phase."""
    rendering_version: Annotated[int, Field(ge=0)] = 0
    """renderingVersion is the version of the rules by which the operator made the child objects."""
