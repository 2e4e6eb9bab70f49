"""A parameter that is left out has its documented default: as if it were sent, and unlike another value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead_contract.dialects import DIALECTS, Dialect
from fairlead_contract.parameters import ApiKind
from fairlead_contract.values import ABSENT
from tests.effects.answers import Answer, JsonObject
from tests.effects.checks.candidates import ENDING_PROMPT
from tests.effects.checks.ending import ENDS_AT_ONCE, stop_string
from tests.effects.checks.openings import OPEN
from tests.effects.checks.reporting import SPECIAL
from tests.effects.checks.tools import calling_twice
from tests.effects.endpoint import PROMPT, Endpoint
from tests.effects.gateways import Gateways, Site
from tests.support.manifests import CONTEXT_TOKENS

pytestmark = pytest.mark.engine

HOT: JsonObject = {"temperature": 1, "seed": 8}
LONG_HOT: JsonObject = {"temperature": 2, "seed": 8, "max_tokens": 32}

Setting = Callable[[Endpoint], JsonObject]
# A request in which the parameter matters, and a value that is not the default.
# At the lowest temperature that a document allows, chance may still decide between equally likely tokens.
COLD = {"max_tokens": 16, "seed": 8}
SETTINGS: dict[str, tuple[Setting, Any]] = {
    "temperature": (lambda _: {"seed": 8, "temperature": None, "max_tokens": 16}, 1.5),
    "top_p": (lambda _: LONG_HOT, 0.5),
    "top_k": (lambda _: HOT, 1),
    "min_p": (lambda _: HOT, 1),
    "n": (lambda _: HOT, 2),
    "presence_penalty": (lambda _: COLD, 2),
    "frequency_penalty": (lambda _: COLD, 2),
    "repetition_penalty": (lambda _: COLD, 3),
    "logprobs": (lambda _: {}, True),
    "parallel_tool_calls": (calling_twice, True),
    "use_beam_search": (lambda _: {"max_tokens": 3, "n": 2, "temperature": 0.01}, True),
    "length_penalty": (lambda _: {"use_beam_search": True, "max_tokens": 18}, 8),
    "include_stop_str_in_output": (lambda endpoint: {"stop": [stop_string(endpoint)[1]]}, True),
    "ignore_eos": (lambda _: ENDS_AT_ONCE, True),
    "min_tokens": (lambda _: ENDS_AT_ONCE, 4),
    "skip_special_tokens": (lambda _: SPECIAL, False),
    "spaces_between_special_tokens": (lambda _: {**SPECIAL, "skip_special_tokens": False}, False),
    "echo": (lambda _: {**OPEN, "continue_final_message": True}, True),
    "add_generation_prompt": (lambda _: {}, False),
    "continue_final_message": (lambda _: OPEN, True),
    "add_special_tokens": (lambda _: {}, True),
}
# Observed by the parameter's own check, or below.
ELSEWHERE = {
    *("model", "stream", "chat_id", "priority", "reasoning_content", "rag_params"),
    *("max_tokens", "max_completion_tokens"),
}
DEFAULTS = [
    (dialect, entry.name, entry.default)
    for dialect in DIALECTS.values()
    for document in dialect.documents
    for entry in document.parameters
    if entry.default is not ABSENT
]


def _seen(answer: Answer) -> object:
    """What a client sees of an answer, apart from ids and times."""
    reported = [bool(choice.get("logprobs")) for choice in answer.document["choices"]]
    return answer.choices, answer.prompt_tokens, answer.output_tokens, reported


@pytest.mark.parametrize(
    ("dialect", "name", "default"),
    [pytest.param(d, n, v, id=f"{d.name}-{n}") for d, n, v in DEFAULTS if n in SETTINGS],
)
def test_a_parameter_left_out_has_its_documented_default(
    gateways: Gateways, dialect: Dialect, name: str, default: Any
) -> None:
    endpoint = Endpoint(gateways, Site(dialect.name), dialect, ApiKind.CHAT)
    setting, other = SETTINGS[name]
    prompt = ENDING_PROMPT if name == "length_penalty" else PROMPT
    request = setting(endpoint)

    left_out = _seen(endpoint.ask(prompt, **request))

    assert left_out == _seen(endpoint.ask(prompt, **request | {name: default}))
    assert left_out != _seen(endpoint.ask(prompt, **request | {name: other}))


def test_every_documented_default_has_an_observing_check() -> None:
    assert {name for _, name, _ in DEFAULTS} - SETTINGS.keys() == ELSEWHERE & {n for _, n, _ in DEFAULTS}


def _unbounded(gateways: Gateways, name: str, prompt: str) -> Answer:
    endpoint = Endpoint(gateways, Site(name), DIALECTS[name], ApiKind.CHAT)
    return endpoint.ask(prompt, max_tokens=None, ignore_eos=True)


def test_polargrid_stops_after_its_documented_150_tokens(gateways: Gateways) -> None:
    assert _unbounded(gateways, "PolarGrid", PROMPT).output_tokens == 150


def test_a_default_above_the_context_is_cut_to_what_the_context_holds(gateways: Gateways) -> None:
    # RAG's default is 2048 tokens, twice the context of this model.
    answer = _unbounded(gateways, "RAG", "zq " * 490)

    assert answer.prompt_tokens > CONTEXT_TOKENS - 60
    assert answer.prompt_tokens + answer.output_tokens == CONTEXT_TOKENS
