"""A whole chat completion as a Response object."""

from __future__ import annotations

import json
from typing import Any

from fairlead_gateway.contract.errors import engine_failed

from .document import (
    Item,
    base_document,
    call_item,
    ending,
    message_item,
    output_text,
    reasoning_item,
    to_logprobs,
    to_usage,
)
from .request import ResponsesRequest


def to_response(
    request: ResponsesRequest, completion: bytes, response_id: str, created_at: int, completed_at: int
) -> bytes:
    """The JSON body of the Response for the engine's chat completion. Times are Unix seconds.

    Raises ApiError when the engine's answer is not a chat completion or did not end in an answer.
    """
    try:
        chat = json.loads(completion)
        choice = chat["choices"][0]
        message = choice["message"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise engine_failed("The engine's answer is not a chat completion.") from None
    status, details = ending(choice.get("finish_reason"))
    if status == "failed":
        raise engine_failed(f"The engine ended the answer with '{choice.get('finish_reason')}'.")
    output = _output(message, to_logprobs(choice.get("logprobs")), response_id.removeprefix("resp_"), status)
    document = base_document(request, response_id, created_at) | {
        "status": status,
        "completed_at": completed_at if status == "completed" else None,
        "incomplete_details": details,
        "model": chat.get("model", request.received["model"]),
        "output": output,
        "output_text": output_text(output),
        "usage": to_usage(chat.get("usage")),
    }
    if chat.get("prompt_logprobs") is not None:
        document["prompt_logprobs"] = chat["prompt_logprobs"]
    return json.dumps(document).encode()


def _output(message: dict[str, Any], logprobs: list[Item], token: str, status: str) -> list[Item]:
    output: list[Item] = []
    # A cut-off answer was cut in its last part; everything before it is whole.
    if message.get("reasoning"):
        output.append(reasoning_item(f"rs_{token}", message["reasoning"], "completed"))
    calls = message.get("tool_calls") or []
    if message.get("content") or not (output or calls):
        output.append(message_item(f"msg_{token}", message.get("content") or "", logprobs, "completed"))
    for index, call in enumerate(calls):
        function = call["function"]
        item = call_item(
            f"fc_{token}{index}", call["id"], function["name"], function["arguments"], "completed"
        )
        output.append(item)
    output[-1]["status"] = status
    return output
