"""Fixtures of the cluster cases: one cluster with the chart installed for the whole session.

It is removed at its end, unless FAIRLEAD_E2E_KEEP is set.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.cases.sdk import Client
from e2e.cases.support import NAMESPACE, print_state
from e2e.models import tiny
from e2e.world import World, close_world, open_world

pytest_plugins = ["tests.support.reports"]

CLUSTER = "fairlead-e2e"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cluster with Fairlead installed by helm and the tiny model in the claim `models` of the namespace."""
    with ThreadPoolExecutor(1) as meanwhile:
        made = meanwhile.submit(tiny.make_model, tmp_path_factory.mktemp("model") / "tiny")
        opened = open_world(CLUSTER)
    try:
        opened.install_chart()
        opened.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, namespace=NAMESPACE
        )
        opened.store_model(made.result(), "tiny", namespace=NAMESPACE)
        yield opened
    finally:
        if not os.environ.get("FAIRLEAD_E2E_KEEP"):
            close_world(CLUSTER)


@pytest.fixture(scope="session")
def client(world: World) -> Iterator[Client]:
    """The official OpenAI SDK in a pod of the cluster."""
    running = Client(world)
    running.start()
    yield running
    running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On a failure, prints what the cluster looked like: it is gone when somebody reads the log."""
    report = yield
    opened = getattr(item, "funcargs", {}).get("world")
    if report.failed and opened is not None:
        print_state(opened)
    return report
