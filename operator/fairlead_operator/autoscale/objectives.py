"""Numbers behind `spec.autoscaling.objective`: how much idle capacity a quick answer is worth."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead_operator.autoscale.settings import Objective


@dataclass(frozen=True, slots=True)
class Preset:
    """What one objective stands for."""

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
