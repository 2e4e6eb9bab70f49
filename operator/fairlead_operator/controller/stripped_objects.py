"""What the autoscalers keep of a model between two reconciles: only what their decisions use.

The models of all namespaces are held at once, and the free-form parts of a spec or a status may have hundreds
of kilobytes. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fairlead_operator.api.endpoint import Api
from fairlead_operator.api.engine import Engine
from fairlead_operator.api.scheduling import Scheduling
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.plan.planner import Plan
from fairlead_operator.render.model import Model

Object = dict[str, Any]


def stripped_model(model: Model) -> Model:
    """The model without its status, and with the defaults in place of what no decision depends on."""
    engine = Engine(nodes=model.spec.engine.nodes)
    unused = {"pod_template": {}, "api": Api(), "scheduling": Scheduling(), "engine": engine}
    return replace(model, spec=model.spec.model_copy(update=unused), status={})


def stripped_plan(planned: Plan) -> Plan:
    """The plan without what it applies and reports."""
    return Plan(causes=planned.causes, revision=planned.revision, start_kind=planned.start_kind)


def lean_status(written: Object | None) -> Object | None:
    """status.autoscaling without the inputs, of which no change is worth a write, and with what was learned
    in the form in which the operator writes it.
    """
    if written is None:
        return None
    learned = Memory.from_json(written.get("learned") or {}).to_json()
    known = {name: value for name, value in learned.items() if value is not None}
    return {**written, "inputs": {}, "learned": known}
