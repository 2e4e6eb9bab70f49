"""`input` and `instructions` as chat messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.responses.asking import REJECTING, adapter, answer, chat, completion, refusal

CALL = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
REASONING = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "why"}]}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,x", "detail": "low"}


def messages(*items: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chat(input=list(items), **fields)["messages"]
    return found


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def test_a_string_input_becomes_a_user_message() -> None:
    assert chat(input="hi")["messages"] == [user("hi")]


def test_input_items_without_a_type_are_messages() -> None:
    assert messages(user("hi")) == [user("hi")]


def test_instructions_and_developer_messages_become_one_system_message() -> None:
    assert messages({"role": "developer", "content": "b"}, user("c"), instructions="a") == [
        {"role": "system", "content": "a\n\nb"},
        user("c"),
    ]


def test_system_messages_are_moved_to_the_beginning() -> None:
    items = ({"role": "system", "content": "b"}, user("c"), {"role": "developer", "content": "d"}, user("e"))

    assert messages(*items, instructions="a") == [
        {"role": "system", "content": "a\n\nb\n\nd"},
        user("c"),
        user("e"),
    ]


def test_a_later_system_message_becomes_the_first_one() -> None:
    assert messages(user("a"), {"role": "developer", "content": "b"}) == [
        {"role": "system", "content": "b"},
        user("a"),
    ]


def test_a_system_message_does_not_separate_a_call_from_its_turn() -> None:
    _, turn = messages(REASONING, said("let me see"), {"role": "developer", "content": "be brief"}, CALL)

    assert (turn["reasoning"], turn["content"], len(turn["tool_calls"])) == ("why", "let me see", 1)


def test_the_parts_of_one_system_message_stay_together() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    items = ({"role": "system", "content": parts}, {"role": "system", "content": "c"}, user("d"))

    assert messages(*items)[0]["content"] == "a\nb\n\nc"


def test_an_image_in_a_system_message_is_kept() -> None:
    items = ({"role": "system", "content": "a"}, {"role": "system", "content": [IMAGE]}, user("b"))
    system, _ = messages(*items)

    assert [part["type"] for part in system["content"]] == ["text", "image_url"]


def test_a_text_part_becomes_plain_text() -> None:
    assert messages(user([{"type": "input_text", "text": "a"}])) == [user("a")]


def test_several_text_parts_stay_separate_parts() -> None:
    assert messages(user([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}])) == [
        user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
    ]


def test_an_image_stays_a_part_next_to_the_text() -> None:
    assert messages(user([{"type": "input_text", "text": "a"}, IMAGE]))[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": IMAGE["image_url"], "detail": "low"}},
    ]


def test_the_output_of_an_earlier_response_can_be_sent_back() -> None:
    assert messages(user("a"), said("b"), user("c")) == [
        user("a"),
        {"role": "assistant", "content": "b"},
        user("c"),
    ]


def test_reasoning_text_and_calls_of_one_turn_become_one_message() -> None:
    turn, tool = messages(
        REASONING,
        said("let me see"),
        CALL,
        CALL | {"call_id": "2"},
        {"type": "function_call_output", "call_id": "1", "output": "one"},
    )

    assert (turn["reasoning"], turn["content"]) == ("why", "let me see")
    assert [call["id"] for call in turn["tool_calls"]] == ["1", "2"]
    assert tool == {"role": "tool", "tool_call_id": "1", "content": "one"}


def test_text_after_a_call_is_in_the_same_message() -> None:
    (turn,) = messages(CALL, said("done"))

    assert (turn["content"], len(turn["tool_calls"])) == ("done", 1)


def test_reasoning_stays_in_the_message_of_its_turn() -> None:
    assert "reasoning" not in messages(REASONING, user("never mind"), said("a"))[1]


def test_a_reasoning_summary_replaces_missing_reasoning_text() -> None:
    summary = [{"type": "summary_text", "text": "short"}]

    assert messages({"type": "reasoning", "summary": summary}, said("a"))[0]["reasoning"] == "short"


def test_encrypted_reasoning_is_ignored() -> None:
    (turn,) = messages({"type": "reasoning", "summary": [], "encrypted_content": "x"}, said("a"))

    assert "reasoning" not in turn


def test_a_call_output_may_be_a_list_of_parts() -> None:
    output = [{"type": "input_text", "text": "see"}, IMAGE]
    result = {"type": "function_call_output", "call_id": "1", "output": output}

    assert [part["type"] for part in messages(CALL, result)[1]["content"]] == ["text", "image_url"]


@pytest.mark.parametrize("arguments", ['{"city": "Par', "[1]", "not JSON", '{"a":' * 65 + "1" + "}" * 65])
def test_call_arguments_that_are_not_an_object_are_wrapped_in_one(arguments: str) -> None:
    (turn,) = messages(CALL | {"arguments": arguments})
    (call,) = turn["tool_calls"]

    assert json.loads(call["function"]["arguments"]) == {"INVALID_ARGUMENTS": arguments}


@pytest.mark.parametrize("arguments", ["", " ", "null"])
def test_missing_call_arguments_become_an_empty_object(arguments: str) -> None:
    (turn,) = messages(CALL | {"arguments": arguments})

    assert turn["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_response_truncated_in_a_call_can_be_sent_back() -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": '{"a'}}
    output = answer(completion("length", {"content": "let me see", "tool_calls": [call]}))["output"]
    _, turn, tool = messages(
        user("hi"), *output, {"type": "function_call_output", "call_id": "1", "output": ""}
    )

    assert json.loads(turn["tool_calls"][0]["function"]["arguments"]) == {"INVALID_ARGUMENTS": '{"a'}
    assert (turn["content"], tool["content"]) == ("let me see", "")


def test_several_reasoning_texts_are_separated() -> None:
    parts = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    (turn,) = messages({"type": "reasoning", "summary": parts}, REASONING, said("c"))

    assert turn["reasoning"] == "a\nb\nwhy"


def test_custom_tool_calls_in_the_input_become_function_calls() -> None:
    call = {"type": "custom_tool_call", "call_id": "1", "name": "shell", "input": "ls"}
    turn, tool = messages(call, {"type": "custom_tool_call_output", "call_id": "1", "output": "a b"})

    assert turn["tool_calls"][0]["function"] == {"name": "shell", "arguments": '{"input":"ls"}'}
    assert tool["content"] == "a b"


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ([], "input"),
        (5, "input"),
        (None, "input"),
        (["x"], "input[0]"),
        ([{"content": "x"}], "input[0].role"),
        ([user("x"), {"role": "", "content": "x"}], "input[1].role"),
        ([{"role": ["user"], "content": "x"}], "input[0].role"),
        ([user(5)], "input[0].content"),
        ([user(None)], "input[0].content"),
        ([user([5])], "input[0].content[0]"),
        ([user([{"text": "x"}])], "input[0].content[0].type"),
        ([user("x") | {"name": 5}], "input[0].name"),
        ([user([{"type": "input_text"}])], "input[0].content[0].text"),
        ([user([{"type": ["input_text"]}])], "input[0].content[0].type"),
        ([user([{"type": "input_file", "file_id": "x"}])], "input[0].content[0].type"),
        ([user([{"type": "input_audio"}])], "input[0].content[0].input_audio"),
        ([user([{"type": "image_url"}])], "input[0].content[0].image_url"),
        ([user([{"type": "input_image", "file_id": "x"}])], "input[0].content[0].file_id"),
        ([user([{"type": "input_image"}])], "input[0].content[0].image_url"),
        ([{"type": "item_reference", "id": "x"}], "input[0].type"),
        ([{"type": "unheard_of", "id": "x"}], "input[0].type"),
        ([{"type": ["web_search_call"]}], "input[0].type"),
        ([{"type": "web_search_call", "id": "x"}], "input"),
        ([{"type": "function_call", "name": "f", "arguments": "{}"}], "input[0].call_id"),
        ([CALL | {"arguments": {}}], "input[0].arguments"),
        ([{"role": "assistant", "tool_calls": "x"}], "input[0].tool_calls"),
        ([user("x"), {"role": "assistant", "tool_calls": [{"id": "1"}]}], "input[1].tool_calls[0].type"),
        ([{"type": "function_call_output", "call_id": "1"}], "input[0].output"),
        ([REASONING | {"content": [IMAGE]}], "input[0].content"),
    ],
)
def test_unsupported_input_items_are_refused_by_name(value: Any, param: str) -> None:
    error = refusal(input=value)

    assert (error.status, error.param) == (400, param)
    assert param in error.message


def test_a_reference_to_stored_data_is_refused_with_a_remedy() -> None:
    assert "Send the item itself" in refusal(input=[{"type": "item_reference", "id": "x"}]).message


def test_an_error_in_a_message_has_the_path_of_its_item() -> None:
    remote = {"type": "input_image", "image_url": "https://images.example/a.png"}
    error = refusal(instructions="a", input=[user("a"), user([{"type": "input_text", "text": "b"}, remote])])

    assert error.param == "input[1].content[1].image_url"


def test_an_error_in_a_call_output_has_its_path() -> None:
    remote = {"type": "input_image", "image_url": "https://images.example/a.png"}
    result = {"type": "function_call_output", "call_id": "1", "output": [remote]}

    assert refusal(input=[CALL, result]).param == "input[1].output[0].image_url"


def test_calls_of_hosted_tools_in_a_conversation_are_ignored_and_named() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    engine = adapter(input=[user("a"), search, user("b")]).engine

    assert [message["content"] for message in json.loads(engine.body)["messages"]] == ["a", "b"]
    assert engine.ignored == ("input.web_search_call",)


def test_calls_of_hosted_tools_are_refused_if_unknown_fields_are_refused() -> None:
    items = [user("a"), {"type": "web_search_call", "id": "x"}]

    assert refusal(REJECTING, input=items).param == "input[1].type"
