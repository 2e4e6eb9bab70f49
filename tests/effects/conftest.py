"""The gateways of all dialects in front of the session's engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.effects.gateways import Gateways
from tests.support.engine import Engine


@pytest.fixture(scope="session")
def all_gateways(engine: Engine) -> Iterator[Gateways]:
    """Every gateway that a test of the session has asked for."""
    running = Gateways(engine)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def gateways(all_gateways: Gateways, request: pytest.FixtureRequest) -> Gateways:
    """The gateways, with the second engine within reach of this test."""
    all_gateways.second_engine = lambda: request.getfixturevalue("second_engine")
    return all_gateways
