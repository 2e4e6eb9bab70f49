"""Chat completions through the gateway, with the official client and a real vLLM."""

from __future__ import annotations

import json

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from tests.gateway.process import Gateway
from tests.support.manifests import CONTEXT_TOKENS, SERVED_NAMES

pytestmark = pytest.mark.engine

HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "hello"}]
TOO_LONG: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "zq " * CONTEXT_TOKENS}]
SCHEMA = {
    "type": "object",
    "properties": {"a": {"enum": ["x", "y"]}},
    "required": ["a"],
    "additionalProperties": False,
}


def test_a_plain_completion_reports_finish_reason_and_usage(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=5)

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5


def test_a_streamed_answer_equals_the_plain_answer(client: OpenAI) -> None:
    plain = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=20, temperature=0)
    stream = client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=20, temperature=0, stream=True
    )
    chunks = list(stream)

    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == plain.choices[0].message.content
    )
    assert chunks[-1].choices[0].finish_reason == "length"


def test_the_stream_helper_collects_the_answer(client: OpenAI) -> None:
    # Token 2 is the model's end of turn: the only one allowed.
    with client.chat.completions.stream(
        model="tiny", messages=HELLO, extra_body={"allowed_token_ids": [2]}
    ) as stream:
        answer = stream.get_final_completion()

    assert answer.choices[0].finish_reason == "stop"


def test_a_json_schema_constrains_the_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny",
        messages=HELLO,
        max_tokens=60,
        temperature=0,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
        },
    )

    assert json.loads(answer.choices[0].message.content or "")["a"] in ("x", "y")


def test_sampling_parameters_of_vllm_reach_the_engine(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=4, logprobs=True, extra_body={"allowed_token_ids": [300]}
    )
    logprobs = answer.choices[0].logprobs

    assert logprobs is not None
    assert len({token.token for token in logprobs.content or []}) == 1


def test_an_alias_is_answered_under_the_served_name(client: OpenAI) -> None:
    assert client.chat.completions.create(model="small", messages=HELLO, max_tokens=1).model == "tiny"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.chat.completions.create(model="other", messages=HELLO)

    assert caught.value.code == "model_not_found"
    assert caught.value.request_id


@pytest.mark.parametrize("stream", [False, True])
def test_an_over_long_prompt_is_refused_before_anything_is_streamed(client: OpenAI, stream: bool) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model="tiny", messages=TOO_LONG, stream=stream)

    assert caught.value.code == "context_length_exceeded"


def test_a_late_refusal_of_the_engine_is_a_400_for_a_streaming_request(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model="tiny", messages=HELLO, logit_bias={"999999": 1}, stream=True)

    assert caught.value.param == "logit_bias"


def test_the_models_are_listed_and_found_by_name(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [*SERVED_NAMES]
    assert client.models.retrieve("small").id == "small"


def test_metrics_hold_the_gateways_and_the_engines(client: OpenAI, gateway: Gateway) -> None:
    client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=1)
    metrics = gateway.admin("/metrics")[1].decode()

    labels = 'endpoint="chat",key="",model="tiny",namespace="default",status="200"'
    assert f"fairlead_gateway_requests_total{{{labels}}}" in metrics
    assert "vllm:num_requests_running{" in metrics
    assert 'fairlead_engine_info{model="tiny",namespace="default",version="' in metrics
