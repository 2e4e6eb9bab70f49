"""Function calls in a stream, also from engines that number them carelessly."""

from __future__ import annotations

import pytest

from tests.responses.asking import DONE, answer, call_chunk, chunk, completion, events, types

END = (chunk("tool_calls"), DONE)
Call = tuple[str, str, str]
TWO: list[Call] = [("c0", "f", '{"a":1}'), ("c1", "g", "{}")]


def calls(*pieces: bytes) -> list[Call]:
    found = events(*pieces, *END)
    items = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert items == found[-1]["response"]["output"]
    for index, item in enumerate(items):
        deltas = [event for event in found if event.get("output_index") == index and "delta" in event]
        assert {event["item_id"] for event in deltas} <= {item["id"]}
        assert "".join(event["delta"] for event in deltas) == item["arguments"]
    return [(item["call_id"], item["name"], item["arguments"]) for item in items]


def test_a_streamed_function_call_has_every_event_in_order() -> None:
    pieces = (call_chunk("", index=0, id="c0", name="f"), call_chunk("{", index=0), call_chunk("}", index=0))

    assert types(events(*pieces, *END))[2:-1] == [
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        (
            call_chunk("", index=0, id="c0", name="f"),
            call_chunk('{"a":', index=0),
            call_chunk("1}", index=0),
            call_chunk("{}", index=1, id="c1", name="g"),
        ),
        (
            call_chunk("", index=0, id="c0", name="f"),
            call_chunk("", index=1, id="c1", name="g"),
            call_chunk('{"a":', index=0),
            call_chunk("{}", index=1),
            call_chunk("1}", index=0),
        ),
        (
            call_chunk("", id="c0", name="f"),
            call_chunk('{"a":1}'),
            call_chunk("", id="c1", name="g"),
            call_chunk("{}"),
        ),
        (
            call_chunk('{"a":1}', index=0, id="c0", name="f"),
            call_chunk("{}", index=0, id="c1", name="g"),
        ),
        (
            call_chunk("", index=0, id="c0", name="f"),
            call_chunk('{"a":', index=0, id="c0", name="f"),
            call_chunk("1}", index=0, id="c0", name="f"),
            call_chunk("{}", index=1, id="c1", name="g"),
        ),
        (
            chunk(
                tool_calls=[
                    {"index": 0, "id": "c0", "function": {"name": "f", "arguments": '{"a":1}'}},
                    {"index": 1, "id": "c1", "function": {"name": "g", "arguments": "{}"}},
                ]
            ),
        ),
    ],
    ids=["in-turn", "interleaved", "no-numbers", "all-number-0", "repeated-names", "at-once"],
)
def test_parallel_calls_keep_their_own_arguments(pieces: tuple[bytes, ...]) -> None:
    assert calls(*pieces) == TWO


def test_a_function_call_without_an_id_gets_one() -> None:
    ((call_id, name, arguments),) = calls(call_chunk("{", index=0, name="f"), call_chunk("}", index=0))

    assert call_id
    assert (name, arguments) == ("f", "{}")


def test_text_before_and_after_calls_is_in_separate_messages() -> None:
    pieces = (
        chunk(content="a"),
        call_chunk("{}", index=0, id="c0", name="f"),
        chunk(content="b"),
        *END,
    )
    output = events(*pieces)[-1]["response"]["output"]

    assert [item["type"] for item in output] == ["message", "function_call", "message"]
    assert len({item["id"] for item in output}) == 3


def test_a_truncated_function_call_is_incomplete() -> None:
    pieces = (
        call_chunk("{}", index=0, id="c0", name="f"),
        call_chunk('{"a"', index=1, id="c1", name="g"),
        chunk("length"),
        DONE,
    )
    last = events(*pieces)[-1]

    assert last["type"] == "response.incomplete"
    assert [item["status"] for item in last["response"]["output"]] == ["completed", "incomplete"]


def test_streamed_calls_equal_unstreamed_calls() -> None:
    whole = {"index": 0, "id": "c0", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "a", "tool_calls": [whole]}
    streamed = events(chunk(content="a"), chunk(tool_calls=[whole]), *END)[-1]["response"]

    assert streamed["output"] == answer(completion("tool_calls", message))["output"]
