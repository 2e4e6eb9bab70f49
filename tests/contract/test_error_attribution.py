"""What a client reads of an error that the engine has found. The messages are vLLM 0.32.0's."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError, from_engine

from .support import adapter

TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
JSON = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
NO_REASON = "Invalid grammar specification."


def explained(message: str, param: str | None = None, /, **changes: Any) -> ApiError:
    return adapter(**changes).attribute_error(from_engine(400, {"message": message, "param": param}))


@pytest.mark.parametrize(
    ("changes", "message", "param"),
    [
        (
            {"guided_regex": "a"},
            "Failed to transform regex into a grammar: [08:50:24] <path>:83: x",
            "guided_regex",
        ),
        ({"guided_grammar": 'root ::= "a"'}, NO_REASON, "guided_grammar"),
        (
            {"response_format": JSON},
            'Failed to transform json schema into a grammar: [08:50:24] <path>:4944: Unsupported type "nope"',
            "response_format",
        ),
        ({"structured_outputs": {"json": {}}}, "structured_outputs.json must be x", "structured_outputs"),
        (
            {"min_tokens": 50},
            "min_tokens must be less than or equal to max_tokens=5, got 50.",
            "min_tokens",
        ),
        ({}, "tiny is not a multimodal model", "messages"),
        ({}, "Something else went wrong.", None),
    ],
)
def test_an_engine_message_without_a_parameter_gets_the_one_it_refers_to(
    changes: dict[str, Any], message: str, param: str | None
) -> None:
    error = explained(message, **changes)

    assert error.param == param
    assert "<path>" not in error.message


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
        ({"tool_choice": "required"}, 'tool_choice="required" requires --tool-call-parser to be set'),
    ],
)
def test_an_engine_without_a_tool_parser_is_explained_with_the_field_of_the_spec(
    choice: dict[str, Any], message: str
) -> None:
    error = explained(message, tools=[TOOL], **choice)

    assert (error.status, error.code, error.param) == (400, "unsupported_value", "tools")
    assert "spec.engine.toolCallParser" in error.message
    assert "--" not in error.message


def test_an_engine_error_names_the_parameter_as_the_client_did() -> None:
    dump = _handled("string_type", "body.structured_outputs.regex", "Input should be a valid string")
    error = explained(dump, "body.structured_outputs.regex", guided_regex="a")

    assert (error.param, error.message) == ("guided_regex", "'guided_regex' must be a string.")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"tools": [TOOL], "tool_choice": "required"}, "tools[0].function.parameters"),
        (
            {"tools": [TOOL, TOOL | {"function": {"name": "g", "strict": True}}]},
            "tools[1].function.parameters",
        ),
        (
            {
                "tools": [TOOL, TOOL | {"function": {"name": "g"}}],
                "tool_choice": TOOL | {"function": {"name": "g"}},
            },
            "tools[1].function.parameters",
        ),
        ({"tools": [TOOL, TOOL], "tool_choice": "required"}, "tools"),
        ({"tools": [TOOL], "response_format": {"type": "text"}}, "tools[0].function.parameters"),
        ({"tools": [TOOL], "response_format": JSON}, "response_format"),
        ({"structured_outputs": {"regex": "a"}, "response_format": {"type": "text"}}, "structured_outputs"),
    ],
)
def test_a_grammar_compile_error_names_the_parameter_it_was_made_from(
    changes: dict[str, Any], param: str
) -> None:
    error = explained(NO_REASON, **changes)

    assert error.param == param
    assert f"'{param}'" in error.message


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        ("prompt_logprobs", {"echo": True}),
        ("structured_outputs", {}),
        ("max_tokens", {}),
        ("kv_transfer_params.prompt_token_ids", {}),
        ("extra_args", {}),
    ],
)
def test_no_parameter_is_named_that_the_client_has_not_sent(param: str, changes: dict[str, Any]) -> None:
    assert explained("x", param, **changes).param is None


@pytest.mark.parametrize("param", ["type", "image", "image_url", "tool_calls", "input_text", "prompt_embeds"])
def test_engine_paths_of_message_parts_become_the_clients_paths(param: str) -> None:
    assert explained("x", param).param == "messages"


@pytest.mark.parametrize(
    "message",
    [
        "'int' object is not iterable",
        "'Message' object is not subscriptable",
        "sequence item 1: expected str instance, int found",
        "'dict object' has no attribute 'url'",
        'can only concatenate str (not "NoneType") to str',
    ],
)
def test_a_chat_template_exception_is_reported_for_messages(message: str) -> None:
    error = explained(message)

    assert error.param == "messages"
    assert error.message.endswith(message)
    assert "'messages'" in error.message


def test_a_failure_of_the_engine_names_no_parameter() -> None:
    assert adapter().attribute_error(from_engine(500, {"message": "min_tokens exploded"})).param is None


def _handled(kind: str, place: str, text: str) -> str:
    return f"1 validation error:\n  {{'type': '{kind}', 'loc': '{place}', 'msg': '{text}', 'input': 'x'}}"


_NAME_IS_NULL = """14 validation errors:
  {'type': 'literal_error', 'loc': 'body.messages.0.ChatCompletionDeveloperMessageParam.role', 'msg': "Input \
should be 'developer'", 'input': 'user', 'ctx': {'expected': "'developer'"}}
  {'type': 'string_type', 'loc': 'body.messages.0.ChatCompletionDeveloperMessageParam.name', 'msg': 'Input \
should be a valid string', 'input': 'None'}"""
_TOOL_CALL = """2 validation errors:
  {'type': 'dict_type', 'loc': 'body.0.ChatCompletionMessageFunctionToolCallParam', 'msg': 'Input should be \
a valid dictionary', 'input': '5'}
  {'type': 'dict_type', 'loc': 'body.0.ChatCompletionMessageCustomToolCallParam', 'msg': 'Input should be \
a valid dictionary', 'input': '5'}"""
_STRING_PART = """4 validation errors for ValidatorIterator
0.ChatCompletionContentPartTextParam
  Input should be a valid dictionary [type=dict_type, input_value='a', input_type=str]
    For further information visit https://errors.pydantic.dev/2.14/v/dict_type
0.File
  Input should be a valid dictionary [type=dict_type, input_value='a', input_type=str]
    For further information visit https://errors.pydantic.dev/2.14/v/dict_type"""
_IMAGE = """1 validation error for ChatCompletionContentPartImageParam
image_url
  Input should be a valid dictionary [type=dict_type, input_value='data:', input_type=str]
    For further information visit https://errors.pydantic.dev/2.14/v/dict_type"""
_NO_NAME = """6 validation errors:
  {'type': 'missing', 'loc': 'body.response_format.json_schema.name', 'msg': 'Field required', 'input': '1'}
  {'type': 'literal_error', 'loc': 'body.response_format.type', 'msg': "Input should be 'structural_tag'", \
'input': 'json_schema', 'ctx': {'expected': "'structural_tag'"}}"""
_TWO_TYPES = """2 validation errors:
  {'type': 'string_type', 'loc': 'body.structured_outputs.json', 'msg': 'Input should be a valid string', \
'input': '<list of 0 items>'}
  {'type': 'dict_type', 'loc': 'body.structured_outputs.json', 'msg': 'Input should be a valid dictionary', \
'input': '<list of 0 items>'}"""
_FORM = "does not have a form that the engine accepts. Compare roles, content and tool calls."


@pytest.mark.parametrize(
    ("dump", "param", "message"),
    [
        (_NAME_IS_NULL, "messages[0]", f"'messages[0]' {_FORM}"),
        (_TOOL_CALL, "messages", f"'messages' {_FORM}"),
        (_STRING_PART, "messages", f"'messages' {_FORM}"),
        (_IMAGE, "messages", f"'messages' {_FORM}"),
        (
            _NO_NAME,
            "response_format.json_schema.name",
            "Missing required parameter: 'response_format.json_schema.name'.",
        ),
        (
            _TWO_TYPES,
            "structured_outputs.json",
            "'structured_outputs.json' must be a string or an object.",
        ),
        (
            _handled("string_type", "body.documents.0.Title", "Input should be a valid string"),
            "documents[0].Title",
            "'documents[0].Title' must be a string.",
        ),
        (
            _handled("value_error", "body.stop", "Value error, no"),
            "stop",
            "no.",
        ),
    ],
)
def test_a_list_of_type_errors_becomes_one_sentence_about_one_path(
    dump: str, param: str, message: str
) -> None:
    error = explained(
        dump,
        None,
        response_format={"type": "text"},
        structured_outputs={"json": {}},
        documents=[{"Title": "x"}],
        stop="x",
    )

    assert (error.status, error.param, error.message) == (400, param, message)
