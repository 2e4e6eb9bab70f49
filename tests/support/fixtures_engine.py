"""The engine fixtures: real vLLMs with the tiny model, each started once per session by who first asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.models.tiny import CHAT_TEMPLATE, make_model
from tests.support.engine import HERMES_TOOLS, SECOND_ENGINE_ARGUMENTS, Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A vLLM that serves the tiny model on a Unix socket; tests must leave it running."""
    running = Engine()
    try:
        yield running.wait_ready()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def second_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A vLLM that orders its queue by priority, runs one request at a time and has a reasoning parser; its
    parser for tool calls is inferred.
    """
    model = make_model(tmp_path_factory.mktemp("second") / "model")
    (model / "chat_template.jinja").write_text(HERMES_TOOLS + CHAT_TEMPLATE.partition("{% endif -%}\n")[2])
    running = Engine(SECOND_ENGINE_ARGUMENTS, model)
    try:
        yield running.wait_ready()
    finally:
        running.stop()
