"""Models that think before they answer: whether thoughts are shown, and how much is thought."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.endpoint import Endpoint
from tests.effects.registry import effect


def briefly(endpoint: Endpoint) -> dict[str, Any]:
    """Makes the random model on the second engine end its thoughts after a few tokens."""
    return {"logit_bias": {str(vocabulary.thinking_end()): 3}, endpoint.limit: 48}


@effect("reasoning_content", apis=(ApiKind.CHAT,))
def reasoning_content(endpoint: Endpoint) -> None:
    """The thoughts are a field of their own with it, and nowhere without it; the answer is the same."""
    thinker = endpoint.on_second_engine()
    constrained = {**briefly(endpoint), "guided_choice": ["yes", "no"]}

    shown = thinker.ask(**constrained, reasoning_content=True)
    message = shown.document["choices"][0]["message"]
    assert endpoint.greedy().text[:4] in message["reasoning_content"]
    assert message["content"] in ("yes", "no")
    assert "reasoning" not in message

    # OpenAI has no such parameter: its clients get what the engine has.
    unsaid: list[dict[str, Any]] = [{}] if "reasoning_content" in endpoint.documented else []
    for hidden in (*unsaid, {"reasoning_content": False}):
        message = thinker.ask(**constrained, **hidden).document["choices"][0]["message"]
        assert message["content"] == shown.text
        assert message.get("reasoning_content") is None
        assert "reasoning" not in message

    for wanted in (True, False):
        deltas = [
            choice["delta"]
            for event in thinker.events(**constrained, reasoning_content=wanted)
            for choice in event["choices"]
        ]
        thoughts = "".join(delta.get("reasoning_content") or "" for delta in deltas)
        assert thoughts == (shown.only.reasoning if wanted else "")
        assert "".join(delta.get("content") or "" for delta in deltas) == shown.text
        assert not any("reasoning" in delta for delta in deltas)


@effect("include_reasoning", apis=(ApiKind.CHAT,))
def include_reasoning(endpoint: Endpoint) -> None:
    """The thoughts are in the answer, and nowhere if it is false; the answer is the same."""
    thinker = endpoint.on_second_engine()
    constrained = {**briefly(endpoint), "guided_choice": ["yes", "no"]}

    shown = thinker.ask(**constrained, include_reasoning=True, reasoning_content=True)
    assert endpoint.greedy().text[:4] in (shown.only.reasoning or "")
    hidden = thinker.ask(**constrained, include_reasoning=False)
    assert hidden.only.reasoning is None
    assert hidden.text == shown.text


@effect("reasoning_effort", apis=(ApiKind.CHAT,))
@effect("reasoning", apis=(ApiKind.RESPONSES,))
def effort(endpoint: Endpoint) -> None:
    """The effort reaches the chat template: `none` ends the reasoning before it starts."""
    skipped = len(vocabulary.ids("<think>\n\n</think>\n\n"))

    def asked(word: str) -> int:
        chat = endpoint.api is ApiKind.CHAT
        parameter: dict[str, Any] = {"reasoning_effort": word} if chat else {"reasoning": {"effort": word}}
        return endpoint.ask(**parameter).prompt_tokens

    if endpoint.api is ApiKind.RESPONSES:
        thinker = endpoint.on_second_engine()
        answer = thinker.ask(**briefly(endpoint), guided_choice=["yes", "no"])
        assert endpoint.greedy().text[:4] in (answer.only.reasoning or "")
        assert answer.text in ("yes", "no")
    assert asked("none") == endpoint.greedy().prompt_tokens + skipped
    assert asked("low") == endpoint.greedy().prompt_tokens
