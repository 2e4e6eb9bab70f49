"""Actions on the children of a model: the desired one is compared with the live one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fairlead_operator.api.names import KIND, RENDERED_HASH
from fairlead_operator.objects import annotations_of, controller_of, identity, is_leaving, title
from fairlead_operator.plan.children.contest import due_again, left_alone
from fairlead_operator.plan.children.drift import first_difference
from fairlead_operator.plan.children.immutable_claim_fields import keep_immutable_claim_fields
from fairlead_operator.plan.children.workload import WORKLOADS
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.observed import Contest, Field
from fairlead_operator.render.model import Model

Object = dict[str, Any]


class Verb(Enum):
    """The kinds of actions on a child."""

    APPLY = "apply"
    KEEP = "keep"
    """It is as desired."""
    WAIT = "wait"
    """A former one with its name is being deleted."""
    CONFLICT = "conflict"
    """The name belongs to an object that is not this model's."""


@dataclass(frozen=True)
class ChildAction:
    """The action on one child, and a text about it, "" if nothing is. `repairs` are the fields that are
    set back.
    """

    verb: Verb
    desired: Object
    text: str = ""
    repairs: tuple[Field, ...] = ()


@dataclass(frozen=True)
class ChildActions:
    """The actions on all children. `delete` are live children that are not desired. `pending` says that
    the workload is not yet as desired.
    """

    apply: tuple[ChildAction, ...]
    wait: tuple[ChildAction, ...]
    delete: tuple[Object, ...]
    pending: bool

    @property
    def repairs(self) -> tuple[Field, ...]:
        """The fields that are set back."""
        return tuple(field for action in self.apply for field in action.repairs)

    @property
    def texts(self) -> list[str]:
        """The actions as texts, one for each child."""
        deletions = [f"delete {title(child)}" for child in self.delete]
        return [*(action.text for action in self.apply), *deletions, *(action.text for action in self.wait)]


def choose_action(
    model: Model, desired: Object, live: Object | None, contests: Sequence[Contest]
) -> ChildAction:
    """The action for one desired child; `live` is the object that has its kind and name now."""
    name = title(desired)
    if live is None:
        return ChildAction(Verb.APPLY, desired, f"create {name}")
    owner = controller_of(live)
    former = owner.get("kind") == KIND and owner.get("name") == model.name
    if owner.get("uid") != model.uid and not former:
        text = f"{name} exists and does not belong to this ModelDeployment"
        return ChildAction(Verb.CONFLICT, desired, text)
    if is_leaving(live) or owner.get("uid") != model.uid:
        return ChildAction(Verb.WAIT, desired, f"wait for the end of the former {name}")
    desired = keep_immutable_claim_fields(desired, live)
    if annotations_of(live).get(RENDERED_HASH) != annotations_of(desired)[RENDERED_HASH]:
        return ChildAction(Verb.APPLY, desired, f"update {name}", due_again(desired, contests))
    if path := first_difference(desired, live, ignored=left_alone(desired, contests)):
        text = f"repair {name} ({path} was changed)"
        return ChildAction(Verb.APPLY, desired, text, (Field(*identity(desired), path),))
    return ChildAction(Verb.KEEP, desired)


def choose_actions(
    model: Model,
    desired: Sequence[Object],
    orphans: Sequence[Object],
    live: Mapping[tuple[str, str], Object],
    contests: Sequence[Contest],
    problems: Sequence[str],
) -> tuple[ChildActions, Finding | None]:
    """The actions for all children, and what keeps them from being carried out.

    With a name conflict nothing is applied. With `problems` of the spec nothing is applied or deleted.
    """
    actions = [choose_action(model, child, live.get(identity(child)), contests) for child in desired]
    conflicts = [action.text for action in actions if action.verb is Verb.CONFLICT]
    blocked = Finding("NameConflict", "; ".join(conflicts)) if conflicts else None
    if problems:
        blocked = Finding("InvalidSpec", "; ".join(problems))
    chosen = ChildActions(
        apply=() if blocked else tuple(action for action in actions if action.verb is Verb.APPLY),
        wait=tuple(action for action in actions if action.verb is Verb.WAIT),
        delete=() if problems else tuple(orphans),
        # A repaired Service does not make a serving model unready; a workload that is about to change does.
        pending=any(
            action.verb is not Verb.KEEP and action.desired["kind"] in WORKLOADS for action in actions
        ),
    )
    return chosen, blocked
