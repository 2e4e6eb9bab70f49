"""The event stream of a Response: order, numbers, ids, and exactly one ending. Calls are in another file."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError, engine_failed
from tests.responses.asking import (
    DONE,
    NOW,
    TEXT,
    TOKEN,
    USAGE_CHUNK,
    adapter,
    answer,
    call_chunk,
    chunk,
    completion,
    events,
    parsed,
    types,
)


def entry(token: str) -> dict[str, Any]:
    return {"token": token, "logprob": -1.0, "bytes": list(token.encode()), "top_logprobs": []}


def likely(*tokens: str) -> dict[str, Any]:
    return {"content": [entry(token) for token in tokens]}


def test_a_streamed_text_has_every_event_in_order() -> None:
    assert types(events(*TEXT)) == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.delta", "output_text.done"),
        *("content_part.done", "output_item.done", "completed"),
    ]


def test_the_first_events_hold_a_response_without_output() -> None:
    for event in events(*TEXT)[:2]:
        response = event["response"]
        assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)


def test_the_last_event_holds_the_complete_response() -> None:
    response = events(*TEXT)[-1]["response"]

    assert (response["status"], response["output_text"], response["completed_at"]) == ("completed", "ab", NOW)
    assert response["usage"]["input_tokens"] == 3


def test_all_events_have_the_same_response_and_item_ids() -> None:
    found = events(*TEXT)
    items = {event["item_id"] for event in found if "item_id" in event}

    assert {event["response"]["id"] for event in found if "response" in event} == {f"resp_{TOKEN}"}
    assert items == {event["item"]["id"] for event in found if "item" in event}


def test_the_model_name_of_a_response_is_the_engines() -> None:
    assert events(*TEXT, model="tiny")[-1]["response"]["model"] == "tiny"


@pytest.mark.parametrize(
    ("finish_reason", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_a_truncated_answer_is_incomplete(finish_reason: str, reason: str) -> None:
    *_, item_done, last = events(TEXT[1], chunk(finish_reason), USAGE_CHUNK, DONE)

    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}
    assert last["response"]["completed_at"] is None
    assert item_done["item"]["status"] == last["response"]["output"][0]["status"] == "incomplete"


def test_reasoning_is_a_separate_item_before_the_message() -> None:
    found = events(chunk(reasoning="wh"), chunk(reasoning="y"), chunk(content="a"), chunk("stop"), DONE)

    assert types(found)[2:9] == [
        *("output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
    ]
    reasoning, message = found[-1]["response"]["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "why"}]
    assert message["content"][0]["text"] == "a"


@pytest.mark.parametrize("fields", [{"include_reasoning": False}, {"reasoning_content": False}])
def test_reasoning_can_be_omitted(fields: dict[str, Any]) -> None:
    output = events(chunk(reasoning="why"), chunk(content="a"), chunk("stop"), DONE, **fields)[-1]

    assert [item["type"] for item in output["response"]["output"]] == ["message"]


def test_an_answer_without_text_is_an_empty_message() -> None:
    found = events(chunk("stop"), DONE)

    assert [item["type"] for item in found[-1]["response"]["output"]] == ["message"]
    assert types(found)[2:4] == ["output_item.added", "content_part.added"]


def test_other_choices_of_the_engine_are_ignored() -> None:
    other = chunk(content="x").replace(b'"index":0', b'"index":1')

    assert b'"index":1' in other
    assert events(TEXT[1], other, chunk("stop"), DONE)[-1]["response"]["output_text"] == "a"


def test_sse_comments_of_the_engine_are_ignored() -> None:
    assert types(events(b": ping\n\n", *TEXT)) == types(events(*TEXT))


def test_every_unicode_character_survives_streaming() -> None:
    text = 'quote " backslash \\ newline \n percent %d %b end data: [DONE]\n\n € 😀 \u2028 \x7f'
    found = events(chunk(content=text), chunk(content="%"), chunk("stop"), DONE)

    assert found[4]["delta"] == text
    assert found[-1]["response"]["output_text"] == text + "%"


@pytest.mark.parametrize(
    ("strange", "text"),
    [
        (chunk(content='"'), 'ab"c'),
        (chunk(content="\\"), "ab\\c"),
        (chunk(content="\n"), "ab\nc"),
        (chunk(content=""), "abc"),
        (chunk(content=None), "abc"),
        (chunk(reasoning="x"), "abc"),
        (chunk(content="x", logprobs=likely("x")), "abxc"),
        (chunk(content="x").replace(b'"x"', b'"x","tool_calls":[],"refusal":"y"'), "abxc"),
        (chunk(content="x").replace(b'"x"', b'"x","content":"y"'), "abyc"),
        (chunk(content="x").replace(b'"x"', b'"\\u0078"'), "abxc"),
    ],
)
def test_a_chunk_is_parsed_as_json_and_not_by_its_appearance(strange: bytes, text: str) -> None:
    found = events(TEXT[1], TEXT[2], strange, chunk(content="c"), chunk("stop"), DONE)

    assert found[-1]["response"]["output_text"] == text


@pytest.mark.parametrize("data", [b'"\x01"', b'"\xff"', b'"', b'""x""', b'"\\"', b'"x" ,'])
def test_a_malformed_chunk_that_resembles_a_valid_one_is_a_failure(data: bytes) -> None:
    broken = chunk(content="x").replace(b'"x"', data)

    assert events(TEXT[1], TEXT[2], broken, DONE)[-1]["type"] == "response.failed"


def test_log_probabilities_are_sent_with_the_text_of_their_tokens() -> None:
    found = events(chunk(content="a", logprobs=likely("a")), chunk("stop"), DONE, top_logprobs=1)

    assert found[4]["logprobs"] == likely("a")["content"]
    assert found[-1]["response"]["output"][0]["content"][0]["logprobs"] == likely("a")["content"]


def test_log_probabilities_of_a_partial_character_wait_for_the_rest() -> None:
    found = events(
        chunk(logprobs=likely("\ufffd")), chunk(content="€", logprobs=likely("\ufffd")), chunk("stop"), DONE
    )

    assert len(found[4]["logprobs"]) == 2


def test_log_probabilities_after_the_last_text_are_in_the_final_message() -> None:
    found = events(chunk(content="a", logprobs=likely("a")), chunk("stop", logprobs=likely("")), DONE)

    assert len(found[-1]["response"]["output"][0]["content"][0]["logprobs"]) == 2


@pytest.mark.parametrize("shown", [True, False])
def test_log_probabilities_of_reasoning_and_calls_are_not_attributed_to_the_text(shown: bool) -> None:
    found = events(
        chunk(logprobs=likely("<think>")),
        chunk(reasoning="why", logprobs=likely("why")),
        chunk(logprobs=likely("</think>")),
        chunk(content="a", logprobs=likely("a")),
        chunk(logprobs=likely("<call>")),
        call_chunk("{}", index=0, id="c", name="f"),
        chunk("tool_calls"),
        DONE,
        include_reasoning=shown,
    )
    (message,) = (item for item in found[-1]["response"]["output"] if item["type"] == "message")

    assert [known["token"] for known in message["content"][0]["logprobs"]] == ["a"]


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (TEXT[1],),
        (TEXT[1], DONE),
        (TEXT[1], b'data: {"error": {"message": "boom", "code": 500}}\n\n', DONE),
        (TEXT[1], b"data: {garbage\n\n"),
        (TEXT[1], b"data: []\n\n"),
        (TEXT[1], b'data: {"object":"chat.completion.chunk"}\n\n'),
        (TEXT[1], chunk(content=5)),
        (TEXT[1], chunk(tool_calls=[5])),
        (TEXT[1], chunk("abort"), DONE),
    ],
    ids=[
        *("nothing", "cut", "no-finish-reason", "engine-error", "garbage", "no-object", "no-choices"),
        *("no-text", "no-call", "aborted"),
    ],
)
def test_a_stream_failure_sends_error_and_response_failed(pieces: tuple[bytes, ...]) -> None:
    error, failed = events(*pieces)[-2:]

    assert (error["type"], failed["type"]) == ("error", "response.failed")
    assert error["message"] == error["error"]["message"] == failed["response"]["error"]["message"]
    assert failed["response"]["status"] == "failed"


def test_a_failed_response_keeps_the_output_so_far() -> None:
    response = events(TEXT[1])[-1]["response"]

    assert (response["output_text"], response["output"][0]["status"]) == ("a", "incomplete")


@pytest.mark.parametrize(
    ("status", "code"), [(502, "server_error"), (429, "rate_limit_exceeded"), (400, "invalid_prompt")]
)
def test_a_failed_response_has_an_error_code_of_openai(status: int, code: str) -> None:
    first, relay = adapter(stream=True).stream()
    found = parsed(first + relay.fail(ApiError(status, "boom", "any_code")))

    assert found[-1]["response"]["error"]["code"] == code
    assert found[-2]["code"] == "any_code"


def test_a_stream_failure_names_the_clients_parameters() -> None:
    error = b'data: {"error": {"message": "no", "param": "max_tokens", "code": 400}}\n\n'

    assert events(TEXT[1], error)[-2]["param"] == "max_output_tokens"


def test_no_event_follows_the_final_event() -> None:
    _, relay = adapter(stream=True).stream()
    relay.feed(b"".join(TEXT))

    assert relay.finished
    assert relay.feed(TEXT[1]) + relay.end() + relay.fail(engine_failed("late")) == b""


def test_the_streamed_response_equals_the_unstreamed_response() -> None:
    message = {"content": "ab", "reasoning": "why"}
    whole = answer(completion("stop", message))
    streamed = events(chunk(reasoning="why"), *TEXT)[-1]["response"]

    assert streamed == whole
