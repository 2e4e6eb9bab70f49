"""Real clients in front of the router: a model that starts because of them, and one that does not start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.clients.driver import Application, Client
from tests.clients.failing_engine import FailingEngine
from tests.clients.requests import asking
from tests.gateway.process import GatewayProcess, wait_for
from tests.router.cluster import RouterCluster
from tests.router.objects import model, scaled
from tests.router.process import RouterProcess
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.apiserver
APIS = ("chat", "responses")


@pytest.fixture
def cluster(
    control_plane: ControlPlane, namespace: str, failing_engine: FailingEngine
) -> Iterator[RouterCluster]:
    """A namespace, and a gateway for its pods."""
    with ExitStack() as stack:
        gateway = stack.enter_context(GatewayProcess(failing_engine, host="0.0.0.0"))
        yield RouterCluster(control_plane, namespace, gateway, stack)


def by_all(
    clients: dict[str, Client], router: RouterProcess, ask: Callable[[Application], Any], meanwhile: Any
) -> dict[str, Any]:
    """What each client's application got, by the client's name."""
    with ThreadPoolExecutor(len(clients)) as pool:
        asked = {
            name: pool.submit(ask, Application(client, router.api_port)) for name, client in clients.items()
        }
        meanwhile()
        return {name: call.result() for name, call in asked.items()}


@pytest.mark.parametrize("api", APIS)
def test_a_stream_gets_keepalives_until_its_model_has_started(
    clients: dict[str, Client], cluster: RouterCluster, api: str
) -> None:
    cluster.apply(model(autoscaling=scaled(), replicas=0))
    router = cluster.router(ping_seconds=0.1)
    router.wait_ready()

    def start() -> None:
        wait_for(lambda: router.demand(cluster.key).get("queued") == len(clients))
        # Long enough for each of them to have got a sign of life; the router looks once a second.
        wait_for(lambda: router.demand(cluster.key)["oldestQueuedSeconds"] > 2.2)
        cluster.pod_ready()

    outcomes = by_all(
        clients, router, lambda app: app(f"{api}.stream_to_failure", **asking(api, "hello")), start
    )
    for name, outcome in outcomes.items():
        assert outcome == {"received": "ab", "error": None}, name


@pytest.mark.parametrize("api", APIS)
def test_a_model_that_does_not_start_raises_in_every_client(
    clients: dict[str, Client], cluster: RouterCluster, api: str
) -> None:
    bounds = {"holdTimeoutSeconds": 3}
    cluster.apply(model(autoscaling=scaled(scaleFromZero=bounds), replicas=0))
    router = cluster.router(ping_seconds=0.1)
    router.wait_ready()
    outcomes = by_all(
        clients,
        router,
        lambda app: app(f"{api}.stream_to_failure", **asking(api, "hello")),
        lambda: None,
    )
    for name, outcome in outcomes.items():
        assert "APIError" in outcome["error"]["kinds"], name
        assert outcome["error"]["code"] == "model_unavailable", name
