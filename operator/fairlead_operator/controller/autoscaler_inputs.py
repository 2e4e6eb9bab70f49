"""Builds the autoscaler's inputs from objects and answers. Pure.

Both the router and the gateway count a request that goes through a router. So of a gateway's arrivals only
the direct ones are added. Both also know the requests on the pods. There the larger number counts, since a
pod that does not answer must not look idle. Completions and tokens come from gateways and engines alone.

A gateway counts requests by the name in a header that any client can set. Requests with a name that no router
of ours has count as direct.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead_contract.demand import GatewayDemand, RouterFigures
from fairlead_operator.autoscale.inputs import Demand, EngineLoad, ObservedPod
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.objects import condition_of, is_leaving, is_true, live_revision
from fairlead_operator.plan.findings import Finding, parse_time
from fairlead_operator.plan.pods.gateway_queries import has_gateway
from fairlead_operator.plan.scaling.replicas import DrainState

Object = dict[str, Any]
_NONE_DRAINING = DrainState()


@dataclass(frozen=True)
class GatewayAnswer:
    """An answer of a gateway and its time (Unix seconds)."""

    at: float
    body: GatewayDemand


def queried_pods(pods: Iterable[Object]) -> list[Object]:
    """The pods whose gateways are queried: ready or draining ones."""
    return [pod for pod in pods if has_gateway(pod) and (is_true(pod, "Ready") or is_leaving(pod))]


def observe_pods(
    pods: Iterable[Object],
    revision: str,
    causes: Mapping[str, Finding],
    answers: Mapping[str, GatewayAnswer],
    drain: DrainState = _NONE_DRAINING,
) -> tuple[ObservedPod, ...]:
    """The pods of a model; `answers` are recent ones, by pod, `drain` the pods that are about to go."""
    return tuple(_pod(pod, revision, causes.get(pod["metadata"]["name"]), answers, drain) for pod in pods)


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
    """Adds a router's counters; returns the name of the source."""
    counters.add(f"router/{uid}", boot, {"arrivals": figures.arrivals})
    return f"router/{uid}"


def _count_gateways(
    counters: CounterTotals, answers: Mapping[str, GatewayAnswer], boots: Collection[str]
) -> Iterable[str]:
    """Adds the gateways' counters; returns the names of the sources. `boots` are those of our routers."""
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
        # The engine's counters, because a response has its usage only if the client requested it.
        counters |= {"promptTokens": engine.prompt_tokens, "completionTokens": engine.decode_tokens}
    return counters


def _pod(
    pod: Object, revision: str, cause: Finding | None, answers: Mapping[str, GatewayAnswer], drain: DrainState
) -> ObservedPod:
    metadata, scheduled = pod["metadata"], condition_of(pod, "PodScheduled")
    name, answer = metadata["name"], answers.get(metadata["name"])
    ends = is_leaving(pod) or name in drain.released
    return ObservedPod(
        name=name,
        created=_seconds(metadata.get("creationTimestamp")) or 0.0,
        scheduled=_since(pod, "PodScheduled"),
        ready=_since(pod, "Ready"),
        unschedulable=scheduled.get("status") == "False",
        stuck=bool(cause and cause.stalled),
        draining=ends or name in drain.draining,
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
    condition = condition_of(pod, kind)
    return _seconds(condition.get("lastTransitionTime")) if condition.get("status") == "True" else None


def _seconds(text: str | None) -> float | None:
    time = parse_time(text)
    return time.timestamp() if time else None
