"""Parameters of the other API: refused with the right name where leaving them out would change the answer."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.parameters import PARAMETERS, Api
from fairlead_gateway.contract.parameters.misplaced import MISPLACED
from fairlead_gateway.contract.policy import make_policy
from fairlead_gateway.contract.request import examine

POLICY = make_policy(("tiny",))
OTHER = {Api.CHAT: Api.RESPONSES, Api.RESPONSES: Api.CHAT}
# Hints: an answer without them is still an answer to the request.
WITHOUT_EFFECT = {"prediction", "verbosity", "max_tool_calls", "reasoning"}
LOGPROBS = ["message.output_text.logprobs"]
FORM = {"type": "json_schema", "name": "n", "schema": {}}


@pytest.mark.parametrize("api", Api)
def test_every_parameter_that_only_the_other_api_has_is_one_of_them(api: Api) -> None:
    own, other = PARAMETERS[api].keys(), PARAMETERS[OTHER[api]].keys()

    assert MISPLACED[api].keys() == other - own - WITHOUT_EFFECT


@pytest.mark.parametrize(
    ("api", "name", "value", "remedy"),
    [
        (Api.RESPONSES, "messages", [], "'input'"),
        (Api.RESPONSES, "max_completion_tokens", 5, "'max_output_tokens'"),
        (Api.RESPONSES, "response_format", {"type": "json_object"}, "'text.format'"),
        (Api.RESPONSES, "response_format", "json", "'text.format'"),
        (Api.RESPONSES, "reasoning_effort", "low", "'reasoning.effort'"),
        (Api.RESPONSES, "logprobs", True, "'include'"),
        (Api.RESPONSES, "best_of", 2, "one answer"),
        (Api.RESPONSES, "echo", True, "Use chat completions"),
        (Api.RESPONSES, "functions", [], "'tools'"),
        (Api.RESPONSES, "function_call", "auto", "'tool_choice'"),
        (Api.RESPONSES, "modalities", ["text", "audio"], "text only"),
        (Api.RESPONSES, "audio", {}, "text only"),
        (Api.RESPONSES, "web_search_options", {}, "'tools'"),
        (Api.CHAT, "input", "hi", "'messages'"),
        (Api.CHAT, "instructions", "a", "'system'"),
        (Api.CHAT, "max_output_tokens", 5, "'max_completion_tokens'"),
        (Api.CHAT, "text", {"format": FORM}, "'response_format'"),
        (Api.CHAT, "include", LOGPROBS, "'logprobs'"),
        (Api.CHAT, "truncation", "auto", "'truncate_prompt_tokens'"),
        (Api.CHAT, "background", True, "false"),
        (Api.CHAT, "previous_response_id", "resp_1", "'messages'"),
        (Api.CHAT, "conversation", "conv_1", "'messages'"),
        (Api.CHAT, "prompt", {"id": "p"}, "'messages'"),
    ],
)
def test_it_is_refused_with_what_to_send_instead(api: Api, name: str, value: Any, remedy: str) -> None:
    with pytest.raises(ApiError) as caught:
        examine({name: value}, POLICY, api)
    error = caught.value

    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", name)
    assert remedy in error.message


@pytest.mark.parametrize(
    ("api", "name", "value"),
    [
        (Api.RESPONSES, "response_format", {}),
        (Api.RESPONSES, "response_format", {"type": "text"}),
        (Api.RESPONSES, "logprobs", False),
        (Api.RESPONSES, "best_of", 1),
        (Api.RESPONSES, "echo", False),
        (Api.RESPONSES, "modalities", ["text"]),
        (Api.RESPONSES, "verbosity", "low"),
        (Api.RESPONSES, "prediction", {}),
        (Api.CHAT, "instructions", ""),
        (Api.CHAT, "text", {"format": {"type": "text"}}),
        (Api.CHAT, "text", {"verbosity": "low"}),
        (Api.CHAT, "reasoning", {"summary": "auto"}),
        (Api.CHAT, "reasoning", {"effort": None}),
        (Api.CHAT, "include", []),
        (Api.CHAT, "include", ["reasoning.encrypted_content"]),
        (Api.CHAT, "truncation", "disabled"),
        (Api.CHAT, "background", False),
        (Api.CHAT, "max_tool_calls", 3),
        (Api.CHAT, "prompt", "text of the completions API"),
    ],
)
def test_a_value_that_asks_for_nothing_is_left_out_and_named(api: Api, name: str, value: Any) -> None:
    assert examine({name: value}, POLICY, api) == ({}, (name,))


@pytest.mark.parametrize("api", Api)
def test_null_is_absent(api: Api) -> None:
    assert examine(dict.fromkeys(MISPLACED[api]), POLICY, api) == ({}, ())
