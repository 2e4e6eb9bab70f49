"""Parameters of the other API: refused with the right name where leaving them out would change the answer."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.parameters import MISPLACED, PARAMETERS, ApiKind
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import make_policy
from fairlead_gateway.contract.request import examine

POLICY = make_policy(("tiny",))
OTHER = {ApiKind.CHAT: ApiKind.RESPONSES, ApiKind.RESPONSES: ApiKind.CHAT}
LOGPROBS = ["message.output_text.logprobs"]
FORM = {"type": "json_schema", "name": "n", "schema": {}}


@pytest.mark.parametrize("api", ApiKind)
def test_every_parameter_of_only_the_other_api_is_in_the_misplaced_table(api: ApiKind) -> None:
    own, other = PARAMETERS[api].keys(), PARAMETERS[OTHER[api]].keys()

    assert MISPLACED[api].keys() == other - own


@pytest.mark.parametrize(
    ("api", "name", "value", "remedy"),
    [
        (ApiKind.RESPONSES, "messages", [], "'input'"),
        (ApiKind.RESPONSES, "max_completion_tokens", 5, "'max_output_tokens'"),
        (ApiKind.RESPONSES, "response_format", {"type": "json_object"}, "'text.format'"),
        (ApiKind.RESPONSES, "response_format", "json", "'text.format'"),
        (ApiKind.RESPONSES, "reasoning_effort", "low", "'reasoning.effort'"),
        (ApiKind.RESPONSES, "logprobs", True, "'include'"),
        (ApiKind.RESPONSES, "best_of", 2, "one answer"),
        (ApiKind.RESPONSES, "echo", True, "Use chat completions"),
        (ApiKind.RESPONSES, "functions", [], "'tools'"),
        (ApiKind.RESPONSES, "function_call", "auto", "'tool_choice'"),
        (ApiKind.RESPONSES, "modalities", ["text", "audio"], "text only"),
        (ApiKind.RESPONSES, "audio", {}, "text only"),
        (ApiKind.RESPONSES, "web_search_options", {}, "'tools'"),
        (ApiKind.CHAT, "input", "hi", "'messages'"),
        (ApiKind.CHAT, "instructions", "a", "'system'"),
        (ApiKind.CHAT, "max_output_tokens", 5, "'max_completion_tokens'"),
        (ApiKind.CHAT, "text", {"format": FORM}, "'response_format'"),
        (ApiKind.CHAT, "include", LOGPROBS, "'logprobs'"),
        (ApiKind.CHAT, "truncation", "auto", "'truncate_prompt_tokens'"),
        (ApiKind.CHAT, "background", True, "false"),
        (ApiKind.CHAT, "previous_response_id", "resp_1", "'messages'"),
        (ApiKind.CHAT, "conversation", "conv_1", "'messages'"),
        (ApiKind.CHAT, "prompt", {"id": "p"}, "'messages'"),
    ],
)
def test_a_misplaced_parameter_is_refused_with_its_replacement(
    api: ApiKind, name: str, value: Any, remedy: str
) -> None:
    with pytest.raises(ApiError) as caught:
        examine({name: value}, POLICY, api)
    error = caught.value

    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", name)
    assert remedy in error.message


@pytest.mark.parametrize(
    ("api", "name", "value"),
    [
        (ApiKind.RESPONSES, "response_format", {}),
        (ApiKind.RESPONSES, "response_format", {"type": "text"}),
        (ApiKind.RESPONSES, "logprobs", False),
        (ApiKind.RESPONSES, "best_of", 1),
        (ApiKind.RESPONSES, "echo", False),
        (ApiKind.RESPONSES, "modalities", ["text"]),
        (ApiKind.RESPONSES, "verbosity", "low"),
        (ApiKind.RESPONSES, "prediction", {}),
        (ApiKind.CHAT, "instructions", ""),
        (ApiKind.CHAT, "text", {"format": {"type": "text"}}),
        (ApiKind.CHAT, "text", {"verbosity": "low"}),
        (ApiKind.CHAT, "reasoning", {"summary": "auto"}),
        (ApiKind.CHAT, "reasoning", {"effort": None}),
        (ApiKind.CHAT, "include", []),
        (ApiKind.CHAT, "include", ["reasoning.encrypted_content"]),
        (ApiKind.CHAT, "truncation", "disabled"),
        (ApiKind.CHAT, "background", False),
        (ApiKind.CHAT, "max_tool_calls", 3),
        (ApiKind.CHAT, "prompt", "text of the completions API"),
    ],
)
def test_a_misplaced_parameter_without_effect_is_ignored_and_named(
    api: ApiKind, name: str, value: Any
) -> None:
    assert examine({name: value}, POLICY, api) == ({}, (name,))


@pytest.mark.parametrize("api", ApiKind)
def test_a_null_misplaced_parameter_is_treated_as_absent(api: ApiKind) -> None:
    assert examine(dict.fromkeys(MISPLACED[api]), POLICY, api) == ({}, ())
