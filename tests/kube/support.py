"""What the tests against the real API server share: the operator's own client, and waiting for a state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from fairlead_operator.api.names import API_VERSION, KIND
from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.connection import open_api_client
from fairlead_operator.kube.ratelimit import TokenBucket

Object = dict[str, Any]
T = TypeVar("T")


class ControlPlane(Protocol):
    """The part of the fixture `control_plane` that is used here."""

    kubeconfig: Path

    def kubectl(self, *args: str, input: str | None = None) -> str:  # noqa: A002 -- the fixture's own name
        """Runs kubectl against the control plane and returns what it printed."""
        ...


@pytest.fixture
async def kube(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeClient]:
    """The operator's client, connected to the real API server as administrator."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    client = KubeClient(await open_api_client(), TokenBucket(rate=1000, burst=1000))
    yield client
    await client.close()


def manifest(name: str = "tiny", **spec: Any) -> Object:
    """A ModelDeployment as a user writes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {"model": {"source": "pvc://models/tiny"}, **spec},
    }


async def eventually(what: str, probe: Callable[[], Awaitable[T]], within: float = 40.0) -> T:
    """Waits until `probe` returns something true, and returns it. Fails naming `what`."""
    end = time.monotonic() + within
    while True:
        found = await probe()
        if found:
            return found
        assert time.monotonic() < end, f"after {within:.0f} s still waiting for {what}; last: {found!r}"
        await asyncio.sleep(0.1)
