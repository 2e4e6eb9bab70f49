"""The model's autoscaling settings, in seconds and plain numbers.

Defaults are those of the API; `from_spec` reads the API's model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fairlead_operator.api.autoscaling import Autoscaling, ScalingRules


class Objective(StrEnum):
    """Which goal has priority: cost or latency."""

    COST = "Cost"
    BALANCED = "Balanced"
    LATENCY = "Latency"


class Select(StrEnum):
    """Which of several policies holds, as in autoscaling/v2."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class Unit(StrEnum):
    """The unit of a policy's value, as in autoscaling/v2."""

    PODS = "Pods"
    PERCENT = "Percent"


class OnFailure(StrEnum):
    """The behavior when there are no metrics for long, as in KEDA."""

    CURRENT = "CurrentReplicas"
    CURRENT_IF_HIGHER = "CurrentReplicasIfHigher"
    CURRENT_IF_LOWER = "CurrentReplicasIfLower"
    STATIC = "Static"


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """The largest change in a period."""

    unit: Unit
    value: int
    period: float


@dataclass(frozen=True, slots=True)
class ScalingBehavior:
    """How fast one direction may go, as in autoscaling/v2."""

    policies: tuple[ScalingPolicy, ...]
    window: float | None = 0.0
    """Stabilization window in seconds; None: derived from the model's cold starts."""
    select: Select = Select.MAX


@dataclass(frozen=True, slots=True)
class FallbackSettings:
    """The action after more than `threshold` rounds without any metric."""

    threshold: int = 3
    behavior: OnFailure = OnFailure.CURRENT_IF_HIGHER
    replicas: int | None = None
    """None: the present number."""


@dataclass(frozen=True, slots=True)
class ReplicaSchedule:
    """A minimum of replicas from each `start` to the `end` after it (cron expressions)."""

    start: str
    end: str
    min_replicas: int
    timezone: str = "UTC"


SCALE_UP = ScalingBehavior((ScalingPolicy(Unit.PERCENT, 100, 15.0), ScalingPolicy(Unit.PODS, 4, 15.0)))
SCALE_DOWN = ScalingBehavior((ScalingPolicy(Unit.PERCENT, 100, 15.0),), window=None)


@dataclass(frozen=True, slots=True)
class Settings:
    """spec.autoscaling with all defaults resolved. Times are in seconds."""

    min_replicas: int = 0
    max_replicas: int = 1
    objective: Objective = Objective.BALANCED
    ttft: float | None = None
    """Target for the time to the first token."""
    itl: float | None = None
    """Target for the time between two tokens."""
    max_concurrency: int | None = None
    """Upper bound on the requests that one replica should have at once."""
    polling_interval: float = 5.0
    cooldown: float = 300.0
    """Time without requests before the last replica is removed."""
    initial_cooldown: float = 0.0
    """Time before a model that was never used goes to zero."""
    scale_up: ScalingBehavior = SCALE_UP
    scale_down: ScalingBehavior = SCALE_DOWN
    initial_replicas: int | None = None
    """Replicas of a start from zero; None: by the waiting requests."""
    hold_timeout: int | None = None
    """How long a request is held; None: by the observed cold starts."""
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    unschedulable_pods: int = 1
    """Pods that may wait for a node at the same time."""
    schedules: tuple[ReplicaSchedule, ...] = ()

    @classmethod
    def from_spec(cls, spec: Autoscaling) -> Settings:
        """From the API's model, whose bounds hold."""
        fallback = spec.fallback
        return cls(
            min_replicas=spec.min_replicas,
            max_replicas=spec.max_replicas,
            objective=Objective(spec.objective),
            ttft=spec.targets.ttft_milliseconds / 1000,
            itl=spec.targets.itl_milliseconds / 1000,
            max_concurrency=spec.max_concurrency,
            polling_interval=spec.polling_interval_seconds,
            cooldown=spec.cooldown_seconds,
            initial_cooldown=spec.initial_cooldown_seconds,
            scale_up=_behavior(spec.behavior.scale_up, SCALE_UP),
            scale_down=_behavior(spec.behavior.scale_down, SCALE_DOWN),
            initial_replicas=spec.scale_from_zero.initial_replicas,
            hold_timeout=spec.scale_from_zero.hold_timeout_seconds,
            fallback=FallbackSettings(
                fallback.failure_threshold, OnFailure(fallback.behavior), fallback.replicas
            ),
            unschedulable_pods=spec.unschedulable_pods,
            schedules=tuple(
                ReplicaSchedule(item.start, item.end, item.min_replicas, item.timezone)
                for item in spec.schedules
            ),
        )


def _behavior(rules: ScalingRules, usual: ScalingBehavior) -> ScalingBehavior:
    policies = tuple(
        ScalingPolicy(Unit(policy.type), policy.value, policy.period_seconds) for policy in rules.policies
    )
    window = rules.stabilization_window_seconds
    return ScalingBehavior(
        policies or usual.policies, usual.window if window is None else window, Select(rules.select_policy)
    )


@dataclass(frozen=True, slots=True)
class Preset:
    """The parameters of one objective."""

    utilization: float
    """Share of a replica's time that should be in use."""
    safety: float
    """Standard deviations of the offered load for which there is room (square-root staffing)."""
    drain_seconds: float
    """How long it may take to work off what will be waiting when a new pod is ready."""


PRESETS = {
    Objective.COST: Preset(0.78, 0.0, 120.0),
    Objective.BALANCED: Preset(0.72, 1.0, 60.0),
    Objective.LATENCY: Preset(0.72, 4.0, 30.0),
}
