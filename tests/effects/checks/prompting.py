"""What the engine reads: the conversation and the model's name."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.answers import read_answer, read_refusal
from tests.effects.endpoint import MODEL, PROMPT, Endpoint
from tests.effects.registry import effect

# One white pixel.
IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEANl9ngAAAAABJRU5E"
    "rkJggg=="
)


def turn(role: str, text: str) -> int:
    """How many tokens the model's chat template makes of a message."""
    return len(vocabulary.ids(f"<|im_start|>{role}\n{text}<|im_end|>\n"))


OPENING = len(vocabulary.ids("<|im_start|>assistant\n"))


@effect("model")
def model(endpoint: Endpoint) -> None:
    """Served names answer under the first of them, others are not found; some dialects need none."""
    assert endpoint.ask(model="small").document["model"] == MODEL
    unknown = read_refusal(endpoint.send(endpoint.body(model="other")))
    assert (unknown.status, unknown.code, unknown.param) == (404, "model_not_found", "model")
    unnamed = endpoint.send(endpoint.body(model=None))
    if endpoint.dialect.model_optional:
        assert read_answer(endpoint.api, unnamed).document["model"] == MODEL
        assert endpoint.ask(model="").document["model"] == MODEL
    else:
        assert read_refusal(unnamed).param == "model"


def _required(endpoint: Endpoint, name: str) -> None:
    refusal = endpoint.refused(**{name: None})
    assert (refusal.param, refusal.code) == (name, "missing_required_parameter")


@effect("messages", apis=(ApiKind.CHAT,))
def messages(endpoint: Endpoint) -> None:
    """Every message of every role is read, in its order."""
    talk: list[dict[str, Any]] = [
        {"role": "system", "content": "You are a model."},
        {"role": "user", "content": "Which city?"},
        {"role": "assistant", "content": "Rome."},
        {"role": "user", "content": [{"type": "text", "text": "And the temperature?"}]},
    ]
    earlier = [turn("system", "You are a model."), turn("user", "Which city?"), turn("assistant", "Rome.")]
    last = turn("user", "And the temperature?")

    answer = endpoint.ask(messages=talk)

    assert answer.prompt_tokens == sum(earlier) + last + OPENING
    swapped = endpoint.ask(messages=[talk[0], talk[3], talk[2], talk[1]])
    assert swapped.text != answer.text
    _required(endpoint, "messages")
    assert endpoint.refused(messages=[]).param == "messages"
    picture = {"type": "image_url", "image_url": {"url": IMAGE}}
    refusal = endpoint.refused(messages=[{"role": "user", "content": [picture]}])
    assert "not a multimodal model" in refusal.message


@effect("input", apis=(ApiKind.RESPONSES,))
def input_(endpoint: Endpoint) -> None:
    """A string is one user message; items are read in their order, with or without a type."""
    plain = endpoint.ask()
    assert plain.prompt_tokens == turn("user", PROMPT) + OPENING
    item: dict[str, Any] = {"role": "user", "content": PROMPT}
    typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}
    assert {endpoint.ask(input=[item]).text, endpoint.ask(input=[typed]).text} == {plain.text}

    talk = [{"role": "user", "content": "Which city?"}, {"role": "assistant", "content": "Rome."}, item]
    earlier = turn("user", "Which city?") + turn("assistant", "Rome.")
    assert endpoint.ask(input=talk).prompt_tokens == earlier + plain.prompt_tokens
    _required(endpoint, "input")
    picture = {"type": "input_image", "image_url": IMAGE}
    refusal = endpoint.refused(input=[{"role": "user", "content": [picture]}])
    assert "not a multimodal model" in refusal.message


@effect("instructions", apis=(ApiKind.RESPONSES,))
def instructions(endpoint: Endpoint) -> None:
    """Read as a system message before the input, and repeated in the answer."""
    answer = endpoint.ask(instructions="Be short.")

    assert answer.prompt_tokens == turn("system", "Be short.") + turn("user", PROMPT) + OPENING
    assert answer.document["instructions"] == "Be short."
    same = endpoint.ask(
        input=[{"role": "system", "content": "Be short."}, {"role": "user", "content": PROMPT}]
    )
    assert answer.text == same.text


@effect("truncate_prompt_tokens")
def truncate_prompt_tokens(endpoint: Endpoint) -> None:
    """Only the end of the prompt is read."""
    long, longer = "one two three four five", "six seven one two three four five"
    cut = OPENING + 4

    answer = endpoint.ask(long, truncate_prompt_tokens=cut)

    assert answer.prompt_tokens == cut
    assert answer.text == endpoint.ask(longer, truncate_prompt_tokens=cut).text
    assert answer.text != endpoint.ask(long).text
    assert endpoint.refused(truncate_prompt_tokens=0).param == "truncate_prompt_tokens"


@effect("truncation_side")
def truncation_side(endpoint: Endpoint) -> None:
    """`right` keeps the beginning of the prompt, `left` its end."""
    long, longer = "one two three four five", "one two three four five six seven"
    cut = OPENING + 4

    def cut_at(side: str, prompt: str) -> str:
        answer = endpoint.ask(prompt, truncate_prompt_tokens=cut, truncation_side=side)
        assert answer.prompt_tokens == cut
        return answer.text

    assert cut_at("right", long) == cut_at("right", longer)
    assert cut_at("left", long) == endpoint.ask(long, truncate_prompt_tokens=cut).text
    assert cut_at("left", long) != cut_at("right", long)


@effect("truncation", apis=(ApiKind.RESPONSES,))
def truncation(endpoint: Endpoint) -> None:
    """auto cuts an over-long input so that it can be answered; disabled, the default, refuses it."""
    endless = "zq " * 1100

    for disabled in ({}, {"truncation": "disabled"}):
        assert endpoint.refused(endless, **disabled).code == "context_length_exceeded"
    answer = endpoint.ask(endless, truncation="auto")
    assert answer.output_tokens == 8
    assert answer.document["truncation"] == "auto"
    # Also without a bound on the answer, which must leave room for one.
    unbounded = endpoint.ask(endless, truncation="auto", **{endpoint.limit: None})
    assert unbounded.output_tokens > 0
