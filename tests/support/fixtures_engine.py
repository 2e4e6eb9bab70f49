"""The engine fixtures: real vLLMs with the tiny model, each started once per session by who first asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.models.tiny import CHAT_TEMPLATE, make_model
from tests.support.engine import Engine
from tests.support.manifests import NAME, SECOND

# How a model with the chat template of Hermes is shown its tools: what the launcher infers a parser from.
HERMES_TOOLS = r"""{%- if tools %}{{- "<|im_start|>system\nTools: <tools>" }}{{- tools | tojson }}
{{- "</tools>\nFor each function call, return a JSON object with its name and arguments:\n<tool_call>\n" }}
{{- "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}{%- endif %}
"""


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
    models = tmp_path_factory.mktemp("second")
    model = make_model(models / NAME)
    (model / "chat_template.jinja").write_text(HERMES_TOOLS + CHAT_TEMPLATE.partition("{% endif -%}\n")[2])
    running = Engine(SECOND, models)
    try:
        yield running.wait_ready()
    finally:
        running.stop()
