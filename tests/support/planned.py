"""Single containers of a pod as `fairlead run` would start them, for tests that need no whole pod."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from fairlead_operator.local.environment import inherited
from fairlead_operator.local.local_pod import make_folders
from fairlead_operator.local.manifests import read_files, read_input
from fairlead_operator.local.pod import Pod, Process
from fairlead_operator.local.workload import engine_program, workload
from tests.support.any_user import group_folder
from tests.support.manifests import CLAIM, NAME, Object, manifest

# The keys of Secrets, by name.
Secrets = Mapping[str, Mapping[str, str]]


def planned_pod(
    spec: Object,
    folder: Path,
    *,
    models: Path | None = None,
    python: str | Path = sys.executable,
    ports: tuple[int, int] = (0, 0),
    secrets: Secrets | None = None,
) -> Pod:
    """The pod of a model, with its folders made below `folder`. `models` is what stands for the claim of the
    tests' manifests, `python` for the engine's image; `ports` are those of the gateway.
    """
    file = folder / "model.yaml"
    kept = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(keys)}
        for name, keys in (secrets or {}).items()
    ]
    file.write_text(yaml.safe_dump_all([*kept, manifest(spec)]))
    (given,), sources = read_input(read_files([str(file)]), (), [f"{CLAIM}={models or folder}"])
    environment = inherited(os.environ)
    pod = workload(
        given,
        sources,
        engine_program(Path(python), environment, None),
        folder=folder / "pod",
        cache=folder / "cache",
        ports=ports,
        environment=environment,
    ).plan(f"{NAME}-1")
    make_folders(pod)
    # As the volumes of a pod, which its user may not own.
    for volume in Path(pod.folder).glob("**/"):
        group_folder(volume)
    return pod


def container(pod: Pod, name: str, **variables: str) -> Process:
    """One container of a pod, with some variables changed."""
    (found,) = (process for process in (*pod.init, *pod.main) if process.name == name)
    return replace(found, environment={**found.environment, **variables})
