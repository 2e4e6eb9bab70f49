"""The answers to `GET /demand` on the admin ports of gateways and of routers: what there is to do.

Gateway and router write them, and the operator's autoscaler reads them. A value that is not known is null,
never zero. A gateway can be replaced by the pod's owner, so the bounds hold for readers; an answer of another
shape is none.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fairlead_contract.bounds import GATEWAY_ANSWER_ROUTERS, LARGEST_COUNTER, ROUTER_ANSWER_MODELS
from fairlead_contract.document import Amount, Bytes, Count, Counter, Document, Seconds, Word

Cursor = Annotated[int, Field(ge=0, le=LARGEST_COUNTER)]
"""Rises with each model whose first request begins to wait. A long poll returns when it is above the given
one.
"""


class EngineFigures(Document):
    """Figures from the metrics of a pod's engine; autoscale.inputs.EngineLoad has the units."""

    running: Count
    waiting: Count
    kv_usage: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    steps: Amount
    decode_tokens: Amount
    prompt_tokens: Amount
    prefill_tokens: Amount
    """Prompt tokens without those that the prefix cache had."""
    preemptions: Amount = 0.0
    kv_tokens: Bytes | None = None
    max_running: Count | None = None


class RequestCounts(Document):
    """Counters of requests."""

    arrivals: Counter
    completions: Counter = 0


class GatewayDemand(Document):
    """The demand at a gateway. Its counters begin with the process that `boot` names."""

    boot: Word = ""
    cursor: Cursor = 0
    arrivals: Counter = 0
    completions: Counter = 0
    direct: RequestCounts
    """Requests that came through no router."""
    routers: Annotated[dict[Word, RequestCounts], Field(max_length=GATEWAY_ANSWER_ROUTERS)] = Field(
        default_factory=dict
    )
    """Requests by the name that their router gave itself, which is the boot id of a router of ours."""
    last_completion_at: Seconds | None = None
    queued: Count
    in_flight: Count
    draining: bool = False
    engine: EngineFigures | None = None
    """None: the engine's metrics cannot be read."""

    @property
    def load(self) -> int:
        """Requests that the pod has, running and waiting."""
        return self.in_flight + self.queued


class RouterFigures(Document):
    """The requests that a router holds and sends for one model."""

    queued: Count = 0
    queued_bytes: Bytes = 0
    in_flight: Count = 0
    arrivals: Counter = 0
    completions: Counter = 0
    rejected: Counter = 0
    oldest_queued_seconds: Seconds = 0.0
    last_completion_at: Seconds | None = None


class RouterDemand(Document):
    """The demand at a router for all models, by NAMESPACE/NAME."""

    boot: Word
    cursor: Cursor
    models: Annotated[dict[str, RouterFigures], Field(max_length=ROUTER_ANSWER_MODELS)]
