"""From a model to its local pods: the operator's rendering, and what stands for its images and volumes."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairlead_contract.names import ADMIN_PORT, API_PORT
from fairlead_operator.api.names import ENGINE_CONTAINER, GATEWAY_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.local.errors import LocalError
from fairlead_operator.local.manifests import GivenModel
from fairlead_operator.local.pod import Place, Pod, Program, plan_pod
from fairlead_operator.local.sources import Sources, contents
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import Model, RenderSettings, Tracing
from fairlead_operator.render.paths import WEIGHTS_PATH
from fairlead_operator.render.weights import claim_name

Object = dict[str, Any]

# No image is pulled here; a model may name another one for its engine. The host makes a model that can be at
# zero go there, as with a router in a cluster.
_SETTINGS = RenderSettings(gateway_image="gateway", engine_image="engine", router_host="localhost")
_PACKAGES = ("fairlead_gateway", "fairlead_weights", "fairlead_contract")


@dataclass(frozen=True)
class Workload:
    """Everything that the pods of one model are planned from."""

    model: Model
    template: Object
    sources: Sources
    programs: Mapping[str, Program]
    folder: Path
    ports: tuple[int, int]
    kept: Mapping[str, str]
    environment: Mapping[str, str]

    def plan(self, name: str) -> Pod:
        """The pod of that name. Raises LocalError for what its template refers to and is not there."""
        place = Place(
            name=name,
            folder=str(self.folder),
            ports=dict(zip((API_PORT, ADMIN_PORT), self.ports, strict=True)),
            kept=self.kept,
            environment=self.environment,
        )
        return plan_pod(self.template, self.model.namespace, place, self.programs, self.sources)


def workload(
    given: GivenModel,
    sources: Sources,
    engine: Program,
    *,
    folder: Path,
    cache: Path,
    ports: tuple[int, int],
    environment: Mapping[str, str],
) -> Workload:
    """The workload of a model. `folder` is for its pods, `cache` for what outlives a run."""
    collector = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    tracing = Tracing(collector) if collector else None
    rendered = render_children(given.model, replace(_SETTINGS, tracing=tracing))
    (template, *_) = rendered.templates
    config_maps = {
        child["metadata"]["name"]: contents(child)
        for child in rendered.dependencies
        if child["kind"] == "ConfigMap"
    }
    sources = sources.with_config_maps(config_maps)
    if made := claim_name(given.model):
        folder_of_claim = str(cache / "volumes" / given.model.namespace / made)
        sources = Sources(sources.secrets, sources.config_maps, {made: folder_of_claim, **sources.claims})
    gateway = gateway_program(environment)
    by_name = {ENGINE_CONTAINER: engine, GATEWAY_CONTAINER: gateway, WEIGHTS_CONTAINER: gateway}
    spec = template["spec"]
    return Workload(
        model=given.model,
        template=template,
        sources=sources,
        programs={
            container["image"]: by_name[container["name"]]
            for container in (*spec["initContainers"], *spec["containers"])
            if container["name"] in by_name
        },
        folder=folder,
        ports=ports,
        kept=_kept(spec, cache / "weights" / given.model.namespace / given.model.name),
        environment=environment,
    )


def gateway_program(environment: Mapping[str, str]) -> Program:
    """The substitute for the gateway's image: the packages of this installation. Raises LocalError."""
    folders = []
    for package in _PACKAGES:
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise LocalError(f"fairlead run needs {package}: pip install fairlead")
        folders.append(str(Path(found.origin).parents[1]))
    return Program(
        python=sys.executable,
        entrypoint=(sys.executable, "-m", "fairlead_gateway"),
        environment={
            "PATH": _path(sys.executable, environment),
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(folders)),
            "PYTHONUNBUFFERED": "1",
        },
    )


def engine_program(python: Path, environment: Mapping[str, str], gpus: str | None) -> Program:
    """The substitute for the engine's image: a Python interpreter with vLLM. `gpus` are those it may use."""
    ours = {"PATH": _path(str(python), environment), "PYTHONUNBUFFERED": "1"}
    return Program(str(python), environment=ours if gpus is None else {**ours, "CUDA_VISIBLE_DEVICES": gpus})


def _path(program: str, environment: Mapping[str, str]) -> str:
    return os.pathsep.join((str(Path(program).parent), environment.get("PATH", os.defpath)))


def _kept(spec: Object, folder: Path) -> dict[str, str]:
    """The ephemeral cache of downloaded weights outlives the pod: another download would take minutes."""
    caches = {
        mount["name"]
        for container in spec["initContainers"]
        for mount in container.get("volumeMounts") or ()
        if mount["mountPath"] == WEIGHTS_PATH
    }
    return {
        volume["name"]: str(folder)
        for volume in spec["volumes"]
        if volume["name"] in caches and "emptyDir" in volume
    }
