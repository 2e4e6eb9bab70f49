"""Whole answers with a forced call: the engine streams them, the client gets one JSON object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from fairlead_gateway.contract.errors import ApiError

from .answers import DONE, ENGINE_ERROR, chunk
from .support import adapter, request, sent

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
FORCED: dict[str, Any] = {"tools": [TOOL], "tool_choice": "required"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def call(arguments: str, **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"tool_calls": [{"index": 0, **more, "function": {**name, "arguments": arguments}}]}


BEGUN = (chunk({"role": "assistant", "content": ""}), chunk(call('{"a"', id="c1", type="function", name="f")))
USAGE_CHUNK = b"data: " + json.dumps({"id": "x", "choices": [], "usage": USAGE}).encode() + b"\n\n"
COMPLETE = (*BEGUN, chunk(call(":1}")), chunk({}, "tool_calls"), USAGE_CHUNK, DONE)


def answer(*pieces: bytes, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(adapter(**FORCED | changes).whole(b"".join(pieces)))
    ChatCompletion.model_validate(found)
    return found


def failure(*pieces: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        answer(*pieces)
    return caught.value


def test_the_engine_streams_and_the_client_does_not() -> None:
    assert sent(**FORCED)["stream"] is True
    assert not request(**FORCED).stream


@pytest.mark.parametrize("fields", [{"tool_choice": "auto"}, {"tool_choice": "none"}, {"prompt_logprobs": 0}])
def test_other_answers_are_requested_as_they_are(fields: dict[str, Any]) -> None:
    assert "stream" not in sent(**FORCED | {"prompt_logprobs": None} | fields)


def test_a_stream_for_the_client_stays_a_stream() -> None:
    assert request(**FORCED, stream=True).stream


def test_the_pieces_of_a_call_are_joined() -> None:
    found = answer(*COMPLETE)
    (choice,) = found["choices"]

    assert choice["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    assert (found["object"], found["usage"]) == ("chat.completion", USAGE)


def test_a_call_that_was_cut_off_is_a_call_with_the_arguments_so_far() -> None:
    (choice,) = answer(*BEGUN, chunk({}, "length"), DONE)["choices"]

    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"a"'


def test_calls_without_an_index_or_an_id_get_them() -> None:
    two = {"tool_calls": [{"function": {"name": name, "arguments": "{}"}} for name in "fg"]}
    calls = answer(chunk(two), chunk({}, "tool_calls"), DONE)["choices"][0]["message"]["tool_calls"]

    assert [found["function"]["name"] for found in calls] == ["f", "g"]
    assert len({found["id"] for found in calls}) == 2


def test_each_choice_has_its_own_text_and_log_probabilities() -> None:
    tokens: list[Any] = [{"token": text, "logprob": -1.0, "bytes": None, "top_logprobs": []} for text in "ab"]
    pieces = [
        chunk({"content": text}, index=index, logprobs={"content": [token]})
        for text, token in zip("ab", tokens, strict=True)
        for index in (0, 1)
    ]
    ends = [chunk({"reasoning": "r"}, "stop", index) for index in (0, 1)]
    choices = answer(*pieces, *ends, DONE, n=2)["choices"]

    assert [choice["index"] for choice in choices] == [0, 1]
    for choice in choices:
        assert (choice["message"]["content"], choice["message"]["reasoning"]) == ("ab", "r")
        assert choice["logprobs"]["content"] == tokens


@pytest.mark.parametrize("pieces", [BEGUN, (*BEGUN, DONE), (DONE,), (), COMPLETE[:-1]])
def test_a_stream_that_breaks_off_is_an_error(pieces: tuple[bytes, ...]) -> None:
    assert (failure(*pieces).status, failure(*pieces).code) == (502, "engine_error")


def test_an_error_in_the_stream_is_the_answer() -> None:
    assert "boom" in failure(*BEGUN, ENGINE_ERROR).message


@pytest.mark.parametrize("ending", ["abort", "error"])
def test_an_answer_that_the_engine_gave_up_is_an_error(ending: str) -> None:
    assert failure(*BEGUN, chunk({}, ending), DONE).code == "engine_error"


@pytest.mark.parametrize("data", [b"[]", b"5", b"{}", b'{"choices":5}', b'{"choices":[{"delta":5}]}', b"x"])
def test_an_event_that_is_no_chunk_is_an_error(data: bytes) -> None:
    assert failure(b"data: " + data + b"\n\n", DONE).code == "engine_error"
