"""The shapes of the answers to `GET /demand`, of gateways and of routers.

They are checked here, once, before anything uses them. An answer of another shape is none. Fields that are
not known are ignored, so that newer gateways and routers are understood.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fairlead_operator.bounds import LARGEST_COUNTER, ROUTER_ANSWER_MODELS, ROUTERS
from fairlead_operator.plan.podreport import Count, Counter, PodDocument, Seconds, Word


class EngineFigures(PodDocument):
    """What the metrics of a pod's engine say; autoscale.inputs.Engine has the units."""

    running: Count
    waiting: Count
    kv_usage: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    steps: Counter
    decode_tokens: Counter
    prompt_tokens: Counter
    prefill_tokens: Counter
    preemptions: Counter = 0.0
    kv_tokens: Annotated[int, Field(ge=0, le=LARGEST_COUNTER)] | None = None
    max_running: Count | None = None


class RequestCounts(PodDocument):
    """Counters of requests."""

    arrivals: Counter
    completions: Counter = 0.0


class GatewayDemand(PodDocument):
    """What a gateway has to do. Its counters begin with the process that `boot` names."""

    boot: Word = ""
    queued: Count
    in_flight: Count
    completions: Counter = 0.0
    direct: RequestCounts
    """Requests that came through no router."""
    routers: Annotated[dict[Word, RequestCounts], Field(max_length=ROUTERS)] = Field(default_factory=dict)
    """Requests by the name that their router gave itself, which is the boot id of a router of ours."""
    last_completion_at: Seconds | None = None
    engine: EngineFigures | None = None
    """None: the engine's metrics cannot be read."""

    @property
    def load(self) -> int:
        """Requests that the pod has, running and waiting."""
        return self.in_flight + self.queued


class RouterFigures(PodDocument):
    """What a router holds and sends for one model."""

    queued: Count = 0
    in_flight: Count = 0
    arrivals: Counter = 0.0
    last_completion_at: Seconds | None = None


class RouterDemand(PodDocument):
    """What a router says of all models, by NAMESPACE/NAME. `cursor` rises with each model whose first request
    begins to wait.
    """

    boot: Word
    cursor: Annotated[int, Field(ge=0, le=LARGEST_COUNTER)]
    models: Annotated[dict[str, RouterFigures], Field(max_length=ROUTER_ANSWER_MODELS)]
