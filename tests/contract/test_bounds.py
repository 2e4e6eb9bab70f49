"""Every bound on the size of a value: what is as large as allowed passes, and one step beyond is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_contract.parameters.bounds import PROMPT_CHARACTERS_PER_TOKEN
from fairlead_contract.values import Limit, length_of, read_limits
from fairlead_contract.values.limits import FIELDS
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import RequestPolicy, make_policy

from .bounds import HUGE, Json, in_form
from .support import OPENAI, SERVED, policy, refusal, request

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def user(content: Any) -> Json:
    return {"messages": [{"role": "user", "content": content}]}


def padded(name: str, make: Callable[[str], Json], characters: int) -> Json:
    """A parameter with texts of so many characters, the names in it included."""
    used = length_of(measured(name, make("")))
    return make("a" * (characters - used))


def measured(name: str, changes: Json) -> Any:
    """Of tools, the functions are what becomes a grammar."""
    return [tool["function"] for tool in changes[name]] if name == "tools" else changes[name]


def long(name: str, size: int) -> Json:
    match name:
        case "messages":
            return user("a" * (size - len("user")))
        case "stop":
            return {name: ["a" * (size // 2), "b" * (size - size // 2)]}
        case "bad_words" | "guided_choice":
            return {name: ["a" * size]}
        case "guided_regex" | "guided_grammar":
            return {name: "a" * size}
    return padded(name, lambda text: in_form(name, {"description": text}), size)


def many_values(name: str, size: int) -> Json:
    def make(number: int) -> Json:
        return in_form(name, {"examples": [1] * number})

    # Each further example is one more value.
    used = {"response_format": 6, "structured_outputs": 2, "guided_json": 2, "tools": 5}[name]
    return make(size - used)


def many_states(name: str, size: int) -> Json:
    match name:
        case "guided_regex" | "guided_grammar":
            return {name: "." * size}
        case "guided_choice":
            # The square of the characters / 2,048.
            return {name: ["a" * (int(2048 * size**0.5) + 1)]}
    return in_form(name, {"type": "string", "pattern": "." * size})


def much_media(_: str, size: int) -> Json:
    return user([{"type": "image_url", "image_url": {"url": PIXEL}}] * size)


MAKERS = {
    "maxLength": long,
    "maxValues": many_values,
    "maxStates": many_states,
    "maxMedia": much_media,
}
BOUNDED = {
    name: parameter for name, parameter in PARAMETERS[ApiKind.CHAT].items() if parameter.bounds.limitable()
}
ALL = [(name, field) for name, parameter in BOUNDED.items() for field in parameter.bounds.limitable()]


def bound_of(name: str, field: str) -> int:
    bound: int = getattr(BOUNDED[name].bounds, FIELDS[field])
    return bound


def alone(name: str, field: str, **own: int) -> RequestPolicy:
    """A deployment in which no other bound of the parameter is in the way."""
    others = {FIELDS[other]: HUGE for other in BOUNDED[name].bounds.limitable() if other != field}
    limits = others | own
    return make_policy(SERVED, limits={name: Limit(**limits)} if limits else {})


@pytest.mark.parametrize(("name", "field"), ALL)
def test_a_value_at_its_size_bound_passes_and_one_above_is_refused(name: str, field: str) -> None:
    bound, make, mine = bound_of(name, field), MAKERS[field], alone(name, field)

    assert request(mine, **make(name, bound))
    error = refusal(mine, **make(name, bound + 1))
    assert error.param == name or (error.param or "").startswith(f"{name}.")
    assert str(bound) in error.message


@pytest.mark.parametrize(("name", "field"), ALL)
@pytest.mark.parametrize("factor", [0.5, 1.25])
def test_a_deployment_can_raise_and_lower_a_bound(name: str, field: str, factor: float) -> None:
    bound = int(bound_of(name, field) * factor)
    mine = alone(name, field, **{FIELDS[field]: bound})

    assert request(mine, **MAKERS[field](name, bound))
    assert str(bound) in refusal(mine, **MAKERS[field](name, bound + 1)).message


SIZED_ARRAYS = [
    (name, parameter.value.schema()["maxItems"])
    for name, parameter in PARAMETERS[ApiKind.CHAT].items()
    if "maxItems" in parameter.value.schema()
]


@pytest.mark.parametrize(("name", "maximum"), SIZED_ARRAYS)
def test_a_deployment_can_change_the_bound_on_items(name: str, maximum: int) -> None:
    item: Any = 1 if "token_ids" in name else {} if name in ("documents", "tools", "messages") else "a"
    for bound in (maximum // 2, maximum * 2):
        kind = make_policy(SERVED, limits={name: Limit(max_items=bound)}).tables[ApiKind.CHAT].kinds[name]
        assert kind.accepts([item] * bound)
        assert not kind.accepts([item] * (bound + 1))


def test_a_deployment_can_change_the_bounds_on_entries_and_alternatives() -> None:
    mine = make_policy(SERVED, limits=read_limits({"logit_bias": {"maxItems": 1}, "stop": {"maxItems": 5}}))

    assert request(mine, logit_bias={"1": 1}, stop=list("abcde"))
    assert refusal(mine, logit_bias={"1": 1, "2": 1}).param == "logit_bias"
    assert refusal(mine, stop=list("abcdef")).param == "stop"


# The prompt -------------------------------------------------------------------------------------------------


def test_the_prompt_bound_grows_with_the_context_length() -> None:
    long_context = policy(context_length=1_000_000)
    characters = PROMPT_CHARACTERS_PER_TOKEN * 1_000_000 - len("user")

    assert request(long_context, **user("a" * characters))
    assert refusal(long_context, **user("a" * (characters + 1)))


def test_a_prompt_that_cannot_fit_is_refused_as_one_that_is_too_long() -> None:
    error = refusal(**user("a" * 1_100_000))

    assert error.code == "context_length_exceeded"
    assert "context_length_exceeded" in error.message


def test_a_too_long_prompt_is_refused_even_if_truncation_would_cut_it() -> None:
    error = refusal(**user("a" * 1_100_000), truncate_prompt_tokens=10)

    assert error.code == "invalid_value"
    assert "truncate_prompt_tokens" in error.message


TEXT = "a" * 1_100_000


@pytest.mark.parametrize(
    "changes",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "description": TEXT}}]},
        {"documents": [{"title": "a", "text": TEXT}]},
        {"chat_template_kwargs": {"a": TEXT}},
        user([{"type": "text", "text": TEXT}]),
        {"messages": [{"role": "assistant", "content": None, "reasoning_content": TEXT}]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_everything_that_becomes_the_prompt_counts_for_its_bound(changes: Json) -> None:
    assert refusal(**changes).param == "messages"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{TEXT}"}},
        {"type": "input_audio", "input_audio": {"data": TEXT, "format": "wav"}},
    ],
    ids=lambda part: part["type"],
)
def test_media_do_not_count_for_the_prompt_bound(part: Json) -> None:
    assert request(**user([part]))


def test_a_deployments_limit_on_the_input_applies_to_messages() -> None:
    mine = make_policy(SERVED, limits={"input": Limit(max_length=100)})

    assert refusal(mine, **user("a" * 101)).param == "messages"


# Settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"stop": {"maxBytes": 5}}, r"api\.limits\.stop\.maxBytes"),
        ({"stop": {"maxValues": 5}}, r"api\.limits\.stop\.maxValues.*maxItems or maxLength"),
        ({"stop": {"maxLength": 0}}, r"api\.limits\.stop\.maxLength"),
        ({"stop": {"maxLength": "5"}}, r"api\.limits\.stop\.maxLength"),
        ({"stop": {"maxLength": True}}, r"api\.limits\.stop\.maxLength"),
        ({"temperature": {"maxLength": 5}}, r"api\.limits\.temperature\.maxLength"),
        ({"stream": {"maxItems": 5}}, r"api\.limits\.stream: this parameter cannot have limits"),
        ({"messages": {"maxLength": 5}, "input": {"maxLength": 5}}, "mean the same"),
        ({"text": {"maxStates": 5}, "response_format": {"maxStates": 5}}, "mean the same"),
    ],
)
def test_an_impossible_limit_is_refused_by_field(limits: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make_policy(SERVED, limits=read_limits(limits))


@pytest.mark.parametrize("name", ["stop", "bad_words"])
def test_a_default_above_the_deployments_bound_is_refused(name: str) -> None:
    value = ["a" * 20_000]

    with pytest.raises(ValueError, match=rf"api\.defaults\.{name}"):
        make_policy(SERVED, defaults={name: value})
    assert make_policy(SERVED, defaults={name: value}, limits={name: Limit(max_length=20_000)})


def test_a_usual_request_skips_the_size_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ApiError(500, "measured", "")

    for function in ("length_of", "size_of_schema", "_length_of_messages"):
        monkeypatch.setattr(f"fairlead_gateway.contract.rules.sizes.{function}", fail)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]

    assert request(OPENAI, **user("a" * 100_000), temperature=1, max_tokens=5, tools=tools)
