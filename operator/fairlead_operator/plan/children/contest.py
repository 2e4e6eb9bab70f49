"""Fields of children that another writer sets repeatedly, each time after the operator has set them back.

Two writers with different values would change the object for ever, and with spec.replicas each change starts
or ends pods. So the operator leaves the other value for a pause, and the condition CONDITION names the writer
and the field. After each pause the desired value is applied once. If it stays, the contest is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead_operator.api.names import FIELD_MANAGER
from fairlead_operator.bounds import CONTEST_PAUSE_SECONDS
from fairlead_operator.objects import identity
from fairlead_operator.plan.findings import Finding, steady
from fairlead_operator.plan.observed import Contest, Field
from fairlead_operator.plan.text import clean
from fairlead_operator.render.model import Model

Object = dict[str, Any]

CONDITION = "Contested"
REPLICAS = "spec.replicas"
# Names of field managers have at most 128 characters.
_WRITER_CHARACTERS = 192
_UNKNOWN = "something else, such as a mutating webhook,"


def with_contested_replicas(model: Model, workload: Object, contests: Sequence[Contest]) -> Model:
    """The model with the replicas that its workload has, if they are contested and left as they are."""
    if not (workload and REPLICAS in left_alone(workload, contests)):
        return model
    return model.with_replicas(int(workload["spec"].get("replicas", 1)))


def left_alone(body: Object, contests: Sequence[Contest]) -> frozenset[str]:
    """The paths in an object whose values stay as they are, since they are contested."""
    return frozenset(
        contest.field.path
        for contest in contests
        if contest.seconds > 0 and (contest.field.kind, contest.field.name) == identity(body)
    )


def due_again(body: Object, contests: Sequence[Contest]) -> tuple[Field, ...]:
    """The contested fields of an object whose pause is over: to apply it is to set them back."""
    return tuple(
        contest.field
        for contest in contests
        if not contest.seconds and (contest.field.kind, contest.field.name) == identity(body)
    )


def contest_finding(contests: Sequence[Contest]) -> Finding | None:
    """The finding about the contested fields, replicas first. None if there is none."""
    ordered = sorted(contests, key=lambda contest: (contest.field.path != REPLICAS, contest.field))
    if not ordered:
        return None
    minutes = round(CONTEST_PAUSE_SECONDS / 60)
    texts = [
        f"{contest.writer or _UNKNOWN} repeatedly sets {contest.field.path} of "
        f"{contest.field.kind}/{contest.field.name}; its value is left in place, and the desired one is "
        f"applied every {minutes} minutes"
        for contest in ordered
    ]
    reason = "ReplicasContested" if ordered[0].field.path == REPLICAS else "FieldContested"
    return Finding(reason, steady("; ".join(texts)))


def last_writer(body: Object, path: str) -> str:
    """The last writer of a field other than the operator, by metadata.managedFields; "" if unknown."""
    entries = [
        entry
        for entry in body["metadata"].get("managedFields") or []
        if entry.get("manager") != FIELD_MANAGER and _owns(entry.get("fieldsV1"), path)
    ]
    if not entries:
        return ""
    last = max(entries, key=lambda entry: str(entry.get("time") or ""))
    by = f" (subresource {last['subresource']})" if last.get("subresource") else ""
    return clean(f"{last.get('manager')}{by}", _WRITER_CHARACTERS)


def _owns(fields: Any, path: str) -> bool:
    """Whether a set of fields, as server-side apply writes it, has the field at a path, or one around it."""
    if not isinstance(fields, dict):
        return False
    rest = path.removeprefix(".")
    # A field without inner ones is owned as a whole.
    return (
        not rest
        or not fields
        or any(_owns(inner, rest[len(step) :]) for key, inner in fields.items() if (step := _step(key, rest)))
    )


def _step(key: str, path: str) -> str:
    """The beginning of a path that a key of a set of fields means, "" if it is another one. Names may have
    dots.
    """
    if path.startswith("["):
        item = path[: path.find("]") + 1]
        return item if key.startswith("k:{") and f':"{item[1:-1]}"' in key else ""
    name = key.removeprefix("f:")
    return name if path.startswith(name) and path[len(name) : len(name) + 1] in ("", ".", "[") else ""
