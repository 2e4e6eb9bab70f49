"""What the clients' tests ask for, in the form both APIs share."""

from __future__ import annotations

from typing import Any

HELLO = [{"role": "user", "content": "hello"}]
# A random model fills the room for whitespace in a tool's call; the growing penalty makes it go on.
TERSE = {"temperature": 0, "frequency_penalty": 2}
# Finite, so that even a random model gets to its end. The same as Forecast in python/ and node/.
FORECAST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}, "sunny": {"type": "boolean"}},
    "required": ["city", "sunny"],
    "additionalProperties": False,
}
FORECAST_TOOL: dict[str, Any] = {
    "name": "forecast",
    "description": "Tomorrow's weather.",
    "parameters": FORECAST_SCHEMA,
    "strict": True,
}


def asking(api: str, message: str) -> dict[str, Any]:
    """A request of one API with one user message."""
    if api == "chat":
        return {"model": "tiny", "messages": [{"role": "user", "content": message}]}
    return {"model": "tiny", "input": message}


def assert_forecast(value: Any) -> None:
    """The value is what the schema allows."""
    assert set(value) == {"city", "sunny"}
    assert value["city"] in ("Oslo", "Rome")
    assert isinstance(value["sunny"], bool)
