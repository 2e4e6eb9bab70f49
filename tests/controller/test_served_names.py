"""Names that several models claim, on a real API server: which one has them, and what the status says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from fairlead_operator.kube.client import KubeClient
from fairlead_operator.kube.resources import EVENT, MODEL_DEPLOYMENT
from tests.controller.cluster import ModelNamespace
from tests.controller.conftest import Start
from tests.controller.operator_process import OperatorProcess
from tests.kube.support import ControlPlane, Object, eventually

pytestmark = pytest.mark.apiserver


class Namespaces:
    """Two namespaces of different owners that one operator watches."""

    def __init__(self, plane: ControlPlane, kube: KubeClient, one: str, other: str) -> None:
        self.victim, self.evil = ModelNamespace(kube, one), ModelNamespace(kube, other)
        self.settings = {"FAIRLEAD_WATCH_NAMESPACES": f"{one},{other}"}
        self._plane, self._kube = plane, kube

    async def create(self, where: ModelNamespace, *names: str) -> None:
        """A model `tiny` with these names beside its own."""
        await where.create(model={"source": "pvc://m", "servedName": where.namespace, "aliases": [*names]})

    async def rename(self, where: ModelNamespace, *names: str) -> None:
        """Other aliases."""
        spec = {"spec": {"model": {"aliases": [*names]}}}
        await self._kube.patch(MODEL_DEPLOYMENT, where.namespace, "tiny", spec)

    async def delete(self, where: ModelNamespace) -> None:
        await asyncio.to_thread(self._plane.kubectl, "delete", "mdep/tiny", "-n", where.namespace)

    async def status(self, where: ModelNamespace) -> Object:
        body = await self._kube.get(MODEL_DEPLOYMENT, where.namespace, "tiny")
        return dict(body.get("status", {}))

    async def await_names(self, where: ModelNamespace, *names: str, taken: str = "") -> None:
        """Its status says that it has these names, and which one another model has."""

        async def said() -> bool:
            status = await self.status(where)
            conditions = {item["type"]: item for item in status.get("conditions", [])}
            message = conditions.get("ServedNameTaken", {}).get("message", "")
            given = status.get("servedModels") == [where.namespace, *names]
            return given and (taken in message if taken else not message)

        await eventually(f"{names} to be {where.namespace}'s", said)


@pytest.fixture
def both(control_plane: ControlPlane, kube: KubeClient, namespace: str) -> Iterator[Namespaces]:
    """Two namespaces; that of the victim comes last in every order by name."""
    other = f"a-{namespace}"
    control_plane.kubectl("create", "namespace", other)
    yield Namespaces(control_plane, kube, namespace, other)
    control_plane.kubectl("delete", "namespace", other, "--wait=false")


@pytest.fixture
def operator(both: Namespaces, start_operator: Start) -> OperatorProcess:
    """An operator for both."""
    return start_operator(settings=both.settings)


async def test_a_served_name_stays_with_the_older_model_and_passes_on_when_it_is_deleted(
    both: Namespaces, operator: OperatorProcess, kube: KubeClient
) -> None:
    victim, evil = both.victim, both.evil
    await both.create(victim, "chat")
    await both.await_names(victim, "chat")
    before = await both.status(victim)
    await both.create(evil, "chat")
    await both.await_names(evil, taken=f"chat is a name of ModelDeployment {victim.namespace}/tiny")
    assert await both.status(victim) == before

    async def event() -> bool:
        return any(item["reason"] == "ServedNameTaken" for item in await kube.list(EVENT, evil.namespace))

    await eventually("the Event", event)
    await both.delete(victim)
    await both.await_names(evil, "chat")


async def test_an_old_model_takes_no_granted_name_even_after_an_operator_restart(
    both: Namespaces, operator: OperatorProcess, start_operator: Start
) -> None:
    victim, evil = both.victim, both.evil
    await both.create(evil)
    await both.await_names(evil)
    await both.create(victim, "chat")
    await both.await_names(victim, "chat")
    await both.rename(evil, "chat")
    await both.await_names(evil, taken=f"{victim.namespace}/tiny")
    await both.await_names(victim, "chat")
    assert await operator.stop() == 0
    again = start_operator("operator-1", settings=both.settings)
    await again.quiet()
    await both.await_names(evil, taken=f"{victim.namespace}/tiny")
    await both.await_names(victim, "chat")


async def test_a_status_written_by_another_writer_grants_no_name(
    both: Namespaces, operator: OperatorProcess, kube: KubeClient
) -> None:
    victim, evil = both.victim, both.evil
    await both.create(victim, "chat")
    await both.await_names(victim, "chat")
    await both.create(evil, "chat")
    await both.await_names(evil, taken=f"{victim.namespace}/tiny")
    forged: Any = {"servedModels": [evil.namespace, "chat"]}
    await kube.patch_status(MODEL_DEPLOYMENT, evil.namespace, "tiny", forged)
    await both.await_names(evil, taken=f"{victim.namespace}/tiny")
    await both.await_names(victim, "chat")


async def test_of_two_existing_claimants_the_older_model_gets_the_name(
    both: Namespaces, start_operator: Start
) -> None:
    await both.create(both.victim, "chat")
    # The API server's times have whole seconds.
    first = await both.victim.find(MODEL_DEPLOYMENT)
    assert first is not None

    async def later() -> bool:
        await both.create(both.evil, "chat")
        body = await both.evil.find(MODEL_DEPLOYMENT)
        assert body is not None
        if body["metadata"]["creationTimestamp"] > first["metadata"]["creationTimestamp"]:
            return True
        await both.delete(both.evil)
        return False

    await eventually("a younger model", later)
    start_operator(settings=both.settings)
    await both.await_names(both.victim, "chat")
    await both.await_names(both.evil, taken=f"{both.victim.namespace}/tiny")


async def test_a_claim_of_a_full_name_in_another_namespace_is_reported(
    both: Namespaces, operator: OperatorProcess
) -> None:
    full = f"{both.victim.namespace}/chat"
    await both.create(both.evil, full, "Qwen/Qwen3-8B")
    await both.await_names(
        both.evil, "Qwen/Qwen3-8B", taken=f"{full} is a full name of ModelDeployment {full}"
    )
