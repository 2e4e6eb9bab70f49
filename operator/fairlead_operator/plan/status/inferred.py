"""status.engine: the parsers that the engine's container inferred from the model's files.

A pod's gateway is queried only while the pod starts, and all pods of one template find the same. So what the
latest start reported stays in the status until another start reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead_contract.status import InferredParsers, PodReport
from fairlead_operator.render.model import Model

Object = dict[str, Any]


def engine_status(model: Model, pods: tuple[Object, ...], reports: Mapping[str, PodReport]) -> Object | None:
    """The inferred parsers by field of the spec, without those that the spec itself names; None without any.

    `pods` are those of the current template, `reports` what their gateways answer, by pod.
    """
    found = _latest(pods, reports)
    values: Object = (
        model.status.get("engine") or {} if found is None else found.model_dump(exclude_defaults=True)
    )
    spec = model.spec.engine
    named = {"toolCallParser": spec.tool_call_parser, "reasoningParser": spec.reasoning_parser}
    return {field: values[field] for field in named if values.get(field) and not named[field]} or None


def _latest(pods: tuple[Object, ...], reports: Mapping[str, PodReport]) -> InferredParsers | None:
    """The report of the newest pod that has reported."""
    newest = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)
    known = (reports.get(pod["metadata"]["name"]) for pod in newest)
    return next(
        (report.engine.inferred for report in known if report and report.engine and report.engine.inferred),
        None,
    )
