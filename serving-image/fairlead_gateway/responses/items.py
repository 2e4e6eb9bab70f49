"""Input items of the Responses API as chat messages."""

from __future__ import annotations

from typing import Any

from fairlead_gateway.contract.errors import invalid

# Chat templates know "system"; "developer" is its newer name and unknown to most of them.
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_TEXT_PARTS = frozenset({"input_text", "output_text", "text", "refusal", "reasoning_text", "summary_text"})

Message = dict[str, Any]


def to_messages(instructions: object, items: object) -> list[Message]:
    """Chat messages for `instructions` and `input`. Raises ApiError for what cannot be expressed."""
    conversation = _Conversation()
    if instructions is not None:
        if not isinstance(instructions, str):
            raise invalid("'instructions' must be a string.", "instructions", "invalid_type")
        conversation.add({"role": "system", "content": instructions})
    if isinstance(items, str):
        conversation.add({"role": "user", "content": items})
    elif isinstance(items, list) and items:
        for index, item in enumerate(items):
            conversation.add_item(item, f"input[{index}]")
    else:
        raise invalid("'input' must be a string or a non-empty array.", "input")
    return conversation.messages


class _Conversation:
    """Collects messages: one assistant turn may arrive as several items and must become one message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._reasoning = ""

    def add(self, message: Message) -> None:
        """Appends a message; system texts in a row become one, as templates allow only one."""
        last = self.messages[-1] if self.messages else None
        both_system = last is not None and last["role"] == message["role"] == "system"
        if last is not None and both_system and _all_text(last, message):
            last["content"] += "\n\n" + message["content"]
            return
        self.messages.append(message)

    def add_item(self, item: object, where: str) -> None:
        """Translates one input item; `where` names it in errors."""
        if not isinstance(item, dict):
            raise invalid(f"'{where}' must be an object.", where, "invalid_type")
        kind = item.get("type") or "message"
        if kind == "message":
            self._add_message(item, where)
        elif kind == "function_call":
            self._add_call(item, where)
        elif kind == "function_call_output":
            self.add(
                {
                    "role": "tool",
                    "tool_call_id": _text(item, "call_id", where),
                    "content": _output(item, where),
                }
            )
        elif kind == "reasoning":
            parts = item.get("content") or item.get("summary") or []
            self._reasoning += _join_text(parts, where)
        else:
            raise invalid(
                f"Input items of type '{kind}' are not supported.", f"{where}.type", "unsupported_value"
            )

    def _add_message(self, item: Message, where: str) -> None:
        role = _ROLES.get(str(item.get("role")))
        if role is None:
            raise invalid(f"'{where}.role' must be one of {', '.join(_ROLES)}.", f"{where}.role")
        content = _content(item.get("content"), where)
        if role == "assistant":
            self._assistant()["content"] = content
        else:
            self.add({"role": role, "content": content})

    def _add_call(self, item: Message, where: str) -> None:
        last = self.messages[-1] if self.messages else {}
        turn = last if last.get("role") == "assistant" else self._assistant()
        function = {"name": _text(item, "name", where), "arguments": _text(item, "arguments", where)}
        call = {"id": _text(item, "call_id", where), "type": "function", "function": function}
        turn.setdefault("tool_calls", []).append(call)

    def _assistant(self) -> Message:
        """A new assistant turn, which takes the reasoning that came before it."""
        turn: Message = {"role": "assistant", "content": None}
        if self._reasoning:
            turn["reasoning"], self._reasoning = self._reasoning, ""
        self.messages.append(turn)
        return turn


def _all_text(*messages: Message) -> bool:
    return all(isinstance(message["content"], str) for message in messages)


def _text(item: Message, name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise invalid(f"'{where}.{name}' must be a string.", f"{where}.{name}", "invalid_type")
    return value


def _output(item: Message, where: str) -> str:
    output = item.get("output")
    return output if isinstance(output, str) else _join_text(output, f"{where}.output")


def _join_text(parts: object, where: str) -> str:
    translated = _content(parts, where) if parts else ""
    if not isinstance(translated, str):
        raise invalid(f"'{where}' may only hold text here.", where, "unsupported_value")
    return translated


def _content(content: object, where: str) -> str | list[Message]:
    """Message content: plain text where it is only text, since not every template takes parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid(f"'{where}.content' must be a string or an array.", f"{where}.content", "invalid_type")
    parts = [_part(part, f"{where}.content[{index}]") for index, part in enumerate(content)]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _part(part: object, where: str) -> Message:
    if not isinstance(part, dict):
        raise invalid(f"'{where}' must be an object.", where, "invalid_type")
    kind = part.get("type")
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": _text(part, "refusal" if kind == "refusal" else "text", where)}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    raise invalid(f"Content parts of type '{kind}' are not supported.", f"{where}.type", "unsupported_value")
