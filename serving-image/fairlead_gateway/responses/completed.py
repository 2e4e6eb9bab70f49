"""A whole chat completion as a Response object."""

from __future__ import annotations

from typing import Any

import orjson

from fairlead_gateway.contract.errors import ApiError, engine_failed

from .document import ResponseDocument, ending
from .output import Item, logprobs_of, reasoning_item, reasoning_part, text_part, to_logprobs


def to_response(document: ResponseDocument, completion: bytes) -> bytes:
    """The JSON body of the Response for the engine's chat completion.

    Raises ApiError when the engine's answer is not a chat completion or did not end in an answer.
    """
    try:
        return orjson.dumps(_response(document, orjson.loads(completion)))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise _unreadable() from None


def _unreadable() -> ApiError:
    return engine_failed("The engine's answer is not a chat completion.")


def _response(document: ResponseDocument, chat: dict[str, Any]) -> Item:
    # Beam search answers with all its beams; the first is the best.
    choice = chat["choices"][0]
    status, details = ending(choice.get("finish_reason"))
    if status == "failed":
        raise engine_failed(f"The engine ended the answer with '{choice.get('finish_reason')}'.")
    output = _output(document, choice["message"], to_logprobs(choice.get("logprobs")), status)
    response = document.ended(status, output, chat.get("usage"), chat.get("model"), details=details)
    if chat.get("prompt_logprobs") is not None:
        response["prompt_logprobs"] = chat["prompt_logprobs"]
    return response


def _output(
    document: ResponseDocument, message: dict[str, Any], logprobs: list[Item], status: str
) -> list[Item]:
    reasoning, text = message.get("reasoning"), message.get("content") or ""
    thought = bool(reasoning)
    if not document.shows_reasoning:
        reasoning = None
    calls = message.get("tool_calls") or []
    output: list[Item] = []

    def item_id(prefix: str) -> str:
        return document.item_id(prefix, len(output))

    # A cut-off answer was cut in its last item; everything before it is whole.
    if reasoning:
        output.append(reasoning_item(item_id("rs"), [reasoning_part(reasoning)], "completed"))
    if text or not (output or calls):
        own = logprobs_of(text, logprobs) if thought or calls else logprobs
        output.append(document.items.message(item_id("msg"), [text_part(text, own)], "completed"))
    for call in calls:
        function = call["function"]
        names = call["id"], function["name"], function["arguments"]
        output.append(document.items.call(item_id("fc"), *names, "completed"))
    output[-1]["status"] = status
    return output
