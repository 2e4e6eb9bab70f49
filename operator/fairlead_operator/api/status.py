"""The status of a ModelDeployment: what the operator reports."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from fairlead_operator.api.markers import items, length
from fairlead_operator.api.part import Part


class Condition(Part):
    """One aspect of the state, in Kubernetes' standard form."""

    type: Annotated[str, length(1, 316)]
    """type of the condition: Ready, Reconciling, Stalled, Scheduled, CapacityAvailable, WeightsReady or
    EngineReady.
    """
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
    download_seconds: int = 0
    """downloadSeconds that the download of the weights took, which is part of preparingSeconds."""
    engine_seconds: int = 0
    """engineSeconds from then until the pod was ready: weights, compilation, warm-up."""
    total_seconds: int = 0
    """totalSeconds of the phases together."""


class Weights(Part):
    """How far the download of the weights is."""

    phase: Literal["Downloading", "Waiting", "Complete", "Failed"]
    """phase of the download; Waiting for another pod that downloads the same into a shared cache."""
    source: Annotated[str, length(0, 1024)] = ""
    """source that is being downloaded, or was the last."""
    bytes: Annotated[int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})] = 0
    """bytes that are there, of model and adapters together."""
    total_bytes: Annotated[
        int | None, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})
    ] = None
    """totalBytes of the download; absent while they are not known."""
    percent: Annotated[int | None, Field(ge=0, le=100)] = None
    """percent of the bytes that are there."""
    pod: Annotated[str, length(1, 253)]
    """pod whose download this is: the least advanced one."""


class Endpoint(Part):
    """One pod of the model."""

    pod: Annotated[str, length(1, 253)]
    """pod by its name."""
    state: Literal["Starting", "Ready", "Draining"]
    """state of the pod: it starts, answers requests, or finishes its last ones."""
    in_flight: Annotated[int | None, Field(ge=0)] = None
    """inFlight requests that a draining pod still has, as it last reported."""


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
    endpoints: Annotated[tuple[Endpoint, ...], items(1000, "map", "pod")] = ()
    """endpoints are the pods of the model."""
    weights: Weights | None = None
    """weights says how far the download is; absent where nothing is downloaded."""
    startup: Startup | None = None
    """startup says how long the latest start took, by phase."""
    rendering_version: Annotated[int, Field(ge=0)] = 0
    """renderingVersion is the version of the rules by which the operator made the child objects."""
