"""From objects and answers to what the autoscaler is told. Pure.

Requests through a router are counted by the router, and again by the gateway that gets them; so of arrivals
only a gateway's direct ones are added. What is on the pods both know too: the larger number counts, since a
pod that does not answer must not look idle. Completions and tokens are the gateways' and engines' alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_operator.autoscale.inputs import Demand, Engine, Pod
from fairlead_operator.controller.ledger import Ledger
from fairlead_operator.plan.asking import can_be_asked
from fairlead_operator.plan.findings import Finding, condition_of, is_true, parse_time
from fairlead_operator.plan.observed import is_leaving, live_revision
from fairlead_operator.plan.scaling import Parting

Object = dict[str, Any]
_NOBODY = Parting()


@dataclass(frozen=True)
class Answer:
    """What a gateway said, and when (Unix seconds)."""

    at: float
    body: Object

    @property
    def load(self) -> int:
        """Requests that the pod has, running and waiting."""
        return int(self.body["inFlight"]) + int(self.body["queued"])


def asked_pods(pods: Iterable[Object]) -> list[Object]:
    """The pods whose gateways have something to tell: they serve, or they drain."""
    return [pod for pod in pods if can_be_asked(pod) and (is_true(pod, "Ready") or is_leaving(pod))]


def observe_pods(
    pods: Iterable[Object],
    revision: str,
    causes: Mapping[str, Finding],
    answers: Mapping[str, Answer],
    parting: Parting = _NOBODY,
) -> tuple[Pod, ...]:
    """The pods of a model; `answers` are recent ones, by pod, `parting` those that are about to go."""
    return tuple(_pod(pod, revision, causes.get(pod["metadata"]["name"]), answers, parting) for pod in pods)


def observe_demand(
    ledger: Ledger, routers: Mapping[str, tuple[str, Object]] | None, answers: Mapping[str, Answer]
) -> Demand:
    """The sums over routers and gateways; their counters go into the ledger."""
    figures = [(uid, boot, told) for uid, (boot, told) in (routers or {}).items()]
    for uid, boot, told in figures:
        ledger.add(f"router/{uid}", boot, {"arrivals": told.get("arrivals", 0)})
    for name, answer in answers.items():
        ledger.add(f"pod/{name}", str(answer.body.get("boot", "")), _gateway_counters(answer.body))
    ledger.keep([*(f"router/{uid}" for uid, _, _ in figures), *(f"pod/{name}" for name in answers)])
    sent = sum(int(told.get("inFlight", 0)) for _, _, told in figures)
    ends = [
        float(end)
        for told in (*(told for _, _, told in figures), *(answer.body for answer in answers.values()))
        if (end := told.get("lastCompletionAt")) is not None
    ]
    return Demand(
        queued=sum(int(told.get("queued", 0)) for _, _, told in figures),
        in_flight=max(sent, sum(answer.load for answer in answers.values())),
        arrivals=ledger.totals["arrivals"],
        completions=ledger.totals["completions"],
        prompt_tokens=ledger.totals["promptTokens"],
        completion_tokens=ledger.totals["completionTokens"],
        last_completion=max(ends, default=None),
    )


def _gateway_counters(told: Object) -> dict[str, float]:
    counters = {"arrivals": told["direct"]["arrivals"], "completions": told["completions"]}
    if engine := told.get("engine"):
        # The engine's own, because answers tell their usage only to clients that ask for it.
        counters |= {"promptTokens": engine["promptTokens"], "completionTokens": engine["decodeTokens"]}
    return counters


def _pod(
    pod: Object, revision: str, cause: Finding | None, answers: Mapping[str, Answer], parting: Parting
) -> Pod:
    metadata, verdict = pod["metadata"], condition_of(pod, "PodScheduled") or {}
    name, answer = metadata["name"], answers.get(metadata["name"])
    ends = is_leaving(pod) or name in parting.released
    return Pod(
        name=name,
        created=_seconds(metadata.get("creationTimestamp")) or 0.0,
        scheduled=_since(pod, "PodScheduled"),
        ready=_since(pod, "Ready"),
        unschedulable=verdict.get("status") == "False",
        stuck=bool(cause and cause.stalled),
        draining=ends or name in parting.draining,
        deleted=ends,
        outdated=live_revision(pod) != revision,
        in_flight=answer.load if answer else None,
        engine=_engine(answer) if answer else None,
    )


def _engine(answer: Answer) -> Engine | None:
    told = answer.body.get("engine")
    if not told:
        return None
    return Engine(
        running=told["running"],
        waiting=told["waiting"],
        kv_usage=told["kvUsage"],
        steps=told["steps"],
        decode_tokens=told["decodeTokens"],
        prefill_tokens=told["prefillTokens"],
        preemptions=told["preemptions"],
        kv_tokens=told.get("kvTokens"),
        max_running=told.get("maxRunning"),
        at=answer.at,
    )


def _since(pod: Object, kind: str) -> float | None:
    condition = condition_of(pod, kind) or {}
    return _seconds(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def _seconds(text: str | None) -> float | None:
    time = parse_time(text)
    return time.timestamp() if time else None
