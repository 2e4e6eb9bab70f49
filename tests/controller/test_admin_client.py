"""The admin ports of pods are queried, and no answer of one of them harms the operator or others."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from fairlead_operator.bounds import LONGEST_BACKOFF_SECONDS, NAMESPACE_REQUESTS
from fairlead_operator.controller.admin_client import AdminClient
from tests.controller.hostile_pod import (
    DEMAND,
    ENDLESS,
    HARMLESS,
    REDIRECTS,
    SHAPE,
    TRANSPORT,
    Behaviour,
    HostilePod,
    Wire,
    demands,
    is_silent,
    pod_at,
    redirects,
    response,
    running_pods,
    says,
    sends,
)
from tests.kube.support import eventually
from tests.support.clock import Clock

BAD, GOOD, VICTIM = "127.0.0.2", "127.0.0.3", "127.0.0.4"
# What the kernel takes before anybody has read it.
WHAT_BUFFERS_HOLD = 16 << 20
A_FEW_MEGABYTES = 16 << 20
ROOT = Path(__file__).resolve().parents[2]


class Asking:
    """A client and the pods that it asks, by address."""

    def __init__(self, admin: AdminClient, pods: dict[str, HostilePod]) -> None:
        self.admin, self.pods = admin, pods

    async def demand(self, *addresses: str) -> set[str]:
        """The addresses of the pods that have answered what they have to do."""
        found = await self.admin.demands([pod_at(address, address) for address in addresses])
        return set(found)


@asynccontextmanager
async def asking(clock: Clock | None = None, **behaviours: Behaviour) -> AsyncIterator[Asking]:
    addresses = {"bad": BAD, "good": GOOD, "victim": VICTIM}
    async with running_pods(
        {addresses[name]: behaviour for name, behaviour in behaviours.items()}
    ) as running:
        port, pods = running
        admin = AdminClient(port, clock) if clock else AdminClient(port)
        try:
            yield Asking(admin, pods)
        finally:
            await admin.close()


@pytest.mark.parametrize("name", [*TRANSPORT, *SHAPE])
async def test_an_invalid_answer_does_not_hide_a_valid_one(name: str) -> None:
    async with asking(bad={**TRANSPORT, **SHAPE}[name], good=demands()) as asks:
        assert await asks.demand(BAD, GOOD) == {GOOD}


@pytest.mark.parametrize("name", ENDLESS)
async def test_an_endless_answer_is_aborted(name: str) -> None:
    async with asking(bad=TRANSPORT[name]) as asks:
        assert await asks.demand(BAD) == set()
        (wire,) = asks.pods[BAD].wires
        assert wire.sent < WHAT_BUFFERS_HOLD


@pytest.mark.parametrize("name", HARMLESS)
async def test_an_unusual_but_harmless_answer_counts(name: str) -> None:
    async with asking(bad=HARMLESS[name]) as asks:
        assert await asks.demand(BAD) == {BAD}


@pytest.mark.parametrize("status", REDIRECTS)
async def test_a_redirect_is_an_invalid_answer_and_is_not_followed(status: str) -> None:
    port = 0
    behaviour = redirects(status, lambda: port, VICTIM)
    async with asking(bad=behaviour, good=demands(), victim=demands()) as asks:
        port = asks.admin._port
        assert await asks.demand(BAD, GOOD) == {GOOD}
        assert asks.pods[VICTIM].hits == []


async def test_only_documents_of_gateways_and_routers_are_requested() -> None:
    async with asking(good=demands(), bad=says({"boot": "r", "cursor": 1, "models": {}})) as asks:
        await asks.admin.statuses([pod_at(GOOD)])
        await asks.admin.demands([pod_at(GOOD)])
        await asks.admin.router_demand(BAD, 3.0, 7)
        assert asks.pods[GOOD].hits == ["GET /status HTTP/1.1", "GET /demand HTTP/1.1"]
        assert asks.pods[BAD].hits == ["GET /demand?wait=3.0&cursor=7 HTTP/1.1"]


@pytest.mark.parametrize("name", ["nothing", "half an answer", "unavailable"])
async def test_a_failed_admin_request_is_not_repeated(name: str) -> None:
    async with asking(bad=TRANSPORT[name]) as asks:
        await asks.demand(BAD)
        assert len(asks.pods[BAD].hits) == 1


async def test_a_second_answer_on_the_wire_is_never_read() -> None:
    first, second = (response(json.dumps({**DEMAND, "inFlight": load}).encode()) for load in (1, 99))
    async with asking(bad=sends(first, second)) as asks:
        for _ in range(3):
            found = await asks.admin.demands([pod_at(BAD, "pod")])
            assert found["pod"].load == 1


@pytest.mark.parametrize(
    "address", ["localhost", "demo.example", "127.0.0.3:1/x?", "127.0.0.3/drain", "", "::1%lo"]
)
async def test_a_pod_with_an_invalid_address_is_not_queried(address: str) -> None:
    async with asking(good=demands()) as asks:
        assert await asks.demand(address, GOOD) == {GOOD}
        assert len(asks.pods[GOOD].hits) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"boot": "r", "cursor": 1, "models": {"demo/tiny": {"queued": "1"}}},
        {"boot": "r", "cursor": 1, "models": {"demo/tiny": {"queued": -1}}},
        {"boot": "r", "cursor": 1, "models": {"demo/tiny": {"arrivals": 1e300}}},
        {"boot": "r", "cursor": 1, "models": {"demo/tiny": [1]}},
        {"boot": "r", "cursor": 1, "models": []},
        {"boot": "r", "cursor": "1", "models": {}},
        {"boot": None, "cursor": 1, "models": {}},
        {"cursor": 1, "models": {}},
        {"boot": "r", "cursor": 1},
        [],
    ],
)
async def test_a_router_answer_with_another_shape_is_invalid(document: object) -> None:
    async with asking(bad=says(document)) as asks:
        assert await asks.admin.router_demand(BAD, 0.0, None) is None


async def test_a_router_answer_with_many_models_is_valid() -> None:
    figures = {"queued": 1, "inFlight": 2, "arrivals": 3, "lastCompletionAt": None, "rejected": 0}
    models = {f"namespace-{number}/model": figures for number in range(10_000)}
    async with asking(good=says({"boot": "r", "cursor": 1, "models": models})) as asks:
        demand = await asks.admin.router_demand(GOOD, 0.0, None)
    assert demand is not None
    assert len(demand.models) == 10_000


async def test_a_silent_pod_is_queried_with_growing_pauses() -> None:
    clock = Clock()
    async with asking(clock, bad=says("nothing")) as asks:
        hits = asks.pods[BAD].hits
        asked_at = []
        for _ in range(400):
            before = len(hits)
            await asks.demand(BAD)
            if len(hits) > before:
                asked_at.append(clock.now)
            clock.now += 0.5
    pauses = [later - before for before, later in pairwise(asked_at)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_BACKOFF_SECONDS
    assert len(asked_at) < 15


async def test_a_pod_that_answers_again_is_queried_at_the_normal_rate() -> None:
    clock, answers = Clock(), [says("nothing"), demands(), demands()]

    async def changing(wire: Wire) -> None:
        await answers.pop(0)(wire)

    async with asking(clock, bad=changing) as asks:
        assert await asks.demand(BAD) == set()
        clock.now += 1.0
        assert await asks.demand(BAD) == {BAD}
        assert await asks.demand(BAD) == {BAD}


async def test_a_pod_has_one_request_at_a_time() -> None:
    async with asking(bad=is_silent, good=demands()) as asks:
        pods, bad = [pod_at(BAD)], asks.pods[BAD]
        both = asyncio.gather(asks.admin.statuses(pods), asks.admin.demands(pods))

        async def asked() -> bool:
            return len(bad.hits) == 1

        await eventually("the first request", asked)
        assert await asks.demand(GOOD) == {GOOD}
        assert (bad.open, len(bad.hits), both.done()) == (1, 1, False)
        assert list(await both) == [{}, {}]


async def test_silent_pods_of_one_namespace_do_not_hold_up_another() -> None:
    """Six hundred pods that take every second they get, and one of another tenant that answers."""
    async with asking(bad=is_silent, good=demands()) as asks:
        many = [pod_at(BAD, f"pod-{number}", namespace="hostile") for number in range(600)]
        task = asyncio.create_task(asks.admin.demands(many))

        async def full() -> bool:
            return len(asks.pods[BAD].hits) >= NAMESPACE_REQUESTS

        await eventually("as many requests as one namespace may have", full)
        assert await asks.demand(GOOD) == {GOOD}
        assert (len(asks.pods[BAD].hits), task.done()) == (NAMESPACE_REQUESTS, False)
        assert await task == {}


@pytest.mark.parametrize("name", ["gzip bomb", "endless body", "endless chunks", "endless header"])
async def test_a_hostile_answer_uses_a_bounded_amount_of_memory(name: str) -> None:
    """In a process that may use no more than 64 MiB beyond what it has at its start."""
    behaviours = {BAD: TRANSPORT[name], VICTIM: TRANSPORT[name], GOOD: demands()}
    async with running_pods(behaviours) as (port, _):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.controller.ask_with_little_memory", str(port), *behaviours),
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}:{ROOT / 'serving-image'}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, errors = await asyncio.wait_for(process.communicate(), 60)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
    # asyncio only logs that memory was missing while it read.
    assert (process.returncode, errors) == (0, b"")
    answered, grown = json.loads(out)
    assert answered == [GOOD]
    assert grown < A_FEW_MEGABYTES
