"""Whatever chat completions accept as a conversation, the Responses API accepts too, as the same messages."""

from __future__ import annotations

import json

import pytest

from fairlead_gateway.contract.policy import EngineFacts, make_policy
from fairlead_gateway.contract.request import prepare_chat
from tests.responses.asking import chat
from tests.responses.conversations import HI, ONLY_CHAT, PAIRS, Message, turn

# Media from one host, and as many as a test needs.
POLICY = make_policy(("tiny",), engine=EngineFacts(1024, media_domains=("images.example",)))


def by_chat(messages: list[Message]) -> list[Message]:
    """The messages that the engine gets for a chat request."""
    body = json.dumps({"model": "tiny", "messages": messages}).encode()
    found: list[Message] = json.loads(prepare_chat(body, POLICY).body)["messages"]
    return found


def by_responses(items: list[Message]) -> list[Message]:
    """The messages that the engine gets for a Responses request."""
    found: list[Message] = chat(POLICY, input=items)["messages"]
    return found


def without_nothing(messages: list[Message]) -> list[Message]:
    """The messages without what means the same as its absence, and under the names of today."""
    names = {"reasoning_content": "reasoning"}
    return [
        {names.get(name, name): value for name, value in message.items() if value is not None and value != []}
        for message in messages
    ]


@pytest.mark.parametrize("kind", PAIRS)
def test_items_become_the_messages_of_the_same_conversation(kind: str) -> None:
    conversation, items = PAIRS[kind]

    assert without_nothing(by_responses(items)) == without_nothing(by_chat(conversation))


@pytest.mark.parametrize("kind", [*PAIRS, *ONLY_CHAT])
def test_the_messages_of_a_chat_are_accepted_as_items(kind: str) -> None:
    conversation = PAIRS[kind][0] if kind in PAIRS else ONLY_CHAT[kind]

    assert without_nothing(by_responses(conversation)) == without_nothing(by_chat(conversation))


def test_the_last_message_can_be_continued() -> None:
    asked = chat(POLICY, input=[HI, turn("Sure,")], continue_final_message=True)

    assert (asked["messages"][-1], asked["continue_final_message"]) == (turn("Sure,"), True)
