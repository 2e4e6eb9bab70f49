"""The planner: compares the desired state of a model with the observed one, and decides.

It works level-triggered: no step depends on which event caused it or on what happened before, only on what is
observed. An interrupted run is planned again.

1. Render the desired children.
2. For each: absent or different from the live one, apply it; being deleted, wait; owned by something
   else, leave it alone and report it.
3. Children of ours that are not desired any more are deleted.
4. The status follows from the live workload (a Deployment or a LeaderWorkerSet) and the pods.

The pod template is rendered again only when the spec changes: until then the one that was applied before
is kept, so that a new version of the operator, or of its default images, restarts nothing.

A spec whose parameters do not fit its dialect, or whose podTemplate changes what the operator relies on, is
not carried out, not even in part: what runs continues as it is, and the status names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead_operator.api.chat_template import check_chat_template
from fairlead_operator.api.parameters import check_parameters
from fairlead_operator.objects import condition, identity, other_conditions
from fairlead_operator.plan.children.actions import ChildActions, choose_actions
from fairlead_operator.plan.children.contest import CONDITION as CONTESTED
from fairlead_operator.plan.children.contest import contest_finding, with_contested_replicas
from fairlead_operator.plan.children.orphans import find_orphans
from fairlead_operator.plan.children.workload import as_deployment, is_observed, own_workload
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.model_events import Event, model_events
from fairlead_operator.plan.observed import Field, Observed
from fairlead_operator.plan.pods.failures import Failure, observed_failures
from fairlead_operator.plan.pods.gateway_queries import awaits_events, tells_progress
from fairlead_operator.plan.rollout.removal import candidates, deletion_costs, shrinks
from fairlead_operator.plan.rollout.strategy import RolloutChoice, choose_rollout
from fairlead_operator.plan.scaling.replicas import unreadable_schedules, with_current_replicas
from fairlead_operator.plan.scaling.status import scaling_status
from fairlead_operator.plan.status.conditions import make_condition, pod_causes
from fairlead_operator.plan.status.model_state import ModelState, current_pods
from fairlead_operator.plan.status.model_status import build_status
from fairlead_operator.render.children import FittedModel, RenderedModel, fit_model, render_children
from fairlead_operator.render.model import RENDERING_VERSION, Choices, Model, RenderSettings
from fairlead_operator.render.templates import pinned_templates, rendering_version, revision_of, start_kind

Object = dict[str, Any]

# A child that is on its way out is awaited this long before the next look; its end is an event anyway.
_AWAIT_REMOVAL_SECONDS = 2.0
# While a model is not ready, a look now and then covers an event that a broken watch has lost.
_AWAIT_PROGRESS_SECONDS = 60.0
# Only Events, which are not watched, say what keeps volumes from a pod and whether a node is being added.
_AWAIT_EVENTS_SECONDS = 10.0
# How far a download or a drain is, only the gateway knows.
_AWAIT_REPORT_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """Actions in their order, and the status to report.

    `asks` are pods whose gateways should report their load before this is carried out, if they have not been
    queried; the plan is then made again. `costs` are the deletion costs of pods by name, to be written before
    a Deployment shrinks. `status` is the whole status; `requeue_after` seconds until the next look without an
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
    desired = _desire(model, observed, settings, now)
    actions, obstacle = _choose_actions(desired, observed)
    blocked = obstacle or blocked
    state = _model_state(desired, observed, actions, blocked, settings, now)
    status = _build_status(desired.model, state, observed, actions, now)
    ready = condition(status, "Ready")
    # What an obstacle kept from being done is not reported as done.
    done = (actions.apply or actions.delete) and blocked is None
    # Deletion costs are the ReplicaSet controller's; groups go by their number.
    shrinking = bool(actions.apply) and desired.shrinks_deployment
    return Plan(
        asks=tuple(candidates(observed)) if shrinking else (),
        costs=deletion_costs(observed) if shrinking else {},
        apply=tuple(action.desired for action in actions.apply),
        delete=actions.delete,
        status=status,
        events=model_events(desired.model, status, actions.texts if done else [], state.scaling),
        requeue_after=_requeue(ready, bool(actions.wait), observed, desired.rollout),
        repairs=actions.repairs,
        causes=pod_causes(desired.model, state),
        failures=observed_failures(observed.pods),
        revision=desired.rendered.revision,
        start_kind=start_kind(desired.model, desired.rendered.templates[0]),
        doing="; ".join(actions.texts),
        explain="; ".join([*actions.texts, f"{ready['reason']}: {ready['message']}"]),
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
    conditions = [*made, *other_conditions(previous, rows)]
    status = {**previous, "conditions": conditions, "observedGeneration": generation}
    return Plan(status=status, explain=f"{finding.reason}: {finding.message}")


@dataclass(frozen=True)
class _Desired:
    """The desired model: `model` with the replicas that are wanted now and without what does not fit,
    which `problems` lists; its objects; how its pods are replaced; and `workload`, the live one in the terms
    of a Deployment, {} if there is none.
    """

    model: Model
    problems: tuple[str, ...]
    workload: Object
    rendered: RenderedModel
    version: int
    rollout: RolloutChoice

    @property
    def shrinks_deployment(self) -> bool:
        """Whether to apply the workload removes pods of the live Deployment."""
        desired = self.rendered.workload
        return desired["kind"] == "Deployment" and shrinks(desired, self.workload)


def _desire(model: Model, observed: Observed, settings: RenderSettings, now: datetime) -> _Desired:
    """Renders what the model should be, from its spec and from what is observed."""
    fitted = fit_model(model, settings)
    live = own_workload(fitted.model, _by_identity(observed))
    model = with_current_replicas(fitted.model, live, observed.scaling, settings.router_host)
    model = with_contested_replicas(model, live, observed.contests)
    workload = as_deployment(live, model, observed.pods, now)
    choices, rollout = _choose(model, fitted, workload, observed, now)
    rendered = render_children(model, settings, choices)
    return _Desired(model, fitted.problems, workload, rendered, choices.rendering_version, rollout)


def _choose(
    model: Model, fitted: FittedModel, workload: Object, observed: Observed, now: datetime
) -> tuple[Choices, RolloutChoice]:
    """Keeps the pod templates that run, unless the spec asks for another one, and chooses how to roll."""
    pinned = pinned_templates(model, workload)
    templates = pinned or fitted.templates
    version = rendering_version(workload) if pinned else RENDERING_VERSION
    revision = revision_of(templates[0])
    rollout = choose_rollout(model, workload, observed.pods, observed.events, revision, now)
    return Choices(templates, version, rollout.strategy, rollout.why), rollout


def _choose_actions(desired: _Desired, observed: Observed) -> tuple[ChildActions, Finding | None]:
    """The action on each child, and the problems of spec or names that prevent it."""
    model, children = desired.model, desired.rendered.children
    problems = [
        *check_parameters(model.spec.api),
        *check_chat_template(model.spec.engine),
        *desired.problems,
        *unreadable_schedules(model),
    ]
    orphans = find_orphans(model, observed, children)
    return choose_actions(model, children, orphans, _by_identity(observed), observed.contests, problems)


def _by_identity(observed: Observed) -> dict[tuple[str, str], Object]:
    return {identity(child): child for child in observed.children}


def _model_state(
    desired: _Desired,
    observed: Observed,
    actions: ChildActions,
    blocked: Finding | None,
    settings: RenderSettings,
    now: datetime,
) -> ModelState:
    """Where the model stands. A workload whose name belongs to another object does not count as the
    model's."""
    conflict = blocked is not None and blocked.reason == "NameConflict"
    workload = {} if conflict else desired.workload
    return ModelState(
        deployment=workload,
        pods=current_pods(observed.pods, desired.rendered.revision),
        settled=is_observed(workload) and not actions.pending,
        blocked=blocked,
        all_pods=observed.pods,
        events=observed.events,
        reports=observed.reports,
        rollout=desired.rollout,
        version=desired.version,
        scaling=scaling_status(desired.model, observed.scaling, now),
        router_host=settings.router_host,
        draining=observed.scaling.drain.names if observed.scaling else (),
        taken=observed.taken,
        nodes=observed.nodes,
    )


def _build_status(
    model: Model, state: ModelState, observed: Observed, actions: ChildActions, now: datetime
) -> Object:
    """The status, with a condition about contested fields if there are any."""
    status = build_status(model, state, now)
    contests = [item for item in observed.contests if item.seconds > 0 or item.field in actions.repairs]
    if contested := contest_finding(contests):
        row = make_condition(model.status, model.generation, CONTESTED, "True", contested, now)
        status["conditions"].append(row)
    return status


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
