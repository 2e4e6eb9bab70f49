"""The status of a ModelDeployment: what the operator reports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from fairlead_operator.api.markers import items, length
from fairlead_operator.api.part import ApiObject


class Condition(ApiObject):
    """One aspect of the state, in Kubernetes' standard form."""

    type: Annotated[str, length(1, 316)]
    """type of the condition: Ready, Reconciling, Stalled, Scheduled, CapacityAvailable, WeightsReady,
    EngineReady, ScalingActive, ScalingLimited or Contested.
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
    """reason is a word of the documented catalogue, or the name of an external cause."""
    message: Annotated[str, length(0, 32768)]
    """message describes the state and what to do."""


class Startup(ApiObject):
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


class Weights(ApiObject):
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


class EndpointStatus(ApiObject):
    """One pod of the model."""

    pod: Annotated[str, length(1, 253)]
    """pod by its name."""
    state: Literal["Starting", "Ready", "Draining"]
    """state of the pod: it starts, answers requests, or finishes its last ones."""
    in_flight: Annotated[int | None, Field(ge=0)] = None
    """inFlight requests that a draining pod still has, as it last reported."""


class LastFailure(ApiObject):
    """The last failure of a container, or of a whole pod."""

    time: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
    """time of the end, by the clock of the pod's node."""
    pod: Annotated[str, length(1, 253)]
    """pod that failed; it may be gone."""
    container: Annotated[str | None, length(0, 253)] = None
    """container that ended; absent where the pod failed as a whole, for example by eviction."""
    reason: Annotated[str, length(1, 1024)]
    """reason is a word of the documented catalogue."""
    message: Annotated[str, length(0, 4096)] = ""
    """message says why it ended, as reported by the container or the kubelet."""
    exit_code: int | None = None
    """exitCode of the container; 128 plus N is the end by signal N."""


# Measured quantities with fractions, by name. They are for users and for the next operator, which knows their
# meaning. A schema for each would prevent improvements.
_NUMBERS = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class ColdStart(ApiObject):
    """How long the pods of the model take to start."""

    p50: Annotated[int, Field(ge=0)]
    """p50 is what half of the starts stayed below, in seconds."""
    p90: Annotated[int, Field(ge=0)]
    """p90 is what nine of ten starts stayed below, in seconds."""
    count: Annotated[int, Field(ge=0)]
    """count of starts that were measured; with 0 the others are assumptions."""


class AutoscalingStatus(ApiObject):
    """What the autoscaler last decided, from what."""

    desired_replicas: Annotated[int, Field(ge=0)]
    """desiredReplicas that were decided; with mode External only a recommendation."""
    reason: Annotated[str, length(0, 1024)] = ""
    """reason of the decision, a word of the documented catalogue."""
    message: Annotated[str, length(0, 32768)] = ""
    """message says in a sentence how it came about."""
    inputs: Annotated[dict[str, Any], WithJsonSchema(_NUMBERS)] = Field(default_factory=dict)
    """inputs of the decision by name: with them and learned it can be recomputed."""
    learned: Annotated[dict[str, Any], WithJsonSchema(_NUMBERS)] = Field(default_factory=dict)
    """learned is what measurement found about the model; it survives zero replicas and restarts of the
    operator.
    """
    cold_start_seconds: ColdStart | None = None
    """coldStartSeconds says how long a start takes."""
    expected_ready_seconds: Annotated[int | None, Field(ge=0)] = None
    """expectedReadySeconds until a request that is held now is served, while no replica is ready."""
    hold_timeout_seconds: Annotated[int | None, Field(ge=0)] = None
    """holdTimeoutSeconds that the router holds a request: the spec's, or what was found."""
    last_decision_time: Annotated[str | None, WithJsonSchema({"type": "string", "format": "date-time"})] = (
        None
    )
    """lastDecisionTime is when the decision above was made. Later ones that came to the same are not written.
    """
    last_scale_time: Annotated[str | None, WithJsonSchema({"type": "string", "format": "date-time"})] = None
    """lastScaleTime is when the number of replicas last changed."""


class EngineStatus(ApiObject):
    """What the engine's container found in the model's files where the spec says nothing."""

    tool_call_parser: Annotated[str | None, length(1, 128)] = None
    """toolCallParser that was inferred, vLLM's parser for the model's tool calls."""
    reasoning_parser: Annotated[str | None, length(1, 128)] = None
    """reasoningParser that was inferred, vLLM's parser for the model's reasoning."""


class ModelDeploymentStatus(ApiObject):
    """The observed state."""

    conditions: Annotated[tuple[Condition, ...], items(16, "map", "type")] = ()
    """conditions of the model. Ready says whether the whole spec runs; its reason is the cause if not."""
    observed_generation: Annotated[
        int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})
    ] = 0
    """observedGeneration is the generation of the spec that the status is about."""
    desired_replicas: Annotated[int | None, Field(ge=0)] = None
    """desiredReplicas is the number of pods that are wanted: spec.replicas, or what the autoscaler
    decided.
    """
    replicas: Annotated[int, Field(ge=0)] = 0
    """replicas is the number of pods that exist."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """readyReplicas is the number of pods that answer requests."""
    selector: Annotated[str | None, length(0, 1024)] = None
    """selector of the pods, for the scale subresource."""
    url: Annotated[str | None, length(0, 1024)] = None
    """url is the base URL for OpenAI clients inside the cluster."""
    served_models: Annotated[tuple[Annotated[str, length(1, 253)], ...], items(64)] = ()
    """servedModels are the names that mean this model at the router."""
    endpoints: Annotated[tuple[EndpointStatus, ...], items(1000, "map", "pod")] = ()
    """endpoints are the pods of the model."""
    autoscaling: AutoscalingStatus | None = None
    """autoscaling is what the autoscaler last decided, and from what."""
    weights: Weights | None = None
    """weights says how far the download is; absent where nothing is downloaded."""
    engine: EngineStatus | None = None
    """engine has what the engine's container inferred at the latest start; absent without that."""
    startup: Startup | None = None
    """startup says how long the latest start took, by phase."""
    restarts: Annotated[int, Field(ge=0), WithJsonSchema({"type": "integer", "format": "int64"})] = 0
    """restarts is how often containers of the present pods were restarted."""
    last_failure: LastFailure | None = None
    """lastFailure is the last crash of a container, or eviction of a pod. It stays when the model is Ready
    again and when the pod is gone, until there is a newer one.
    """
    rendering_version: Annotated[int, Field(ge=0)] = 0
    """renderingVersion is the version of the rules by which the operator made the child objects."""
