"""How the model's turn is opened: a new one, or the last message continued. Chat only."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.checks.prompting import OPENING
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect

BEGUN = "The quick brown"
OPEN: dict[str, Any] = {
    "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": BEGUN}]
}
CHAT = (ApiKind.CHAT,)


@effect("add_generation_prompt", apis=CHAT)
def add_generation_prompt(endpoint: Endpoint) -> None:
    """Without it the prompt ends after the last message."""
    opened, unopened = endpoint.ask(add_generation_prompt=True), endpoint.ask(add_generation_prompt=False)

    assert opened.text == endpoint.greedy().text
    assert opened.prompt_tokens - unopened.prompt_tokens == OPENING
    assert unopened.text != opened.text


@effect("continue_final_message", apis=CHAT)
def continue_final_message(endpoint: Endpoint) -> None:
    """The last message is left open and goes on; no turn is opened."""
    closed, continued = endpoint.ask(**OPEN), endpoint.ask(**OPEN, continue_final_message=True)

    end = len(vocabulary.ids("<|im_end|>\n"))
    assert closed.prompt_tokens - continued.prompt_tokens == end + OPENING
    assert continued.text != closed.text
    assert (
        endpoint.ask(**OPEN, continue_final_message=True, add_generation_prompt=False).text == continued.text
    )
    refusal = endpoint.refused(**OPEN, continue_final_message=True, add_generation_prompt=True)
    assert refusal.param in ("continue_final_message", "add_generation_prompt")


@effect("echo", apis=CHAT)
def echo(endpoint: Endpoint) -> None:
    """The last message stands before the answer if both are the assistant's."""
    continued = endpoint.ask(**OPEN, continue_final_message=True)

    echoed = endpoint.ask(**OPEN, continue_final_message=True, echo=True)

    assert echoed.text == BEGUN + continued.text
    assert endpoint.ask(echo=True).text == endpoint.greedy().text
    streamed = endpoint.events(**OPEN, continue_final_message=True, echo=True)
    deltas = [choice["delta"].get("content") or "" for event in streamed for choice in event["choices"]]
    assert "".join(deltas) == echoed.text


@effect("add_special_tokens", apis=CHAT)
def add_special_tokens(endpoint: Endpoint) -> None:
    """The tokenizer's token that begins a text is put before the prompt."""
    plain, begun = endpoint.ask(add_special_tokens=False), endpoint.ask(add_special_tokens=True)

    assert plain.text == endpoint.greedy().text
    assert begun.prompt_tokens == plain.prompt_tokens + 1
    assert begun.text != plain.text
