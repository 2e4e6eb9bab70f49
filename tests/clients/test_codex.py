"""The request of Codex CLI, which speaks only Responses and streams: served, and strictly as it reads it.

It is a Rust program that refuses an event whose type, number or shape is not as specified, and it sends what
no other client does: developer messages, tools of kinds that only OpenAI runs, a field of its own.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from tests.clients.requests import FORECAST_TOOL
from tests.gateway.process import Gateway

pytestmark = pytest.mark.engine


def message(role: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


REQUEST: dict[str, Any] = {
    "model": "tiny",
    "instructions": "You are a coding agent.",
    "input": [
        message("developer", "Permissions: read only."),
        message("developer", "Apps: none."),
        message("user", "hello"),
    ],
    "tools": [
        {"type": "function", **FORECAST_TOOL, "strict": False},
        {
            "type": "namespace",
            "name": "multi_agent",
            "description": "Agents.",
            "tools": [{"type": "function", "name": "wait_agent", "parameters": {}, "strict": False}],
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "5b2f8f7e-94b4-4d3c-a3a4-0f4f9a1a5c11",
    "client_metadata": {"x-codex-installation-id": "7c0a"},
    # Codex sets no limit; a random model needs one.
    "max_output_tokens": 16,
}


def events_of(port: int, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream, read as strictly as the specification allows."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    try:
        connection.request("POST", "/v1/responses", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert answer.status == 200, text
    assert (answer.getheader("content-type") or "").startswith("text/event-stream")
    assert text.endswith("\n\n")
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = [line for line in block.split("\n") if not line.startswith(":")]
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def test_the_request_of_codex_is_served(gateway: Gateway) -> None:
    events = events_of(gateway.api_port, REQUEST)

    assert events[0]["type"] == "response.created"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] in ("response.completed", "response.incomplete")
    assert events[-1]["response"]["prompt_cache_key"] == REQUEST["prompt_cache_key"]


def test_the_developer_messages_of_codex_are_in_the_prompt(gateway: Gateway) -> None:
    def prompt_tokens(request: dict[str, Any]) -> int:
        return int(events_of(gateway.api_port, request)[-1]["response"]["usage"]["input_tokens"])

    only_the_user = REQUEST | {"input": REQUEST["input"][-1:]}
    assert prompt_tokens(REQUEST) > prompt_tokens(only_the_user)
