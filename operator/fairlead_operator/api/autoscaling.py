"""spec.autoscaling: how many replicas a model has, and what happens to requests while it has none.

Names and meanings are those of HorizontalPodAutoscaler v2 (`behavior`) and KEDA (`cooldown`, `fallback`,
`schedules`), where they have one. What is measured, such as the concurrency of a replica, is not a required
field: an absent value is learned.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from fairlead_contract.defaults import MAX_HELD_BYTES, MAX_HELD_REQUESTS
from fairlead_operator.api.markers import items, length, rule, validations
from fairlead_operator.api.part import ApiObject

# Five fields of numbers, names, lists, ranges and steps; whether they name a time at all is seen when they
# are read.
_CRON = "^[0-9A-Za-z*,/-]+( [0-9A-Za-z*,/-]+){4}$"

Replicas = Annotated[int, Field(ge=0, le=1000)]


def _cron(field: str) -> object:
    words = "must be five cron fields separated by single spaces, such as '0 8 * * 1-5'"
    return validations(rule(f"self.matches('{_CRON}')", f"{field} {words}"))


class Targets(ApiObject):
    """What a request should experience once a replica has it."""

    ttft_milliseconds: Annotated[int, Field(ge=1, le=3_600_000)] = 2000
    """ttftMilliseconds until the first token."""
    itl_milliseconds: Annotated[int, Field(ge=1, le=600_000)] = 100
    """itlMilliseconds between two tokens."""


class ScalingPolicy(ApiObject):
    """One bound on how fast the number of replicas changes."""

    type: Literal["Pods", "Percent"]
    """type of the bound: a number of pods, or a percentage of those at the beginning of the period."""
    value: Annotated[int, Field(ge=1, le=100_000)]
    """value that the number may change by within a period."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """periodSeconds that the value is for."""


class ScalingRules(ApiObject):
    """How the number of replicas changes in one direction."""

    stabilization_window_seconds: Annotated[int | None, Field(ge=0, le=3600)] = None
    """stabilizationWindowSeconds over which the most careful decision counts. If absent, 0 for more replicas;
    for fewer twice the time that a pod needs to start, within 120 and 600.
    """
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    """selectPolicy says which policy counts if there are several; `Disabled` forbids this direction."""
    policies: Annotated[tuple[ScalingPolicy, ...], items(16)] = ()
    """policies bound the change. If empty: 4 pods or 100 % within 15 s for more replicas, whichever is more,
    and 100 % within 15 s for fewer. A start from zero is not bounded.
    """


class Behavior(ApiObject):
    """How the number of replicas changes, as in HorizontalPodAutoscaler v2."""

    scale_up: ScalingRules = ScalingRules()
    """scaleUp has the rules for more replicas."""
    scale_down: ScalingRules = ScalingRules()
    """scaleDown has the rules for fewer replicas."""


class ScaleFromZero(ApiObject):
    """What happens to requests while no replica is ready: the router holds them."""

    initial_replicas: Annotated[int | None, Field(ge=1, le=1000)] = None
    """initialReplicas is the least number that a start from zero begins with; what the waiting requests need
    if absent.
    """
    hold_timeout_seconds: Annotated[int | None, Field(ge=1, le=86_400)] = None
    """holdTimeoutSeconds that a request waits at most, then it is refused with 503; three times a long start
    of this model, within 600 and 3600, if absent.
    """
    max_queued_requests: Annotated[int, Field(ge=0, le=1_000_000)] = MAX_HELD_REQUESTS
    """maxQueuedRequests are held at once by each router; what comes on top is refused with 429."""
    max_queued_bytes: Annotated[int, Field(ge=0, le=2_147_483_647)] = MAX_HELD_BYTES
    """maxQueuedBytes that the held requests' bodies may take in each router."""


class Fallback(ApiObject):
    """What happens while neither routers nor engines report the demand."""

    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 3
    """failureThreshold is after how many decisions in a row without any measurement the fallback holds;
    until then the number of replicas stays.
    """
    behavior: Literal["CurrentReplicas", "CurrentReplicasIfHigher", "CurrentReplicasIfLower", "Static"] = (
        "CurrentReplicasIfHigher"
    )
    """behavior: `Static` wants replicas, `CurrentReplicas` what there is, `CurrentReplicasIfHigher` the
    larger of both, `CurrentReplicasIfLower` the smaller.
    """
    replicas: Replicas = 1
    """replicas to fall back to."""


class Schedule(ApiObject):
    """A time in which more replicas are kept, for load that is known in advance."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "self.start != self.end",
                    "spec.autoscaling.schedules[].start must not be its end; choose two times",
                    at=".start",
                )
            ]
        }
    )

    start: Annotated[str, length(9, 253), _cron("spec.autoscaling.schedules[].start")]
    """start is when the time begins, in cron's five fields."""
    end: Annotated[str, length(9, 253), _cron("spec.autoscaling.schedules[].end")]
    """end is when the time ends, in cron's five fields."""
    timezone: Annotated[
        str,
        length(1, 64),
        validations(
            rule(
                "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
                "spec.autoscaling.schedules[].timezone must be a name of the IANA time zone database, such "
                "as Europe/Berlin",
            )
        ),
    ] = "UTC"
    """timezone of start and end, by its IANA name."""
    min_replicas: Annotated[int, Field(ge=1, le=1000)]
    """minReplicas in this time, where it is more than the usual minReplicas."""


class Autoscaling(ApiObject):
    """How many replicas a model has."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "self.minReplicas <= self.maxReplicas",
                    "spec.autoscaling.minReplicas must not exceed spec.autoscaling.maxReplicas; correct one "
                    "of them",
                    at=".minReplicas",
                ),
                rule(
                    "!has(self.scaleFromZero) || !has(self.scaleFromZero.initialReplicas) || "
                    "self.scaleFromZero.initialReplicas <= self.maxReplicas",
                    "spec.autoscaling.scaleFromZero.initialReplicas must not exceed "
                    "spec.autoscaling.maxReplicas; correct one of them",
                    at=".scaleFromZero.initialReplicas",
                ),
                rule(
                    "!has(self.fallback) || !has(self.fallback.replicas) || "
                    "self.fallback.replicas <= self.maxReplicas",
                    "spec.autoscaling.fallback.replicas must not exceed spec.autoscaling.maxReplicas; "
                    "correct one of them",
                    at=".fallback.replicas",
                ),
                rule(
                    "!has(self.schedules) || self.schedules.all(s, s.minReplicas <= self.maxReplicas)",
                    "spec.autoscaling.schedules[].minReplicas must not exceed spec.autoscaling.maxReplicas; "
                    "correct one of them",
                    at=".schedules",
                ),
            ]
        }
    )

    mode: Literal["Native", "External"] = "Native"
    """mode: `Native` sets the replicas from what routers and engines measure and ignores spec.replicas;
    `External` leaves them to the writer of the scale subresource, such as a HorizontalPodAutoscaler or KEDA,
    and only reports in the status what it would do; but with minReplicas 0 a held request starts a replica
    although spec.replicas says 0.
    """
    min_replicas: Replicas = 1
    """minReplicas is the least number of replicas. With 0 the model's Service leads to the router, which
    holds requests until a replica is ready.
    """
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    """maxReplicas is the largest number of replicas."""
    objective: Literal["Cost", "Balanced", "Latency"] = "Balanced"
    """objective says what counts more when both cannot be had: `Cost` fills replicas further and forgives
    short waits, `Latency` keeps more in reserve.
    """
    targets: Targets = Targets()
    """targets for what a request should experience."""
    max_concurrency: Annotated[int | None, Field(ge=1, le=100_000)] = None
    """maxConcurrency is the largest number of requests that a replica is meant to run at once; what
    measurement finds if absent.
    """
    polling_interval_seconds: Annotated[int, Field(ge=1, le=300)] = 5
    """pollingIntervalSeconds between two decisions. A request that is held starts one at once."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    """cooldownSeconds after the last request has ended before the last replica goes."""
    initial_cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    """initialCooldownSeconds in which a model that was just created does not go to zero."""
    behavior: Behavior = Behavior()
    """behavior bounds how fast the number of replicas changes."""
    scale_from_zero: ScaleFromZero = ScaleFromZero()
    """scaleFromZero says what happens to requests while no replica is ready."""
    fallback: Fallback = Fallback()
    """fallback says what happens while nothing can be measured."""
    unschedulable_pods: Annotated[int, Field(ge=0, le=100)] = 1
    """unschedulablePods that may wait for a node at once: enough for a node autoscaler to see the want. With
    0 none is kept that has no room.
    """
    schedules: Annotated[tuple[Schedule, ...], items(32)] = ()
    """schedules keep more replicas at known times."""
