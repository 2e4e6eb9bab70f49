"""Conversations through the gateway and a real vLLM: both APIs accept them and make the same prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from tests.responses.conversations import HI, ONLY_CHAT, PAIRS, call_item, called, result, result_item, turn
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

# The tiny model takes text only.
MEDIA = {"image", "remote image", "sound", "film", "image as a result", "image without a type"}
# As several families of models have them: one system message, at the beginning.
STRICT_TEMPLATE = """\
{%- for message in messages -%}
{%- if message.role == 'system' and not loop.first -%}
{{ raise_exception('System message must be at the beginning.') }}
{%- endif -%}
{{ message.role }}: {{ message.content }}
{% endfor -%}"""
# What a model says when it is cut off in the middle of a call.
BROKEN = '{"city": "Par'


@pytest.fixture(scope="module")
def trusting_client(engine: Engine) -> Iterator[OpenAI]:
    """The official client of a gateway that accepts chat templates."""
    with (
        engine.another_gateway({"engine": {"requestChatTemplates": "Allow"}}) as gateway,
        gateway.openai() as connected,
    ):
        yield connected


def chat_tokens(client: OpenAI, messages: list[Any], **more: Any) -> int:
    """Tokens of the prompt that chat completions make of the messages."""
    answer = client.chat.completions.create(model="tiny", messages=messages, max_tokens=1, **more)
    assert answer.usage is not None
    return int(answer.usage.prompt_tokens)


def response_tokens(client: OpenAI, items: list[Any], **more: Any) -> int:
    """Tokens of the prompt that the Responses API makes of the items."""
    response = client.responses.create(model="tiny", input=items, max_output_tokens=1, **more)
    assert response.usage is not None
    return int(response.usage.input_tokens)


@pytest.mark.parametrize("kind", [kind for kind in PAIRS if kind not in MEDIA])
def test_items_make_the_same_prompt_as_the_messages(client: OpenAI, kind: str) -> None:
    conversation, items = PAIRS[kind]

    assert response_tokens(client, items) == chat_tokens(client, conversation)


@pytest.mark.parametrize("kind", [kind for kind in ONLY_CHAT if kind not in MEDIA])
def test_messages_make_the_same_prompt_as_items(client: OpenAI, kind: str) -> None:
    conversation = ONLY_CHAT[kind]

    assert response_tokens(client, conversation) == chat_tokens(client, conversation)


def test_a_refusal_makes_the_same_prompt_in_both_apis(client: OpenAI) -> None:
    conversation = [HI, turn([{"type": "refusal", "refusal": "no"}]), HI]

    assert response_tokens(client, conversation) == chat_tokens(client, conversation)


def test_the_model_sees_the_broken_arguments_of_a_call(client: OpenAI) -> None:
    items = [HI, call_item("1", BROKEN), result_item("1", "not JSON")]
    empty = [HI, call_item("1", "{}"), result_item("1", "not JSON")]

    assert response_tokens(client, items) > response_tokens(client, empty) + len("Par")


def test_the_model_sees_broken_call_arguments_in_chat_completions_too(client: OpenAI) -> None:
    def asked(arguments: str) -> int:
        conversation = [HI, turn(tool_calls=called("1", arguments=arguments)), result("1", "not JSON")]
        return chat_tokens(client, conversation)

    assert asked(BROKEN) > asked("{}") + len("Par")


def test_deeply_nested_call_arguments_are_a_too_long_prompt_and_not_an_engine_error(client: OpenAI) -> None:
    deep = '{"a":' * 2000 + "1" + "}" * 2000

    with pytest.raises(BadRequestError) as caught:
        chat_tokens(client, [HI, turn(tool_calls=called("1", arguments=deep)), result("1", "r")])
    assert caught.value.code == "context_length_exceeded"


def test_several_system_messages_become_one_for_a_template_that_allows_one(trusting_client: OpenAI) -> None:
    template = {"chat_template": STRICT_TEMPLATE}
    later = [HI, {"role": "developer", "content": "be brief"}, HI]
    first = [{"role": "system", "content": "be kind\n\nbe brief"}, HI, HI]
    asked = response_tokens(trusting_client, later, instructions="be kind", extra_body=template)

    assert asked == chat_tokens(trusting_client, first, extra_body=template)
