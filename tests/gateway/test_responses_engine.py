"""The Responses API through the gateway, with the official client and a real vLLM."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from openai import BadRequestError, OpenAI
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall
from pydantic import BaseModel

from tests.support.engine import CONTEXT_TOKENS, Engine

pytestmark = pytest.mark.engine

TOOL: FunctionToolParam = {
    "type": "function",
    "name": "pick",
    "parameters": {
        "type": "object",
        "properties": {"color": {"enum": ["red", "blue"]}},
        "required": ["color"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Pick(BaseModel):
    """What a structured answer must look like."""

    color: Literal["red", "blue"]


def whitespace_tokens(engine: Engine) -> list[str]:
    """The ids of the tokens that are nothing but whitespace, in the tokenizer's byte alphabet."""
    vocabulary = json.loads((engine.model_dir / "tokenizer.json").read_text())["model"]["vocab"]
    return [
        str(number) for token, number in vocabulary.items() if set(token) <= set("\u0120\u010a\u0109\u010d")
    ]


def test_a_plain_response_that_reaches_its_limit_is_incomplete(client: OpenAI) -> None:
    response = client.responses.create(model="tiny", input="hello", max_output_tokens=5)

    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text
    assert response.usage is not None
    assert response.usage.output_tokens == 5


def test_a_response_that_stops_by_itself_is_completed(client: OpenAI) -> None:
    # Token 2 is the model's end of turn: the only one allowed.
    response = client.responses.create(model="tiny", input="hello", extra_body={"allowed_token_ids": [2]})

    assert response.status == "completed"
    assert response.completed_at is not None


def test_a_streamed_response_is_the_plain_one_in_pieces(client: OpenAI) -> None:
    plain = client.responses.create(model="tiny", input="hello", max_output_tokens=20, temperature=0)
    events = list(
        client.responses.create(model="tiny", input="hello", max_output_tokens=20, temperature=0, stream=True)
    )
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")

    assert text == plain.output_text
    assert events[-1].type == "response.incomplete"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_stream_helper_collects_the_response(client: OpenAI) -> None:
    with client.responses.stream(
        model="tiny", input="hello", extra_body={"allowed_token_ids": [2]}
    ) as stream:
        assert stream.get_final_response().status == "completed"


def test_a_parsed_response_has_the_asked_shape(client: OpenAI) -> None:
    response = client.responses.parse(
        model="tiny", input="hello", text_format=Pick, max_output_tokens=200, temperature=0
    )

    assert response.output_parsed is not None
    assert response.output_parsed.color in ("red", "blue")


def test_a_required_function_is_called(client: OpenAI, engine: Engine) -> None:
    response = client.responses.create(
        model="tiny",
        input="hello",
        tools=[TOOL],
        tool_choice={"type": "function", "name": "pick"},
        max_output_tokens=100,
        temperature=0,
        # The schema leaves room for whitespace, which a random model would fill to the end.
        extra_body={"logit_bias": dict.fromkeys(whitespace_tokens(engine), -100)},
    )
    call = response.output[0]

    assert isinstance(call, ResponseFunctionToolCall)
    assert json.loads(call.arguments)["color"] in ("red", "blue")


def test_a_call_and_its_result_go_on_as_conversation(client: OpenAI) -> None:
    response = client.responses.create(
        model="tiny",
        instructions="be kind",
        input=[
            {"role": "user", "content": "hello"},
            {"type": "function_call", "call_id": "c", "name": "pick", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "red"},
        ],
        max_output_tokens=3,
    )

    assert response.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_an_over_long_input_is_refused_before_anything_is_streamed(client: OpenAI, stream: bool) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="tiny", input="zq " * CONTEXT_TOKENS, stream=stream)

    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "input")
