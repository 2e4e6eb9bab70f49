"""The messages of a chat request: their shape is checked, and written in the one form that the engine takes.

SDKs send back what they have received with each absent field as null, and vLLM answers a null, an unknown
type or a wrong field with a dump of all its message types. So a null field is left out here, as is a field of
the wrong form that the engine would not use, and all else that it would refuse is a 400 with the path.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from fairlead_contract.parameters.bounds import MAX_SHORT_PARTS
from fairlead_contract.values import String, shown

from .arguments import mend_arguments
from .called import check_calls
from .errors import invalid, missing
from .parts import engine_part, has_media
from .value_check import check

Message = dict[str, Any]

_TEXT = String()
_CONTENT = (str, list)
_ALWAYS = ("role", "content")
# Roles whose content may be null: the message may consist of calls only. Absent content is empty for every
# role.
_NULL_CONTENT = frozenset({"assistant", "function"})
# Fields that vLLM reads from the messages of some roles only, or of none. Their form can still decide whether
# it accepts the message: `author` makes it take the message for one of another kind.
_READ_FROM: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "tool_calls": frozenset({"assistant"}),
        "tools": frozenset({"developer"}),
        "function_call": frozenset(),
        "refusal": frozenset(),
        "audio": frozenset(),
        "author": frozenset(),
    }
)
# Fields that vLLM checks to be strings, mostly without a use for anything else.
_TEXTS = frozenset({"name", "task", "tool_call_id", "reasoning", "reasoning_content"})


class _Left:
    """How many more content parts of the bounded kinds a request may have."""

    def __init__(self, most_media: float) -> None:
        self._most_media = self._media = most_media
        self._short = MAX_SHORT_PARTS

    def take_media(self) -> None:
        """Counts an image or the like; raises the 400 for one too many."""
        self._media -= 1
        if self._media < 0:
            most = f"at most {self._most_media} images, audio and video"
            raise invalid(f"'messages' must have {most} (got more). Send fewer.", "messages")

    def take_short(self) -> None:
        """Counts a part without a type, which becomes longer; raises the 400 for one too many."""
        self._short -= 1
        if self._short < 0:
            most = f"at most {MAX_SHORT_PARTS} content parts without a 'type'"
            remedy = "Send texts as {'type': 'text', 'text': ...}."
            raise invalid(f"'messages' must have {most} (got more). {remedy}", "messages")


def check_messages(messages: list[Any], domains: Collection[str], most_media: int | None = None) -> bool:
    """Raises the 400 for the first message, field or content part that the engine could not take.

    `domains` are the hosts that media may come from, `most_media` is how many images and the like there may
    be. Messages are changed in place where the engine needs another form of them; returns whether any was.
    """
    left: _Left | None = None
    changed = False
    for index, message in enumerate(messages):
        # Almost every message is one text, and a conversation has many.
        if (
            type(message) is dict
            and len(message) == 2
            and type(message.get("content")) is str
            and type(message.get("role")) is str
        ):
            continue
        path = f"messages[{index}]"
        changed |= _check_fields(message, path)
        if type(message.get("content")) is list:
            left = left or _Left(math.inf if most_media is None else most_media)
            changed |= _check_parts(message, f"{path}.content", domains, left)
    return changed


def _check_fields(message: Any, path: str) -> bool:
    """Everything of a message but its content parts; whether fields were left out."""
    if type(message) is not dict:
        raise invalid(f"'{path}' must be an object (got {shown(message)}).", path, "invalid_type")
    role = message.get("role")
    if type(role) is not str:
        if role is None:
            raise missing(f"{path}.role")
        # Any role: chat templates have their own ones beside OpenAI's.
        check(_TEXT, role, f"{path}.role")
    content = message.get("content", "")
    if type(content) not in _CONTENT and (content is not None or role not in _NULL_CONTENT):
        where = f"{path}.content"
        text = f"'{where}' must be a string or an array of content parts (got {shown(content)})."
        raise invalid(text, where, "invalid_type")
    unused = [
        name for name, value in message.items() if name not in _ALWAYS and _is_unused(name, value, role)
    ]
    if content is None and role == "function":
        unused.append("content")
    for name in unused:
        del message[name]
    for name in ("name", "tool_call_id"):
        if type(message.get(name, "")) is not str:
            check(_TEXT, message[name], f"{path}.{name}")
    changed = bool(unused)
    if "tool_calls" in message:
        check_calls(message["tool_calls"], f"{path}.tool_calls")
        changed |= mend_arguments(message["tool_calls"])
    return changed


def _is_unused(name: str, value: Any, role: str) -> bool:
    """Whether the engine does the same without the field, or would only refuse it."""
    if value is None:
        return True
    if name in _TEXTS:
        return type(value) is not str and not _is_checked(name, role)
    if name == "tool_calls" and value in ({}, ""):
        # No calls, by a client whose language has one type for arrays and objects.
        return True
    return name in _READ_FROM and role not in _READ_FROM[name]


def _is_checked(name: str, role: str) -> bool:
    """Whether vLLM refuses a message of the role if this text of it is none."""
    return role != "tool" if name == "name" else name == "tool_call_id" and role == "tool"


def _check_parts(message: Message, path: str, domains: Collection[str], left: _Left) -> bool:
    """The content parts of a message; whether any had to be written otherwise."""
    parts: list[Any] = message["content"]
    kept, rewritten = [], False
    for place, part in enumerate(parts):
        is_text = type(part) is dict and len(part) == 2 and part.get("type") == "text"
        if is_text and type(part.get("text")) is str:
            kept.append(part)
            continue
        written = engine_part(part, f"{path}[{place}]", domains)
        rewritten |= written is not part
        if written is None:
            continue
        if type(part) is str or len(written) > len(part):
            left.take_short()
        if has_media(written):
            left.take_media()
        kept.append(written)
    if rewritten:
        message["content"] = kept
    return rewritten
