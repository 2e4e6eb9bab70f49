"""From objects and answers to what the autoscaler is told. Pure.

Requests through a router are counted by the router, and again by the gateway that gets them; so of arrivals
only a gateway's direct ones are added. What is on the pods both know too: the larger number counts, since a
pod that does not answer must not look idle. Completions and tokens are the gateways' and engines' alone.

A gateway counts requests by the name that their router gave itself, which any client can claim. Those of a
name that no router of ours has are taken for direct ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_operator.autoscale.inputs import Demand, EngineLoad, ObservedPod
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.controller.demand_documents import GatewayDemand, RouterFigures
from fairlead_operator.plan.findings import Finding, condition_of, is_true, parse_time
from fairlead_operator.plan.gateway_queries import can_be_asked
from fairlead_operator.plan.observed import is_leaving, live_revision
from fairlead_operator.plan.scaling import Parting

Object = dict[str, Any]
_NOBODY = Parting()


@dataclass(frozen=True)
class GatewayAnswer:
    """What a gateway said, and when (Unix seconds)."""

    at: float
    body: GatewayDemand


def queried_pods(pods: Iterable[Object]) -> list[Object]:
    """The pods whose gateways have something to tell: they serve, or they drain."""
    return [pod for pod in pods if can_be_asked(pod) and (is_true(pod, "Ready") or is_leaving(pod))]


def observe_pods(
    pods: Iterable[Object],
    revision: str,
    causes: Mapping[str, Finding],
    answers: Mapping[str, GatewayAnswer],
    parting: Parting = _NOBODY,
) -> tuple[ObservedPod, ...]:
    """The pods of a model; `answers` are recent ones, by pod, `parting` those that are about to go."""
    return tuple(_pod(pod, revision, causes.get(pod["metadata"]["name"]), answers, parting) for pod in pods)


def observe_demand(
    counters: CounterTotals,
    routers: Mapping[str, tuple[str, RouterFigures]] | None,
    answers: Mapping[str, GatewayAnswer],
) -> Demand:
    """The sums over routers and gateways; their counters go into the counters."""
    known = routers or {}
    figures, gateways = [of for _, of in known.values()], [answer.body for answer in answers.values()]
    sources = [
        *(_count_router(counters, uid, boot, of) for uid, (boot, of) in known.items()),
        *_count_gateways(counters, answers, {boot for boot, _ in known.values()}),
    ]
    counters.keep(sources)
    ends = [*(of.last_completion_at for of in figures), *(body.last_completion_at for body in gateways)]
    return Demand(
        queued=sum(of.queued for of in figures),
        in_flight=max(sum(of.in_flight for of in figures), sum(body.load for body in gateways)),
        arrivals=counters.totals["arrivals"],
        completions=counters.totals["completions"],
        prompt_tokens=counters.totals["promptTokens"],
        completion_tokens=counters.totals["completionTokens"],
        last_completion=max((end for end in ends if end is not None), default=None),
    )


def _count_router(counters: CounterTotals, uid: str, boot: str, figures: RouterFigures) -> str:
    """Takes a router's counters; returns the name of the source."""
    counters.add(f"router/{uid}", boot, {"arrivals": figures.arrivals})
    return f"router/{uid}"


def _count_gateways(
    counters: CounterTotals, answers: Mapping[str, GatewayAnswer], boots: Collection[str]
) -> Iterable[str]:
    """Takes the gateways' counters; returns the names of the sources. `boots` are those of our routers."""
    for pod, answer in answers.items():
        body, source = answer.body, f"pod/{pod}"
        counters.add(source, body.boot, _gateway_counters(body))
        yield source
        for router, counts in body.routers.items():
            arrivals = {"arrivals": counts.arrivals}
            counters.add(f"{source}/{router}", body.boot, arrivals, counts=router not in boots)
            yield f"{source}/{router}"


def _gateway_counters(body: GatewayDemand) -> dict[str, float]:
    counters = {"arrivals": body.direct.arrivals, "completions": body.completions}
    if engine := body.engine:
        # The engine's own, because answers tell their usage only to clients that ask for it.
        counters |= {"promptTokens": engine.prompt_tokens, "completionTokens": engine.decode_tokens}
    return counters


def _pod(
    pod: Object, revision: str, cause: Finding | None, answers: Mapping[str, GatewayAnswer], parting: Parting
) -> ObservedPod:
    metadata, scheduled = pod["metadata"], condition_of(pod, "PodScheduled") or {}
    name, answer = metadata["name"], answers.get(metadata["name"])
    ends = is_leaving(pod) or name in parting.released
    return ObservedPod(
        name=name,
        created=_seconds(metadata.get("creationTimestamp")) or 0.0,
        scheduled=_since(pod, "PodScheduled"),
        ready=_since(pod, "Ready"),
        unschedulable=scheduled.get("status") == "False",
        stuck=bool(cause and cause.stalled),
        draining=ends or name in parting.draining,
        deleted=ends,
        outdated=live_revision(pod) != revision,
        in_flight=answer.body.load if answer else None,
        engine=_engine(answer) if answer else None,
    )


def _engine(answer: GatewayAnswer) -> EngineLoad | None:
    engine = answer.body.engine
    if engine is None:
        return None
    return EngineLoad(
        running=engine.running,
        waiting=engine.waiting,
        kv_usage=engine.kv_usage,
        steps=engine.steps,
        decode_tokens=engine.decode_tokens,
        prefill_tokens=engine.prefill_tokens,
        preemptions=engine.preemptions,
        kv_tokens=engine.kv_tokens,
        max_running=engine.max_running,
        at=answer.at,
    )


def _since(pod: Object, kind: str) -> float | None:
    condition = condition_of(pod, kind) or {}
    return _seconds(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def _seconds(text: str | None) -> float | None:
    time = parse_time(text)
    return time.timestamp() if time else None
