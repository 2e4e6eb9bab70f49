"""Input items of the Responses API as chat messages.

One turn of the assistant may arrive as several items (reasoning, text, calls) and must become one message,
because chat templates render it as one.
"""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_gateway.contract.errors import invalid, missing

from .content import required_text, to_content, to_text
from .output import CUSTOM_INPUT

# Chat templates know "system"; "developer" is its newer name and unknown to most of them.
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}

Message = dict[str, Any]


class Conversation:
    """Chat messages, and which part of the request each was made of."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.places: list[str] = []
        # Texts that become one are joined once: a long history would be copied over and over otherwise.
        self._reasoning: list[str] = []
        self._system: list[str] = []

    def add_instructions(self, instructions: str) -> None:
        """The system message before everything else."""
        self._add_system(instructions, "instructions")

    def add_input(self, items: str | list[Any]) -> None:
        """The whole `input`. Raises ApiError for what cannot be expressed."""
        if isinstance(items, str):
            self._add({"role": "user", "content": items}, "input")
            return
        if not items:
            raise invalid("'input' must be a string or a non-empty array.", "input")
        for index, item in enumerate(items):
            self._add_item(item, f"input[{index}]")
        self._end_system()

    def _add(self, message: Message, where: str) -> None:
        self._reasoning = []
        self._append(message, where)

    def _add_system(self, content: str | list[Message], where: str) -> None:
        """Appends a system message; texts in a row become one, as many templates allow only one."""
        if isinstance(content, str) and self._system:
            self._reasoning = []
            self._system.append(content)
            return
        self._add({"role": "system", "content": content}, where)
        if isinstance(content, str):
            self._system = [content]

    def _end_system(self) -> None:
        if len(self._system) > 1:
            self.messages[-1]["content"] = "\n\n".join(self._system)
        self._system = []

    def _append(self, message: Message, where: str) -> None:
        self._end_system()
        self.messages.append(message)
        self.places.append(where)

    def _add_item(self, item: object, where: str) -> None:
        if not isinstance(item, dict):
            raise invalid(f"'{where}' must be an object.", where, "invalid_type")
        kind = item.get("type") or "message"
        if kind == "message":
            self._add_message(item, where)
        elif kind in ("function_call", "custom_tool_call"):
            self._add_call(item, where)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            content = to_content(item.get("output"), f"{where}.output")
            call_id = required_text(item, "call_id", where)
            self._add({"role": "tool", "tool_call_id": call_id, "content": content}, where)
        elif kind == "reasoning":
            # Encrypted reasoning comes from another service and cannot be read here.
            name = "content" if item.get("content") else "summary"
            self._reasoning.append(to_text(item.get(name) or [], f"{where}.{name}"))
        elif kind == "item_reference":
            message = f"'{where}.type' cannot be '{kind}': this service stores no data. Send the item itself."
            raise invalid(message, f"{where}.type", "unsupported_value")
        else:
            message = f"'{where}.type' cannot be '{kind}': such items are not supported."
            raise invalid(message, f"{where}.type", "unsupported_value")

    def _add_message(self, item: Message, where: str) -> None:
        role = item.get("role")
        if role is None:
            raise missing(f"{where}.role")
        translated = _ROLES.get(role) if isinstance(role, str) else None
        if translated is None:
            raise invalid(f"'{where}.role' must be one of {', '.join(_ROLES)}.", f"{where}.role")
        content = to_content(item.get("content"), f"{where}.content")
        if translated == "assistant":
            self._assistant("content", where)["content"] = content
        elif translated == "system":
            self._add_system(content, where)
        else:
            self._add({"role": translated, "content": content}, where)

    def _add_call(self, item: Message, where: str) -> None:
        turn = self._assistant("tool_calls", where)
        if item["type"] == "custom_tool_call":
            arguments = orjson.dumps({CUSTOM_INPUT: required_text(item, "input", where)}).decode()
        else:
            arguments = _arguments(item, where)
        function = {"name": required_text(item, "name", where), "arguments": arguments}
        call = {"id": required_text(item, "call_id", where), "type": "function", "function": function}
        turn.setdefault("tool_calls", []).append(call)

    def _assistant(self, part: str, where: str) -> Message:
        """The assistant's turn that goes on, or a new one with the reasoning before it.

        Text joins a turn that has none yet; calls join whatever was said before them.
        """
        last = self.messages[-1] if self.messages else {}
        reasoning = "".join(self._reasoning)
        self._reasoning = []
        open_turn = last.get("role") == "assistant" and not reasoning
        if open_turn and (part == "tool_calls" or last["content"] is None):
            return last
        turn: Message = {"role": "assistant", "content": None}
        if reasoning:
            turn["reasoning"] = reasoning
        self._append(turn, where)
        return turn


def _arguments(item: Message, where: str) -> str:
    """A call's arguments. The engine parses them, so what is not JSON would fail there without a place."""
    arguments = required_text(item, "arguments", where)
    try:
        orjson.loads(arguments or "{}")
    except ValueError:
        raise invalid(f"'{where}.arguments' is not valid JSON.", f"{where}.arguments") from None
    return arguments or "{}"
