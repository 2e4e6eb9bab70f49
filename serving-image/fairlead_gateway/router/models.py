"""The models that the router knows, as far as their objects in Kubernetes tell what it needs.

Nothing is assumed to be there: the object may be older or newer than this program, and its status is only
what the operator last found. The owner of a namespace writes the objects in it, so their size and their
numbers are bounded here: one strange object must not cost the others anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from fairlead_gateway.bounds import MAX_CONCURRENCY, MAX_NAMES, MAX_QUOTED_CHARACTERS, MAX_START_SECONDS
from fairlead_gateway.contract.dialects import DIALECTS

Object = Mapping[str, Any]
# What the API server fills in for a model that says nothing about it (in spec.autoscaling, api, rollout).
_DRAIN_SECONDS = 300.0
_MAX_QUEUED_REQUESTS, _MAX_QUEUED_BYTES, _MAX_BODY_BYTES = 1000, 256 << 20, 32 << 20
# A start that was never measured, and the bounds of the time that a request is held by default.
_START_SECONDS = 120
_SHORTEST_HOLD_SECONDS, _LONGEST_HOLD_SECONDS, _STARTS_TO_HOLD = 600, 3600, 3
# Behind every time, as text.
_NEVER = "~"


@dataclass(frozen=True, slots=True)
class Hold:
    """The bounds of what waits for a model in one router, and when it is likely to be served."""

    max_requests: int = _MAX_QUEUED_REQUESTS
    max_bytes: int = _MAX_QUEUED_BYTES
    timeout_seconds: int = _SHORTEST_HOLD_SECONDS
    expected_ready_seconds: int = _START_SECONDS


@dataclass(frozen=True, slots=True)
class RoutedModel:
    """One ModelDeployment."""

    namespace: str
    name: str
    served_name: str
    aliases: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    dialect: str = "OpenAI"
    max_body_bytes: int = _MAX_BODY_BYTES
    stopped: bool = False
    """Nothing will start it: it has no autoscaling and zero replicas."""
    concurrency: float | None = None
    """How many requests one pod does well at once; None if that is not known or not the router's to bound."""
    hold: Hold = Hold()
    draining: frozenset[str] = frozenset()
    """Pods that are about to go, whatever their readiness says yet."""
    drain_seconds: float = _DRAIN_SECONDS
    """How long a pod may take to finish its requests."""
    needs_key: bool = False
    """Its gateways let nobody in without an API key."""
    waits_for: str = ""
    """Why it is not ready, in the operator's words."""
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
        """All that a request may ask its gateways for, the served name first."""
        return (self.served_name, *self.aliases, *self.adapters)

    def rank(self, name: str) -> tuple[bool, str, str]:
        """Where it stands among the models that claim this name; the least is the first."""
        return (name not in self.granted, self.created, self.key)

    @property
    def created_seconds(self) -> int:
        """`created` as Unix seconds, 0 if it is not a time with a zone since 1970."""
        try:
            time = datetime.fromisoformat(self.created)
        except ValueError:
            return 0
        return max(0, int(time.timestamp())) if time.tzinfo else 0

    @property
    def model_optional(self) -> bool:
        """Whether its gateways serve requests that name no model."""
        dialect = DIALECTS.get(self.dialect)
        return dialect is not None and dialect.model_optional


def read_model(document: Object) -> RoutedModel:
    """What a ModelDeployment describes. Raises AttributeError, KeyError or TypeError for anything else."""
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
        max_body_bytes=api.get("maxBodyBytes") or _MAX_BODY_BYTES,
        stopped=not autoscaling and spec.get("replicas") == 0,
        concurrency=_concurrency(spec, status) if autoscaling else None,
        hold=_hold(autoscaling or {}, status.get("autoscaling") or {}),
        draining=frozenset(
            endpoint["pod"] for endpoint in status.get("endpoints") or () if endpoint["state"] == "Draining"
        ),
        drain_seconds=float((spec.get("rollout") or {}).get("drainTimeoutSeconds", _DRAIN_SECONDS)),
        needs_key=(api.get("auth") or {}).get("mode") == "APIKey",
        waits_for=_waits_for(status),
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
    asked = autoscaling.get("scaleFromZero") or {}
    start = (found.get("coldStartSeconds") or {}).get("p90") or _START_SECONDS
    automatic = min(max(_STARTS_TO_HOLD * start, _SHORTEST_HOLD_SECONDS), _LONGEST_HOLD_SECONDS)
    return Hold(
        max_requests=asked.get("maxQueuedRequests", _MAX_QUEUED_REQUESTS),
        max_bytes=asked.get("maxQueuedBytes", _MAX_QUEUED_BYTES),
        timeout_seconds=asked.get("holdTimeoutSeconds") or found.get("holdTimeoutSeconds") or automatic,
        expected_ready_seconds=min(found.get("expectedReadySeconds") or start, MAX_START_SECONDS),
    )


def _concurrency(spec: Object, status: Object) -> float | None:
    """By the owner's word, by the autoscaler's last measurement, or by the engine's bound."""
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


def _waits_for(status: Object) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Ready" and condition.get("status") != "True":
            return f"{condition.get('reason')}: {condition.get('message')}"[:MAX_QUOTED_CHARACTERS]
    return ""
