"""Finds the client's parameter that an error of the engine is about."""

from __future__ import annotations

import re
from dataclasses import replace

from fairlead_contract.parameters import PARAMETERS, ApiKind

from .errors import ApiError, invalid
from .request import PreparedChat

_FIRST_NAME = re.compile(r"[a-z_]+")
# The engine's names of parts of messages.
_PARTS_OF_MESSAGES = frozenset(
    {
        "audio",
        "audio_embeds",
        "audio_filesize_mb",
        "audio_url",
        "image",
        "image_embeds",
        "image_url",
        "input_audio",
        "input_text",
        "input_tokens",
        "prompt",
        "prompt_embeds",
        "tool_calls",
        "type",
        "video",
        "video_embeds",
        "video_url",
        "vision_chunk",
    }
)
# Exceptions of Python, from the engine's own code or from a chat template that does not know such messages.
_EXCEPTION = re.compile(
    r"'[\w ]+' object |'[\w ]+ object' has no |'[\w.]+' is undefined|can only concatenate |must be str, not "
    r"|not supported between instances of |sequence item \d+: expected |unsupported operand "
    r"|expected string or bytes-like "
)
# How the grammar compilers begin; they know nothing of parameters.
_GRAMMAR = re.compile(r"into a grammar|grammar specification")
_NO_REASON = "Invalid grammar specification."
_CONTENT = re.compile(r"multimodal|content part")
# vLLM names its options for that. A model's owner has a field.
_NO_TOOL_PARSER = re.compile(r"requires (?:--enable-auto-tool-choice and )?--tool-call-parser to be set")
_SET_TOOL_PARSER = (
    "This model has no parser for tool calls. Set spec.engine.toolCallParser of its ModelDeployment, or send "
    "'tool_choice' as \"none\"."
)


def attribute_error(error: ApiError, request: PreparedChat) -> ApiError:
    """The error with the client's name of the parameter, or without one that the client has not sent.

    vLLM leaves the name out of many errors that the engine finds late, but begins their text with it. And
    when two parameters together exclude every token, it only says that it failed.
    """
    contested = request.transform.contested
    if error.status == 500 and contested is not None:
        form, ban = contested
        return invalid(f"'{form}' and '{ban}' exclude each other: no token is left. Change one of them.", ban)
    if error.status >= 500:
        return replace(error, param=None) if error.param else error
    if _NO_TOOL_PARSER.search(error.message):
        # Only a request with tools gets that far, and `tool_choice` may be its default.
        return invalid(_SET_TOOL_PARSER, _of_the_client("tools", request), "unsupported_value")
    if _EXCEPTION.match(error.message):
        message = f"The engine cannot make a prompt of 'messages': {error.message}"
        return replace(error, message=message, param="messages")
    theirs = error.param or _named_in(error)
    if theirs is None:
        return error
    param = _of_the_client(theirs, request)
    return replace(error, param=param, message=_in_words(error.message, theirs, param))


def _of_the_client(theirs: str, request: PreparedChat) -> str | None:
    """The client's path for the engine's one; None if there is none."""
    found = _FIRST_NAME.match(theirs)
    name = found[0] if found else ""
    rest = theirs[len(name) :]
    is_form = name == "structured_outputs"
    renamed = request.transform.names.get(name)
    if renamed is not None and not (is_form and name in request.given):
        # Below its own name for a form, the engine has a structure of its own.
        return renamed if is_form else renamed + rest
    if name in _PARTS_OF_MESSAGES:
        return "messages"
    return theirs if name in request.given and name in PARAMETERS[ApiKind.CHAT] else None


def _in_words(message: str, theirs: str, ours: str | None) -> str:
    if ours is not None:
        message = message.replace(f"'{theirs}'", f"'{ours}'")
    if message == _NO_REASON:
        return f"The engine cannot compile '{ours}' to a grammar. Check its schema and its patterns."
    return message


def _named_in(error: ApiError) -> str | None:
    if error.status != 400:
        return None
    if _GRAMMAR.search(error.message):
        return "structured_outputs"
    if _CONTENT.search(error.message):
        return "messages"
    first = _FIRST_NAME.match(error.message)
    return first.group() if first and first.group() in PARAMETERS[ApiKind.CHAT] else None
