"""What an answer reports about its tokens, and how it writes special ones."""

from __future__ import annotations

from typing import Any

from fairlead_contract.parameters import ApiKind
from tests.effects import vocabulary
from tests.effects.endpoint import IGNORED_HEADER, Endpoint
from tests.effects.registry import effect

SPECIAL: dict[str, Any] = {"allowed_token_ids": [vocabulary.TURN_START_ID]}
MARKER = "<|im_start|>"


@effect("skip_special_tokens")
def skip_special_tokens(endpoint: Endpoint) -> None:
    """Special tokens are left out of the text unless it is switched off."""
    assert endpoint.ask(**SPECIAL, skip_special_tokens=True).text == ""
    assert endpoint.ask(**SPECIAL, skip_special_tokens=False).text.count(MARKER) == 8


@effect("spaces_between_special_tokens")
def spaces_between_special_tokens(endpoint: Endpoint) -> None:
    """The space that the tokenizer writes between special tokens is kept or not."""
    shown = {**SPECIAL, "skip_special_tokens": False, endpoint.limit: 3}

    assert endpoint.ask(**shown, spaces_between_special_tokens=True).text == f" {MARKER} {MARKER} {MARKER}"
    assert endpoint.ask(**shown, spaces_between_special_tokens=False).text == f" {MARKER}{MARKER}{MARKER}"


@effect("logprobs", apis=(ApiKind.CHAT,))
def logprobs(endpoint: Endpoint) -> None:
    """One entry per token, whose texts are the answer; none without it."""
    answer = endpoint.ask(logprobs=True, max_tokens=4)
    entries = answer.document["choices"][0]["logprobs"]["content"]

    assert "".join(entry["token"] for entry in entries) == answer.text
    assert len(entries) == 4
    assert all(entry["logprob"] < 0 and entry["top_logprobs"] == [] for entry in entries)
    assert endpoint.ask(logprobs=False).document["choices"][0].get("logprobs") is None


@effect("include", apis=(ApiKind.RESPONSES,))
def include(endpoint: Endpoint) -> None:
    """message.output_text.logprobs adds an entry per token."""
    answer = endpoint.ask(include=["message.output_text.logprobs"], **{endpoint.limit: 4})
    (part,) = answer.document["output"][0]["content"]

    assert "".join(entry["token"] for entry in part["logprobs"]) == answer.text
    assert len(part["logprobs"]) == 4
    other = endpoint.ask(include=["no.such.thing"])
    assert "include" in other.headers[IGNORED_HEADER].split(",")
    assert not other.document["output"][0]["content"][0]["logprobs"]


@effect("top_logprobs")
def top_logprobs(endpoint: Endpoint) -> None:
    """So many alternatives per token, the likeliest first."""
    answer = endpoint.trace(top_logprobs=3)

    for token in answer.only.tokens:
        assert len(token.alternatives) == 3
        assert token.alternatives[0] == (token.id, token.logprob)
        assert [p for _, p in token.alternatives] == sorted((p for _, p in token.alternatives), reverse=True)
    if endpoint.api is ApiKind.CHAT:
        assert endpoint.refused(top_logprobs=3).param in ("top_logprobs", "logprobs")


@effect("return_tokens_as_token_ids")
def return_tokens_as_token_ids(endpoint: Endpoint) -> None:
    """Log probabilities name their tokens by ID, and by text without it."""
    answer = endpoint.trace(return_tokens_as_token_ids=True)

    assert vocabulary.text(answer.only.ids) == answer.text
    assert endpoint.trace(return_tokens_as_token_ids=False).only.tokens == ()


@effect("prompt_logprobs")
def prompt_logprobs(endpoint: Endpoint) -> None:
    """One entry per token of the prompt but the first, with so many alternatives; not in a stream."""
    answer = endpoint.ask(prompt_logprobs=2)
    first, *others = answer.document["prompt_logprobs"]

    assert first is None
    assert len(others) == answer.prompt_tokens - 1
    # The token itself may be among the likeliest two.
    assert all(len(entry) in (2, 3) for entry in others)
    assert not endpoint.ask().document.get("prompt_logprobs")
    assert endpoint.refused(prompt_logprobs=2, stream=True).param == "prompt_logprobs"
    assert endpoint.refused(prompt_logprobs=21).param == "prompt_logprobs"
