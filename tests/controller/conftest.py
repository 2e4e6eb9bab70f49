"""Fixtures of this folder: the operator as a process, and the part of a node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from tests.controller.cluster import ModelNamespace
from tests.controller.node import FakeKubelet
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane
from tests.kube.support import kube as kube
from tests.support.faults import FaultyProxy

Start = Callable[..., OperatorProcess]


@pytest.fixture
def start_operator(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Starts replicas of the operator for the test's namespace; prints their logs if the test fails."""
    started: list[OperatorProcess] = []

    def start(
        name: str = "operator-0",
        kubeconfig: Path | None = None,
        settings: Mapping[str, str] | None = None,
        **more: Any,
    ) -> OperatorProcess:
        config = kubeconfig or control_plane.kubeconfig
        started.append(OperatorProcess(config, namespace, tmp_path, name, settings, **more))
        return started[-1]

    yield start
    for operator in started:
        operator.close()
    for path in sorted(tmp_path.glob("*.log")):
        print(f"--- {path.name}\n{path.read_text()}")


@pytest.fixture
def operator(start_operator: Start) -> OperatorProcess:
    """A running operator."""
    return start_operator()


@pytest.fixture
async def proxy(control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[FaultyProxy]:
    """A proxy before the API server that can misbehave."""
    async with FaultyProxy(control_plane.kubeconfig, tmp_path / "proxy.kubeconfig") as proxy:
        yield proxy


@pytest.fixture
def node(kube: KubeClient, namespace: str) -> FakeKubelet:
    """What scheduler and kubelet would write."""
    return FakeKubelet(kube, namespace)


@pytest.fixture
def cluster(kube: KubeClient, namespace: str) -> ModelNamespace:
    """The test's namespace."""
    return ModelNamespace(kube, namespace)
