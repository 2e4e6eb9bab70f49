"""Arguments of the calls in a conversation, as the engine can read them.

A model may have written arguments that are not JSON, or its answer was cut off in the middle of them. Clients
send such a call back with every later turn, so a refusal would end the conversation. Chat templates take
arguments as an object. vLLM puts an empty one in the place of anything else, which hides from the model what
it has written, and fails on text that is nested too deeply. Here the text becomes the only value of an
object.
"""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_contract.parameters.bounds import MAX_FORM_DEPTH
from fairlead_gateway.bounds import MAX_JSON_VALUES

from .sizes import is_deeper

# The name shows the model that this is not a parameter of its function.
INVALID_ARGUMENTS = "INVALID_ARGUMENTS"
_NO_ARGUMENTS = ("", "null")


def mend_arguments(calls: list[dict[str, Any]]) -> bool:
    """Makes an object of all arguments that are none, in place. Whether there were any.

    The calls are of the form that `check_calls` accepts.
    """
    changed = False
    for call in calls:
        arguments = call["function"]["arguments"]
        # The engine reads an empty text as no arguments.
        if arguments and not _is_object(arguments):
            call["function"]["arguments"] = _as_object(arguments)
            changed = True
    return changed


def _is_object(arguments: str) -> bool:
    # Counted before they are made: the bound on the values of a body does not see into its strings.
    if len(arguments) > MAX_JSON_VALUES and sum(map(arguments.count, ",:[{")) > MAX_JSON_VALUES:
        return False
    try:
        value = orjson.loads(arguments)
    except ValueError:
        return False
    return type(value) is dict and not is_deeper(value, MAX_FORM_DEPTH)


def _as_object(arguments: str) -> str:
    if arguments.strip() in _NO_ARGUMENTS:
        return "{}"
    return orjson.dumps({INVALID_ARGUMENTS: arguments}).decode()
