"""The pinned helm, and the chart as it renders it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead_operator.render.children import RenderedModel, render_children
from fairlead_operator.settings import Settings
from tests.plan.builders import model

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "fairlead"

Object = dict[str, Any]
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Runs the pinned helm and returns the finished process."""
    made = subprocess.run(
        [sys.executable, "-m", "e2e.cluster", "tools", "helm"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    binary = Path(made.stdout.strip().splitlines()[-1]) / "helm"

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(binary), *args], capture_output=True, text=True, check=False)

    return call


Render = Callable[..., list[Object]]


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """Renders the chart with `--set` values, or those of another option, into a list of objects."""

    def call(*values: str, option: str = "--set") -> list[Object]:
        sets = [part for value in values for part in (option, value)]
        done = helm("template", "fairlead", str(CHART), "--namespace", "fairlead-system", *sets)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return call


def of_kind(objects: Iterable[Object], kind: str) -> list[Object]:
    return [item for item in objects if item["kind"] == kind]


def named(objects: list[Object], kind: str, name: str) -> Object:
    """The one object of a kind that has this name."""
    (found,) = (item for item in of_kind(objects, kind) if item["metadata"]["name"] == name)
    return found


def rendered(monkeypatch: pytest.MonkeyPatch, objects: list[Object]) -> RenderedModel:
    """A model's objects as the operator of the rendered chart makes them."""
    deployment = named(objects, "Deployment", "fairlead-operator")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "x"))
    return render_children(model(), Settings().render)
