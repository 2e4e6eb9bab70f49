"""Short ways to ask: a Responses request in, the engine's request or the client's answer out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel

from fairlead_gateway.contract.api_adapter import Call
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import EngineFacts, RequestPolicy, make_policy
from fairlead_gateway.responses.api_adapter import ResponsesAdapter

TOKEN = "0123456789abcdef0123456789abcdef"
NOW = 7
POLICY = make_policy(("tiny",), "OpenAI", engine=EngineFacts(context_length=1024))
REJECTING = make_policy(("tiny",), "OpenAI", reject_unknown=True)
IG1 = make_policy(("tiny",), "IG1")
DONE = b"data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
FUNCTION = {
    "type": "function",
    "name": "f",
    "description": "d",
    "parameters": {"type": "object"},
    "strict": True,
}

# OpenAI's own types by the name of the event: trying all of them takes long.
EVENTS: dict[str, type[BaseModel]] = {
    name: event
    for event in get_args(get_args(ResponseStreamEvent)[0])
    for name in get_args(event.model_fields["type"].annotation)
}


def adapter(policy: RequestPolicy = POLICY, /, **fields: Any) -> ResponsesAdapter:
    """The adapter for a request with these fields beside model and input."""
    body = json.dumps({"model": "tiny", "input": "hi"} | fields).encode()
    return ResponsesAdapter(body, policy, Call(TOKEN, lambda: NOW))


def chat(policy: RequestPolicy = POLICY, /, **fields: Any) -> dict[str, Any]:
    """What the engine gets for it."""
    document: dict[str, Any] = json.loads(adapter(policy, **fields).engine.body)
    return document


def refusal(policy: RequestPolicy = POLICY, /, **fields: Any) -> ApiError:
    """The error for it."""
    with pytest.raises(ApiError) as caught:
        adapter(policy, **fields)
    return caught.value


def completion(finish_reason: str = "stop", message: Mapping[str, Any] | None = None, **more: Any) -> bytes:
    """A chat completion of the engine; `more` are further keys of its choice."""
    said = {"role": "assistant", "content": "ab"} if message is None else message
    choice = {"index": 0, "message": said, "finish_reason": finish_reason} | more
    return json.dumps({"model": "tiny", "choices": [choice], "usage": USAGE}).encode()


def answer(engine: bytes, policy: RequestPolicy = POLICY, /, **fields: Any) -> dict[str, Any]:
    """The Response for the engine's completion; OpenAI's own type must accept it."""
    asked = adapter(policy, **fields)
    if asked.engine.transform.assembled:
        engine = as_stream(engine)
    response: dict[str, Any] = json.loads(asked.whole(engine))
    Response.model_validate(response)
    return response


def chunk(finish_reason: str | None = None, logprobs: Any = None, **delta: Any) -> bytes:
    """One chunk of the engine's stream."""
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
    document = {"model": "tiny", "choices": [choice]}
    # As vLLM writes it.
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return b"data: " + data.encode() + b"\n\n"


def call_chunk(arguments: str | None = None, **delta: Any) -> bytes:
    """A chunk with a part of a call: `index`, `id` and `name` as the engine gives them."""
    function = {"name": delta.pop("name")} if "name" in delta else {}
    if arguments is not None:
        function["arguments"] = arguments
    return chunk(tool_calls=[delta | {"function": function}])


USAGE_CHUNK = b"data: " + json.dumps({"model": "tiny", "choices": [], "usage": USAGE}).encode() + b"\n\n"
TEXT = (
    chunk(role="assistant", content=""),
    chunk(content="a"),
    chunk(content="b"),
    chunk("stop", content=""),
    USAGE_CHUNK,
    DONE,
)


def as_stream(engine: bytes) -> bytes:
    """The engine's stream for the same answer as this completion of one choice."""
    whole = json.loads(engine)
    (choice,) = whole["choices"]
    calls = [{"index": i} | call for i, call in enumerate(choice["message"].get("tool_calls") or ())]
    message = choice["message"] | ({"tool_calls": calls} if calls else {})
    return chunk(choice["finish_reason"], choice.get("logprobs"), **message) + USAGE_CHUNK + DONE


def events(*pieces: bytes, policy: RequestPolicy = POLICY, **fields: Any) -> list[dict[str, Any]]:
    """The events of a stream made of these bytes of the engine, with what holds for every stream checked."""
    first, relay = adapter(policy, stream=True, **fields).stream()
    return parsed(first + b"".join(relay.feed(piece) for piece in pieces) + relay.end())


def parsed(sent: bytes) -> list[dict[str, Any]]:
    """The events in these bytes; fails unless they are one well-formed stream with one ending."""
    assert sent.endswith(b"\n\n")
    found = []
    for event in sent.decode().removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        EVENTS[found[-1]["type"]].model_validate(found[-1])
        assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    endings = [event for event in found if event["type"] in ENDINGS]
    assert endings == found[-1:]
    return found


ENDINGS = ("response.completed", "response.incomplete", "response.failed")


def types(found: list[dict[str, Any]]) -> list[str]:
    """The types of events without their common beginning."""
    return [event["type"].removeprefix("response.") for event in found]
