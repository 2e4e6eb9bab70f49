"""The planner: compares what a model should be with what is there, and decides.

It works level-triggered: no step depends on which event caused it or on what happened before, only on what is
observed. An interrupted run is simply planned anew.

1. Render the desired children.
2. For each: absent or different from the live one, apply it; on its way out, wait; somebody else's, touch
   nothing and say so.
3. Children of ours that are not desired any more are deleted.
4. The status follows from the live workload (a Deployment or a LeaderWorkerSet) and the pods.

The pod template is rendered anew only when the spec changes: until then the one that was applied before is
kept, so that a new version of the operator, or of its default images, restarts nothing.

A spec whose parameters do not fit its dialect, or whose podTemplate changes what the operator relies on, is
carried out not at all, not even in part: what runs goes on as it is, and the status names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_operator.api.chat_template import check_chat_template
from fairlead_operator.api.names import KIND, RENDERED_HASH
from fairlead_operator.api.parameters import check_parameters
from fairlead_operator.plan.contest import CONDITION as CONTESTED
from fairlead_operator.plan.contest import contest_finding, due_again, left_alone, with_contested_replicas
from fairlead_operator.plan.drift import first_difference
from fairlead_operator.plan.failures import Failure, observed_failures
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.gateway_queries import awaits_events, tells_progress
from fairlead_operator.plan.immutable_claim_fields import keep_immutable_claim_fields
from fairlead_operator.plan.observed import (
    Contest,
    Field,
    Observed,
    controller_of,
    identity,
    is_leaving,
    title,
)
from fairlead_operator.plan.orphans import find_orphans
from fairlead_operator.plan.reasons import is_healthy
from fairlead_operator.plan.removal import candidates, deletion_costs, shrinks
from fairlead_operator.plan.rollout import RolloutChoice, choose_rollout
from fairlead_operator.plan.scaling import (
    scaling_note,
    scaling_status,
    unreadable_schedules,
    with_current_replicas,
)
from fairlead_operator.plan.served_names import CONDITION
from fairlead_operator.plan.status import ModelState, build_status, current_pods, make_condition, pod_causes
from fairlead_operator.plan.workload import WORKLOADS, as_deployment, is_observed, own_workload
from fairlead_operator.render.children import fitting, render_children
from fairlead_operator.render.model import RENDERING_VERSION, Choices, Model, RenderSettings
from fairlead_operator.render.templates import (
    desired_revision,
    pinned_templates,
    render_templates,
    rendering_version,
    revision_of,
    start_kind,
)

Object = dict[str, Any]

# A child that is on its way out is awaited this long before the next look; its end is an event anyway.
_AWAIT_REMOVAL_SECONDS = 2.0
# While a model is not ready, a look now and then covers an event that a broken watch has lost.
_AWAIT_PROGRESS_SECONDS = 60.0
# What keeps volumes from a pod, and whether a node is on its way, is told only in Events, which are not
# watched.
_AWAIT_EVENTS_SECONDS = 10.0
# How far a download or a drain is, only the gateway knows.
_AWAIT_REPORT_SECONDS = 5.0


@dataclass(frozen=True)
class Event:
    """Something to tell about the model: `kind` Normal or Warning, a reason, a note of a sentence."""

    kind: str
    reason: str
    note: str


@dataclass(frozen=True)
class Plan:
    """What to do, in this order, and what to report.

    `asks` are pods whose gateways should tell their load before this is carried out, if they have not been
    asked; the plan is then made anew. `costs` are the deletion costs of pods by name, to be written before a
    Deployment shrinks. `status` is the whole status; `requeue_after` seconds until the next look without an
    event; `repairs` are the fields that `apply` sets back; `causes` are why pods are not ready, by name;
    `failures` are those that pods show; `revision` is that of the pods as they should be, and pods of one
    `start_kind` take equally long to start; `doing` says what is done, and `explain` in one line also why.
    """

    asks: tuple[Object, ...] = ()
    costs: Mapping[str, int] = field(default_factory=dict)
    apply: tuple[Object, ...] = ()
    delete: tuple[Object, ...] = ()
    status: Object = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    requeue_after: float | None = None
    repairs: tuple[Field, ...] = ()
    causes: Mapping[str, Finding] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    revision: str = ""
    start_kind: str = ""
    doing: str = ""
    explain: str = ""


def plan(
    model: Model, observed: Observed, settings: RenderSettings, now: datetime, blocked: Finding | None = None
) -> Plan:
    """Plans one model. `blocked` is an obstacle that the last attempt to apply met, to be reported."""
    model, unfit = fitting(model, settings)
    live = {identity(child): child for child in observed.children}
    model = with_current_replicas(model, own_workload(model, live), observed.scaling, settings.router_host)
    model = with_contested_replicas(model, own_workload(model, live), observed.contests)
    workload = as_deployment(own_workload(model, live), model, observed.pods, now)
    choices, rollout = _choose(model, settings, workload, observed, now)
    desired = render_children(model, settings, choices)
    decisions = [_decide(model, child, live.get(identity(child)), observed.contests) for child in desired]
    conflicts = [decision.text for decision in decisions if decision.verb == "conflict"]
    waits = [decision.text for decision in decisions if decision.verb == "wait"]
    applies = [decision for decision in decisions if decision.verb == "apply"]
    orphans = find_orphans(model, observed, desired)
    if conflicts:
        blocked = Finding("NameConflict", "; ".join(conflicts))
        applies = []
    wrong = [*check_parameters(model.spec.api), *check_chat_template(model.spec.engine)]
    if problems := [*wrong, *unfit, *unreadable_schedules(model)]:
        blocked = Finding("InvalidSpec", "; ".join(problems))
        applies, orphans = [], []
    # A repaired Service does not make a serving model unready; a workload that is about to change does.
    pending = any(decision.desired["kind"] in WORKLOADS for decision in decisions if decision.verb != "keep")
    # Deletion costs are the ReplicaSet controller's; groups go by their number.
    shrinking = bool(applies) and desired[-1]["kind"] == "Deployment" and shrinks(desired[-1], workload)
    if blocked and blocked.reason == "NameConflict":
        workload = {}
    revision = desired_revision(desired[-1])
    progress = ModelState(
        deployment=workload,
        pods=current_pods(observed.pods, revision),
        settled=is_observed(workload) and not pending,
        blocked=blocked,
        all_pods=observed.pods,
        events=observed.events,
        reports=observed.reports,
        rollout=rollout,
        version=choices.rendering_version,
        scaling=scaling_status(model, observed.scaling, now),
        router_host=settings.router_host,
        parting=observed.scaling.parting.names if observed.scaling else (),
        taken=observed.taken,
        nodes=observed.nodes,
    )
    status = build_status(model, progress, now)
    repairs = tuple(field for decision in applies for field in decision.repairs)
    contests = [item for item in observed.contests if item.seconds > 0 or item.field in repairs]
    if contested := contest_finding(contests):
        row = make_condition(model.status, model.generation, CONTESTED, "True", contested, now)
        status["conditions"].append(row)
    texts = (
        [decision.text for decision in applies] + [f"delete {title(orphan)}" for orphan in orphans] + waits
    )
    # What an obstacle kept from being done is not reported as done.
    done = (applies or orphans) and blocked is None
    ready = _condition(status, "Ready")
    return Plan(
        asks=tuple(candidates(observed)) if shrinking else (),
        costs=deletion_costs(observed) if shrinking else {},
        apply=tuple(decision.desired for decision in applies),
        delete=tuple(orphans),
        status=status,
        events=_events(model, status, texts if done else [], progress.scaling),
        requeue_after=_requeue(ready, bool(waits), observed, rollout),
        repairs=repairs,
        causes=pod_causes(model, progress),
        failures=observed_failures(observed.pods),
        revision=revision,
        start_kind=start_kind(model, choices.templates[0]),
        doing="; ".join(texts),
        explain="; ".join([*texts, f"{ready['reason']}: {ready['message']}"]),
    )


def plan_unreadable(body: Object, problem: str, now: datetime) -> Plan:
    """Plans an object that cannot be read: nothing is touched, the status says why."""
    return plan_failed(body, Finding("InvalidSpec", problem), now)


def plan_failed(body: Object, finding: Finding, now: datetime) -> Plan:
    """Plans an object that cannot be planned: nothing is touched, the status says why, and the rest of it
    stays.
    """
    previous, generation = body.get("status") or {}, body["metadata"].get("generation", 0)
    stalled, waiting = ("True", "False") if finding.stalled else ("False", "True")
    rows = {"Ready": "False", "Reconciling": waiting, "Stalled": stalled}
    made = [make_condition(previous, generation, kind, word, finding, now) for kind, word in rows.items()]
    others = [item for item in previous.get("conditions") or [] if item.get("type") not in rows]
    status = {**previous, "conditions": [*made, *others], "observedGeneration": generation}
    return Plan(status=status, explain=f"{finding.reason}: {finding.message}")


@dataclass(frozen=True)
class _Decision:
    verb: str
    desired: Object
    text: str
    repairs: tuple[Field, ...] = ()
    """The fields that are set back."""


def _decide(model: Model, desired: Object, live: Object | None, contests: tuple[Contest, ...]) -> _Decision:
    name = title(desired)
    if live is None:
        return _Decision("apply", desired, f"create {name}")
    owner = controller_of(live)
    former = owner.get("kind") == KIND and owner.get("name") == model.name
    if owner.get("uid") != model.uid and not former:
        return _Decision("conflict", desired, f"{name} exists and does not belong to this ModelDeployment")
    if is_leaving(live) or owner.get("uid") != model.uid:
        return _Decision("wait", desired, f"wait for the end of the former {name}")
    desired = keep_immutable_claim_fields(desired, live)
    annotations = live["metadata"].get("annotations") or {}
    if annotations.get(RENDERED_HASH) != desired["metadata"]["annotations"][RENDERED_HASH]:
        return _Decision("apply", desired, f"update {name}", due_again(desired, contests))
    if path := first_difference(desired, live, ignored=left_alone(desired, contests)):
        text = f"repair {name} ({path} was changed)"
        return _Decision("apply", desired, text, (Field(*identity(desired), path),))
    return _Decision("keep", desired, "")


def _events(model: Model, status: Object, actions: list[str], scaling: Object | None) -> tuple[Event, ...]:
    """What was done, another number of replicas, and reasons that were not there before."""
    events = [Event("Normal", "Applied", "; ".join(actions))] if actions else []
    if note := scaling_note(model, scaling):
        events.append(Event("Normal", *note))
    before, after = _condition(model.status, "Ready"), _condition(status, "Ready")
    if before.get("reason") != after["reason"]:
        kind = "Normal" if is_healthy(after["reason"]) else "Warning"
        events.append(Event(kind, after["reason"], after["message"]))
    names = _condition(status, CONDITION)
    if names and names["message"] != _condition(model.status, CONDITION).get("message"):
        events.append(Event("Warning", names["reason"], names["message"]))
    contested = _condition(status, CONTESTED)
    if contested and not _condition(model.status, CONTESTED):
        events.append(Event("Warning", contested["reason"], contested["message"]))
    return tuple(events)


def _condition(status: Object, kind: str) -> Object:
    found: Object = next((item for item in status.get("conditions") or [] if item.get("type") == kind), {})
    return found


def _requeue(ready: Object, waiting: bool, observed: Observed, rollout: RolloutChoice) -> float | None:
    """Seconds until the next look without an event: the nearest of all that may change by itself."""
    times = [
        (_AWAIT_REMOVAL_SECONDS, waiting),
        (rollout.recheck_after or 0.0, rollout.recheck_after is not None),
        (_AWAIT_REPORT_SECONDS, any(map(tells_progress, observed.pods))),
        (_AWAIT_EVENTS_SECONDS, any(map(awaits_events, observed.pods)) and ready["status"] != "True"),
        (_AWAIT_PROGRESS_SECONDS, ready["status"] != "True"),
        *((contest.seconds, contest.seconds > 0) for contest in observed.contests),
    ]
    return min((seconds for seconds, awaited in times if awaited), default=None)


def _choose(
    model: Model, settings: RenderSettings, workload: Object, observed: Observed, now: datetime
) -> tuple[Choices, RolloutChoice]:
    """Keeps the pod templates that run, unless the spec asks for another one, and chooses how to roll."""
    pinned = pinned_templates(model, workload)
    templates = pinned or render_templates(model, settings)
    version = rendering_version(workload) if pinned else RENDERING_VERSION
    revision = revision_of(templates[0])
    rollout = choose_rollout(model, workload, observed.pods, observed.events, revision, now)
    return Choices(templates, version, rollout.strategy, rollout.why), rollout
