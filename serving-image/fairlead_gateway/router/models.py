"""The router's models, read from their Kubernetes objects.

No field is assumed to exist: the object may be older or newer than this program, and its status is only the
operator's last report. The owner of a namespace writes the objects in it, so their size and their numbers are
bounded here: one unusual object must not affect the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fairlead_contract import defaults
from fairlead_contract.dialects import DIALECTS
from fairlead_contract.text import unix_seconds
from fairlead_gateway.bounds import (
    MAX_ACCELERATORS,
    MAX_CONCURRENCY,
    MAX_NAMES,
    MAX_QUOTED_CHARACTERS,
    MAX_START_SECONDS,
    MAX_STEP_SECONDS,
)

Object = Mapping[str, Any]
# Behind every time, as text.
_NEVER = "~"


@dataclass(frozen=True, slots=True)
class Hold:
    """The bounds of what waits for a model in one router, and when it is likely to be served."""

    max_requests: int = defaults.MAX_HELD_REQUESTS
    max_bytes: int = defaults.MAX_HELD_BYTES
    timeout_seconds: int = defaults.SHORTEST_HOLD_SECONDS
    expected_ready_seconds: int = defaults.START_SECONDS


@dataclass(frozen=True, slots=True)
class StepCost:
    """What an engine's step takes, in seconds, as the operator has learned it (`autoscale.step_cost`): by
    itself, for each generated token, for each prompt token that is computed. The defaults are the
    operator's own before it knows a model: eight billion parameters on one accelerator.
    """

    step: float = 0.012
    decode: float = 0.0001
    prefill: float = 0.0001

    def seconds(self, computed: int, generated: int, batch: float) -> float:
        """The time of an engine that a request takes for these tokens, in a batch of so many requests."""
        return computed * self.prefill + generated * (self.decode + self.step / max(1.0, batch))


@dataclass(frozen=True, slots=True)
class RoutedModel:
    """One ModelDeployment."""

    namespace: str
    name: str
    served_name: str
    aliases: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    dialect: str = "OpenAI"
    max_body_bytes: int = defaults.MAX_BODY_BYTES
    stopped: bool = False
    """It will not start: it has no autoscaling and zero replicas."""
    concurrency: float | None = None
    """The learned concurrency of one pod; None if it is not known or the router must not bound it."""
    hold: Hold = Hold()
    draining: frozenset[str] = frozenset()
    """Draining pods, which may still be ready."""
    drain_seconds: float = defaults.DRAIN_TIMEOUT_SECONDS
    """How long a pod may take to finish its requests."""
    needs_key: bool = False
    """Its gateways require an API key."""
    waits_for: str = ""
    """Why it is not ready, from the operator's message."""
    resource: str = ""
    """The extended resource or device class of its accelerators; empty without any."""
    accelerators: int = 0
    """Those of each replica."""
    step_cost: StepCost = StepCost()
    created: str = _NEVER
    """metadata.creationTimestamp, which the API server sets. Times of this form sort as text."""
    granted: frozenset[str] = frozenset()
    """Those of its names that the operator has granted to it (status.servedModels)."""

    @property
    def key(self) -> str:
        """NAMESPACE/NAME."""
        return f"{self.namespace}/{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """All names that its gateways serve, the served name first."""
        return (self.served_name, *self.aliases, *self.adapters)

    def rank(self, name: str) -> tuple[bool, str, str]:
        """Its rank among the models that claim this name; the lowest is the first."""
        return (name not in self.granted, self.created, self.key)

    @property
    def created_seconds(self) -> int:
        """`created` as Unix seconds, 0 if it is not a time with a zone since 1970."""
        return unix_seconds(self.created)

    @property
    def model_optional(self) -> bool:
        """Whether its gateways serve requests that name no model."""
        dialect = DIALECTS.get(self.dialect)
        return dialect is not None and dialect.model_optional


def read_model(document: Object) -> RoutedModel:
    """The model that a ModelDeployment describes. Raises AttributeError, KeyError or TypeError for others."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    model, api = spec.get("model") or {}, spec.get("api") or {}
    autoscaling, status = spec.get("autoscaling"), document.get("status") or {}
    return RoutedModel(
        namespace=metadata["namespace"],
        name=metadata["name"],
        served_name=_name(model.get("servedName") or metadata["name"]),
        aliases=_names(model.get("aliases") or ()),
        adapters=_names(adapter["name"] for adapter in model.get("adapters") or ()),
        dialect=api.get("dialect") or "OpenAI",
        max_body_bytes=api.get("maxBodyBytes") or defaults.MAX_BODY_BYTES,
        stopped=not autoscaling and spec.get("replicas") == 0,
        concurrency=_concurrency(spec, status) if autoscaling else None,
        hold=_hold(autoscaling or {}, status.get("autoscaling") or {}),
        draining=frozenset(
            endpoint["pod"] for endpoint in status.get("endpoints") or () if endpoint["state"] == "Draining"
        ),
        drain_seconds=float(
            (spec.get("rollout") or {}).get("drainTimeoutSeconds", defaults.DRAIN_TIMEOUT_SECONDS)
        ),
        needs_key=(api.get("auth") or {}).get("mode") == "APIKey",
        waits_for=_waits_for(status),
        resource=_resource(spec.get("accelerator") or {}),
        accelerators=_accelerators(spec),
        step_cost=_step_cost(status),
        created=_name(metadata.get("creationTimestamp") or _NEVER),
        granted=frozenset(_names(status.get("servedModels") or ())),
    )


def _names(texts: Iterable[Any]) -> tuple[str, ...]:
    return tuple(_name(text) for text in islice(texts, MAX_NAMES))


def _name(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a name is no text: {text!r:.100}")
    return text


def _hold(autoscaling: Object, found: Object) -> Hold:
    from_zero = autoscaling.get("scaleFromZero") or {}
    start = (found.get("coldStartSeconds") or {}).get("p90") or defaults.START_SECONDS
    automatic = defaults.hold_seconds(start)
    return Hold(
        max_requests=from_zero.get("maxQueuedRequests", defaults.MAX_HELD_REQUESTS),
        max_bytes=from_zero.get("maxQueuedBytes", defaults.MAX_HELD_BYTES),
        timeout_seconds=from_zero.get("holdTimeoutSeconds") or found.get("holdTimeoutSeconds") or automatic,
        expected_ready_seconds=min(found.get("expectedReadySeconds") or start, MAX_START_SECONDS),
    )


def _concurrency(spec: Object, status: Object) -> float | None:
    """From the spec, from the autoscaler's last measurement, or from the engine's bound."""
    learned = ((status.get("autoscaling") or {}).get("inputs") or {}).get("concurrency")
    bounds = (
        (spec.get("autoscaling") or {}).get("maxConcurrency"),
        learned,
        (spec.get("engine") or {}).get("maxRunningRequests"),
    )
    for bound in bounds:
        if isinstance(bound, int | float) and bound > 0:
            return float(min(bound, MAX_CONCURRENCY))
    return None


def _resource(accelerator: Object) -> str:
    return _name(accelerator.get("resourceName") or accelerator.get("deviceClassName") or "")


def _accelerators(spec: Object) -> int:
    """Of all nodes of a replica."""
    if not (accelerator := spec.get("accelerator")):
        return 0
    nodes = (spec.get("engine") or {}).get("nodes") or 1
    return min(int(accelerator.get("count") or 1) * int(nodes), MAX_ACCELERATORS)


def _step_cost(status: Object) -> StepCost:
    """From the autoscaler's last measurement. A value that is no time counts as unknown."""
    inputs = (status.get("autoscaling") or {}).get("inputs") or {}
    values = (inputs.get(name) for name in ("stepSeconds", "decodeSeconds", "prefillSeconds"))
    found = [
        float(value) for value in values if isinstance(value, int | float) and 0 <= value <= MAX_STEP_SECONDS
    ]
    return StepCost(*found) if len(found) == 3 and any(found) else StepCost()


def _waits_for(status: Object) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Ready" and condition.get("status") != "True":
            return f"{condition.get('reason')}: {condition.get('message')}"[:MAX_QUOTED_CHARACTERS]
    return ""
