"""Input items of the Responses API as chat messages.

One turn of the assistant may arrive as several items (reasoning, text, calls) and must become one message,
because chat templates render it as one. An item may also have the form of a chat message, with `tool_calls`
or any role: whatever chat completions accept as a conversation is accepted here.
"""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_gateway.contract.errors import invalid, missing

from .content import Part, required_text, to_content, to_text
from .namespaces import flat_name
from .naming import Place
from .output import CUSTOM_INPUT
from .system import Message, SystemMessages

# Chat templates know "system"; "developer" is its newer name and unknown to most of them.
_SYSTEM = ("system", "developer")
_WITHOUT_CONTENT = ("assistant", "function")
# Fields that a chat message has beside role and content, by the role that they belong to.
_FIELDS = {"tool": ("name", "tool_call_id")}
_FIELDS_OF_ANY = ("name",)


# Calls of tools that run at OpenAI, and their results: a conversation that was begun there may hold them.
_HOSTED = frozenset(
    [
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "computer_call_output",
        "file_search_call",
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    ]
)


class Conversation:
    """Chat messages, and which part of the request each was made of."""

    def __init__(self, reject_unknown: bool = False) -> None:
        self._reject_unknown = reject_unknown
        self.left_out: set[str] = set()
        """Types of the items that cannot be given to the model, as in `x-fairlead-ignored-params`."""
        self.messages: list[Message] = []
        self.places: list[Place] = []
        self._system = SystemMessages()
        # Texts that become one are joined once: a long history would be copied over and over otherwise.
        self._reasoning: list[str] = []

    def add_instructions(self, instructions: str) -> None:
        """The system message before everything else."""
        place = Place("instructions", "instructions")
        self._system.add({"role": "system", "content": instructions}, place)

    def add_input(self, items: str | list[Any]) -> None:
        """The whole `input`. Raises ApiError for what cannot be expressed."""
        if isinstance(items, str):
            self._add({"role": "user", "content": items}, Place("input", "input"))
        elif not items:
            raise invalid("'input' must be a string or a non-empty array.", "input")
        else:
            for index, item in enumerate(items):
                self._add_item(item, f"input[{index}]")
        system = self._system.merged()
        if system is not None:
            self.messages.insert(0, system[0])
            self.places.insert(0, system[1])
        if not self.messages:
            raise invalid("'input' has no item that the model can read. Send a message.", "input")

    def _add(self, message: Message, place: Place) -> None:
        self._reasoning = []
        self.messages.append(message)
        self.places.append(place)

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
            message = {"role": "tool", "tool_call_id": call_id, "content": content}
            self._add(message, Place(where, f"{where}.output"))
        elif kind == "reasoning":
            # Encrypted reasoning comes from another service and cannot be read here.
            name = "content" if item.get("content") else "summary"
            text = to_text(item.get(name) or [], f"{where}.{name}")
            if text:
                self._reasoning.append(text)
        elif isinstance(kind, str) and kind in _HOSTED and not self._reject_unknown:
            self.left_out.add(f"input.{kind}")
        else:
            why = "such items are not supported."
            if kind == "item_reference":
                why = "this service stores no data. Send the item itself."
            message_text = f"'{where}.type' cannot be '{kind}': {why}"
            raise invalid(message_text, f"{where}.type", "unsupported_value")

    def _add_message(self, item: Message, where: str) -> None:
        role = item.get("role")
        if role is None:
            raise missing(f"{where}.role")
        if not isinstance(role, str) or not role:
            message_text = f"'{where}.role' must be 'user', 'assistant', 'system', 'developer' or 'tool'."
            raise invalid(message_text, f"{where}.role")
        message = {"role": role, "content": _content(item, role, f"{where}.content")}
        fields = _FIELDS.get(role, _FIELDS_OF_ANY)
        message |= {name: item[name] for name in fields if item.get(name) is not None}
        place = Place(where, f"{where}.content")
        if role == "assistant":
            self._add_turn(item, message, place)
        elif role in _SYSTEM:
            self._system.add(message | {"role": "system"}, place)
        else:
            self._add(message, place)

    def _add_turn(self, item: Message, message: Message, place: Place) -> None:
        """The assistant's text, or all of its turn as chat completions have it."""
        calls = item.get("tool_calls") or []
        if not isinstance(calls, list):
            path = f"{place.item}.tool_calls"
            raise invalid(f"'{path}' must be an array.", path, "invalid_type")
        reasoning = item.get("reasoning") or item.get("reasoning_content")
        if isinstance(reasoning, str):
            self._reasoning.append(reasoning)
        turn = self._turn("content", place, is_whole=bool(calls) or message["content"] is None)
        turn |= message
        if calls:
            turn["tool_calls"] = [*calls]

    def _add_call(self, item: Message, where: str) -> None:
        turn = self._turn("tool_calls", Place(where, where))
        if item["type"] == "custom_tool_call":
            arguments = orjson.dumps({CUSTOM_INPUT: required_text(item, "input", where)}).decode()
        else:
            arguments = required_text(item, "arguments", where) or "{}"
        name = required_text(item, "name", where)
        if item.get("namespace") is not None:
            name = flat_name(required_text(item, "namespace", where), name)
        function = {"name": name, "arguments": arguments}
        call = {"id": required_text(item, "call_id", where), "type": "function", "function": function}
        turn.setdefault("tool_calls", []).append(call)

    def _turn(self, part: str, place: Place, is_whole: bool = False) -> Message:
        """The assistant's turn that goes on, or a new one with the reasoning before it.

        Text joins a turn that has none yet; calls join the text before them. What is a whole turn already
        joins nothing.
        """
        last = self.messages[-1] if self.messages else {}
        reasoning = "\n".join(self._reasoning)
        self._reasoning = []
        goes_on = last.get("role") == "assistant" and not reasoning and not is_whole
        if goes_on and (part == "tool_calls" or last["content"] is None):
            return last
        turn: Message = {"role": "assistant", "content": None}
        if reasoning:
            turn["reasoning"] = reasoning
        self._add(turn, place)
        return turn


def _content(item: Message, role: str, where: str) -> str | list[Part] | None:
    """As in chat completions, content may be null where calls can stand for it, and absent everywhere."""
    if item.get("content") is None:
        if role in _WITHOUT_CONTENT:
            return None
        if "content" not in item:
            return ""
    return to_content(item.get("content"), where)
