"""The Responses API through the gateway, with the official client and a real vLLM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from openai import BadRequestError, OpenAI
from openai.types.responses import (
    Response,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic import BaseModel

from tests.effects import vocabulary
from tests.support.engine import Engine
from tests.support.manifests import CONTEXT_TOKENS

pytestmark = pytest.mark.engine

LOGPROBS: list[Any] = ["message.output_text.logprobs"]
OVER_LONG = "zq " * CONTEXT_TOKENS
# The model's end of turn as the only token allowed: an answer that ends by itself.
ENDING: dict[str, Any] = {"allowed_token_ids": [vocabulary.TURN_END_ID]}


class Pick(BaseModel):
    """What a structured answer must look like."""

    color: Literal["red", "blue"]


@pytest.fixture(scope="session")
def thinking_client(second_engine: Engine) -> Iterator[OpenAI]:
    """The official client of a gateway in front of an engine with a reasoning parser."""
    with second_engine.gateway.openai() as connected:
        yield connected


def only_part(response: Response) -> ResponseOutputText:
    (item,) = response.output
    assert isinstance(item, ResponseOutputMessage)
    (part,) = item.content
    assert isinstance(part, ResponseOutputText)
    return part


def input_tokens(response: Response) -> int:
    assert response.usage is not None
    return response.usage.input_tokens


def test_a_plain_response_that_reaches_its_limit_is_incomplete(client: OpenAI) -> None:
    response = client.responses.create(model="tiny", input="hello", max_output_tokens=5)

    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text
    assert response.usage is not None
    assert response.usage.output_tokens == 5


def test_a_response_that_stops_by_itself_is_completed(client: OpenAI) -> None:
    response = client.responses.create(model="tiny", input="hello", extra_body=ENDING)

    assert response.status == "completed"
    assert response.completed_at is not None


def test_a_streamed_response_equals_the_plain_response(client: OpenAI) -> None:
    plain = client.responses.create(model="tiny", input="hello", max_output_tokens=40, temperature=0)
    events = list(
        client.responses.create(model="tiny", input="hello", max_output_tokens=40, temperature=0, stream=True)
    )
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")

    assert text == plain.output_text
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.usage == plain.usage
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_stream_helper_collects_the_response(client: OpenAI) -> None:
    with client.responses.stream(model="tiny", input="hello", extra_body=ENDING) as stream:
        assert stream.get_final_response().status == "completed"


def test_instructions_are_placed_before_the_input(client: OpenAI) -> None:
    alone = client.responses.create(model="tiny", input="hello", extra_body=ENDING)
    message = client.responses.create(
        model="tiny",
        input=[{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hello"}],
        extra_body=ENDING,
    )
    instructed = client.responses.create(
        model="tiny", instructions="be kind", input="hello", extra_body=ENDING
    )

    assert input_tokens(alone) < input_tokens(instructed) == input_tokens(message)


def test_a_repeated_input_is_read_from_the_prefix_cache(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "tiny", "input": "once upon a time " * 20, "extra_body": ENDING}
    client.responses.create(**request)
    usage = client.responses.create(**request).usage

    assert usage is not None
    assert 0 < usage.input_tokens_details.cached_tokens < usage.input_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_every_token_of_the_text_has_its_log_probability(client: OpenAI, stream: bool) -> None:
    # Long enough for tokens that are only a part of a character: the model's bytes are random.
    request: dict[str, Any] = {"model": "tiny", "input": "hello", "max_output_tokens": 60, "temperature": 0}
    request |= {"include": LOGPROBS, "top_logprobs": 2}
    if stream:
        events = list(client.responses.create(**request, stream=True))
        response = events[-1].response
        deltas = [event for event in events if event.type == "response.output_text.delta"]
        assert all(delta.logprobs for delta in deltas)
    else:
        response = client.responses.create(**request)
    logprobs = only_part(response).logprobs

    assert logprobs is not None
    assert [len(entry.top_logprobs) for entry in logprobs] == [2] * 60


def test_a_parsed_response_has_the_requested_shape(client: OpenAI) -> None:
    response = client.responses.parse(
        model="tiny", input="hello", text_format=Pick, max_output_tokens=200, temperature=0
    )

    assert response.output_parsed is not None
    assert response.output_parsed.color in ("red", "blue")


def test_a_streamed_parsed_response_has_the_requested_shape(client: OpenAI) -> None:
    with client.responses.stream(
        model="tiny", input="hello", text_format=Pick, max_output_tokens=200, temperature=0
    ) as stream:
        parsed = stream.get_final_response().output_parsed

    assert parsed is not None
    assert parsed.color in ("red", "blue")


def test_the_output_can_be_sent_back_as_input(client: OpenAI) -> None:
    first = client.responses.create(model="tiny", input="hello", max_output_tokens=5)
    history: list[Any] = [{"role": "user", "content": "hello"}, *first.output]
    second = client.responses.create(
        model="tiny", input=[*history, {"role": "user", "content": "go on"}], extra_body=ENDING
    )

    assert input_tokens(second) > input_tokens(first) + 5


def test_beam_search_finds_a_likelier_answer_than_greedy_decoding(client: OpenAI) -> None:
    request: dict[str, Any] = {"model": "tiny", "input": "hello", "max_output_tokens": 8}
    greedy = client.responses.create(**request, temperature=0)
    searched = [client.responses.create(**request, extra_body={"use_beam_search": True}) for _ in range(2)]

    assert searched[0].output_text == searched[1].output_text != greedy.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_an_over_long_input_is_refused_before_anything_is_streamed(client: OpenAI, stream: bool) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="tiny", input=OVER_LONG, stream=stream)

    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "input")


@pytest.mark.parametrize("limit", [None, 9])
def test_an_over_long_input_is_truncated_on_request(client: OpenAI, limit: int | None) -> None:
    response = client.responses.create(
        model="tiny", input=OVER_LONG, truncation="auto", max_output_tokens=limit
    )

    assert response.usage is not None
    assert response.usage.output_tokens >= 9
    assert response.usage.total_tokens <= CONTEXT_TOKENS


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_only_the_engine_refuses_is_refused_before_the_stream(
    client: OpenAI, stream: bool
) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(
            model="tiny", input="hello", stream=stream, extra_body={"stop_token_ids": [10**6]}
        )

    assert "stop_token_ids" in caught.value.message


def test_an_image_is_refused_by_a_text_only_model(client: OpenAI) -> None:
    image: Any = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}

    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="tiny", input=[{"role": "user", "content": [image]}])
    assert "multimodal" in caught.value.message


def thinking() -> dict[str, Any]:
    # Words until the token that ends the thinking comes up, then more of both.
    (word,) = vocabulary.ids(" red")
    return {
        "model": "tiny",
        "input": "hello",
        "max_output_tokens": 30,
        "temperature": 1,
        "extra_body": {"allowed_token_ids": [word, vocabulary.thinking_end()], "seed": 1},
    }


def test_reasoning_is_a_separate_output_item(thinking_client: OpenAI) -> None:
    response = thinking_client.responses.create(**thinking())
    reasoning, message = response.output

    assert reasoning.type == "reasoning"
    assert reasoning.content is not None
    assert set(reasoning.content[0].text.split()) == {"red"}
    assert message.type == "message"
    assert response.usage is not None
    assert response.output_text


def test_streamed_reasoning_equals_the_unstreamed_reasoning(thinking_client: OpenAI) -> None:
    whole = thinking_client.responses.create(**thinking())
    events = list(thinking_client.responses.create(**thinking(), stream=True))
    pieces = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    reasoning = whole.output[0]

    assert reasoning.type == "reasoning"
    assert reasoning.content is not None
    assert "".join(pieces) == reasoning.content[0].text
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.output_text == whole.output_text


def test_log_probabilities_cover_the_text_and_not_the_reasoning(thinking_client: OpenAI) -> None:
    response = thinking_client.responses.create(**thinking(), include=LOGPROBS)
    part = response.output[1].content[0]

    assert part.type == "output_text"
    assert part.logprobs is not None
    assert "".join(entry.token for entry in part.logprobs) == part.text


def test_a_model_with_reasoning_turned_off_does_not_reason(thinking_client: OpenAI) -> None:
    request = thinking()
    thoughtful = thinking_client.responses.create(**request)
    quick = thinking_client.responses.create(**request, reasoning={"effort": "none"})

    assert [item.type for item in quick.output] == ["message"]
    assert input_tokens(quick) > input_tokens(thoughtful)
