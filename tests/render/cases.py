"""The golden cases: a ModelDeployment, and after it the objects that are rendered from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fairlead_operator.render.children import RenderedModel, render_children
from fairlead_operator.render.model import AdminClients, Model, RenderSettings, parse_model

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
# The case whose workload is a LeaderWorkerSet.
GROUPED = "two-nodes"
SETTINGS = RenderSettings(
    gateway_image="fairlead/gateway:golden",
    engine_image="vllm/vllm-openai:golden",
    admin_clients=AdminClients("fairlead-system", ("monitoring",)),
    router_host="fairlead-router.fairlead-system.svc.cluster.local",
)


def read_model(case: str) -> dict[str, Any]:
    """The ModelDeployment of a case."""
    body: dict[str, Any] = next(yaml.safe_load_all((GOLDEN / f"{case}.yaml").read_text()))
    return body


def render_case(case: str) -> RenderedModel:
    """What is rendered from it now."""
    return render_children(parse_model(read_model(case)), SETTINGS)


def rendered_of_kind(kind: str, model: Model, settings: RenderSettings = SETTINGS) -> list[dict[str, Any]]:
    """A model's children of one kind."""
    return [child for child in render_children(model, settings).children if child["kind"] == kind]


def pod_templates(case: str) -> list[dict[str, Any]]:
    """The pod templates of a case's workload: one, or those of a group's leader and workers."""
    return pod_templates_of(render_case(case).workload)


def pod_templates_of(workload: dict[str, Any]) -> list[dict[str, Any]]:
    """The pod templates of a Deployment or a LeaderWorkerSet."""
    spec = workload["spec"]
    group = spec.get("leaderWorkerTemplate", {})
    return [spec["template"]] if "template" in spec else [group["leaderTemplate"], group["workerTemplate"]]
