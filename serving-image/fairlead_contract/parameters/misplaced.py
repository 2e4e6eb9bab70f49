"""Parameters of the other API, which have another name here or no place at all.

Clients that move from one API to the other bring them along. If they were left out like unknown parameters,
the answer would be another one than was asked for, under a 200. They are no parameters of the API, so that a
deployment cannot set defaults or limits under these names. Values that ask for nothing are left out, and so
are hints that change no answer's meaning (`verbosity`, `prediction`, `max_tool_calls`, and `reasoning`, which
clients of other services send to chat completions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .types import ApiKind

_STATELESS = "this service stores no data. Send the whole conversation in 'messages'."
_TEXT_ONLY = "answers are text only. Leave it out."
_ONE_ANSWER = "a Response has one answer. Use chat completions for several."
LOGPROBS = "message.output_text.logprobs"


def _anything(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Misplaced:
    """What to send instead. `asks` says whether a value asks for something that would be missing."""

    remedy: str
    asks: Callable[[Any], bool] = _anything


def _but(neutral: Any) -> Callable[[Any], bool]:
    """All values but this one, which is what happens without the parameter."""
    return lambda value: type(value) is not type(neutral) or value != neutral


def _field(name: str) -> Callable[[Any], bool]:
    """Objects that have this field."""
    return lambda value: type(value) is dict and value.get(name) is not None


def _is_form(value: Any) -> bool:
    """A format other than plain text, which is what there is without one."""
    return type(value) is not dict or value.get("type", "text") != "text"


_OF_CHAT: Mapping[str, Misplaced] = {
    "messages": Misplaced("the Responses API has the conversation in 'input'. Send it there."),
    "max_completion_tokens": Misplaced("the Responses API calls it 'max_output_tokens'. Use that name."),
    "response_format": Misplaced(
        "the Responses API has it in 'text.format': send {'format': {'type': 'json_schema', 'name': ..., "
        "'schema': ...}} as 'text'.",
        _is_form,
    ),
    "reasoning_effort": Misplaced("the Responses API has it in 'reasoning.effort'. Send it there."),
    "logprobs": Misplaced(
        f"the Responses API has it in 'include'. Send ['{LOGPROBS}'] there, or 'top_logprobs'.", _but(False)
    ),
    "functions": Misplaced("it was replaced by 'tools': send [{'type': 'function', 'name': ...}] there."),
    "function_call": Misplaced("it was replaced by 'tool_choice', together with 'tools'."),
    "best_of": Misplaced(_ONE_ANSWER, _but(1)),
    "echo": Misplaced("a Response begins after its input. Use chat completions.", _but(False)),
    "modalities": Misplaced(_TEXT_ONLY, _but(["text"])),
    "audio": Misplaced(_TEXT_ONLY),
    "web_search_options": Misplaced(
        "there is no web search here. Leave it out, or give the model a function of yours in 'tools'."
    ),
}
_OF_RESPONSES: Mapping[str, Misplaced] = {
    "input": Misplaced("chat completions have the conversation in 'messages'. Send it there."),
    "instructions": Misplaced(
        "chat completions have them in 'messages'. Send a message of the role 'system'.", _but("")
    ),
    "max_output_tokens": Misplaced("chat completions call it 'max_completion_tokens'. Use that name."),
    "text": Misplaced(
        "chat completions have it in 'response_format': send {'type': 'json_schema', 'json_schema': "
        "{'name': ..., 'schema': ...}} there.",
        lambda value: _field("format")(value) and _is_form(value["format"]),
    ),
    "include": Misplaced(
        "chat completions have it in 'logprobs'. Send true there.",
        lambda value: type(value) is list and LOGPROBS in value,
    ),
    "truncation": Misplaced(
        "chat completions have it in 'truncate_prompt_tokens'. Send a number there.", _but("disabled")
    ),
    "background": Misplaced("this service stores no data. Leave it out or send false.", _but(False)),
    "previous_response_id": Misplaced(_STATELESS),
    "conversation": Misplaced(_STATELESS),
    # A string is the prompt of the older completions API.
    "prompt": Misplaced(_STATELESS, lambda value: type(value) is dict),
}

MISPLACED: Mapping[ApiKind, Mapping[str, Misplaced]] = MappingProxyType(
    {ApiKind.CHAT: MappingProxyType(_OF_RESPONSES), ApiKind.RESPONSES: MappingProxyType(_OF_CHAT)}
)
"""By the API in which they have no place."""
