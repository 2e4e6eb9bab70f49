"""The event stream of a Response: order, numbers, and exactly one ending."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.responses.completed import to_response
from fairlead_gateway.responses.request import ResponsesRequest, prepare_responses
from fairlead_gateway.responses.stream import ResponseStream

REQUEST_KEYS = {
    *(
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "incomplete_details",
        "model",
        "error",
        "output",
    ),
    *(
        "previous_response_id",
        "instructions",
        "tools",
        "tool_choice",
        "truncation",
        "parallel_tool_calls",
        "text",
    ),
    *("top_p", "presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata"),
    *("safety_identifier", "prompt_cache_key"),
}
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def request(**fields: Any) -> ResponsesRequest:
    return prepare_responses(json.dumps({"model": "tiny", "input": "hi"} | fields).encode(), ("tiny",))


def chunk(finish_reason: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"model": "tiny", "choices": [choice]}).encode() + b"\n\n"


def usage_chunk() -> bytes:
    return b"data: " + json.dumps({"model": "tiny", "choices": [], "usage": USAGE}).encode() + b"\n\n"


def call_chunk(arguments: str, index: int = 0, **first: Any) -> bytes:
    function = {"arguments": arguments} | ({"name": first["name"]} if first else {})
    call = {"index": index, "function": function} | ({"id": first["id"], "type": "function"} if first else {})
    return chunk(tool_calls=[call])


def run(*pieces: bytes) -> list[dict[str, Any]]:
    """The events of a stream made of these engine bytes; checks what holds for every stream."""
    stream = ResponseStream(request(), "resp_1", lambda: 7)
    sent = stream.start() + b"".join(stream.feed(piece) for piece in pieces) + stream.end()
    events = []
    for event in sent.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


TEXT = (
    chunk(role="assistant", content=""),
    chunk(content="a"),
    chunk(content="b"),
    chunk("stop", content=""),
)


def test_text_has_every_event_in_order() -> None:
    assert types(run(*TEXT, usage_chunk(), DONE)) == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done"),
        *("content_part.done", "output_item.done", "completed"),
    ]


def test_the_last_event_holds_the_whole_response() -> None:
    response = run(*TEXT, usage_chunk(), DONE)[-1]["response"]

    assert set(response) >= REQUEST_KEYS
    assert (response["status"], response["output_text"], response["completed_at"]) == ("completed", "ab", 7)
    assert response["usage"]["input_tokens"] == 3


def test_deltas_and_their_item_share_an_id() -> None:
    events = run(*TEXT, DONE)
    ids = {event["item_id"] for event in events if "item_id" in event}

    assert ids == {event["item"]["id"] for event in events if "item" in event}


def test_a_limit_reached_is_incomplete() -> None:
    last = run(TEXT[1], chunk("length"), DONE)[-1]

    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_reasoning_comes_before_the_message_as_an_item_of_its_own() -> None:
    events = run(chunk(reasoning="why"), chunk(content="a"), chunk("stop"), DONE)

    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning", "message"]
    assert types(events)[2:6] == [
        *("output_item.added", "reasoning_text.delta"),
        *("reasoning_text.done", "output_item.done"),
    ]


def test_parallel_calls_are_items_with_their_own_arguments() -> None:
    first = call_chunk("", 0, id="c0", name="f"), call_chunk('{"a":', 0), call_chunk("1}", 0)
    second = call_chunk("", 1, id="c1", name="g"), call_chunk("{}", 1)
    output = run(*first, *second, chunk("tool_calls"), DONE)[-1]["response"]["output"]

    assert [(item["call_id"], item["name"], item["arguments"]) for item in output] == [
        ("c0", "f", '{"a":1}'),
        ("c1", "g", "{}"),
    ]


def test_an_answer_without_text_is_an_empty_message() -> None:
    response = run(chunk("stop"), DONE)[-1]["response"]

    assert [item["type"] for item in response["output"]] == ["message"]


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (TEXT[1],),
        (TEXT[1], DONE),
        (TEXT[1], b'data: {"error": {"message": "boom", "code": 500}}\n\n', DONE),
        (TEXT[1], b"data: {garbage\n\n"),
        (TEXT[1], chunk("abort"), DONE),
    ],
    ids=["nothing", "cut", "no-finish-reason", "engine-error", "garbage", "aborted"],
)
def test_a_failure_is_told_as_error_and_as_failed(pieces: tuple[bytes, ...]) -> None:
    error, failed = run(*pieces)[-2:]

    assert (error["type"], failed["type"]) == ("error", "response.failed")
    assert error["message"] == error["error"]["message"] == failed["response"]["error"]["message"]
    assert failed["response"]["status"] == "failed"


@given(st.lists(st.integers(0, 700), max_size=10))
def test_where_the_engines_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    whole = b"".join(TEXT) + usage_chunk() + DONE
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[begin:end] for begin, end in zip(places, places[1:], strict=False)]  # noqa: RUF007

    assert run(*pieces) == run(whole)


def test_a_whole_answer_says_the_same_as_a_streamed_one() -> None:
    message = {"role": "assistant", "content": "ab"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = json.dumps({"model": "tiny", "choices": [choice], "usage": USAGE}).encode()
    whole = json.loads(to_response(request(), completion, "resp_1", 7, 7))
    streamed = run(*TEXT, usage_chunk(), DONE)[-1]["response"]

    for document in (whole, streamed):
        document["output"][0].pop("id")
    assert whole == streamed


def test_the_response_repeats_what_was_asked() -> None:
    asked = {"metadata": {"a": "b"}, "temperature": 0.5, "instructions": "be kind", "max_output_tokens": 9}
    completion = b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}'
    response = json.loads(to_response(request(**asked, store=True), completion, "resp_1", 1, 2))

    assert {name: response[name] for name in asked} == asked
    assert response["store"] is False
