"""The router as a process beside a real API server, with real gateways behind it and the official client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from openai import InternalServerError, NotFoundError

from tests.clients.failing_engine import FailingEngine
from tests.gateway.process import Background, GatewayProcess, wait_for
from tests.router.cluster import RouterCluster
from tests.router.objects import model, scaled
from tests.router.process import RouterProcess
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.apiserver
MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A real gateway, reachable from outside of the loopback network, before an engine that says "ab"."""
    engine = FailingEngine()
    try:
        with GatewayProcess(engine, host="0.0.0.0") as running:
            yield running
    finally:
        engine.stop()


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str, gateway: GatewayProcess) -> Iterator[RouterCluster]:
    """A namespace with a model at zero."""
    with ExitStack() as stack:
        made = RouterCluster(control_plane, namespace, gateway, stack)
        made.apply(model(autoscaling=scaled(), replicas=0))
        yield made


def ask(router: RouterProcess, **more: Any) -> Any:
    with router.openai(more.pop("retries", 0)) as client:
        return client.chat.completions.create(**{"model": "tiny", "messages": MESSAGES} | more)


def held(router: RouterProcess, cluster: RouterCluster, count: int = 1) -> Callable[[], bool]:
    return lambda: router.demand(cluster.key).get("queued") == count


def test_a_held_request_is_served_once_a_pod_is_ready_and_the_model_can_return_to_zero(
    cluster: RouterCluster,
) -> None:
    router = cluster.router()
    # Asked at once after the start: whatever the router knows then, it is no 404.
    wait_for(lambda: router.admin("/healthz")[0] == 200)
    first = Background(ask, router)
    wait_for(held(router, cluster))
    with router.openai() as client:
        listed = [(item.id, item.created) for item in client.models.list()]
        with pytest.raises(NotFoundError, match="There is: tiny"):
            client.chat.completions.create(model="tini", messages=MESSAGES)
    cluster.pod_ready()
    assert first.result().choices[0].message.content == "ab"
    assert ask(router, model=cluster.key).choices[0].message.content == "ab"
    cluster.pod_gone()

    wait_for(lambda: _sent_away(router))
    again = Background(ask, router)
    wait_for(held(router, cluster))
    cluster.pod_ready()
    assert again.result().choices[0].message.content == "ab"
    assert listed == [("tiny", cluster.created().timestamp())]
    demand = router.demand(cluster.key)
    assert (demand["queued"], demand["inFlight"]) == (0, 0)
    assert demand["completions"] >= 3


def test_a_held_request_ends_the_operators_long_poll_immediately(cluster: RouterCluster) -> None:
    router = cluster.router()
    router.wait_ready()
    cursor = router.admin("/demand")[1]["cursor"]
    poll = Background(router.admin, f"/demand?wait=60&cursor={cursor}")
    call = Background(ask, router)
    status, record_load = poll.result()
    assert status == 200
    assert record_load["cursor"] > cursor
    assert record_load["models"][cluster.key]["queued"] == 1
    # An operator that polled for this long learned of it while it was young.
    assert record_load["models"][cluster.key]["oldestQueuedSeconds"] < 1
    cluster.pod_ready()
    call.result()


def test_an_unavailable_api_server_does_not_interrupt_serving(
    cluster: RouterCluster, control_plane: ControlPlane
) -> None:
    cluster.pod_ready()
    router = cluster.router()
    router.wait_ready()
    control_plane.stop_apiserver()
    try:
        assert ask(router).choices[0].message.content == "ab"
        assert router.admin("/readyz")[0] == 200
    finally:
        control_plane.start_apiserver()
    cluster.apply(model("other", autoscaling=scaled()))
    wait_for(lambda: router.demand(f"{cluster.namespace}/other") != {})


def test_a_terminating_router_serves_held_requests_while_it_can(cluster: RouterCluster) -> None:
    router = cluster.router()
    router.wait_ready()
    call = Background(ask, router)
    wait_for(held(router, cluster))
    router.terminate()
    wait_for(lambda: router.admin("/readyz")[0] == 503)
    cluster.pod_ready()
    assert call.result().choices[0].message.content == "ab"
    assert router.process.wait(60) == 0


def test_a_request_still_held_when_its_router_ends_is_served_by_the_next_router(
    cluster: RouterCluster,
) -> None:
    first = cluster.router(drain_seconds=3)
    first.wait_ready()
    refused = Background(_refusal, first)
    call = Background(_ask_with_retries, first)
    wait_for(held(first, cluster, 2))
    first.terminate()
    status, retry_after = refused.result()
    assert (status, retry_after) == (503, "1")
    assert first.process.wait(60) == 0
    # The next one of the Deployment, behind the same address.
    second = cluster.router(api_port=first.api_port)
    second.wait_ready()
    cluster.pod_ready()
    assert call.result().choices[0].message.content == "ab"


def _sent_away(router: RouterProcess) -> bool:
    """Whether a request that does not want to wait is sent away, with a time to come back."""
    try:
        ask(router, extra_headers={"x-fairlead-hold-seconds": "0"})
    except InternalServerError as error:
        return bool(error.response.headers["retry-after"])
    return False


def _refusal(router: RouterProcess) -> tuple[int, str]:
    try:
        ask(router)
    except InternalServerError as error:
        return error.status_code, error.response.headers["retry-after"]
    raise AssertionError("it was served")


def _ask_with_retries(router: RouterProcess) -> Any:
    return ask(router, retries=10)
